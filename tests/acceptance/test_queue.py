"""The queue in a browser: it goes on as one scrolls, filters in place, and needs nothing but the keyboard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from sqlalchemy import select

from app.domain.ballot import Ballot
from app.domain.events import EventKind
from app.domain.lifecycle import RunState
from app.domain.people import Via
from app.domain.policy.terms import Stage, default_terms
from app.risk.assess import assess_proposal
from app.services.bundle import Services
from app.store.runs import Run
from app.store.snoozes import Snooze
from assent.contracts import RiskLevel, Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import NARROW, SOON, WIDE
from tests.factories import add_event, make_request, make_run, script, tool_call

MANY = 130


@pytest.fixture(scope="module")
def many(portal: Portal) -> list[str]:
    """Ids of requests of a workflow of their own, in the order of the queue."""
    made = [fill(portal.services, number) for number in range(MANY)]
    made[100] = fill(portal.services, 100, risk=RiskLevel.MEDIUM)
    return made


def fill(services: Services, number: int, risk: RiskLevel = RiskLevel.LOW, **values: Any) -> str:
    """A request that is like the others but for a number."""
    content = f"delete from sessions where user_id = {number}"
    payload = script() | {"content": content, "title": f"Delete the sessions of user {number}"}
    run = make_run(services.sessions)
    return make_request(services.sessions, run, payload, risk=risk, workflow="cleaning", **values).id


def rows(page: Page) -> int:
    """How many rows the list holds."""
    return page.locator("#queue-rows .row").count()


def connected(page: Page) -> None:
    """Wait until the page hears of changes."""
    page.wait_for_load_state("networkidle")


def test_the_list_goes_on_as_one_scrolls_and_stays_true_below_its_first_page(
    portal: Portal, visit: Visit, many: list[str]
) -> None:
    page = visit("dba").go("/queue?workflow=cleaning")
    connected(page)
    assert rows(page) == 50
    for seen in (100, MANY + 1):
        page.locator("#queue-rows .row").last.scroll_into_view_if_needed()
        expect(page.locator("#queue-rows .row")).to_have_count(seen)
    last = page.locator("#queue-rows .row").last
    last_id = (last.get_attribute("id") or "").removeprefix("row-")
    page.locator("#queue-count").hover()
    services = portal.services
    services.checkpoints.claim(last_id, portal.actor("lead", Via.API))
    expect(last).to_contain_text("Claimed by Platform lead", timeout=SOON)
    digest = portal.request(last_id).digest
    services.checkpoints.decide(last_id, portal.actor("lead", Via.API), Ballot(Verdict.APPROVE, digest))
    expect(page.locator(f"#row-{last_id}")).to_have_count(0, timeout=SOON)
    assert rows(page) == MANY, "nothing else has left"


def test_what_is_new_on_a_further_page_is_announced_and_shown_in_its_place(
    portal: Portal, visit: Visit, many: list[str]
) -> None:
    page = visit("dba").go("/queue?workflow=cleaning")
    connected(page)
    page.locator("#queue-rows .row").last.scroll_into_view_if_needed()
    expect(page.locator("#queue-rows .row")).to_have_count(100)
    above, below = page.locator("#queue-rows .row").nth(69), page.locator("#queue-rows .row").nth(70)
    one, two = (portal.request(id_of(request)).attention_at for request in (above, below))
    between = fill(portal.services, 900, attention_at=one + (two - one) / 2)
    with portal.services.sessions.begin() as session:
        add_event(session, EventKind.REQUEST_OPENED, request_id=between, state="pending")
    fresh = page.locator("#queue-fresh")
    expect(fresh).to_have_text("1 new request", timeout=SOON)
    assert rows(page) == 100, "nothing has moved"
    fresh.click()
    expect(page.locator(f"#row-{between} .t a")).to_be_focused()
    assert rows(page) == 101, "what was loaded stays"
    assert page.locator("#queue-rows .row").nth(70).get_attribute("id") == f"row-{between}"


def id_of(row: Locator) -> str:
    """The id of a row's request."""
    return (row.get_attribute("id") or "").removeprefix("row-")


