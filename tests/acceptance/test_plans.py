"""A plan in a browser: approved, changed with the keyboard, sent back over a draft, and rejected."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel
from tests import factories
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import NARROW, press_approve
from tests.factories import make_request


def ask(portal: Portal, **more: Any) -> str:
    """The id of a request for a plan that no run waits for."""
    payload = factories.plan() | more
    assessment = assess_proposal(payload).to_json()
    return str(make_request(portal.services.sessions, payload=payload, risk=RiskLevel.MEDIUM, assessment=assessment).id)


def test_a_plan_is_read_and_approved(portal: Portal, visit: Visit) -> None:
    steps = factories.plan()["steps"]
    steps[2]["inputs"]["sql"] = "delete from old_orders\nwhere year < 2019"
    request_id, reviewer = ask(portal, steps=steps, goal="Make room on the disk of the shop.\n" * 60), visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    expect(page.locator("#approve")).to_have_text("Approve and carry out 4 steps")
    reviewer.look("plan", everywhere=True)
    press_approve(page)
    expect(page.locator("#request-said")).to_contain_text("approved")
    assert portal.request(request_id).state == "approved"
    reviewer.look("plan-approved")


def test_steps_are_left_out_and_moved_with_the_keyboard(portal: Portal, visit: Visit) -> None:
    request_id, reviewer = ask(portal), visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    up = page.get_by_role("button", name="Move up Write the report")
    up.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#f-steps .item").nth(2)).to_contain_text("Write the report")
    expect(up).to_be_focused()
    expect(page.locator("#approve")).to_have_text("Approve with changes and carry out 4 steps")
    page.keyboard.press("Enter")
    expect(page.locator("#f-steps .item").nth(1)).to_contain_text("Write the report")
    page.keyboard.press("Enter")
    expect(page.locator("#f-steps .item").nth(0)).to_contain_text("Write the report")
    expect(page.get_by_role("button", name="Move down Write the report")).to_be_focused()
    page.locator("#step-measure").uncheck()
    expect(page.locator("#f-steps\\.drop .lacks")).to_have_text("Needs “3. Count rows”, which is left out.")
    reviewer.look("plan-lacks", everywhere=True)
    page.locator("#step-drop").uncheck()
    expect(page.locator(".lacks").first).to_be_hidden()
    page.locator("#edit-step-find summary").click()
    page.get_by_label("Days").fill("30")
    expect(page.locator("#approve")).to_have_text("Approve with changes and carry out 2 steps")
    page.reload()
    expect(page.locator("#request-drafts")).to_contain_text("Your unsent text has been restored.")
    expect(page.locator("#f-steps .item").nth(0)).to_contain_text("Write the report")
    expect(page.locator("#step-drop")).not_to_be_checked()
    press_approve(page)
    expect(page.locator("#request-said")).to_contain_text("approved with changes")
    steps = portal.request(request_id).payload["steps"]
    assert [step["id"] for step in steps] == ["report", "find"]
    assert steps[1]["inputs"] == {"days": 30}


def test_a_plan_that_lacks_a_step_is_refused_and_then_rejected_on_a_phone(portal: Portal, visit: Visit) -> None:
    request_id, reviewer = ask(portal), visit("dba", viewport=NARROW)
    page = reviewer.go(f"/requests/{request_id}")
    reviewer.expect_status(422)
    page.locator("#step-find").uncheck()
    press_approve(page)
    expect(page.get_by_role("alert")).to_contain_text("needs “Find unused tables”, which is left out")
    reviewer.look("plan-refused", everywhere=True)
    page.locator("#f-comment").fill("These tables are still needed.")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#request-said")).to_contain_text("rejected")
    assert portal.request(request_id).state == "rejected"
