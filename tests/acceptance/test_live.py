"""Open pages tell the truth by themselves: within a second, after a lost network, after a killed server, and without
ever losing what a person is writing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from app.domain.ballot import Ballot
from app.domain.people import Via
from assent.contracts import Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import SOON, Visitor, is_marked, mark, noticed, press_approve, says, watch_for

RECOVERED = 20_000
"""Milliseconds within which a page that was cut off has found back; Socket.IO waits up to 5 s between its tries."""
OFFLINE = (
    r"ERR_INTERNET_DISCONNECTED|ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_NETWORK|WebSocket connection to"
    r"|ERR_CONTENT_LENGTH_MISMATCH|ERR_INCOMPLETE_CHUNKED_ENCODING"  # a killed process breaks off what it was sending
)

Decide = Callable[[Portal, Visit, str], None]


def by_page(portal: Portal, visit: Visit, request_id: str) -> None:
    """Reject in another browser."""
    page = visit("lead").go(f"/requests/{request_id}")
    page.locator("#f-comment").fill("Not today.")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("#request-said")).to_contain_text("Platform lead decided: rejected.")


def by_api(portal: Portal, _visit: Visit, request_id: str) -> None:
    """Reject from a program."""
    body = {"verdict": "reject", "digest": portal.request(request_id).digest, "comment": "Not today."}
    url = f"{portal.desk.url}/api/v1/approvals/{request_id}/decisions"
    answer = portal.api("lead").post(url, json=body, timeout=20)
    assert answer.status_code == 201, answer.text


def by_command_line(portal: Portal, _visit: Visit, request_id: str) -> None:
    """Reject from a shell."""
    person, digest = portal.people["lead"], portal.request(request_id).digest
    said = portal.desk.assent(
        "approvals", "decide", request_id, "reject", "--as", person.email, "--digest", digest, "--comment", "No."
    )
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("decide", [by_page, by_api, by_command_line])
def test_what_is_decided_elsewhere_shows_within_a_second(portal: Portal, visit: Visit, decide: Decide) -> None:
    run_id = portal.start("test_gate", title=f"Run to be decided {decide.__name__}")
    request_id = portal.pending(run_id)
    watcher = visit("dba")
    queue, request, run = watcher.page, watcher.tab(), watcher.tab()
    queue.goto("/queue")
    request.goto(f"/requests/{request_id}")
    run.goto(f"/runs/{run_id}")
    conditions = {
        "queue": (queue, f"!document.getElementById('row-{request_id}')"),
        "request": (request, says("Platform lead decided: rejected.", "#request-said")),
        "run": (run, says("Rejected", "#run-requests")),
    }
    for page, condition in conditions.values():
        connected(page)
        mark(page)
        watch_for(page, condition)
    decide(portal, visit, request_id)
    decided_at = portal.decisions(request_id)[-1].at.timestamp()
    for name, (page, _) in conditions.items():
        took = noticed(page) - decided_at
        print(f"{decide.__name__}: the {name} page showed it after {took * 1000:.0f} ms")
        assert took < SOON / 1000, name
        assert is_marked(page)
    portal.finish(run_id)
    expect(run.locator("#run-head")).to_contain_text("Completed", timeout=SOON)


def connected(page: Page) -> None:
    """Wait until the page hears of changes: it has said which rooms it wants, and caught up."""
    page.wait_for_load_state("networkidle")


def test_what_a_person_writes_outlives_another_persons_decision(portal: Portal, visit: Visit) -> None:
    run_id = portal.start("test_gate", title="Run that two look at")
    request_id = portal.pending(run_id)
    writer = visit("dba")
    page = writer.go(f"/requests/{request_id}")
    page.locator("#edit-1 summary").click()
    statement = page.locator("#edit-1 textarea")
    page.locator("#edit-1 .cm-content").last.press("Control+a")
    page.keyboard.type("create index concurrently a on t (a, b)")
    page.locator("#item-3").uncheck()
    comment = page.locator("#f-comment")
    comment.press_sequentially("Half a sen")
    connected(page)
    mark(page)
    by_api(portal, visit, request_id)

    notice = page.locator("#request-meanwhile")
    expect(notice).to_contain_text("Platform lead decided: rejected.", timeout=SOON)
    expect(notice).to_contain_text("Your text is kept, but it can no longer be sent.")
    comment.press_sequentially("tence")
    expect(comment).to_have_value("Half a sentence")
    expect(comment).to_be_focused()
    expect(statement).to_have_value("create index concurrently a on t (a, b)")
    expect(page.locator("#item-3")).not_to_be_checked()
    for button in page.locator("#decision button:not([hidden])").all():
        expect(button).to_be_disabled()
    comment.press("Enter")
    comment.press("Control+Enter")
    expect(page.locator("#timeline")).to_contain_text("Platform lead", timeout=SOON)
    assert is_marked(page)
    assert writer.posts == []
    assert [decision.person_name for decision in portal.decisions(request_id)] == ["Platform lead"]


def test_a_comment_of_somebody_else_appears_and_leaves_the_decision_open(portal: Portal, visit: Visit) -> None:
    request_id = portal.pending(portal.start("test_gate"))
    page = visit("dba").go(f"/requests/{request_id}")
    page.locator("#f-comment").fill("I am still thinking")
    connected(page)
    portal.services.checkpoints.comment(request_id, portal.actor("lead", Via.API), "Mind the month-end report.")
    expect(page.locator("#timeline")).to_contain_text("Mind the month-end report.", timeout=SOON)
    expect(page.locator("#f-comment")).to_have_value("I am still thinking")
    expect(page.locator("#approve")).to_be_enabled()


def test_nobody_approves_what_was_put_under_their_pointer(portal: Portal, visit: Visit) -> None:
    """Two have to agree; one approves with changes while the other only reads, and another while a third writes."""
    request_id = portal.pending(portal.start("test_script", text="drop table orders"))
    seen = portal.request(request_id)
    assert seen.quorum == 2
    reader, writer = visit("dba"), visit("dba")
    page = reader.go(f"/requests/{request_id}")
    writing = writer.go(f"/requests/{request_id}")
    writing.locator("#f-comment").fill("Half a sentence")
    for page_or_form in (page, writing):
        connected(page_or_form)
        mark(page_or_form)
    ballot = Ballot(Verdict.MODIFY, seen.digest, change={"content": "drop table clients"})
    portal.services.checkpoints.decide(request_id, portal.actor("lead", Via.API), ballot)
    expect(page.locator("#request-meanwhile")).to_contain_text("changed while you were reading", timeout=SOON)
    expect(writing.locator("#request-meanwhile")).to_contain_text("changed while you were writing", timeout=SOON)
    for page_or_form in (page, writing):
        expect(page_or_form.locator("#timeline")).to_contain_text("Platform lead", timeout=SOON)
        expect(page_or_form.locator("#proposal")).to_contain_text("drop table orders")
        expect(page_or_form.locator("#proposal")).not_to_contain_text("drop table clients")
        expect(page_or_form.locator("#decide input[name=digest]")).to_have_value(seen.digest)
        for button in page_or_form.locator("#decision button:not([hidden])").all():
            expect(button).to_be_disabled()
        assert is_marked(page_or_form)
    expect(writing.locator("#f-comment")).to_have_value("Half a sentence")
    # A further event must not bring it in by the back door.
    portal.services.checkpoints.comment(request_id, portal.actor("lead", Via.API), "Clients, not orders.")
    expect(page.locator("#timeline")).to_contain_text("Clients, not orders.", timeout=SOON)
    expect(page.locator("#proposal")).not_to_contain_text("drop table clients")
    assert reader.posts == []

    page.get_by_role("link", name="Show the new proposal").click()
    expect(page.locator("#proposal")).to_contain_text("drop table clients")
    expect(page.locator("#request-meanwhile")).to_be_empty()
    press_approve(page)
    expect(page.locator("#request-said")).to_contain_text("DBA on call decided")
    assert portal.decisions(request_id)[-1].digest == portal.request(request_id).digest != seen.digest
    expect(writing.locator("#request-meanwhile")).to_contain_text("it can no longer be sent", timeout=SOON)


def test_a_notice_goes_when_the_page_shows_how_things_stand(portal: Portal, visit: Visit) -> None:
    request_id = portal.pending(portal.start("test_script", text="drop table orders"))
    page = visit("dba").go(f"/requests/{request_id}")
    connected(page)
    digest = portal.request(request_id).digest
    lead, notice = portal.actor("lead", Via.API), page.locator("#request-meanwhile")
    change = {"content": "drop table clients"}
    portal.services.checkpoints.decide(request_id, lead, Ballot(Verdict.MODIFY, digest, change=change))
    expect(notice).to_contain_text("changed while you were reading", timeout=SOON)
    portal.services.checkpoints.cancel(request_id, lead, "Not needed.")
    expect(page.locator("#request-said")).to_contain_text("Not needed.", timeout=SOON)
    expect(notice).to_be_empty()
    expect(page.locator("#proposal")).to_contain_text("drop table clients")


def test_rows_under_the_pointer_stay_and_new_ones_are_announced(portal: Portal, visit: Visit) -> None:
    first = portal.pending(portal.start("test_gate"))
    page = visit("dba").go("/queue")
    connected(page)
    page.locator(f"#row-{first}").hover()
    risky = portal.pending(portal.start("test_script", text="drop table orders"))
    button = page.locator("#queue-fresh")
    expect(button).to_have_text("1 new request", timeout=SOON)
    expect(page.locator(f"#row-{risky}")).to_have_count(0)
    button.click()
    expect(page.locator(f"#row-{risky}")).to_be_visible()
    expect(button).to_be_hidden()
    page.locator(f"#row-{first}").hover()
    reject(portal, first)
    expect(page.locator(f"#row-{first}")).to_contain_text("no longer waits", timeout=SOON)
    reject(portal, risky)


def reject(portal: Portal, request_id: str) -> None:
    """Reject it past the pages."""
    digest = portal.request(request_id).digest
    portal.services.checkpoints.decide(
        request_id, portal.actor("lead", Via.API), Ballot(Verdict.REJECT, digest, comment="Not today.")
    )


def test_somebody_who_was_offline_sees_what_was_missed(portal: Portal, visit: Visit) -> None:
    run_id = portal.start("test_gate", title="Run during a train ride")
    request_id = portal.pending(run_id)
    traveller = visit("dba")
    traveller.expect_trouble(OFFLINE)
    pages = open_pages(traveller, run_id, request_id)
    traveller.context.set_offline(True)
    reject(portal, request_id)
    portal.finish(run_id)
    for page in pages.values():
        expect(page.locator("#connection")).to_contain_text("Not connected since", timeout=2 * SOON)
    traveller.look("request-not-connected", pages["request"])
    expect(pages["request"].locator("#request-said")).not_to_contain_text("decided")
    traveller.context.set_offline(False)
    recovered(pages, request_id)


def test_a_page_that_could_not_be_fetched_is_fetched_again(portal: Portal, visit: Visit) -> None:
    """The event arrives, and the server is too busy to draw the page at that moment."""
    request_id = portal.pending(portal.start("test_gate"))
    watcher = visit("dba")
    watcher.expect_status(503)
    page = watcher.go(f"/requests/{request_id}")
    connected(page)
    mark(page)
    refused: list[str] = []

    def busy(route: Route) -> None:
        if len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=503)
        else:
            route.continue_()

    page.route(f"**/requests/{request_id}", busy)
    reject(portal, request_id)
    expect(page.locator("#request-said")).to_contain_text("decided: rejected", timeout=RECOVERED)
    assert len(refused) == 2
    assert is_marked(page)


def test_open_pages_survive_a_killed_web_process(portal: Portal, visit: Visit) -> None:
    run_id = portal.start("test_gate", title="Run during an outage")
    request_id = portal.pending(run_id)
    watcher = visit("dba")
    watcher.expect_trouble(OFFLINE)
    pages = open_pages(watcher, run_id, request_id)
    writer = visit("dba")
    writer.expect_trouble(OFFLINE)
    writing = writer.go(f"/requests/{request_id}")
    writing.locator("#f-comment").fill("Written before the outage")
    connected(writing)
    portal.web.kill()
    reject(portal, request_id)
    portal.finish(run_id)
    portal.web.start()
    recovered(pages, request_id)
    expect(writing.locator("#request-meanwhile")).to_contain_text("decided: rejected", timeout=RECOVERED)
    expect(writing.locator("#f-comment")).to_have_value("Written before the outage")
    # They do not only catch up: they hear of what comes next.
    following = portal.pending(portal.start("test_gate"))
    expect(pages["queue"].locator(f"#row-{following}")).to_be_visible(timeout=SOON)


def test_a_worker_that_is_killed_is_taken_over_while_the_page_is_open(portal: Portal, visit: Visit) -> None:
    run_id = portal.start("test_gate", title="Run of two workers")
    request_id = portal.pending(run_id)
    page = visit("dba").go(f"/requests/{request_id}")
    mark(page)
    portal.worker.kill()
    page.locator("#approve").click()
    said = page.locator("#request-said")
    expect(said).to_contain_text("The run has not received the outcome yet.")
    mark(page)
    portal.worker.start()
    expect(said).to_contain_text("Created what was approved.", timeout=RECOVERED)
    assert is_marked(page)
    assert json.loads(portal.desk.assent("run", "show", run_id, "--json").stdout)["state"] == "completed"


def open_pages(visitor: Visitor, run_id: str, request_id: str) -> dict[str, Page]:
    """Queue, request and run, listening."""
    pages = {"queue": visitor.page, "request": visitor.tab(), "run": visitor.tab()}
    pages["queue"].goto("/queue")
    pages["request"].goto(f"/requests/{request_id}")
    pages["run"].goto(f"/runs/{run_id}")
    for page in pages.values():
        connected(page)
        mark(page)
    return pages


def recovered(pages: dict[str, Page], request_id: str) -> None:
    """All three show what happened while they were cut off, without a reload."""
    expect(pages["request"].locator("#request-said")).to_contain_text("decided: rejected", timeout=RECOVERED)
    expect(pages["run"].locator("#run-head")).to_contain_text("Completed", timeout=RECOVERED)
    expect(pages["queue"].locator(f"#row-{request_id}")).to_have_count(0, timeout=RECOVERED)
    for page in pages.values():
        expect(page.locator("#connection")).to_be_empty()
        assert is_marked(page)
