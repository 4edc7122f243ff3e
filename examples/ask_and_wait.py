"""Request approval, wait, act on what was approved, and report it; safe to kill and restart.

Needs ASSENT_URL and ASSENT_TOKEN (an agent's token). The argument is the idempotency key of the action.
"""

import os
import sys

from assent import Assent, ReceiptStatus, Script

with Assent(os.environ["ASSENT_URL"], os.environ["ASSENT_TOKEN"]) as client:
    request = client.approvals.request(
        Script(title="Purge old orders", language="sql", content="DELETE FROM orders WHERE year < 2020"),
        idempotency_key=sys.argv[1],
        workflow="housekeeping",
    )
    print(f"Waiting for people at {request.url}", flush=True)
    outcome = request.wait()
    if outcome.approved:
        print(f"Running {outcome.proposal.content}")
        request.report(ReceiptStatus.APPLIED, "Done.")
    else:
        print(f"Not approved: {outcome.comment}")
