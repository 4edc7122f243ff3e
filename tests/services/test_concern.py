"""Only those whose approval a request requires, its requester, and administrators withdraw, escalate, and assign it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.domain.errors import NotAskedError
from app.domain.people import Actor, Role
from app.services.reading.pages import Views
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests.factories import script
from tests.services.desk import Desk, asked
from tests.services.ruled import DBA, SECURITY, away, member, ruled, seen, terms

ACTS: dict[str, Callable[[Desk, ApprovalRequest, Actor, Actor], Any]] = {
    "cancel": lambda desk, request, actor, _who: desk.checkpoints.cancel(request.id, actor, "Not needed."),
    "escalate": lambda desk, request, actor, _who: desk.checkpoints.escalate(request.id, actor, "It is urgent."),
    "assign": lambda desk, request, actor, who: desk.checkpoints.assign(request.id, actor, who.id, "Your subject."),
}


@pytest.fixture
def staged(desk: Desk) -> Desk:
    """Requests need the approval of the team dba, then of the team security."""
    return ruled(desk, terms(DBA, SECURITY))


@pytest.mark.parametrize("act", ACTS)
def test_others_leave_the_requests_of_other_teams_alone(staged: Desk, act: str) -> None:
    requester, dba = member(staged, "Requester", "apps"), member(staged, "DBA", "dba")
    request = staged.open(requester=requester)
    outsider = member(staged, "Outsider", "sre")
    assert not getattr(seen(staged, request, outsider).acts, act)
    before = staged.counts()
    with pytest.raises(NotAskedError, match="whose approval is required"):
        ACTS[act](staged, request, outsider, dba)
    assert staged.counts() == before
    assert staged.fresh(request).version == request.version


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("who", ["asked", "asked later", "delegate", "requester", "admin"])
def test_those_concerned_handle_it(staged: Desk, act: str, who: str) -> None:
    requester, dba = member(staged, "Requester", "apps"), member(staged, "DBA", "dba")
    delegate = member(staged, "Delegate", "sre")
    away(staged, member(staged, "Away", "security"), delegate)
    request = staged.open(requester=requester)
    actor = {
        "asked": member(staged, "Colleague", "dba"), "asked later": member(staged, "Security", "security"),
        "delegate": delegate, "requester": requester,
        "admin": member(staged, "Admin", roles=[Role.ADMIN]),
    }[who]  # fmt: skip
    assert getattr(seen(staged, request, actor).acts, act)
    ACTS[act](staged, request, actor, dba)
    assert staged.fresh(request).version == request.version + 1


def test_somebody_asked_by_an_escalation_is_concerned(desk: Desk) -> None:
    lead = member(desk, "Lead", "leads")
    staged = ruled(desk, terms(DBA, SECURITY))
    request = staged.open(requester=member(staged, "Requester"))
    with desk.sessions.begin() as session:
        session.get_one(ApprovalRequest, request.id).addressed_to = ["team:dba", "team:leads"]
    staged.checkpoints.cancel(request.id, lead, "Not needed.")
    assert staged.fresh(request).state == "cancelled"


def test_a_rejection_is_reopened_by_those_concerned(desk: Desk) -> None:
    staged = ruled(desk, terms(DBA))
    dba = member(staged, "DBA", "dba")
    request = staged.open(requester=member(staged, "Requester"))
    staged.decide(request, dba, Verdict.REJECT, comment="No.")
    outsider = member(staged, "Outsider", "sre")
    assert not seen(staged, request, outsider).acts.reopen
    with pytest.raises(NotAskedError):
        staged.checkpoints.reopen(request.id, outsider, "It is empty now.")
    assert seen(staged, request, dba).acts.reopen
    staged.checkpoints.reopen(request.id, dba, "It is empty now.")


def test_cancelling_a_run_withdraws_its_requests_and_so_needs_the_same(desk: Desk) -> None:
    rules = {"first": terms(DBA), "second": terms(SECURITY)}
    staged = ruled(desk, lambda facts: rules[facts.node])
    requester, dba = member(staged, "Requester", "apps"), member(staged, "DBA", "dba")
    both = member(staged, "Both", "dba", "security")
    run = staged.run(requester)
    staged.suspend(run, asked(script("select 1"), node="first"), asked(script("select 2"), node="second"))
    views = Views(staged.sessions, staged.clock)
    for actor in (member(staged, "Outsider", "sre"), dba):
        assert views.run(run.id, actor).controls == ("pause", "ask")
        with pytest.raises(NotAskedError):
            staged.runs.cancel(actor, run.id, "Not needed.")
    assert staged.run_state(run.id) == "suspended"
    assert views.run(run.id, both).controls == ("pause", "ask", "cancel")
    staged.runs.cancel(both, run.id, "Not needed.")
    assert staged.run_state(run.id) == "cancelled"


def test_a_run_that_waits_for_nobody_can_be_stopped_by_any_reviewer(desk: Desk) -> None:
    run = desk.run(member(desk, "Requester", "apps"))
    desk.runs.cancel(member(desk, "Outsider", "sre"), run.id, "It runs amok.")
    assert desk.run_state(run.id) == "running"  # until its worker sees the wish
