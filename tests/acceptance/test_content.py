"""What a request proposes, as people read it: arguments as a list that turns into a form, and comments at lines."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from app.domain.prepared_reasons import ReasonUse
from app.risk.assess import assess_proposal
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import SOON
from tests.factories import make_request, script, tool_call
from tests.web.requests.test_argument_list import ARGS, SCHEMA


def assessed(portal: Portal, payload: dict[str, Any]) -> str:
    """Open a request with the risk that it has; returns its id."""
    found = assess_proposal(payload)
    values = {"payload": payload, "risk": found.level, "assessment": found.to_json()}
    return make_request(portal.services.sessions, **values).id


def test_arguments_are_a_list_that_turns_into_a_form(portal: Portal, visit: Visit) -> None:
    args = {**ARGS, "note": "\n".join(f"Line {number} of a long note." for number in range(40))}
    args["lines"] = [{"sku": "mug", "price": 8, "currency": "EUR"}, {"sku": "lamp", "price": 12_492.5}]
    request_id = assessed(portal, tool_call(args, "update_ticket") | {"args_schema": SCHEMA})
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
    expect(page.locator("#request-said")).to_contain_text("Approved")
    assert portal.request(request_id).payload["args"] == {**args, "amount": 99}
    mail = {
        "to": ["ops@example.com", "it@example.org"], "cc": "lead@example.com", "subject": "Maintenance tonight",
        "body": "Dear team,\n\nthe window opens at 22:00.\nPlease save your work.\n\n" + "And more.\n" * 9,
        "priority": "high",
    }  # fmt: skip
    reviewer.go(f"/requests/{assessed(portal, tool_call(mail, 'send_email'))}")
    expect(page.locator(".mail-body")).to_contain_text("Please save your work.")
    reviewer.look("mail-read")


def test_code_is_colored_where_it_is_unfolded(portal: Portal, visit: Visit) -> None:
    content = "\n".join(f"select {number}, 'text' from orders where id = {number};" for number in range(1_000))
    page = visit("dba").go(f"/requests/{assessed(portal, script(content))}")
    page.wait_for_function("() => (CSS.highlights.get('code-word')?.size ?? 0) >= 3_000")
    call = tool_call({"query": "select 1", "limit": 3}, "run_sql")
    page = visit("lead").go(f"/requests/{assessed(portal, call)}")
    inside = """() => [...(CSS.highlights.get('code-text') ?? [])].filter(
        (range) => range.startContainer.parentElement.closest('#call-exact')).length"""
    page.wait_for_function("() => (CSS.highlights.get('code-word')?.size ?? 0) > 0")
    assert page.evaluate(inside) == 0
    page.locator("#call-exact > summary").press("Enter")
    page.wait_for_function(f"() => ({inside})() > 0")


def test_a_line_is_commented_on_where_it_stands(portal: Portal, visit: Visit) -> None:
    content = "select 1;\ndelete from orders;\nselect 2;"
    request_id = assessed(portal, script(content))
    author, other = visit("dba"), visit("lead")
    page, second = author.go(f"/requests/{request_id}"), other.go(f"/requests/{request_id}")
    second.locator("#f-comment").fill("Half a thought")
    page.locator(".lines .ln > i").nth(1).click()
    form = page.locator(".lines .new-comment")
    expect(form.get_by_label("Line", exact=True)).to_have_value("2")
    form.get_by_label("Comment on").fill("Not without a where.")
    author.look("line-comment-form")
    form.get_by_role("button", name="Add comment").click()
    thread = page.locator(".noted:has(#line-script-2) .thread")
    expect(thread).to_contain_text("Not without a where.")
    expect(page.locator(".lines .new-comment")).to_have_count(0)  # back below the code
    # Others see it at once, and keep what they write to the agent.
    expect(second.locator(".thread")).to_contain_text("Not without a where.", timeout=SOON)
    expect(second.locator("#f-comment")).to_have_value("Half a thought")
    second.get_by_text("Reply", exact=True).press("Enter")
    second.get_by_label("Reply to").fill("I will add one.")
    second.get_by_role("button", name="Add reply").press("Enter")
    expect(thread).to_contain_text("I will add one.", timeout=SOON)
    author.look("line-comment")
    page.get_by_role("button", name="Resolve the comment").press("Enter")
    expect(page.locator("details.thread.resolved > summary")).to_contain_text("resolved by DBA on call")
    expect(second.locator("details.thread.resolved")).to_be_visible(timeout=SOON)
    expect(page.locator("#timeline")).to_contain_text("resolved a comment of DBA on call at line 2 of the script")
    # Keys alone: the form below the code, and Escape puts it away.
    page.locator("#comment-at-script > summary").press("Enter")
    page.locator("#comment-at-script-body").press("Escape")
    expect(page.locator("#comment-at-script-body")).to_be_hidden()


def test_a_prepared_reason_fills_in_the_comment(portal: Portal, visit: Visit) -> None:
    """By keyboard; it can be edited, and another choice replaces only what was not."""
    for use, text in ((ReasonUse.REJECT, "Too broad."), (ReasonUse.BOTH, "Not in this window.")):
        portal.services.prepared_reasons.add(portal.actor("dba"), "dba", use, text)
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{assessed(portal, script('select 1'))}")
    comment, reasons = page.locator("#f-comment"), page.locator("#f-prepared")
    reasons.focus()
    page.keyboard.press("ArrowDown")
    expect(comment).to_have_value("Too broad.")
    page.keyboard.press("ArrowDown")
    expect(comment).to_have_value("Not in this window.")
    expect(page.locator("#approve")).to_have_text("Approve and run the script")  # choosing one is no edit
    reviewer.look("prepared-reason")
    comment.fill("Not in this window. Ask again on Monday.")
    reasons.select_option("Too broad.")
    expect(comment).to_have_value("Not in this window. Ask again on Monday.\nToo broad.")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#request-said")).to_contain_text("Rejected")
    reviewer.go("/reasons")
    reviewer.look("reasons")