def test_opening_a_request_keeps_place_and_marks(portal: Portal, visit: Visit, many: list[str]) -> None:
    page = visit("dba").go("/queue?workflow=cleaning")
    page.locator("#queue-rows .row").last.scroll_into_view_if_needed()
    row = page.locator("#queue-rows .row").nth(80)
    page.locator("#queue-rows .row").nth(79).locator(".mark-box").check()
    opened = id_of(row)
    row.locator(".t a").click()
    expect(page.locator(f"#row-{opened}")).to_be_in_viewport()
    expect(page.locator(f"#row-{opened}")).to_have_attribute("data-selected", "")
    expect(page.locator("#marked-go")).to_have_text("Decide on 1 selected")
    page.goto("/queue?text=nothing+like+it&unassigned=1")
    page.goto("/queue?workflow=cleaning&risk=medium")
    expect(page.locator("#marked-go")).to_have_text("Decide on 1 selected, 1 of them not shown")
    page.locator("#marked-go").click()
    expect(page.locator("h1")).to_have_text("Decide on 1 request together")
    expect(page.locator("#reject-together")).to_have_text("Write a comment to reject")
    page.locator("#f-comment").fill("Not today.")
    page.get_by_role("button", name="Reject 1 request").click()
    expect(page.locator("h1")).to_have_text("1 request decided")
    page.goto("/queue?workflow=cleaning")
    expect(page.locator("#marked-go")).to_be_hidden()


def test_filters_change_the_list_in_place_and_back_works(portal: Portal, visit: Visit, many: list[str]) -> None:
    reviewer = visit("dba")
    page = reviewer.go("/queue?workflow=cleaning")
    connected(page)
    page.evaluate("() => { window.kept = true; }")
    page.locator("#q-risk").select_option("medium")
    expect(page.locator("#queue-rows .row")).to_have_count(1)
    assert "risk=medium" in page.url
    page.locator(".chip", has_text="Critical").click()
    page.wait_for_url("**/queue?risk=critical")
    page.go_back()
    expect(page.locator("#queue-rows .row")).to_have_count(1)
    expect(page.locator("#q-risk")).to_have_value("medium")
    page.go_back()
    expect(page.locator("#queue-rows .row")).to_have_count(50)
    assert page.evaluate("() => window.kept"), "no page was reloaded"
    reviewer.look("queue-filtered")
    page.locator("#q-risk").select_option("medium")
    expect(page.locator("#queue-rows .row")).to_have_count(1)
    page.locator(".chip", has_text="Decided").click()
    page.wait_for_url("**/decided?risk=medium&workflow=cleaning")
    expect(page.locator("#d-risk")).to_have_value("medium")


def test_a_way_back_that_cannot_be_fetched_is_gone_by_the_browser(visit: Visit, many: list[str]) -> None:
    reviewer = visit("dba")
    page = reviewer.go("/queue?workflow=cleaning")
    connected(page)
    page.locator("#q-risk").select_option("medium")
    expect(page.locator("#queue-rows .row")).to_have_count(1)
    reviewer.expect_status(503)
    page.route("**/queue?workflow=cleaning", lambda route: route.fulfill(status=503), times=1)
    page.go_back()
    expect(page.locator("#queue-rows .row")).to_have_count(50)
    page.locator("#queue-rows .row").last.scroll_into_view_if_needed()
    expect(page.locator("#queue-rows .row")).to_have_count(100)


def test_a_slow_older_answer_never_wins(visit: Visit, many: list[str]) -> None:
    page = visit("dba").go("/queue?workflow=cleaning")
    connected(page)
    held: list[Route] = []
    page.route("**/queue?*risk=medium*", lambda route: held.append(route))
    with page.expect_request("**/queue?*risk=medium*"):
        page.locator("#q-risk").select_option("medium")
    with page.expect_response("**/queue?*risk=low*"):
        page.locator("#q-risk").select_option("low")
    expect(page.locator("#queue-rows .row")).to_have_count(50)
    assert len(held) == 1
    held[0].abort()
    expect(page.locator("#q-risk")).to_have_value("low")
    expect(page.locator("#queue-list")).not_to_have_attribute("aria-busy", "true")
    assert rows(page) == 50


def test_the_queue_by_keyboard_alone(portal: Portal, visit: Visit, many: list[str]) -> None:
    reviewer = visit("dba")
    page = reviewer.go("/queue?workflow=cleaning")
    connected(page)
    keys = page.keyboard
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    reviewer.look("queue-keys")
    keys.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    keys.press("j")
    first = page.locator("#queue-rows .row").nth(0)
    expect(first.locator(".t a")).to_be_focused()
    keys.press("x")
    keys.press("j")
    keys.press("x")
    keys.press("k")
    expect(first.locator(".t a")).to_be_focused()
    expect(page.locator("#marked-go")).to_have_text("Decide on 2 selected")
    keys.press("c")
    expect(first).to_contain_text("Claimed by you", timeout=SOON)
    keys.press("/")
    expect(page.locator("#q-text")).to_be_focused()
    keys.type("user 11")
    expect(page.locator("#queue-rows .row")).to_have_count(11)
    keys.press("Escape")
    expect(page.locator("#queue-rows .row .t a").first).to_be_focused()
    keys.press("Enter")
    expect(page.locator("h1")).to_contain_text("Delete the sessions of user 1")
    opened = page.url
    keys.press("j")
    page.wait_for_url(lambda url: url != opened)
    expect(page.locator("h1")).to_contain_text("Delete the sessions of user 1")
    connected(page)
    keys.press("e")
    expect(page.locator("form[action*='/escalations'] :focus")).to_be_visible()


