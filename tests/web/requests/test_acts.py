"""What can be done with a request besides deciding, and what its page says about how it stands; without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.ballot import Ballot
from app.domain.people import SYSTEM, Role, Via
from app.domain.policy.terms import ChangeWindow, EscalationStep, OnExpiry, Stage, Terms
from app.services.bundle import Services
from app.store.people import Person
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_person, make_request, make_run, make_sign_in, script, session_cookie
from tests.web.browsing import Browser
from tests.web.requests.test_decisions import now_of, open_page

DBA = Stage(name="DBA", teams=("dba",))
SECURITY = Stage(name="Security", teams=("security",), quorum=2)


def rule(*stages: Stage, **values: Any) -> Terms:
    """Four hours, and these stages."""
    return Terms(**{"name": "Schema changes", "stages": stages or (Stage(),), "deadline_seconds": 4 * 3600} | values)


@pytest.fixture
def at(app: Flask, services: Services) -> Callable[..., Browser]:
    """A browser of somebody new: ``at("Name", "dba")``."""
    return lambda name, *teams: Browser(app, make_person(services.sessions, name, [Role.REVIEWER], teams))


def reject(services: Services, request: ApprovalRequest, person: Person) -> None:
    """Somebody rejects it elsewhere."""
    actor = person.as_actor(Via.PAGE)
    services.checkpoints.decide(request.id, actor, Ballot(Verdict.REJECT, request.digest, comment="Backups first."))


def facts(browser: Browser) -> str:
    """The page's facts as they are read."""
    return browser.page.one(id="facts").text


def form(browser: Browser, act: str) -> Any:
    """The form of that act."""
    found = [form for form in browser.page.all("form") if f"/{act}" in form.attributes.get("action", "")]
    assert len(found) == 1, [form.attributes["action"] for form in browser.page.all("form")]
    return found[0]


# What the page says


def test_stages_and_who_is_asked(services: Services, at: Callable[..., Browser]) -> None:
    request = make_request(services.sessions, terms=rule(DBA, SECURITY))
    dba, officer = at("The first DBA", "dba"), at("The first officer", "security")
    open_page(dba, request)
    assert "DBA 0 of 1" in facts(dba) and "Security 0 of 2" in facts(dba)
    assert dba.button("Approve").text == "Approve for DBA; Security reviews next"
    open_page(officer, request)
    assert "must decide now; you are not in that team." in officer.page.one(id="decision").text
    dba.send(dba.form("decide"), dba.button("Approve"))
    assert "Security reviews next." in dba.follow().text
    assert "DBA 1 of 1 ✓ reached" in facts(dba)
    assert open_page(officer, request).button("Approve").text == "Approve for Security, as 1 of 2"
    page = officer.get("/queue")
    row = page.one("div", id=f"row-{request.id}")
    assert "Now requires security" in row.text and "Approved by The first DBA" in row.text and "1 of 3" in row.text


@pytest.mark.parametrize(
    ("terms", "risk", "words"),
    [
        ({}, RiskLevel.MEDIUM, "Expires in 3 h 59 min, then rejected"),
        ({"on_expiry": OnExpiry.APPROVE}, RiskLevel.LOW, "Expires in 3 h 59 min, then approved"),
        ({"on_expiry": OnExpiry.APPROVE}, RiskLevel.HIGH, "Expires in 3 h 59 min, then rejected"),
        ({"escalation": (EscalationStep(after_seconds=7200, words="2 h", teams=("leads",)),)}, RiskLevel.MEDIUM,
         "Escalates to leads in 1 h 59 min"),
        ({"warn_seconds": 3600}, RiskLevel.MEDIUM, "Approvers are warned in 2 h 59 min"),
    ],
)  # fmt: skip
def test_what_time_will_do(
    services: Services, reviewer: Browser, terms: dict[str, Any], risk: RiskLevel, words: str
) -> None:
    request = make_request(services.sessions, terms=rule(**terms), risk=risk)
    assert words.lower() in facts(open_page(reviewer, request)).lower()


