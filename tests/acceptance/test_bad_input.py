"""Deciding without JavaScript, twice, too late, with too much or as the wrong person: each a clear page."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from sqlalchemy import func, update

from app.domain.ballot import Ballot
from app.domain.people import Role
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.factories import make_person, make_request, script
from tests.flows import GATE

NOBODY = "00000000-0000-0000-0000-000000000000"


def ask(portal: Portal, workflow: str = GATE.name, **given: str) -> tuple[str, str]:
    """A run that waits, and its request."""
    run_id = portal.start(workflow, **given)
    return run_id, portal.pending(run_id)


def verdicts(portal: Portal, request_id: str) -> list[str]:
    """What was decided so far."""
    return [decision.verdict for decision in portal.decisions(request_id)]


def said(page: Page) -> str:
    """The messages at the top of a request's page."""
    return page.locator("#request-said").inner_text()


def test_the_same_decision_without_javascript(portal: Portal, visit: Visit) -> None:
    run_id, request_id = ask(portal)
    page = visit("dba", java_script_enabled=False).go("/queue")
    page.locator(f"#row-{request_id}").get_by_role("link").click()
    expect(page.locator("#approve")).to_have_text("Approve the selected items")
    page.locator("#item-3").uncheck()
    page.locator("#edit-1 summary").click()
    edited = "create index concurrently a on t (a, b)"
    page.get_by_label("Statement of Index a", exact=True).fill(edited)
    page.locator("#edit-1").get_by_role("button", name="Check this edit").click()
    expect(
        page.get_by_role("heading", name=re.compile("Not sent yet: the edited proposal would be low risk"))
    ).to_be_visible()
    expect(page.locator("#item-3")).not_to_be_checked()
    page.locator("#f-comment").fill("Without c.")
    page.locator("#approve").click()
    expect(page.locator("#request-said")).to_contain_text("Approved with changes.")
    portal.finish(run_id)
    page.reload()
    expect(page.locator("#request-said")).to_contain_text("Applied. Created what was approved.")
    outcome = portal.view(request_id).outcome
    assert outcome is not None
    kept = outcome.body["payload"]["items"]
    assert [item["statement"] for item in kept] == [edited, "create index concurrently b on t (b)"]
    page.get_by_role("link", name="Test gate").first.click()
    expect(page.locator("#run-head")).to_contain_text("Completed")


def test_two_tabs_on_one_request(portal: Portal, visit: Visit) -> None:
    """One tab is old: JavaScript is off, so nothing tells it that another one has decided."""
    run_id, request_id = ask(portal)
    visitor = visit("dba", java_script_enabled=False)
    visitor.expect_status(409)
    first, second = visitor.go(f"/requests/{request_id}"), visitor.tab()
    second.goto(f"/requests/{request_id}")
    second.locator("#f-comment").fill("Written in the second tab")
    first.locator("#approve").click()
    expect(first.locator("#request-said")).to_contain_text("Approved. The run continues.")
    second.get_by_role("button", name="Reject").click()
    expect(second.get_by_role("alert")).to_contain_text("Your decision was not counted.")
    expect(second.locator("#proposal")).to_contain_text("Written in the second tab")
    assert verdicts(portal, request_id) == ["approve"]
    portal.finish(run_id)


def test_a_digest_that_is_not_the_current_one(portal: Portal, visit: Visit) -> None:
    request = make_request(portal.services.sessions)
    visitor = visit("dba")
    visitor.expect_status(409)
    page = visitor.go(f"/requests/{request.id}")
    page.locator("#f-comment").fill("For the older proposal")
    page.locator("input[name=digest]").evaluate("(field) => { field.value = '0'.repeat(64); }")
    page.locator("#approve").click()
    expect(page.get_by_role("alert")).to_contain_text("The proposal has changed since you opened it.")
    expect(page.locator("#f-comment")).to_have_value("For the older proposal")
    assert verdicts(portal, request.id) == []
    # The page now stands on the current proposal, so that the person can decide after all.
    page.locator("#approve").click()
    expect(page.locator("#request-said")).to_contain_text("Approved. The run continues.")


def test_a_double_click_decides_once(portal: Portal, visit: Visit) -> None:
    run_id, request_id = ask(portal)
    visitor = visit("dba")
    page = visitor.go(f"/requests/{request_id}")
    page.locator("#approve").dblclick(no_wait_after=True)
    expect(page.locator("#request-said")).to_contain_text("Approved. The run continues.")
    assert verdicts(portal, request_id) == ["approve"]
    assert visitor.posts == [f"/requests/{request_id}/decisions"]
    portal.finish(run_id)


