"""Replays: what another policy would have done with past requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.errors import ForbiddenError, InvalidInputError
from app.domain.lifecycle import RequestState
from app.domain.people import SYSTEM, Role
from app.domain.policy.terms import Stage, Terms
from app.services.policies import versions as policies_module
from app.services.policies.replay import Replay, ReplayedRequest
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict
from assent.digests import digest_of
from tests.factories import make_person, make_request, script
from tests.services.loaded import ONE_OF_ANYONE, OPERATOR, rule

APPROVE, REJECT, MODIFY = Verdict.APPROVE, Verdict.REJECT, Verdict.MODIFY


@pytest.fixture
def desk(policy_desk: Any) -> Any:
    """A desk on which loaded policies hold."""
    return policy_desk


@pytest.fixture
def past(desk: Any) -> Callable[..., ApprovalRequest]:
    """Makes a request of two hours ago with decisions, as (person, verdict, minutes after the opening, more)."""

    def make(*decisions: tuple[Any, ...], state: RequestState = RequestState.APPROVED, **values: Any) -> Any:
        opened = values.pop("opened_at", datetime.now(UTC) - timedelta(hours=2))
        payload = values.pop("payload", script("select 1"))
        last = opened + timedelta(minutes=decisions[-1][2] if decisions else 90)
        settled = None if state is RequestState.PENDING else last
        given = {"opened_at": opened, "resolved_at": settled, "terms": terms(), "risk": RiskLevel.LOW} | values
        request = make_request(desk.sessions, payload=payload, state=state, **given)
        with desk.sessions.begin() as session:
            for number, (person, verdict, minutes, *more) in enumerate(decisions):
                columns = {"digest": request.proposed_digest, "comment": "Because."} | (more[0] if more else {})
                session.add(
                    Decision(
                        id=f"{request.id}-{number}", request_id=request.id, person_id=person.id,
                        person_name=person.name, verdict=verdict.value, seen_digest=request.proposed_digest,
                        via="page", at=opened + timedelta(minutes=minutes), **columns,
                    )
                )  # fmt: skip
        return request

    return make


def terms(**values: Any) -> Terms:
    """What the past requests needed: one of anyone within eight hours."""
    return Terms(**{"name": "The rule", "deadline_seconds": 8 * 3600, "warn_seconds": 3600} | values)


def replayed(desk: Any, body: str, when: str = "size >= 0", **values: Any) -> Replay:
    """What a policy with that one rule would have done."""
    since = datetime.now(UTC) - timedelta(days=1)
    told: Replay = desk.policies.replay(OPERATOR, rule(body, when), since, **values)
    return told


def only(told: Replay) -> ReplayedRequest:
    """The only request that would have gone otherwise."""
    assert told.examined == 1
    [found] = told.changed
    return found


@pytest.fixture
def dba(desk: Any) -> Any:
    """Somebody of the team dba."""
    return make_person(desk.sessions, "DBA on call", teams=["dba"])


@pytest.fixture
def lead(desk: Any) -> Any:
    """Somebody of the team platform."""
    return make_person(desk.sessions, "Platform lead", teams=["platform"])


def test_what_stays_the_same_is_not_listed(desk: Any, past: Any, dba: Any) -> None:
    past((dba, APPROVE, 5))
    told = replayed(desk, "deadline: 8 hours")
    assert (told.examined, told.changed, told.stopped) == (1, (), "")
    assert [(rule.rule, rule.before, rule.after) for rule in told.rules] == [("The rule", 1, 1)]


def test_every_difference_of_the_terms_is_listed(desk: Any, past: Any) -> None:
    past(state=RequestState.PENDING)
    found = only(
        replayed(
            desk,
            """