def test_a_closed_window_is_named_on_the_button_and_what_is_held_says_until_when(
    services: Services, reviewer: Browser
) -> None:
    day = (datetime.now(UTC) + timedelta(days=3)).weekday()
    window = ChangeWindow(timezone="UTC", days=(day,), start="10:00", end="11:00")
    request = make_request(services.sessions, terms=rule(windows=(window,)))
    open_page(reviewer, request)
    assert reviewer.button("Approve").text.startswith("Approve; runs in the window from ")
    assert "Closed now. After approval, the run continues at" in facts(reviewer)
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"))
    page = reviewer.follow()
    assert "when its change window opens" in page.one(id="request-said").text
    assert "runs in" in reviewer.get("/decided").one("tr", id=f"decided-{request.id}").text
    for path in ("/runs", f"/runs/{request.run_id}", f"/requests/{request.id}"):
        told = reviewer.get(path).text
        assert "waiting for its change window, until" in told.lower(), path


def test_who_stands_in_is_told_for_whom(services: Services, at: Callable[..., Browser]) -> None:
    absent, delegate = at("Somebody away", "dba"), at("The delegate")
    assert absent.person is not None and delegate.person is not None
    now = datetime.now(UTC)
    services.absences.add(SYSTEM, absent.person.id, delegate.person.id, now, now + timedelta(days=1))
    request = make_request(services.sessions, terms=rule(DBA))
    open_page(delegate, request)
    assert "You are deciding on behalf of Somebody away" in delegate.page.one(id="decision").text
    delegate.send(delegate.form("decide"), delegate.button("Approve"))
    page = delegate.follow()
    assert "The delegate (for Somebody away) approved" in page.one(id="timeline").text
    assert "The delegate (for Somebody away) decided: approved." in page.one(id="request-said").text


# Acts


def test_claiming_taking_over_and_releasing(services: Services, at: Callable[..., Browser]) -> None:
    request = make_request(services.sessions)
    one, other = at("One"), at("Other")
    open_page(one, request).send(form(one, "claim"))
    assert "You, for 29 min" in one.follow().text
    assert "Claimed by One" in other.get("/queue").one("div", id=f"row-{request.id}").text
    open_page(other, request)
    assert other.button("Take over") and "Claimed by One" in facts(other)
    other.send(form(other, "claim"))
    assert "Other took this over from One" in other.follow().text
    one.send(form(one, "claim"), status=409)
    assert "Other has claimed this. You may take over the claim." in one.page.one("div", role="alert").text
    other.send(form(other, "release"))
    assert "Nobody." in open_page(other, request).page.one(id="facts").text


def test_assigning_and_handing_over(services: Services, at: Callable[..., Browser]) -> None:
    request = make_request(services.sessions, terms=rule(Stage(teams=("tandem",))))
    one, other = at("First of two", "tandem"), at("Second of two", "tandem")
    assert one.person is not None and other.person is not None
    open_page(one, request)
    offered = [option.text for option in form(one, "assignment").one("select").all("option")]
    assert offered == ["First of two (you)", "Second of two", "Nobody in particular"]
    one.send(form(one, "assignment"), person_id=one.person.id)
    assert "Assigned to you" in one.follow().text
    one.send(form(one, "assignment"), status=422, person_id=other.person.id, reason="")
    assert "Give a reason for handing this over." in one.page.text
    assert "open" in one.page.one("details", id="acts-more").attributes
    assert form(one, "assignment").one("option", value=other.person.id).attributes.get("selected") == ""
    one.send(form(one, "assignment"), reason="My shift ends.", person_id=other.person.id)
    assert "reassigned this to Second of two" in one.follow().text
    assert other.get("/queue?mine=1").all("div", id=f"row-{request.id}")
    assert not other.get("/queue?unassigned=1").all("div", id=f"row-{request.id}")


def test_escalating_says_to_whom(services: Services, at: Callable[..., Browser]) -> None:
    step = EscalationStep(after_seconds=7200, words="2 hours", teams=("leads",))
    request = make_request(services.sessions, terms=rule(DBA, escalation=(step,)))
    dba, lead = at("DBA", "dba"), at("Lead", "leads")
    open_page(dba, request)
    assert dba.button("Escalate").text == "Escalate to leads"
    dba.send(form(dba, "escalations"), status=422, reason=" ")
    dba.send(form(dba, "escalations"), reason="It is urgent.")
    assert "Escalated to leads, with higher priority" in dba.follow().text
    assert "escalated this: leads must approve as well" in dba.page.one(id="timeline").text
    assert dba.button("Escalate").text == "Escalate"
    assert open_page(lead, request).button("Approve")


