"""Nobody approves alone what two are asked for: not the requester, not an agent, not in somebody else's name."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.domain.errors import (
    AssentError,
    DuplicateDecisionError,
    ForbiddenError,
    NotAskedError,
    OwnRequestError,
    ReauthenticationError,
)
from app.domain.people import Actor, Role, Sight, Via
from app.domain.policy.terms import Stage
from app.services.approvals.decisions.decision import DecisionResult
from app.services.requests.entitlement import HARMLESS
from app.store.requests import ApprovalRequest
from assent.contracts import Outcome, Verdict
from tests.factories import optimizations, question
from tests.services.desk import Desk
from tests.services.ruled import DBA, SECURITY, away, member, ruled, seen, terms
from tests.thorough import sample


@pytest.fixture
def staged(desk: Desk) -> Desk:
    """One from DBA."""
    return ruled(desk, terms(DBA))


@pytest.mark.parametrize("via", list(Via))
@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_requester_never_by_whatever_way(desk: Desk, via: Via, verdict: Verdict) -> None:
    starter = member(desk, "Starter", "dba", roles=Role, via=via)
    request = ruled(desk, terms(DBA)).open(requester=starter)
    with pytest.raises(OwnRequestError):
        desk.decide(request, starter, verdict, comment="Fine.", answer="x", change={"content": "select 2"})
    assert seen(desk, request, starter).verdicts == ()


def test_an_agent_never_whatever_its_account_may(staged: Desk) -> None:
    person = member(staged, "Robot", "dba", roles=Role)
    request = staged.open()
    with pytest.raises(ForbiddenError):
        staged.decide(request, replace(person, kind="agent"))


# In somebody else's name


def test_a_delegate_decides_for_whom_they_stand_in_and_it_shows(staged: Desk) -> None:
    desk = staged
    absent, delegate = member(desk, "DBA on call", "dba"), member(desk, "Reviewer")
    away(desk, absent, delegate)
    request = desk.open()
    assert seen(desk, request, delegate).on_behalf_of == "DBA on call"
    desk.decide(request, delegate, comment="As we said.")
    decision = desk.decisions(request)[0]
    assert (decision.person_id, decision.on_behalf_of_id) == (delegate.id, absent.id)
    assert decision.on_behalf_of_name == "DBA on call"
    entry = next(entry for entry in desk.audit(request) if entry.action == "request.decided")
    assert entry.actor_name == "Reviewer"
    assert entry.detail["on_behalf_of"] == {"id": absent.id, "name": "DBA on call"}
    outcome = Outcome.model_validate(desk.outcome(request).body)
    assert outcome.remarks[0].who == "Reviewer (for DBA on call)"
    line = next(line for line in seen(desk, request, absent).timeline if line.verdict == "approve")
    assert line.who == "Reviewer (for DBA on call)"


def ended(desk: Desk, absent: Actor, delegate: Actor) -> None:
    away(desk, absent, delegate, ended_at=desk.clock() - timedelta(minutes=1))


NOT_NOW: list[Callable[[Desk, Actor, Actor], None]] = [
    lambda desk, absent, delegate: None,
    lambda desk, absent, delegate: away(desk, absent, delegate, 1, 2),
    lambda desk, absent, delegate: away(desk, absent, delegate, -2, -1),
    lambda desk, absent, delegate: away(desk, absent, None),
    lambda desk, absent, delegate: away(desk, delegate, absent),
    ended,
]


@pytest.mark.parametrize("arrange", NOT_NOW)
def test_nobody_stands_in_before_or_after_or_for_somebody_who_is_here(
    staged: Desk, arrange: Callable[[Desk, Actor, Actor], None]
) -> None:
    absent, delegate = member(staged, "Ana", "dba"), member(staged, "Reviewer")
    arrange(staged, absent, delegate)
    with pytest.raises(NotAskedError):
        staged.decide(staged.open(), delegate)


@pytest.mark.parametrize("roles", [(Role.VIEWER,), (Role.AUDITOR,)])
def test_nobody_lends_what_they_do_not_have(staged: Desk, roles: tuple[Role, ...]) -> None:
    delegate = member(staged, "Reviewer")
    away(staged, member(staged, "Onlooker", "dba", roles=roles), delegate)
    with pytest.raises(NotAskedError):
        staged.decide(staged.open(), delegate)


def test_a_delegate_who_may_not_decide_may_not_for_others(staged: Desk) -> None:
    delegate = member(staged, "Onlooker", roles=[Role.VIEWER])
    away(staged, member(staged, "Ana", "dba"), delegate)
    with pytest.raises(ForbiddenError):
        staged.decide(staged.open(), delegate)


def test_nobody_stands_in_for_somebody_a_third_stands_in_for(staged: Desk) -> None:
    absent, second, third = member(staged, "Ana", "dba"), member(staged, "Second"), member(staged, "Third")
    away(staged, absent, second)
    away(staged, second, third)
    request = staged.open()
    with pytest.raises(NotAskedError):
        staged.decide(request, third)
    assert staged.decide(request, second).resolved


def test_nobody_decides_for_the_requester(staged: Desk) -> None:
    starter, delegate = member(staged, "Ana", "dba"), member(staged, "Reviewer")
    away(staged, starter, delegate)
    request = staged.open(requester=starter)
    with pytest.raises(OwnRequestError, match="Ana, whose delegate you are, started this run"):
        staged.decide(request, delegate)
    other = member(staged, "Dov", "dba")
    away(staged, other, delegate)
    staged.decide(request, delegate)
    assert staged.decisions(request)[0].on_behalf_of_id == other.id


def test_the_requester_decides_for_nobody(staged: Desk) -> None:
    absent, starter = member(staged, "Ana", "dba"), member(staged, "Starter")
    away(staged, absent, starter)
    with pytest.raises(OwnRequestError):
        staged.decide(staged.open(requester=starter), starter)


def test_somebody_who_is_asked_decides_for_themselves(staged: Desk) -> None:
    absent, delegate = member(staged, "Ana", "dba"), member(staged, "Dov", "dba")
    away(staged, absent, delegate)
    request = staged.open()
    staged.decide(request, delegate)
    assert staged.decisions(request)[0].on_behalf_of_id is None


def test_one_person_and_their_delegate_are_one(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(name="DBA", teams=("dba",), quorum=2)))
    absent, delegate, other = member(desk, "Ana", "dba"), member(desk, "Reviewer"), member(desk, "Other")
    away(desk, absent, delegate)
    away(desk, absent, other)
    request = desk.open()
    desk.decide(request, delegate)
    with pytest.raises(DuplicateDecisionError, match="Reviewer has decided on your behalf"):
        desk.decide(request, absent)
    with pytest.raises(DuplicateDecisionError, match="Ana, whose delegate you are, has decided"):
        desk.decide(request, other)
    with pytest.raises(DuplicateDecisionError, match="You have decided"):
        desk.decide(request, delegate)
    assert desk.fresh(request).approvals == 1


def test_after_the_person_themselves_their_delegate_cannot(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(teams=("dba",), quorum=2)))
    absent, delegate = member(desk, "Ana", "dba"), member(desk, "Reviewer")
    away(desk, absent, delegate)
    request = desk.open()
    desk.decide(request, absent)
    with pytest.raises(DuplicateDecisionError):
        desk.decide(request, delegate)


def test_one_delegate_of_two_is_one_person(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(teams=("dba",), quorum=2)))
    delegate = member(desk, "Reviewer")
    for name in ("Ana", "Dov"):
        away(desk, member(desk, name, "dba"), delegate)
    request = desk.open()
    desk.decide(request, delegate)
    with pytest.raises(DuplicateDecisionError):
        desk.decide(request, delegate)


def test_an_editor_is_not_the_second_person_in_anybodys_name(desk: Desk) -> None:
    desk = ruled(desk, terms(DBA, SECURITY))
    editor, absent = member(desk, "Editor", "dba"), member(desk, "Sam", "security")
    away(desk, absent, editor)
    request = desk.open()
    desk.decide(request, editor, Verdict.MODIFY, change={"content": "select 2"})
    now = desk.fresh(request)
    assert now.stage == 1
    with pytest.raises(DuplicateDecisionError):
        desk.decide(now, editor)
    assert seen(desk, now, editor).verdicts == ()
    assert desk.decide(now, absent).resolved, "who is back decides"


def test_both_at_once_are_counted_once(desk: Desk, at_once: Callable[[list[Callable[[], Any]]], list[Any]]) -> None:
    desk = ruled(desk, terms(Stage(teams=("dba",), quorum=2)))
    for _ in range(5):
        absent, delegate = member(desk, "Ana", "dba"), member(desk, "Reviewer")
        away(desk, absent, delegate)
        request = desk.open()
        results = at_once([partial(desk.decide, request, who) for who in (absent, delegate)])
        assert sum(isinstance(result, DecisionResult) for result in results) == 1, results
        assert any(isinstance(result, DuplicateDecisionError) for result in results)
        assert desk.fresh(request).approvals == 1


# A sign-in that is fresh


@pytest.mark.parametrize("minutes", [None, 11, -11])
def test_an_old_sign_in_lets_nothing_through_but_may_refuse(desk: Desk, minutes: int | None) -> None:
    desk = ruled(desk, terms(reauthenticate_seconds=600))
    since = desk.clock() - timedelta(minutes=minutes) if minutes else None
    reviewer = member(desk, "Reviewer", authenticated_at=since)
    cases = [
        (optimizations(), Verdict.APPROVE, {}),
        (optimizations(), Verdict.MODIFY, {"change": {"items": [{"id": "a"}]}}),
        (question(), Verdict.ANSWER, {"answer": "x"}),
    ]  # fmt: skip
    for document, verdict, values in cases:
        request = desk.open(document)
        assert seen(desk, request, reviewer).sign_in_first
        with pytest.raises(ReauthenticationError) as told:
            desk.decide(request, reviewer, verdict, **values)
        assert told.value.extra == {"max_age_seconds": 600}
        assert desk.decide(request, reviewer, Verdict.REJECT, comment="No.").resolved
    assert desk.decide(desk.open(), reviewer, Verdict.REQUEST_CHANGES, comment="Smaller.").resolved


def test_a_fresh_sign_in_will_do(desk: Desk) -> None:
    desk = ruled(desk, terms(reauthenticate_seconds=600))
    reviewer = member(desk, "Reviewer", authenticated_at=desk.clock() - timedelta(minutes=9))
    request = desk.open()
    assert not seen(desk, request, reviewer).sign_in_first
    assert desk.decide(request, reviewer).resolved


# The page and the decision agree

VALUES: dict[Verdict, dict[str, Any]] = {
    Verdict.APPROVE: {},
    Verdict.MODIFY: {"change": {"content": "select 9"}},
    Verdict.REQUEST_CHANGES: {},
    Verdict.REJECT: {},
    Verdict.ANSWER: {"answer": "another"},
}
DOCUMENTS: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "script": (None, {}),
    "script of another dialect": (None, {"dialect": "batched"}),
    "question": (question(), {}),
    "value": ({"kind": "value", "title": "What now?", "value": "What now?"}, {"dialect": "value"}),
    "form": (
        {"kind": "value", "title": "What now?", "value": "?"},
        {"dialect": "schema", "response_schema": {"type": "string"}},
    ),
}
RULES = {
    "anyone": terms(),
    "two of anyone": terms(Stage(quorum=2), deny_threshold=2),
    "two stages": terms(DBA, SECURITY, deny_threshold=2),
    "DBA, then anyone": terms(Stage(teams=("dba",), quorum=2), Stage(), deny_threshold=2),
    "no edits, fresh sign-in": terms(Stage(quorum=3), edit_allowed=False, reauthenticate_seconds=60, deny_threshold=2),
}
PAST: list[list[tuple[str, Verdict]]] = [
    [],
    [("ana", Verdict.APPROVE)],
    [("ana", Verdict.MODIFY)],
    [("ana", Verdict.REJECT)],
    [("ana", Verdict.ANSWER)],
    [("delegate", Verdict.APPROVE)],
    [("delegate", Verdict.ANSWER)],
    [("both", Verdict.APPROVE)],
    [("both", Verdict.MODIFY)],
    [("ana", Verdict.APPROVE), ("both", Verdict.MODIFY)],
    [("ana", Verdict.APPROVE), ("sam", Verdict.MODIFY)],
    [("ana", Verdict.APPROVE), ("sam", Verdict.REJECT)],
    [("ana", Verdict.ANSWER), ("sam", Verdict.ANSWER)],
    [("other", Verdict.REJECT), ("ana", Verdict.APPROVE)],
]


def crowd(desk: Desk) -> dict[str, Actor]:
    """All kinds of people; the delegate stands in for Ana and for the requester."""
    people = {
        "ana": member(desk, "Ana", "dba"), "sam": member(desk, "Sam", "security"),
        "both": member(desk, "Both", "dba", "security"), "other": member(desk, "Other"),
        "starter": member(desk, "Starter", "dba", "security"),
        "onlooker": member(desk, "Onlooker", "dba", roles=[Role.VIEWER]),
        "delegate": member(desk, "Delegate"), "fresh": member(desk, "Fresh", "dba", authenticated_at=desk.clock()),
    }  # fmt: skip
    people["agent"] = replace(member(desk, "Agent", "dba"), kind="agent", sight=Sight.ALL)
    for name in ("ana", "starter"):
        away(desk, people[name], people["delegate"])
    return people


SITUATIONS = [(rule, "script") for rule in RULES] + [
    ("two stages", "question"), ("two of anyone", "question"), ("no edits, fresh sign-in", "form"),
    ("anyone", "script of another dialect"), ("anyone", "value"),
]  # fmt: skip


def brought_to(desk: Desk, kind: str, people: dict[str, Actor], past: list[tuple[str, Verdict]]) -> ApprovalRequest:
    """A request after what has happened so far; what is refused of that has not happened."""
    document, values = DOCUMENTS[kind]
    request = desk.open(document, people["starter"], **values)
    for name, word in past:
        content = {"change": {"content": f"select '{name}'"}} if word is Verdict.MODIFY else {}
        said = {"answer": name} if word is Verdict.ANSWER else {}
        with suppress(AssentError):
            desk.decide(desk.fresh(request), people[name], word, comment="So.", **content, **said)
    return desk.fresh(request)


def tried(desk: Desk, request: ApprovalRequest, who: Actor, verdict: Verdict) -> AssentError | None:
    """How somebody's decision is refused; None if it is taken."""
    try:
        desk.decide(request, who, verdict, comment="So.", **VALUES[verdict])
    except AssentError as error:
        return error
    return None


