"""Several tool calls on one page: the button says what will happen, and each call is decided by itself."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.acceptance.conftest import Portal, Visit
from tests.factories import make_request
from tests.web.requests.test_calls import calls


def test_calls_of_one_turn(portal: Portal, visit: Visit) -> None:
    request_id = make_request(portal.services.sessions, payload=calls()).id
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    button = page.locator("#approve")
    expect(button).to_have_text("Approve and make 3 calls")
    reviewer.look("calls")
    page.get_by_role("group", name="Decision on call 2").get_by_label("Leave it out").check()
    expect(button).to_have_text("Approve with changes and make 2 of 3 calls")
    page.get_by_role("group", name="Decision on call 3").get_by_label("Answer instead of calling").check()
    page.locator("#f-calls\\.3\\.message").fill("Told them.")
    expect(button).to_have_text("Approve with changes and make 1 of 3 calls")
    reviewer.look("calls-chosen")
    button.click()
    expect(page.locator("#request-said")).to_contain_text("Approved with changes")
    reviewer.look("calls-decided")