def test_more_time(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions)
    open_page(reviewer, request)
    later = request.expires_at + timedelta(hours=5)
    reviewer.send(form(reviewer, "extension"), status=422, until="soon", reason="Why not.")
    assert "Enter a date and a time." in reviewer.page.text
    assert reviewer.page.one("input", id="extend-reason").attributes["value"] == "Why not."
    reviewer.send(
        form(reviewer, "extension"), until=f"{later + timedelta(hours=2):%Y-%m-%dT%H:%M}", zone="Africa/Maputo",
        reason="The owner is asleep.",
    )  # fmt: skip
    assert now_of(services, request).expires_at == later.replace(second=0, microsecond=0)
    assert "extended once" in reviewer.follow().text and "The owner is asleep." in reviewer.page.text


def test_taking_a_decision_back(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, risk=RiskLevel.CRITICAL)
    open_page(reviewer, request).send(reviewer.form("decide"), reviewer.button("Approve"))
    reviewer.follow()
    reviewer.send(form(reviewer, "withdrawal"))
    assert "You can decide again." in reviewer.follow().text
    assert "approved, which no longer counts" in reviewer.page.one(id="timeline").text
    assert reviewer.button("Approve").text == "Approve, as 1 of 2"


def test_reopening_what_was_rejected(services: Services, reviewer: Browser, people: dict[str, Person]) -> None:
    request = make_request(services.sessions)
    reject(services, request, people["other"])
    open_page(reviewer, request)
    reviewer.send(form(reviewer, "reopening"), status=422, reason=" ")
    reviewer.send(form(reviewer, "reopening"), reason="There are backups now.")
    assert "Reopened" in reviewer.follow().one(id="request-said").text
    assert now_of(services, request).reopened_at is not None


@pytest.mark.parametrize("act", ["claim", "release", "assignment", "extension", "withdrawal", "reopening"])
def test_the_address_of_an_act_opened_again_shows_the_request(services: Services, reviewer: Browser, act: str) -> None:
    request = make_request(services.sessions)
    reviewer.get(f"/requests/{request.id}/{act}", 303)
    assert reviewer.follow().one("h1").text == request.title


# An edit that raises the risk


def test_an_edit_that_raises_the_risk_is_shown_first_and_sent_when_it_is_meant(
    services: Services, reviewer: Browser
) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    open_page(reviewer, request)
    edit = {"content": "delete from orders", "comment": "Needed today."}
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve"), 409, **edit)
    said = reviewer.page.one("div", role="alert").text
    assert "Not sent yet: your changes raise the risk from low to critical" in said
    assert "two reviewers (critical risk)" in said and "2 approvals" in said
    assert reviewer.page.one("textarea", name="content").text == "delete from orders"
    assert reviewer.page.one("textarea", name="comment").text == "Needed today."
    assert now_of(services, request).state == "pending" and now_of(services, request).approvals == 0
    other = edit | {"content": "drop table orders"}
    again = reviewer.button("Approve with changes as critical risk; needs 2 approvals")
    reviewer.send(reviewer.form("decide"), again, 409, **other)
    assert now_of(services, request).approvals == 0, "the page had said nothing about this change yet"
    reviewer.send(reviewer.form("decide"), again, 409, **edit)
    reviewer.send(reviewer.form("decide"), reviewer.button("Approve with changes as critical risk; needs 2 approvals"))
    after = now_of(services, request)
    assert (after.payload["content"], after.risk, after.approvals, after.quorum) == (edit["content"], "critical", 1, 2)
    assert "Counted: 1 of 2" in reviewer.follow().text


