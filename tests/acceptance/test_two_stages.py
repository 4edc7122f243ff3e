"""A policy with two stages, end to end, in browsers: each page says who is asked, follows what the others do by
itself, shows a raised risk before it is sent, and the run does exactly what both agreed to."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from app.domain.people import SYSTEM
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import SOON, is_marked, mark, noticed, press_approve, says, watch_for

POLICY = """\
version: 1
rules:
  - name: Scripts need two teams
    when: kind == "script"
    stages:
      - {name: DBA, teams: dba}
      - {name: Platform, teams: platform}
    deadline: 4 hours
    warn: 30 minutes
    escalation: [{after: 2 hours, teams: platform}]
default: {deadline: 1 day}
"""
TEXT, EDIT = "select 1;", "update orders set state = 'done' where id = 7;"
RAISED = re.compile("Not sent yet: your changes raise the risk from safe to")


def test_two_teams_agree_to_an_edited_script(portal: Portal, visit: Visit, tmp_path: Path) -> None:
    portal.services.policies.load(SYSTEM, POLICY, "policies.yaml")
    effects = tmp_path / "effects"
    run_id = portal.start("test_script", text=TEXT, effects=str(effects))
    path = f"/requests/{portal.pending(run_id)}"

    starter, dba, lead = visit("release"), visit("dba"), visit("lead")
    expect(starter.go(path).locator("#decision")).to_contain_text("You started this run")
    second = lead.go(path)
    expect(second.locator("#decision")).to_contain_text("DBA must decide now; you are not in that team.")
    expect(second.locator("#facts")).to_contain_text("DBA 0 of 1")
    mark(second)
    lead.look("stages-not-asked")

    first = dba.go(path)
    expect(first.locator("#approve")).to_have_text("Approve for DBA; Platform reviews next")
    expect(first.locator("#facts")).to_contain_text(re.compile("Escalates to platform in 1 h 59 min", re.IGNORECASE))
    dba.look("stages-asked")
    watch_for(second, says("DBA on call, for", "#facts"))
    first.get_by_role("button", name="Claim for 30 min").click()
    expect(first.locator("#facts")).to_contain_text("You, for")
    assert_soon(second, portal.request(path.rsplit("/", 1)[-1]).claimed_until.timestamp() - 30 * 60)

    dba.expect_status(409)
    first.get_by_text("Edit the script").click()
    first.locator(".editor .cm-content").last.press("Control+a")
    first.keyboard.type(EDIT)
    first.locator("textarea[name=comment]").fill("Only the one order.")
    expect(first.locator("#approve")).to_have_text("Approve with changes for DBA; Platform reviews next")
    press_approve(first)
    notice = first.get_by_role("alert")
    expect(notice).to_contain_text(RAISED)
    expect(first.locator("textarea[name=content]")).to_have_value(EDIT)
    expect(first.locator("textarea[name=comment]")).to_have_value("Only the one order.")
    dba.look("stages-raised")
    assert not portal.decisions(path.rsplit("/", 1)[-1])

    watch_for(second, says("Approval required", "#facts .stage:nth-child(2)"))
    expect(first.locator("#approve")).to_have_text("Approve with changes as medium risk for DBA; Platform reviews next")
    press_approve(first)
    expect(first.locator("#request-said")).to_contain_text("Platform reviews next.")
    assert_soon(second, portal.decisions(path.rsplit("/", 1)[-1])[-1].at.timestamp())
    dba.look("stages-decided")

    # What is asked now is another text than the one that the open page showed: it is not put under the pointer.
    second.get_by_role("link", name="Show the new proposal").click()
    expect(second.locator("#proposal .lines").first).to_contain_text(EDIT)
    expect(second.locator("#approve")).to_have_text("Approve and run the script")
    lead.look("stages-second")
    press_approve(second)
    expect(second.locator("#request-said")).to_contain_text("Approved with changes. The run continues")
    portal.finish(run_id)
    assert effects.read_text() == f"ran {EDIT}\n"
    expect(second.locator("#request-said")).to_contain_text("DBA on call and Platform lead decided")
    expect(starter.page.locator("#timeline")).to_contain_text("Platform lead approved")
    lead.look("stages-done")


def assert_soon(page: Page, since: float) -> None:
    """What the page watches for came up within the time that people are promised, without a reload."""
    took = noticed(page) - since
    print(f"The other open page showed it {took * 1000:.0f} ms later.")
    assert took < SOON / 1000
    assert is_marked(page)