def test_a_whole_decision_by_keyboard_alone(portal: Portal, visit: Visit) -> None:
    request_id = portal.pending(portal.start("test_script", text="select 1", title="Decided without a mouse"))
    page = visit("dba").go(f"/requests/{request_id}")
    connected(page)
    expect(page.locator("#request-head h1")).to_be_focused()
    for wanted, keys in (("#f-comment", "Fine by me."), ("#approve", "")):
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.evaluate("(wanted) => document.activeElement.matches(wanted)", wanted):
                break
        expect(page.locator(wanted)).to_be_focused()
        page.keyboard.type(keys)
    page.keyboard.press("Enter")
    expect(page.locator("#request-said")).to_contain_text("Approved")
    [decision] = portal.decisions(request_id)
    assert (decision.verdict, decision.comment) == ("approve", "Fine by me.")


def test_a_group_is_decided_in_its_table(portal: Portal, visit: Visit, many: list[str]) -> None:
    reviewer = visit("dba")
    page = reviewer.go("/queue?workflow=cleaning&group=1")
    expect(page.locator(".group .odd").first).to_contain_text("medium risk, most others low")
    reviewer.look("queue-grouped")
    boxes = page.locator(".group .mark-box")
    boxes.nth(3).check()
    boxes.nth(4).check()
    page.locator("#marked-go").click()
    expect(page.locator("h1")).to_have_text("Decide on 2 requests together")
    page.get_by_role("button", name="Approve 2 requests").click()
    expect(page.locator("h1")).to_have_text("2 requests decided")

    refunds = [refund(portal.services, number, amount) for number, amount in enumerate((12, 30, 45, 900))]
    page = reviewer.go("/queue?workflow=refunding&group=1")
    expect(page.locator(".group .common")).to_contain_text("4 similar requests, different risks: 1 high, 3 medium")
    page.get_by_role("link", name="Approve these 4").click()
    approve = page.locator("#approve-together")
    expect(approve).to_have_text("Approve 3 requests")
    reviewer.look("queue-together", everywhere=True)
    page.get_by_label("Include Refund B-1").uncheck()
    expect(approve).to_have_text("Approve 2 requests")
    page.get_by_label("Include Refund B-3").check()
    expect(approve).to_have_text("Approve 3 requests, one at high risk: call refund_payment")
    page.get_by_label("Comment").fill("Goods came back.")
    reviewer.expect_status(409)
    approve.click()
    expect(page.get_by_role("alert")).to_contain_text("Call refund_payment (amount 900, order B-3): Refund B-3")
    expect(page.get_by_label("Include Refund B-1")).not_to_be_checked()
    reviewer.look("queue-together-confirm")
    assert not any(portal.decisions(request_id) for request_id in refunds)
    approve.click()
    expect(page.locator("h1")).to_have_text("3 requests decided")
    expect(page.get_by_label("Results").get_by_role("listitem")).to_have_count(3)
    reviewer.look("queue-decided-together")
    approved = [request_id for request_id in refunds if portal.request(request_id).state == "approved"]
    assert approved == [refunds[0], refunds[2], refunds[3]]
    entries = [decision.comment for request_id in refunds for decision in portal.decisions(request_id)]
    assert entries == ["Goods came back."] * 3
    page.goto(f"{page.url.split('/queue')[0]}/requests/{refunds[1]}")
    expect(page.locator("#facts")).not_to_contain_text("Similar pending requests")


def refund(services: Services, number: int, amount: int) -> str:
    """A refund, of high risk above 500."""
    payload = tool_call({"order": f"B-{number}", "amount": amount}, "refund_payment") | {"title": f"Refund B-{number}"}
    risk = RiskLevel.HIGH if amount > 500 else RiskLevel.MEDIUM
    return make_request(services.sessions, payload=payload, risk=risk, workflow="refunding").id


ONE_HEIGHT = """() => {
  const heights = [...document.querySelectorAll("#queue-rows .row")].map((row) => row.getBoundingClientRect().height);
  return heights.length > 1 && new Set(heights).size === 1;
}"""
"""Waited for, because the list arranges itself a moment after the page has another size."""