def test_what_was_acknowledged_is_not_more_than_what_was_shown(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    open_page(reviewer, request).send(
        reviewer.form("decide"), status=409, content="drop table orders", acknowledged_risk="high"
    )
    assert "raise the risk from low to critical" in reviewer.page.text
    reviewer.send(reviewer.form("decide"), status=422, content="drop table orders", acknowledged_risk="huge")
    assert now_of(services, request).approvals == 0


def test_enter_in_a_field_does_not_send_an_edit_that_raises_the_risk(services: Services, reviewer: Browser) -> None:
    request = make_request(services.sessions, payload=script("select 1"), risk=RiskLevel.LOW)
    open_page(reviewer, request).send(
        reviewer.form("decide"), reviewer.button("Check this edit"), 200, content="drop table orders"
    )
    first = next(button for button in reviewer.page.all("button") if button.attributes.get("form") == "decide")
    assert "disabled" in first.attributes


# Signing in again


def signed_in(browser: Browser, app: Flask, minutes_ago: float, csrf: str) -> None:
    """The browser's session began so long ago."""
    assert browser.person is not None
    token = make_sign_in(app.extensions["assent"].sessions, browser.person, timedelta(minutes=minutes_ago))
    value = session_cookie(str(app.secret_key), token, csrf)
    browser.caller.client.set_cookie("assent_session", value)


def test_a_page_that_waits_for_a_fresh_sign_in_is_still_good_afterwards(
    services: Services, at: Callable[..., Browser], app: Flask
) -> None:
    request = make_request(services.sessions, payload=script("select 1"), terms=rule(reauthenticate_seconds=900))
    browser = at("High-risk reviewer")
    assert browser.person is not None
    signed_in(browser, app, minutes_ago=60, csrf="of the first session")
    open_page(browser, request)
    assert "you must have signed in within the last 15 min" in browser.page.one(id="decision").text
    browser.send(browser.form("decide"), browser.button("Approve"), 403, comment="A long thought.")
    assert browser.page.one("textarea", name="comment").text == "A long thought."
    kept = browser.page
    way = next(link for link in kept.one("div", role="alert").all("a") if "Sign in again" in link.text)
    assert "Sign in again" in browser.get(way.attributes["href"]).one("h1").text
    token = services.people.make_link(SYSTEM, browser.person.id)
    browser.get(f"/sign-in/{token}")
    browser.send(browser.page.one("form"))
    assert browser.follow().one("h1").text == request.title
    browser.page = kept
    browser.send(browser.form("decide"), browser.button("Approve"))
    assert now_of(services, request).state == "approved"


def test_rejecting_needs_no_fresh_sign_in(services: Services, at: Callable[..., Browser], app: Flask) -> None:
    request = make_request(services.sessions, terms=rule(reauthenticate_seconds=900))
    browser = at("Another reviewer")
    signed_in(browser, app, minutes_ago=60, csrf="of another session")
    open_page(browser, request).send(browser.form("decide"), browser.button("Reject"), comment="No.")
    assert now_of(services, request).state == "rejected"


def test_somebody_elses_sign_in_makes_the_page_void(services: Services, at: Callable[..., Browser], app: Flask) -> None:
    request = make_request(services.sessions)
    browser, other = at("One person"), at("Another person")
    assert other.person is not None
    open_page(browser, request)
    kept = browser.page
    browser.get(f"/sign-in/{services.people.make_link(SYSTEM, other.person.id)}")
    browser.send(browser.page.one("form"))
    browser.page = kept
    browser.send(browser.form("decide"), browser.button("Approve"), 400)
    assert now_of(services, request).state == "pending"


# The list


def test_the_filters_are_in_the_address_and_in_the_form(services: Services, at: Callable[..., Browser]) -> None:
    run = make_run(services.sessions)
    request = make_request(services.sessions, run, terms=rule(Stage(teams=("night-shift",))))
    mine = at("On the night shift", "night-shift")
    assert mine.get("/queue?mine=1").all("div", id=f"row-{request.id}")
    assert mine.page.one("input", id="q-mine").attributes["type"] == "checkbox"
    assert mine.get("/queue?team=night-shift").all("div", id=f"row-{request.id}")
    assert (
        mine.page.one("select", id="q-team").one("option", value="night-shift").attributes.get("selected") is not None
    )
    assert not mine.get("/queue?team=day-shift").all("div", id=f"row-{request.id}")
    stranger = at("A stranger")
    assert "No request is assigned to you" in stranger.get("/queue?mine=1").text
    open_page(mine, request)
    mine.get(f"/requests/{request.id}?mine=1")
    assert "mine=1" in mine.form("decide").attributes["action"]