stages: [{name: DBA, teams: dba}, {name: Security, teams: security, quorum: 2}]
deny_threshold: 2
reason_required: true
edit: false
reauthenticate: 15 minutes
change_windows: [{days: mon-fri, hours: "22:00-04:00", timezone: Europe/Berlin}]
deadline: 4 hours
on_expiry: escalate
warn: 10 minutes
escalation: [{after: 90 minutes, teams: dba-leads}]
unanswered: ask
grace: 20 seconds
grants: false
""",
        )
    )
    assert {difference.what: (difference.before, difference.after) for difference in found.differences} == {
        "stages": ("1 of any reviewer", "DBA: 1 of team dba, then Security: 2 of team security"),
        "deny_threshold": ("1", "2"),
        "edit_allowed": ("allowed", "not allowed"),
        "reason_required": (
            "request for changes and rejection",
            "approval, approval with changes, request for changes, rejection and answer",
        ),
        "reauthenticate": ("as long as the session lasts", "15 min"),
        "windows": ("at any time", "Mon–Fri 22:00–04:00 Europe/Berlin"),
        "deadline": ("8 h", "4 h"),
        "on_expiry": (
            "it is rejected",
            "it takes the next step of the escalation chain; after the last step, it is rejected",
        ),
        "warning": ("1 h", "10 min"),
        "escalation": ("none", "after 90 minutes team dba-leads, priority +1"),
        "unanswered": ("the call is denied", "the person at its keyboard decides"),
        "grants": ("allowed", "not allowed"),
        "grace": ("as configured", "20 s"),
    }
    assert (found.state, found.state_after, found.consequences) == (RequestState.PENDING, RequestState.PENDING, ())


def told_of(desk: Any, body: str, when: str = "size >= 0") -> tuple[RequestState | None, str]:
    """In which state the only request would be, and what is said of it, with times left out."""
    found = only(replayed(desk, body, when))
    words = " ".join(found.consequences)
    for moment in (desk.opened + timedelta(minutes=step) for step in range(0, 481, 5)):
        words = words.replace(moment.strftime("%Y-%m-%d %H:%M UTC"), "MOMENT")
    return found.state_after, words


def test_one_more_would_be_missing(desk: Any, past: Any, dba: Any, lead: Any) -> None:
    desk.opened = past((dba, APPROVE, 5)).opened_at
    assert told_of(desk, "stages: [{teams: dba}, {teams: platform}]\ndeadline: 8 hours") == (
        RequestState.PENDING, "Would still be waiting for 1 more from team platform.",
    )  # fmt: skip
    assert told_of(desk, "ask: {quorum: 2}\ndeadline: 1 hour") == (
        RequestState.EXPIRED,
        "Would still be waiting for 1 more from any reviewer. "
        "Without that it would have been rejected on expiry at MOMENT.",
    )


def test_the_approver_would_not_have_been_asked(desk: Any, past: Any, lead: Any) -> None:
    desk.opened = past((lead, APPROVE, 5)).opened_at
    state, words = told_of(desk, "ask: {teams: dba}\ndeadline: 8 hours")
    assert (state, words) == (
        RequestState.PENDING,
        "Platform lead would not have been an approver. Would still be waiting for 1 more from team dba.",
    )  # fmt: skip
    # An escalation that would have come before asks them after all.
    escalated = "ask: {teams: dba}\ndeadline: 8 hours\nescalation: [{after: 3 minutes, teams: platform}]"
    assert told_of(desk, escalated) == (RequestState.APPROVED, "")


def test_a_delegate_counts_for_whom_they_stood_in(desk: Any, past: Any, dba: Any, lead: Any) -> None:
    more = {"on_behalf_of_id": dba.id, "on_behalf_of_name": dba.name}
    desk.opened = past((lead, APPROVE, 5, more)).opened_at
    assert told_of(desk, "ask: {teams: dba}\ndeadline: 8 hours") == (RequestState.APPROVED, "")


def test_the_time_would_have_been_up_before(desk: Any, past: Any, dba: Any) -> None:
    desk.opened = past((dba, APPROVE, 65), understood=True).opened_at
    assert told_of(desk, "deadline: 1 hour") == (
        RequestState.EXPIRED,
        "Would have been rejected on expiry at MOMENT, before DBA on call decided.",
    )
    silence = told_of(desk, "deadline: 1 hour\non_expiry: approve", "risk.rank <= 1")
    assert silence == (
        RequestState.APPROVED,
        "Would have been approved on expiry at MOMENT, before DBA on call decided.",
    )


def test_a_single_rejection_would_not_do(desk: Any, past: Any, dba: Any) -> None:
    desk.opened = past((dba, REJECT, 5), state=RequestState.REJECTED).opened_at
    assert told_of(desk, "deny_threshold: 2\nask: {quorum: 2}\ndeadline: 8 hours")[0] is RequestState.PENDING


def test_the_first_of_two_would_have_been_enough(desk: Any, past: Any, dba: Any, lead: Any) -> None:
    two = terms(stages=(Stage(quorum=2),))
    desk.opened = past((dba, APPROVE, 5), (lead, APPROVE, 10), terms=two).opened_at
    assert told_of(desk, "deadline: 8 hours") == (
        RequestState.APPROVED, "Would have been approved on MOMENT, before Platform lead decided.",
    )  # fmt: skip
    desk.opened = past((dba, APPROVE, 5), terms=two, state=RequestState.PENDING).opened_at
    told = [change for change in replayed(desk, "deadline: 8 hours").changed if change.state is RequestState.PENDING]
    assert [change.consequences for change in told] == [("Would have been approved with the decision of DBA on call.",)]


def test_an_edit_is_judged_as_an_edit_of_the_proposal(desk: Any, past: Any, dba: Any, lead: Any) -> None:
    proposal, edited = script("select 1"), script("drop table orders")
    values = {
        "payload": edited, "proposed": proposal, "proposed_digest": digest_of(proposal), "risk": RiskLevel.CRITICAL,
        "state": RequestState.MODIFIED, "terms": terms(stages=(Stage(quorum=2),), name="Dangerous"),
    }  # fmt: skip
    change = {"digest": digest_of(edited), "change": {"content": "drop table orders"}}
    past((dba, MODIFY, 5, change), (lead, APPROVE, 10, {"digest": digest_of(edited)}), **values)
    since = datetime.now(UTC) - timedelta(days=1)

    careful = rule("ask: {quorum: 2}\ndeadline: 8 hours", when='risk.level == "critical"')
    found = only(desk.policies.replay(OPERATOR, careful + "default: {deadline: 4 hours}\n", since))
    # The facts are the proposal's: medium risk, which no rule is about. The edit raises what is needed all the same.
    assert (found.risk, found.rule_before, found.rule_after) == (RiskLevel.MEDIUM, "one reviewer", "policy's default")
    assert (found.state_after, found.consequences) == (RequestState.MODIFIED, ())

    three = rule("ask: {quorum: 3}\ndeadline: 8 hours", when='risk.level == "critical"')
    found = only(desk.policies.replay(OPERATOR, three + "default: {deadline: 4 hours}\n", since))
    assert found.consequences == ("Would still be waiting for 1 more from any reviewer.",)

    found = only(desk.policies.replay(OPERATOR, rule("edit: false\ndeadline: 8 hours"), since))
    assert found.state_after is None
    assert found.consequences == (
        "DBA on call could not have changed the proposal.", "The result cannot be determined.",
    )  # fmt: skip


def test_an_edit_that_falls_under_another_rule_without_more_risk_does_so_in_a_replay(
    desk: Any, past: Any, dba: Any
) -> None:
    proposal, edited = script("select 1"), script(f"select 1 -- {'x' * 2000}")
    change = {"digest": digest_of(edited), "change": {"content": edited["content"]}}
    past(
        (dba, MODIFY, 5, change), payload=edited, proposed=proposal, proposed_digest=digest_of(proposal),
        state=RequestState.MODIFIED,
    )  # fmt: skip
    large = rule("ask: {quorum: 2}\ndeadline: 8 hours", when="size > 2000", name="Large")
    since = datetime.now(UTC) - timedelta(days=1)
    found = only(desk.policies.replay(OPERATOR, large + "default: {deadline: 8 hours}\n", since))
    assert found.consequences == ("Would still be waiting for 1 more from any reviewer.",)


def test_a_change_window_would_have_held_it(desk: Any, past: Any, dba: Any) -> None:
    request = past((dba, APPROVE, 5))
    decided = request.opened_at + timedelta(minutes=5)
    opens = decided + timedelta(hours=3)
    hours = f"{opens:%H}:00-{opens:%H}:30"
    found = only(replayed(desk, f'deadline: 8 hours\nchange_windows: [{{hours: "{hours}", timezone: UTC}}]'))
    assert found.consequences == (f"Would have waited for its change window until {opens:%Y-%m-%d %H}:00 UTC.",)
    assert found.state_after is RequestState.APPROVED


def test_a_missing_reason_and_a_forbidden_grant_are_told(desk: Any, past: Any, dba: Any) -> None:
    past((dba, APPROVE, 5, {"comment": ""}))
    assert only(replayed(desk, "deadline: 8 hours\nreason_required: true")).consequences == (
        "DBA on call would have had to give a reason.",
    )
    past(answered_by="grant:1")
    told = [change for change in replayed(desk, "deadline: 8 hours\ngrants: false").changed if change.consequences]
    assert [change.consequences for change in told] == [
        (
            "The standing grant could not have approved it.",
            "Would still be waiting for 1 more from any reviewer.",
        )
    ]


def test_what_people_took_back_stays_taken_back(desk: Any, past: Any, dba: Any) -> None:
    past(state=RequestState.CANCELLED)
    found = only(replayed(desk, "deadline: 4 hours"))
    assert (found.state_after, found.consequences) == (RequestState.CANCELLED, ())


def test_a_replay_writes_nothing_and_stops_where_it_is_told_to(desk: Any, past: Any, dba: Any) -> None:
    newest = [past((dba, APPROVE, 5), opened_at=datetime.now(UTC) - timedelta(hours=hours)) for hours in (1, 2, 3)]
    counts = desk.counts()
    assert [change.id for change in replayed(desk, "deadline: 1 hour").changed] == [past.id for past in newest]
    told = replayed(desk, "deadline: 1 hour", limit=2)
    assert (told.examined, told.stopped, told.oldest) == (2, "limit", newest[1].opened_at)
    told = replayed(desk, "deadline: 1 hour", seconds=-1)
    assert (told.examined, told.stopped, told.oldest) == (0, "time", None)
    recent = desk.policies.replay(OPERATOR, rule("deadline: 1 hour"), datetime.now(UTC) - timedelta(minutes=90))
    assert recent.examined == 1
    assert desk.counts() == counts
    assert desk.policies.newest() is None


@pytest.mark.parametrize(("days", "limit", "field"), [(1, 0, "limit"), (1, 5001, "limit"), (-1, 10, "since")])
def test_a_period_that_makes_no_sense_is_refused(desk: Any, days: int, limit: int, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        desk.policies.replay(OPERATOR, ONE_OF_ANYONE, datetime.now(UTC) - timedelta(days=days), limit)
    assert list(refused.value.extra["fields"]) == [field]


def test_viewers_may_not_replay(desk: Any) -> None:
    since = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises(ForbiddenError):
        desk.policies.replay(desk.person(roles=[Role.VIEWER]), ONE_OF_ANYONE, since)
    desk.policies.replay(desk.person(roles=[Role.AUDITOR]), ONE_OF_ANYONE, since)


def test_which_rules_matched_lately_is_counted(desk: Any, past: Any, dba: Any, monkeypatch: Any) -> None:
    past((dba, APPROVE, 5))
    past(state=RequestState.PENDING)
    past((dba, APPROVE, 5), terms=terms(name="Another"))
    past((dba, APPROVE, 5), opened_at=datetime.now(UTC) - timedelta(days=40))
    since = datetime.now(UTC) - timedelta(days=30)
    counted = desk.policies.matched(SYSTEM, since)
    assert {name: rule.requests for name, rule in counted.items()} == {"The rule": 2, "Another": 1}
    monkeypatch.setattr(policies_module, "COUNTED", 1)
    assert sum(rule.requests for rule in desk.policies.matched(SYSTEM, since).values()) == 2