TOPS = """() => [...document.querySelectorAll("#queue-rows .row")].map((row) => row.getBoundingClientRect().top)"""
OWN = """() => parseInt(document.getElementById("nav").dataset.own || "0")"""
NOTIFIED = """async () => {
  const shown = await (await navigator.serviceWorker.getRegistration("/"))?.getNotifications();
  return shown?.length === 1 && shown[0].title === "Your decision is needed";
}"""
WHOLE = """() => [...document.querySelectorAll("#queue-rows .row")].filter((row) => {
  const place = row.getBoundingClientRect();
  return place.top >= 0 && place.bottom <= innerHeight;
}).length"""
"""How many rows can be seen without scrolling."""


def test_nine_rows_fit_and_no_pointer_moves_them(portal: Portal, visit: Visit, many: list[str]) -> None:
    long = script() | {"title": "Delete the sessions of everybody who has not signed in for more than a year " * 2}
    terms = default_terms(RiskLevel.CRITICAL).model_copy(update={"stages": (Stage(teams=("dba", "security")),)})
    request = make_request(
        portal.services.sessions, payload=long, terms=terms, risk=RiskLevel.CRITICAL, urgency="urgent",
        workflow="cleaning", environment="production", claimed_by_id=portal.people["dba"].id, claimed_by_name="DBA",
        claimed_until=portal.services.clock() + timedelta(hours=1),
    )  # fmt: skip
    page = visit("dba").go("/queue")
    assert page.viewport_size == WIDE
    page.wait_for_function(ONE_HEIGHT)
    assert page.evaluate(WHOLE) >= 9
    before = page.evaluate(TOPS)
    for number in (0, 3):
        page.locator("#queue-rows .row").nth(number).hover()
        assert page.evaluate(TOPS) == before
    first = page.locator(f"#row-{request.id}")
    expect(first.locator(".extra")).to_contain_text("the requester's urgency (urgent) ranks it up to 2 h earlier")
    expect(first).to_contain_text("urgent urgency · just now · about 1 min to review")
    expect(first).to_contain_text("dba, security")


def test_more_about_a_row_moves_nothing_and_can_be_dismissed(portal: Portal, visit: Visit, many: list[str]) -> None:
    reviewer = visit("dba")
    page = reviewer.go("/queue")
    connected(page)
    peek, shown, before = page.locator(".peek"), page.locator("#queue-rows .row"), page.evaluate(TOPS)[:9]
    page.keyboard.press("j")
    first, second = shown.nth(0), shown.nth(1)
    expect(peek).to_be_in_viewport(ratio=1)
    expect(peek).to_contain_text(first.locator("bdi").inner_text())
    expect(peek).to_contain_text(first.locator(".extra").inner_text())
    assert page.evaluate(TOPS)[:9] == before
    reviewer.look("queue-more-about-a-row")
    page.keyboard.press("Escape")
    expect(peek).to_be_hidden()
    page.keyboard.press("j")
    expect(peek).to_contain_text(second.locator("bdi").inner_text())
    page.locator("#queue-count").click()
    expect(peek).to_be_hidden()

    shown.nth(3).hover()
    expect(peek).to_contain_text(shown.nth(3).locator("bdi").inner_text())
    assert page.evaluate(TOPS)[:9] == before
    peek.hover()
    page.clock.install()
    page.clock.run_for(10_000)
    expect(peek).to_be_visible()
    page.keyboard.press("Escape")
    expect(peek).to_be_hidden()
    shown.nth(4).hover()
    page.clock.run_for(10_000)
    expect(peek).to_contain_text(shown.nth(4).locator("bdi").inner_text())
    page.locator("#queue-count").hover()
    page.clock.run_for(10_000)
    expect(peek).to_be_hidden()


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_more_about_a_row_is_not_for_fingers(portal: Portal, visit: Visit, many: list[str], kind: str) -> None:
    page = visit("dba").go("/queue")
    connected(page)
    page.clock.install()
    over = {"pointerType": kind, "bubbles": True}
    page.locator("#queue-rows .row .m").first.dispatch_event("pointerover", over)
    page.clock.run_for(10_000)
    expect(page.locator(".peek")).to_have_count(1 if kind == "mouse" else 0)


