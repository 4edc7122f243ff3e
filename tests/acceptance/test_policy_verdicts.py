"""A rule that approves at once, end to end, in browsers: a second person confirms its version, a run goes on without
people, and one of those who would have been asked reviews the sample."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from app.domain.people import SYSTEM
from tests.acceptance.conftest import Portal, Visit
from tests.factories import approving

HARMLESS = 'understood && risk.rank <= 1 && language == "bash"'


def test_a_policy_is_confirmed_decides_at_once_and_is_reviewed(portal: Portal, visit: Visit, tmp_path: Path) -> None:
    ask_dba = "  - {name: Scripts, when: 'size >= 0', ask: {teams: [dba]}}\n"
    first = portal.services.policies.load(SYSTEM, f"version: 1\nrules:\n{ask_dba}", "policies.yaml").stored
    text = f"{approving(HARMLESS, 'Harmless commands', 'sample: 100%')}{ask_dba}"
    waiting = portal.services.policies.load(SYSTEM, text, "policies.yaml").stored

    lead = visit("lead")
    page = lead.go("/policies")
    expect(page.locator(".head")).to_contain_text(f"Version {first.version} is in force")
    page.get_by_role("link", name=f"Review version {waiting.version}").click()
    expect(page.locator("#confirmation")).to_contain_text("“Harmless commands” is new")
    lead.look("policy-waiting")
    page.get_by_role("button", name=re.compile("^Confirm: version")).click()
    expect(page.get_by_role("status").first).to_contain_text(f"Version {waiting.version} is in force")
    lead.look("policy-confirmed")

    effects = tmp_path / "effects"
    run_id = portal.start("test_script", text="ls -l /srv", language="bash", effects=str(effects))
    portal.finish(run_id)
    assert "ran ls -l /srv" in effects.read_text()
    [request] = portal.services.views.run(run_id, portal.actor("lead")).requests
    assert (request.state, request.answered_by) == ("approved", f"policy:{waiting.version}:Harmless commands")
    assert portal.view(request.id).receipt is not None

    dba = visit("dba")
    page = dba.go("/queue")
    page.get_by_role("link", name=re.compile("^Samples to review")).click()
    dba.look("samples")
    page.get_by_role("link", name="Run a script").first.click()
    expect(page.locator("#request-said")).to_contain_text("Approved by policy version")
    expect(page.locator("#sample")).to_contain_text("Would you have decided the same?")
    dba.look("sample")
    page.locator("#review-comment").fill("Ask us about /srv.")
    page.get_by_role("button", name="Disagree").click()
    expect(page.locator("#request-said")).to_contain_text("DBA on call disagreed")
    dba.look("sample-reviewed")
    page = dba.go("/samples?reviewed=1")
    expect(page.locator("#samples")).to_contain_text("Ask us about /srv.")
    page = dba.go("/insights")
    row = page.get_by_role("region", name="Decisions of the policy, table").get_by_role("row", name="Harmless commands")
    expect(row).to_contain_text("1 (100 %)")
    dba.look("insights-policy")
    # The requester learns of the sample only from its review.
    page = visit("release").go(f"/requests/{request.id}")
    expect(page.locator("#request-said")).to_contain_text("DBA on call disagreed")
