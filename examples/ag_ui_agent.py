"""An agent behind an AG-UI endpoint that does not wait: its run ends with an interrupt, and the portal runs it again.

Needs ASSENT_URL and ASSENT_TOKEN (an agent's token); AGENT_URL, where the portal can reach it; AGENT_SECRET, `whsec_`
followed by 24 bytes in base64; and the packages ag-ui-protocol and standardwebhooks. The argument is the port.
"""

import os
import sys
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ag_ui.core import (
    BaseEvent,
    Interrupt,
    RunAgentInput,
    RunFinishedEvent,
    RunFinishedInterruptOutcome,
    RunStartedEvent,
)
from ag_ui.encoder import EventEncoder
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from assent import AgUi, Assent, Callback, ToolCall

SECRET = os.environ["AGENT_SECRET"]


def run(given: RunAgentInput) -> Iterator[BaseEvent]:
    """One run: request approval, or act on the answer."""
    yield RunStartedEvent(thread_id=given.thread_id, run_id=given.run_id)
    outcome = None
    if not given.resume:
        outcome = RunFinishedInterruptOutcome(interrupts=[ask(given.thread_id)])
    for answer in given.resume or ():
        if answer.status == "resolved" and answer.payload["approved"]:
            print(f"Sending to {answer.payload['payload']['args']['to']}", flush=True)
        else:
            print("Not approved.", flush=True)
    yield RunFinishedEvent(thread_id=given.thread_id, run_id=given.run_id, outcome=outcome)


def ask(thread_id: str) -> Interrupt:
    """Open the request; its answer arrives as the next run."""
    interrupt = Interrupt(id=str(uuid.uuid4()), reason="approval", message="People decide in Assent.")
    where = Callback(os.environ["AGENT_URL"], SECRET, AgUi(thread_id, interrupt.id))
    proposal = ToolCall(title="Mail the list", tool="send_mail", args={"to": "customers@example.org"})
    with Assent(os.environ["ASSENT_URL"], os.environ["ASSENT_TOKEN"]) as client:
        client.approvals.request(proposal, idempotency_key=interrupt.id, callback=where)
    return interrupt


class Endpoint(BaseHTTPRequestHandler):
    """The endpoint that runs the agent, called by its users and by the portal, whose answers are signed."""

    def do_POST(self) -> None:
        """Run the agent, and send its events."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        given = RunAgentInput.model_validate_json(body)
        if given.resume and not self.signed(body):
            self.send_error(401, "Only the portal may answer")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for event in run(given):
            self.wfile.write(EventEncoder().encode(event).encode())

    def signed(self, body: bytes) -> bool:
        """Whether the portal signed the call."""
        try:
            Webhook(SECRET).verify(body, {name.lower(): value for name, value in self.headers.items()})
        except WebhookVerificationError:
            return False
        return True


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Endpoint)
print("Listening", flush=True)
server.serve_forever()