def test_the_back_button_and_a_second_sending(portal: Portal, visit: Visit) -> None:
    run_id, request_id = ask(portal)
    visitor = visit("dba")
    visitor.expect_status(409)
    page = visitor.go(f"/requests/{request_id}")
    token = page.locator("input[name=csrf_token]").first.input_value()
    digest = portal.request(request_id).digest
    page.locator("#approve").click()
    expect(page.locator("#request-said")).to_contain_text("Approved.")
    page.go_back()
    expect(page.locator("#decision")).to_be_hidden()  # the page shows how things stand, not how they stood
    expect(page.locator("#request-said")).to_contain_text("DBA on call decided: approved.")
    form = {"csrf_token": token, "digest": digest, "verdict": "approve", "items_shown": "1"}
    again = visitor.context.request.post(f"/requests/{request_id}/decisions", form=form)
    assert again.status == 409
    assert "Your decision was not counted." in again.text()
    assert verdicts(portal, request_id) == ["approve"]
    portal.finish(run_id)


def test_a_request_whose_time_is_up(portal: Portal, visit: Visit) -> None:
    """It expires while its page is open and somebody is about to decide."""
    request = make_request(portal.services.sessions)
    visitor = visit("dba", java_script_enabled=False)
    visitor.expect_status(409)
    page = visitor.go(f"/requests/{request.id}")
    with portal.services.sessions.begin() as session:
        expired = update(ApprovalRequest).where(ApprovalRequest.id == request.id).values(expires_at=func.now())
        session.execute(expired)
    page.locator("#approve").click()
    expect(page.get_by_role("alert")).to_contain_text("Your decision was not counted.")
    assert verdicts(portal, request.id) == []


def test_addresses_of_nothing(visit: Visit) -> None:
    visitor = visit("dba")
    visitor.expect_status(404)
    for path in (f"/requests/{NOBODY}", f"/runs/{NOBODY}", "/requests/%00", "/runs/new/nothing", "/nowhere"):
        page = visitor.go(path, 404)
        expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
        page.get_by_role("link", name="To the queue").click()
        expect(page).to_have_url(re.compile("/queue$"))


def test_who_is_not_signed_in_is_asked_to_and_comes_back(portal: Portal, visit: Visit) -> None:
    _, request_id = ask(portal)
    visitor = visit()
    page = visitor.go(f"/requests/{request_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    passing = make_person(portal.services.sessions, "Passing viewer", [Role.VIEWER])
    token = portal.services.people.make_link(portal.actor("lead"), passing.id)
    page = visitor.go(f"/sign-in/{token}")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(f"/requests/{request_id}$"))
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_viewer_looks_and_decides_nothing(portal: Portal, visit: Visit) -> None:
    _, request_id = ask(portal)
    visitor = visit("viewer")
    visitor.expect_status(403)
    page = visitor.go(f"/requests/{request_id}")
    expect(page.locator("#decision")).to_have_text("Your roles allow viewing, but not deciding.")
    expect(page.locator("#decision").get_by_role("button")).to_have_count(0)
    expect(page.get_by_role("link", name="Audit log")).to_have_count(0)
    visitor.go("/audit", 403)
    visitor.go("/runs/new", 403)
    token = visitor.go("/queue").locator("input[name=csrf_token]").first.input_value()
    form = {"csrf_token": token, "digest": portal.request(request_id).digest, "verdict": "approve", "items_shown": "1"}
    answer = visitor.context.request.post(f"/requests/{request_id}/decisions", form=form)
    assert answer.status == 403
    assert verdicts(portal, request_id) == []


def test_a_form_of_another_session_is_refused(portal: Portal, visit: Visit) -> None:
    _, request_id = ask(portal)
    visitor = visit("dba")
    form = {"digest": portal.request(request_id).digest, "verdict": "approve", "csrf_token": "forged"}
    answer = visitor.context.request.post(f"/requests/{request_id}/decisions", form=form)
    assert answer.status == 400
    assert "The form has expired" in answer.text()
    headers = {"Origin": "https://elsewhere.example"}
    answer = visitor.context.request.post(f"/requests/{request_id}/decisions", form=form, headers=headers)
    assert answer.status == 403
    assert verdicts(portal, request_id) == []


PLAIN = "insert into prices (sku, cents, valid_from) values ('SKU-1', 1999, date '2026-01-01');\n"
ENCODED = f"insert into names values ('{'ä½€' * 20}');\n"
"""Each of its letters takes up to nine bytes in a form."""