def test_the_queue_says_who_is_at_work_and_the_title_how_much_waits(portal: Portal, visit: Visit) -> None:
    reviewer = visit("dba", permissions=["notifications"])
    page, elsewhere = reviewer.go("/queue"), reviewer.context.new_page()
    elsewhere.add_init_script("Object.defineProperty(document, 'hidden', { get: () => true })")
    page.evaluate("id => localStorage.setItem('assent:notifications', id)", portal.people["dba"].id)
    elsewhere.goto("/decided")
    connected(elsewhere)
    connected(page)
    before = page.evaluate(OWN)
    assert page.title().startswith(f"({before}) " if before else "Queue")
    terms = default_terms(RiskLevel.LOW).model_copy(update={"stages": (Stage(teams=("dba",)),)})
    request = make_request(portal.services.sessions, terms=terms, workflow="counting")
    with portal.services.sessions.begin() as session:
        add_event(session, EventKind.REQUEST_OPENED, request_id=request.id, run_id=request.run_id)
    expect(page).to_have_title(f"({before + 1}) Queue · Assent", timeout=SOON)
    expect(elsewhere).to_have_title(f"({before + 1}) Decided requests · Assent", timeout=SOON)
    portal.until(lambda: elsewhere.evaluate(NOTIFIED))
    expect(page.locator("#queue-own")).to_contain_text("min")
    at_work, run = page.locator("#at-work"), make_run(portal.services.sessions, state=RunState.RUNNING)
    for step in ("Measure queries", "Write the report"):
        with portal.services.sessions.begin() as session:
            add_event(session, EventKind.RUN_CHANGED, run_id=run.id, state="running")
            add_event(
                session, EventKind.STEP_STARTED, run_id=run.id, task=step, node="step", title=step, agent="optimizer"
            )
        expect(at_work.filter(has_text="optimizer")).to_contain_text(step, timeout=SOON)
    with portal.services.sessions.begin() as session:
        session.get_one(Run, run.id).state = RunState.FAILED.value
        add_event(session, EventKind.RUN_CHANGED, run_id=run.id, state="failed")
    expect(at_work.filter(has_text="optimizer")).to_have_count(0, timeout=SOON)


def test_a_key_snoozes_and_a_comment_of_somebody_else_brings_back(portal: Portal, visit: Visit) -> None:
    terms = default_terms(RiskLevel.LOW).model_copy(update={"stages": (Stage(teams=("dba",)),)})
    request = make_request(portal.services.sessions, terms=terms, risk=RiskLevel.LOW, workflow="snoozing")
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{request.id}?workflow=snoozing")
    connected(page)
    page.keyboard.press("z")
    expect(page.get_by_role("button", name="Until something happens")).to_be_focused()
    reviewer.look("request-snooze")
    page.keyboard.press("a")  # a menu is open, so this decides nothing
    page.get_by_label("Or until").press("Enter")
    expect(page.locator("#snoozing")).to_contain_text("Snoozed for you until")
    assert portal.request(request.id).state == "pending"
    with portal.services.sessions() as session:
        until = session.scalars(select(Snooze.until).where(Snooze.request_id == request.id)).one()
    assert until - datetime.now(UTC) > timedelta(hours=2), "what was typed, not the first button's hour"
    page.get_by_role("button", name="End my snooze").click()
    expect(page.locator("#snoozing")).not_to_contain_text("Snoozed for you")
    connected(page)
    page.keyboard.press("z")
    page.keyboard.press("Enter")
    expect(page.locator("#snoozing")).to_contain_text("a change or a comment or an escalation")
    page.goto("/queue?workflow=snoozing")
    connected(page)
    row = page.locator(f"#row-{request.id}")
    expect(row).to_have_count(0)
    expect(page.locator("#queue-empty")).to_be_visible()
    portal.services.checkpoints.comment(request.id, portal.actor("lead"), "Please look at this today.")
    expect(row).to_be_visible(timeout=SOON)
    page.goto("/queue?snoozed=1")
    expect(row).to_have_count(0)


def test_what_was_not_understood_makes_no_row_taller(portal: Portal, visit: Visit) -> None:
    for content in ("ls docs", "./deploy.sh"):
        payload = script(content, "Deploy the service") | {"language": "shell", "environment": "production"}
        assessment = assess_proposal(payload).to_json()
        make_request(
            portal.services.sessions, payload=payload, risk=RiskLevel.HIGH, assessment=assessment, workflow="deploying"
        )
    reviewer = visit("dba")
    page = reviewer.go("/queue?workflow=deploying")
    reviewer.look("queue-understood")
    for viewport in (WIDE, NARROW):
        page.set_viewport_size(viewport)  # type: ignore[arg-type]
        rows_shown = page.locator("#queue-rows .row")
        marked = rows_shown.filter(has_text="Not understood")
        plain = rows_shown.filter(has_not_text="Not understood")
        expect(marked).to_have_count(1)
        expect(plain).to_have_count(1)
        page.wait_for_function(ONE_HEIGHT)
