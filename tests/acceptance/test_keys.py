"""Deciding on the page: by keys, with few presses and none by accident; without a connection; and on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from app.domain.ballot import Ballot
from app.domain.policy.terms import default_terms
from app.domain.preferences import OpenNext, Preferences
from assent.contracts import RiskLevel, Verdict
from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import SOON
from tests.factories import make_request, make_run, script

SEEN = """() => new Promise((seen) => {
    const since = performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd;
    setTimeout(seen, since + 600 - performance.now());
})"""
"""Resolves when the page has been in sight for longer than half a second, during which keys decide nothing."""
AT_ONCE = """addEventListener("DOMContentLoaded", () => {
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
}, { once: true })"""
"""A press at the first moment at which the page could hear it."""

OUT_OF_SIGHT = """(state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What a browser says about a page whose tab or window is changed; a headless one shows all its pages."""


@pytest.fixture(autouse=True)
def as_usual(portal: Portal) -> None:
    """The next request opens by itself, and keys act, unless a test says otherwise."""
    portal.services.people.prefer(portal.actor("dba"), Preferences())


def fill(portal: Portal, workflow: str, title: str, risk: RiskLevel = RiskLevel.MEDIUM, **values: Any) -> str:
    """A request of a workflow of its own; the first one made comes first."""
    payload = script(f"update stock set amount = 1 -- {title}") | {"title": title}
    run = make_run(portal.services.sessions)
    return make_request(portal.services.sessions, run, payload, risk=risk, workflow=workflow, **values).id


def seen(page: Page) -> None:
    """Wait until keys decide on what is shown."""
    page.evaluate(SEEN)


def states(portal: Portal, ids: list[str]) -> list[str]:
    """What became of the requests."""
    return [portal.request(request_id).state for request_id in ids]


def test_ten_decisions_in_at_most_thirty_presses(portal: Portal, visit: Visit) -> None:
    ids = [fill(portal, "quick", f"Change number {number}") for number in range(10)]
    page, presses = visit("dba").go("/queue?workflow=quick"), 0

    def press(*keys: str) -> None:
        nonlocal presses
        for key in keys:
            page.keyboard.press(key)
            presses += len(key.split("+"))

    press("j")
    expect(page.locator("#queue-rows .row .t a").first).to_be_focused()
    press("Enter")
    for number in range(10):
        heading = page.locator("#request-head h1")
        expect(heading).to_have_text(f"Change number {number}")
        expect(heading).to_be_focused()
        seen(page)
        if number == 4:
            press("r")
            expect(page.locator("#f-comment")).to_be_focused()
            press("N", "o", "Control+Enter")
        else:
            press("a")
        if number < 9:
            said = page.locator("#request-said")
            expect(said).to_contain_text(f"Change number {number}: {'Rejected' if number == 4 else 'Approved'}.")
    expect(page.locator("#request-said")).to_contain_text("Approved. The run continues.")
    assert states(portal, ids) == ["approved"] * 4 + ["rejected"] + ["approved"] * 5
    print(f"{presses} presses for ten decisions, one of them a rejection with a reason")
    assert presses <= 30


def test_high_risk_takes_a_second_press_that_names_the_effect(portal: Portal, visit: Visit) -> None:
    by_key, by_mouse = (
        fill(portal, "weighty", title, RiskLevel.HIGH, priority=1 - at)
        for at, title in enumerate(("By key", "By mouse"))
    )
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{by_key}?workflow=weighty")
    said, button = page.locator("#decide-said"), page.locator("#approve")
    effect = "approve and run the script"
    seen(page)
    page.keyboard.down("a")
    expect(said).to_have_text(f"Press a again: {effect}. High risk. Esc goes back.")
    expect(button).to_have_text(f"Confirm: {effect}")
    page.keyboard.down("a")  # the key is held down: the browser repeats it
    page.keyboard.up("a")
    page.keyboard.press("Escape")
    expect(said).to_be_hidden()
    expect(button).to_have_text("Approve and run the script")
    page.keyboard.press("a")
    page.locator("#f-comment").fill("Changed my mind")
    expect(button).to_have_text("Approve and run the script")
    page.locator("#f-comment").fill("")
    page.locator("#request-head h1").focus()
    page.keyboard.press("a")
    assert not reviewer.posts and not page.locator("dialog[open]").count()
    page.keyboard.press("a")
    expect(page.locator("#request-said")).to_contain_text("By key: Approved.")
    expect(page.locator("#request-head h1")).to_have_text("By mouse")
    button.dblclick()
    expect(said).to_have_text(f"Press the button again: {effect}. High risk.")
    assert reviewer.posts == [f"/requests/{by_key}/decisions"], "a double click is one press"
    button.click()
    expect(page.locator("#request-said")).to_contain_text("DBA on call decided: approved.")
    assert states(portal, [by_key, by_mouse]) == ["approved", "approved"]


def test_a_reason_is_asked_for_where_it_is_written(portal: Portal, visit: Visit) -> None:
    ids = [fill(portal, "reasons", title) for title in ("Rejected", "Returned", "Commented")]
    page = visit("dba").go(f"/requests/{ids[0]}?workflow=reasons")
    comment, heading, said = (page.locator(name) for name in ("#f-comment", "#request-head h1", "#decide-said"))
    seen(page)
    page.keyboard.press("r")
    expect(said).to_contain_text("Give a reason to reject.")
    page.keyboard.press("Control+Enter")
    expect(comment).to_be_focused()
    page.keyboard.type("as needed")
    page.keyboard.press("Escape")
    expect(heading).to_be_focused()
    expect(said).to_be_hidden()
    expect(comment).to_have_value("as needed")
    comment.focus()
    page.keyboard.press("Control+Enter")
    expect(said).to_have_text("Choose a decision for this comment: approve, request changes, or reject.")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#request-said")).to_contain_text("Rejected: Rejected.")
    expect(heading).to_have_text("Returned")
    seen(page)
    page.keyboard.press("s")
    page.keyboard.type("Add a limit.")
    page.keyboard.press("Control+Enter")
    expect(heading).to_have_text("Commented")
    seen(page)
    page.keyboard.press("m")
    page.keyboard.type("Who asked for this?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#request-said")).to_contain_text("Your comment is added.")
    expect(page.locator("#timeline")).to_contain_text("Who asked for this?")
    assert states(portal, ids) == ["rejected", "changes_requested", "pending"]
    assert portal.decisions(ids[0])[0].comment == "as needed"


def test_no_key_decides_what_was_not_looked_at(portal: Portal, visit: Visit) -> None:
    request_id = fill(portal, "glance", "Looked at", terms=default_terms(RiskLevel.CRITICAL))
    reviewer = visit("dba")
    page = reviewer.page
    page.add_init_script(AT_ONCE)
    reviewer.go(f"/requests/{request_id}")
    said = page.locator("#decide-said")
    expect(said).to_have_text("This request has only just opened. Press the key again.")
    seen(page)
    page.locator("#f-comment").focus()
    page.keyboard.type("a r s j ?")
    page.locator("#f-comment").fill("")
    page.get_by_role("combobox").first.focus() if page.get_by_role("combobox").count() else None
    page.wait_for_load_state("networkidle")
    lead, digest = portal.actor("lead"), portal.request(request_id).digest
    change = {"content": "update stock set amount = 2"}
    portal.services.checkpoints.decide(
        request_id, lead, Ballot(Verdict.MODIFY, digest, change, acknowledged_risk=RiskLevel.CRITICAL)
    )
    expect(page.locator("#request-meanwhile")).to_contain_text("The proposal changed", timeout=SOON)
    page.locator("#request-head h1").focus()
    for key in ("a", "a", "r"):
        page.keyboard.press(key)
    expect(page.locator("#f-comment")).not_to_be_focused()
    assert not reviewer.posts and len(portal.decisions(request_id)) == 1


def test_keys_can_be_switched_off_and_the_next_request_left_closed(portal: Portal, visit: Visit) -> None:
    first, second = (fill(portal, "quiet", title, priority=1 - at) for at, title in enumerate(("One", "Two")))
    services, dba = portal.services, portal.actor("dba")
    services.people.prefer(dba, Preferences(keys=False))
    reviewer = visit("dba")
    page = reviewer.go(f"/requests/{first}?workflow=quiet")
    seen(page)
    for key in ("a", "j", "?"):
        page.keyboard.press(key)
    assert not reviewer.posts and not page.locator("dialog[open]").count()
    services.people.prefer(dba, Preferences(open_next=OpenNext.NEVER))
    page = reviewer.go(f"/requests/{first}?workflow=quiet")
    seen(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("approve; high and critical risk ask for a second press")
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("#request-said")).to_contain_text("Approved. The run continues.")
    expect(page.locator("#request-head h1")).to_have_text("One")
    seen(page)
    page.keyboard.press("j")
    expect(page.locator("#request-head h1")).to_have_text("Two")
    assert states(portal, [first, second]) == ["approved", "pending"]


def test_a_decision_can_be_undone_until_it_takes_effect(portal: Portal, visit: Visit) -> None:
    terms = default_terms(RiskLevel.MEDIUM).model_copy(update={"grace_seconds": 60})
    soon = terms.model_copy(update={"grace_seconds": 3})
    ids = [fill(portal, "graceful", f"Wait {at}", terms=rule) for at, rule in enumerate((terms, terms, soon))]
    page = visit("dba").go(f"/requests/{ids[0]}?workflow=graceful")
    seen(page)
    page.keyboard.press("a")
    notice = page.locator("#request-said .just")
    expect(notice).to_contain_text("Wait 0: Approved. This takes effect in 1 min; you can undo it until then.")
    left = notice.locator("time")
    before = left.text_content() or ""
    expect(left).not_to_have_text(before)
    seen(page)
    page.keyboard.press("u")
    expect(page.locator("#request-said")).to_contain_text("Your decision was withdrawn: 0 of 1.")
    expect(page.locator("#request-head h1")).to_have_text("Wait 0")
    assert portal.request(ids[0]).resolves_at is None
    page.goto(f"/requests/{ids[1]}?workflow=graceful")
    seen(page)
    page.keyboard.press("a")
    expect(notice).to_contain_text("Wait 1: Approved.")
    page.goto(f"/requests/{ids[1]}")
    expect(page.locator("#decision")).to_contain_text("It is approved in")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.goto(f"/requests/{ids[2]}?workflow=graceful")
    seen(page)
    page.keyboard.press("a")
    expect(notice).to_contain_text("Wait 2: Approved.")
    page.goto(f"/requests/{ids[2]}")
    expect(page.locator("#request-said")).to_contain_text("DBA on call decided: approved.", timeout=20_000)
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert states(portal, ids) == ["pending", "pending", "approved"]


def test_without_a_connection_a_decision_waits_and_is_sent_once(portal: Portal, visit: Visit) -> None:
    first, second = (fill(portal, "away", title, priority=1 - at) for at, title in enumerate(("Offline", "After it")))
    reviewer = visit("dba")
    reviewer.expect_trouble("ERR_INTERNET_DISCONNECTED")
    page = reviewer.go(f"/requests/{first}?workflow=away")
    address, button = page.url, page.locator("#approve")
    page.locator("#f-comment").fill("Written before")
    page.clock.install()
    reviewer.context.set_offline(True)
    offline = page.locator("#offline")
    for leave in (
        page.locator(f"#row-{second} a").click,
        lambda: page.locator(f"#row-{second} a").press("e"),
        lambda: page.locator("#q-text").fill("After"),
    ):
        page.evaluate("document.getElementById('offline')?.remove()")
        leave()
        expect(offline).to_have_text("Offline: this page stays open until the connection is back.")
    page.locator("#q-text").fill("")
    expect(page.locator("#queue-list")).to_have_attribute("aria-busy", "false")
    button.click()
    expect(button).to_have_text("Offline: will be sent when you reconnect")
    expect(button).to_have_attribute("aria-disabled", "true")
    button.click(force=True)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(button).to_have_text("Approve and run the script")
    expect(button).to_be_focused()
    button.click()
    expect(page.locator("#offline")).to_contain_text("Your text is kept here, and sent once.")
    page.locator("#f-comment").press_sequentially(", changed meanwhile")
    expect(button).to_have_text("Approve and run the script")
    button.click()
    expect(button).to_have_text("Offline: will be sent when you reconnect")
    # A decision is sent only if it cannot have been forgotten: the button waits no longer than two minutes, as if the
    # lid had been closed meanwhile, and not while the page is out of sight.
    page.clock.fast_forward(121_000)
    expect(button).to_have_text("Not sent: press again")
    button.click()
    expect(button).to_have_text("Offline: will be sent when you reconnect")
    page.evaluate(OUT_OF_SIGHT, "hidden")
    expect(button).to_have_text("Not sent: press again")
    page.evaluate(OUT_OF_SIGHT, "visible")
    expect(page.locator("#offline")).to_contain_text("Your decision was not sent.")
    assert (page.url, reviewer.posts, states(portal, [first])) == (address, [], ["pending"])
    button.click()
    expect(button).to_have_text("Offline: will be sent when you reconnect")
    reviewer.context.set_offline(False)
    expect(page.locator("#request-head h1")).to_have_text("After it")
    expect(page.locator("#offline")).to_have_count(0)
    assert reviewer.posts == [f"/requests/{first}/decisions"]
    assert [decision.comment for decision in portal.decisions(first)] == ["Written before, changed meanwhile"]


def test_on_a_phone_the_bar_is_low_and_leads_on(portal: Portal, visit: Visit) -> None:
    titles = ("First on a phone", "Second on a phone")
    first, second = (fill(portal, "phone", title, priority=1 - at) for at, title in enumerate(titles))
    reviewer = visit("dba", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = reviewer.go(f"/requests/{first}?workflow=phone")
    heading, comment = page.locator("#request-head h1"), page.locator("#f-comment")
    expect(comment).to_be_hidden()
    page.keyboard.press("?")  # a phone may have a keyboard, too
    expect(page.get_by_role("dialog")).to_contain_text("next and previous request")
    page.keyboard.press("Escape")
    box = page.locator(".decide-bar").bounding_box()
    assert box is not None and box["height"] <= 0.14 * 740 and box["y"] + box["height"] == 740, box
    shown = page.locator("#nav li:visible")
    assert (shown.first.inner_text().split()[0], shown.last.inner_text()) == ("Queue", "More")
    assert page.locator("#nav ul").evaluate("(list) => list.scrollWidth <= list.clientWidth && list.clientHeight < 48")
    page.get_by_role("button", name="More").tap()
    expect(page.get_by_role("link", name="Absences")).to_be_visible()
    heading.tap()
    expect(page.get_by_role("link", name="Absences")).to_be_hidden()
    expect(page.get_by_role("button", name="Previous request")).to_be_disabled()
    page.get_by_role("button", name="Next request").tap()
    expect(heading).to_have_text(titles[1])
    page.get_by_role("button", name="Reject").tap()
    expect(comment).to_be_focused()
    expect(page.locator("#decide-said")).to_have_text("Give a reason to reject. Then press the button again.")
    comment.fill("Not from here.")
    page.get_by_role("button", name="Reject").tap()
    expect(page.locator("#request-said")).to_contain_text("Rejected.")
    expect(heading).to_have_text(titles[1])
    page.get_by_role("button", name="Previous request").tap()
    expect(heading).to_have_text(titles[0])
    assert states(portal, [first, second]) == ["pending", "rejected"]
    reviewer.look("request-on-a-phone")