def edit_and_approve(page: Page, text: str, button: str = "Approve with changes and run the script") -> int:
    """Put a long text in the place of the script and approve it; the answer's status."""
    page.locator("#edit-script summary").click()
    # As a paste does it; typing so much takes Chromium a minute.
    edit = "(field, text) => { field.value = text; field.dispatchEvent(new Event('input', { bubbles: true })); }"
    page.locator("textarea[name=content]").evaluate(edit, text)
    expect(page.locator("#approve")).to_have_text(button)
    with page.expect_navigation(timeout=60_000) as sent:
        page.locator("#approve").click(no_wait_after=True)
        if "second person" in button:  # of high risk
            expect(page.locator("#approve")).to_have_text(re.compile("^Confirm: approve with changes"))
            page.locator("#approve").click(no_wait_after=True)
    return int(sent.value.status)


def test_an_sql_edit_of_a_million_characters_is_taken(portal: Portal, visit: Visit) -> None:
    request = make_request(portal.services.sessions, risk=RiskLevel.HIGH)
    text = (PLAIN * 20_000)[:1_000_000]
    page = visit("dba").go(f"/requests/{request.id}")
    assert edit_and_approve(page, text, "Approve with changes; needs a second person, since you changed it") == 200
    assert portal.request(request.id).payload["content"] == text


def test_a_longer_sql_edit_is_refused_in_words(portal: Portal, visit: Visit) -> None:
    request = make_request(portal.services.sessions)
    visitor = visit("dba")
    visitor.expect_status(422)
    page = visitor.go(f"/requests/{request.id}")
    assert edit_and_approve(page, (PLAIN * 20_000)[: 2**20]) == 422
    expect(page.get_by_role("alert")).to_contain_text("The text has 1,048,576 characters; 1,000,000 are allowed.")
    assert verdicts(portal, request.id) == []


def test_a_body_over_the_servers_limit_is_refused_and_the_text_is_still_there(portal: Portal, visit: Visit) -> None:
    request = make_request(portal.services.sessions)
    visitor = visit("dba")
    visitor.expect_status(413)
    page = visitor.go(f"/requests/{request.id}")
    text = (ENCODED * 20_000)[:1_000_000]
    assert edit_and_approve(page, text) == 413
    expect(page.get_by_role("heading", level=1)).to_have_text("Too large")
    page.go_back()
    expect(page.locator("textarea[name=content]")).to_have_value(text)
    assert verdicts(portal, request.id) == []


def test_texts_that_cannot_be_stored_are_refused_where_they_stand(portal: Portal, visit: Visit) -> None:
    request = make_request(portal.services.sessions)
    visitor = visit("dba")
    visitor.expect_status(413, 422)
    page = visitor.go(f"/requests/{request.id}")
    page.locator("#f-comment").fill("a bell \x07 and an escape \x1b[31m")
    page.locator("#approve").click()
    expect(page.get_by_role("alert")).to_contain_text("control characters (U+0007, U+001B)")
    page.locator("#f-comment").evaluate("(field) => { field.removeAttribute('maxlength'); }")
    page.locator("#f-comment").fill("long " * 5_000)
    page.locator("#approve").click()
    expect(page.get_by_role("alert")).to_contain_text("A comment has at most 20,000 characters")
    assert len(page.locator("#f-comment").input_value()) == 25_000
    page.locator("#f-comment").fill("")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#decide-said")).to_contain_text("Give a reason")
    expect(page.locator("#f-comment")).to_be_focused()
    assert verdicts(portal, request.id) == []
    page.locator("#f-comment").fill("Now with a reason.")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#request-said")).to_contain_text("Rejected. The run has been notified.")


def test_hidden_characters_of_an_agent_are_shown_and_run_nothing(portal: Portal, visit: Visit) -> None:
    """A proposal that tries to look harmless, or to be markup, is text on every page."""
    title = "<img src=x onerror=alert(1)> \u202edrop for 👩\u200d💻"
    payload = script("select 1 -- \u202e;elbat pord\n<script>alert(1)</script>\u200b", title)
    request = make_request(portal.services.sessions, payload=payload)
    visitor = visit("dba")
    page = visitor.go(f"/requests/{request.id}")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("<img src=x onerror=alert(1)>")
    expect(heading).to_contain_text("⟨U+202E⟩drop for 👩\u200d💻")
    shown = page.locator("#proposal").inner_text()
    assert "<script>alert(1)</script>" in shown
    assert "\u202e" not in shown and "U+202E" in shown
    visitor.look("request-hostile")
    page = visitor.go("/queue")
    expect(page.locator(f"#row-{request.id}")).to_contain_text("<img src=x")
    reject(portal, request.id)


def reject(portal: Portal, request_id: str) -> None:
    """Reject it past the pages."""
    digest = portal.request(request_id).digest
    portal.services.checkpoints.decide(request_id, portal.actor("lead"), Ballot(Verdict.REJECT, digest, comment="No."))