@pytest.mark.parametrize(("rule", "kind"), SITUATIONS)
def test_the_page_offers_exactly_what_a_decision_takes(desk: Desk, rule: str, kind: str) -> None:
    """What the page offers anybody in any situation is taken, and nothing else is."""
    desk, people = ruled(desk, RULES[rule]), crowd(desk)
    asking = kind in ("question", "value", "form")
    pasts = [past for past in PAST if all((word is Verdict.ANSWER) == asking or word is Verdict.REJECT
                                          for _, word in past)]  # fmt: skip
    taken = refused = 0
    for number, past in sample(list(enumerate(pasts))):
        request = brought_to(desk, kind, people, past)
        for at, (name, who) in enumerate(people.items()):
            view = seen(desk, request, who)
            assert bool(view.why_not) == (view.verdicts == ()), (past, name)
            old = {verdict for verdict in view.verdicts if view.sign_in_first and verdict not in HARMLESS}
            for verdict in Verdict:
                where = (rule, kind, past, name, verdict, view.verdicts)
                if verdict in old:
                    assert isinstance(tried(desk, request, who, verdict), ReauthenticationError), where
                    refused += 1
                elif verdict not in view.verdicts:
                    assert tried(desk, request, who, verdict) is not None, where
                    refused += 1
                elif (number + at + list(Verdict).index(verdict)) % 2 == 0:
                    # Half of what is offered is tried, each on a request of its own, because it changes it.
                    error = tried(desk, brought_to(desk, kind, people, past), who, verdict)
                    assert error is None, (*where, error)
                    taken += 1
    assert taken and refused
