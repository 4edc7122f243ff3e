"""What a request proposes, as people read it: arguments as a list that turns into a form, and comments at lines."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from app.risk.assess import assess_proposal
from tests.acceptance.conftest import Portal, Visit
from tests.factories import make_request, tool_call
from tests.web.requests.test_argument_list import ARGS, SCHEMA


def assessed(portal: Portal, payload: dict[str, Any]) -> str:
    """Open a request with the risk that it has; returns its id."""
    found = assess_proposal(payload)
    values = {"payload": payload, "risk": found.level, "assessment": found.to_json()}
    return make_request(portal.services.sessions, **values).id


def test_arguments_are_a_list_that_turns_into_a_form(portal: Portal, visit: Visit) -> None:
    args = {**ARGS, "note": "\n".join(f"Line {number} of a long note." for number in range(40))}
    request_id = assessed(portal, tool_call(args, "refund") | {"args_schema": SCHEMA})
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request_id}")
    listing, kept = page.locator(".argument-list"), page.locator("#form-data-kept")
    expect(listing).to_contain_text("12,500.5 EUR")
    reviewer.look("arguments-read")
    page.locator("#edit-data > summary").press("Enter")
    expect(listing).to_be_hidden()
    page.get_by_label("Amount to refund").fill("99")
    reviewer.look("arguments-edited")
    page.locator("#edit-data > summary").press("Enter")
    expect(listing).to_be_visible()
    expect(kept).to_be_visible()
    expect(page.locator("#approve")).to_contain_text("Approve with changes")
    page.locator("#approve").click()
    expect(page.locator("#request-said")).to_contain_text("because you changed it")
    assert portal.request(request_id).payload["args"] == {**args, "amount": 99}
    mail = {
        "to": ["ops@example.com", "it@example.org"], "cc": "lead@example.com", "subject": "Maintenance tonight",
        "body": "Dear team,\n\nthe window opens at 22:00.\nPlease save your work.\n\nRegards", "priority": "high",
    }  # fmt: skip
    reviewer.go(f"/requests/{assessed(portal, tool_call(mail, 'send_email'))}")
    expect(page.locator(".mail-body")).to_contain_text("Please save your work.")
    reviewer.look("mail-read")
