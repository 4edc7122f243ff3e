"""What time does to requests: each step once, in its order, however late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.domain.errors import (
    AlreadyDecidedError,
    ExpiredError,
    IllegalTransitionError,
)
from app.domain.lifecycle import RequestState
from app.domain.policy.terms import ChangeWindow, OnExpiry, Stage
from app.domain.ranking import MAX_PRIORITY, attention_at
from app.store.requests import ApprovalRequest, OutcomeRow
from assent.contracts import NextAction, Outcome, RiskLevel, Urgency, Verdict
from tests.factories import make_request, make_run
from tests.services.desk import Desk
from tests.services.timed import ESCALATED, EXPIRED, HEADS, HOUR, LEADS, WARNED, changed, opened, outcome, terms, timely

# The order of things


def test_nothing_happens_before_its_time_and_each_step_once(desk: Desk) -> None:
    request = opened(desk, terms(escalation=(LEADS, HEADS)))
    for hours, expected in [
        (1.99, []), (2, [ESCALATED]), (3, []), (4, [ESCALATED]), (6.99, []), (7, [WARNED]), (8, [EXPIRED]), (99, []),
    ]:  # fmt: skip
        desk.clock.ahead = timedelta(hours=hours, seconds=1)
        before = timely(desk, request)
        assert desk.keep(request) == len(expected)
        assert timely(desk, request) == before + expected
    assert desk.fresh(request).due_at is None


def test_after_a_day_without_a_worker_every_step_comes_in_its_order(desk: Desk) -> None:
    request = opened(desk, terms(escalation=(LEADS, HEADS)))
    desk.clock.ahead = 24 * HOUR
    assert desk.keep(request) == 4
    entries = [entry for entry in desk.audit(request) if entry.detail.get("due")]
    assert [entry.action for entry in entries] == [ESCALATED, ESCALATED, WARNED, EXPIRED]
    due = [datetime.fromisoformat(entry.detail["due"]) for entry in entries]
    assert due == [request.opened_at + hours * HOUR for hours in (2, 4, 7, 8)]
    assert all(entry.at >= request.opened_at + 24 * HOUR for entry in entries), "recorded is when it was really done"
    assert desk.events(request) == [*["request.changed"] * 3, "request.resolved"]


def test_a_clock_that_goes_back_repeats_nothing(desk: Desk) -> None:
    request = opened(desk, terms(escalation=(LEADS,)))
    for hours, steps in [(7.5, 2), (0, 0), (3, 0), (7.5, 0), (-5, 0), (9, 1), (0, 0), (9, 0)]:
        desk.clock.ahead = timedelta(hours=hours)
        assert desk.keep(request) == steps, hours
    assert timely(desk, request) == [ESCALATED, WARNED, EXPIRED]


def test_what_is_due_is_listed_the_longest_overdue_first(own_desk: Desk) -> None:
    desk = own_desk
    late = opened(desk, terms(deadline_seconds=7200, warn_seconds=0))
    soon = opened(desk, terms(deadline_seconds=3600, warn_seconds=0))
    opened(desk, terms(deadline_seconds=9000, warn_seconds=0))
    assert desk.checkpoints.due() == [] and desk.checkpoints.next_due_at() == soon.expires_at
    desk.clock.ahead = 2 * HOUR + timedelta(seconds=1)
    assert desk.checkpoints.due() == [soon.id, late.id]
    assert desk.checkpoints.due(1) == [soon.id]
    assert desk.checkpoints.due(besides={soon.id}) == [late.id]
    assert desk.checkpoints.next_due_at(besides=[soon.id]) == late.expires_at


def test_one_write_does_one_step_of_each(own_desk: Desk) -> None:
    desk = own_desk
    ends, warned, raised = (
        opened(desk, terms(warn_seconds=0)), opened(desk, terms()), opened(desk, terms(escalation=(LEADS,))),
    )  # fmt: skip
    released = changed(desk, opened(desk, terms()), state="approved", held_until=ends.opened_at + HOUR)
    open_still = opened(desk, terms(deadline_seconds=99 * 3600, warn_seconds=0))
    desk.clock.ahead = 9 * HOUR
    every = [ends, warned, raised, released, open_still]
    ids = [request.id for request in every]
    assert desk.checkpoints.keep_many(ids) == {*ids} - {open_still.id}
    assert [timely(desk, request) for request in every] == [[EXPIRED], [WARNED], [ESCALATED], ["request.released"], []]
    assert [desk.jobs(request.run_id) for request in every] == [1, 0, 0, 1, 0]
    states = [desk.run_state(request.run_id) for request in every]
    assert states == ["queued", *["suspended"] * 2, "queued", "suspended"]
    assert (desk.outcome(ends) is not None, desk.outcome(warned)) == (True, None)


def test_two_requests_of_one_run_wake_it_once(own_desk: Desk) -> None:
    desk, run = own_desk, make_run(own_desk.sessions)
    both = [changed(desk, make_request(desk.sessions, run, terms=terms(), expires_in=HOUR)) for _ in range(2)]
    desk.clock.ahead = 2 * HOUR
    for _ in range(2):
        assert desk.checkpoints.keep_many([request.id for request in both]) == {request.id for request in both}
    assert desk.jobs(run.id) == 1 and desk.run_state(run.id) == "queued"


def test_a_request_without_a_run_expires_as_well(desk: Desk) -> None:
    request = changed(desk, opened(desk, terms(warn_seconds=0)), run_id=None)
    desk.clock.ahead = 9 * HOUR
    assert desk.keep(request) == 1 and desk.fresh(request).state == "expired"


# Who comes at the same time


def test_many_at_once_do_each_step_once(own_desk: Desk, at_once: Callable[..., list[Any]]) -> None:
    desk = own_desk
    requests = [opened(desk, terms(escalation=(LEADS,))) for _ in range(10)]
    ids = [request.id for request in requests]
    desk.clock.ahead = 24 * HOUR
    for _ in range(12):
        results = at_once([lambda: desk.checkpoints.keep_many(ids)] * 4)
        assert not [result for result in results if isinstance(result, Exception)]
    for request in requests:
        assert timely(desk, request) == [ESCALATED, WARNED, EXPIRED]
        assert desk.jobs(request.run_id) == 1


def test_what_somebody_holds_is_left_and_keeps_nobody(own_desk: Desk) -> None:
    desk = own_desk
    held, other = opened(desk, terms()), opened(desk, terms())
    desk.clock.ahead = 24 * HOUR
    with desk.sessions.begin() as session:
        session.get_one(ApprovalRequest, held.id, with_for_update=True)
        assert desk.checkpoints.keep_many([held.id, other.id]) == {other.id}
    assert desk.keep(held) == 2
    assert timely(desk, held) == [WARNED, EXPIRED]


@pytest.mark.parametrize("round", range(8))
def test_a_vote_and_the_end_at_the_same_moment_give_one_outcome(
    desk: Desk, at_once: Callable[..., list[Any]], round: int
) -> None:
    request, reviewer = opened(desk, terms(warn_seconds=0)), desk.person()
    behind = opened(desk, terms())
    # The vote is in time by its own clock; the worker's clock is ahead.
    desk.clock.ahead = timedelta(0)
    changed(desk, request, expires_at=desk.clock() + timedelta(seconds=0.02 + 0.01 * round))

    def expire() -> bool:
        while not (done := desk.checkpoints.keep(request.id)) and desk.fresh(request).state == "pending":
            pass
        return done

    vote, end = at_once([lambda: desk.decide(request, reviewer), expire])
    state = desk.fresh(request).state
    assert (state == "approved") is not end and state in ("approved", "expired")
    assert isinstance(vote, ExpiredError | AlreadyDecidedError) is end
    assert desk.jobs(request.run_id) == 1 and desk.fresh(behind).state == "pending"


def test_a_late_vote_is_refused_before_the_step_has_run(desk: Desk) -> None:
    request, reviewer = opened(desk, terms(on_expiry=OnExpiry.APPROVE)), desk.person()
    desk.clock.ahead = 8 * HOUR
    with pytest.raises(ExpiredError):
        desk.decide(request, reviewer, Verdict.REJECT, comment="Too late.")
    assert desk.keep(request) == 2 and outcome(desk, request).verdict is Verdict.APPROVE


def test_a_row_that_is_wrong_about_its_time_is_corrected_and_nothing_else(desk: Desk) -> None:
    request = opened(desk, terms())
    with desk.sessions.begin() as session:
        session.execute(
            update(ApprovalRequest).where(ApprovalRequest.id == request.id).values(due_at=request.opened_at)
        )
    assert request.id in desk.checkpoints.due() and not desk.checkpoints.keep(request.id)
    now = desk.fresh(request)
    assert now.due_at == request.expires_at - HOUR and now.state == "pending" and not desk.audit(request)


# Escalation


def test_a_step_of_the_chain_adds_people_and_ranks_again(desk: Desk) -> None:
    request = opened(desk, terms(escalation=(LEADS, HEADS), stages=(Stage(teams=("dba",)),)))
    desk.clock.ahead = 5 * HOUR
    desk.keep(request)
    now = desk.fresh(request)
    assert now.escalated_to == ["team:leads", "person:head@example.org"]
    assert now.addressed_to == ["team:dba", *now.escalated_to]
    assert now.priority == 3 and now.attention_at == attention_at(request.expires_at, RiskLevel.LOW, 3, Urgency.NORMAL)
    first = next(entry for entry in desk.audit(request) if entry.action == ESCALATED)
    assert (first.detail["from"], first.detail["to"]) == (["team:dba"], ["team:dba", "team:leads"])
    assert "2 hours" in first.detail["reason"]


def test_by_hand_the_next_step_comes_at_once_and_not_again(desk: Desk) -> None:
    request, reviewer = opened(desk, terms(escalation=(LEADS, HEADS))), desk.person()
    now = desk.checkpoints.escalate(request.id, reviewer, "The release waits.")
    assert (now.escalation, now.priority, now.escalated_to) == (1, 2, ["team:leads"])
    assert now.due_at == request.opened_at + 4 * HOUR
    entry = desk.audit(request)[-1]
    assert entry.actor_id == reviewer.id and entry.detail["reason"] == "The release waits."
    desk.clock.ahead = 5 * HOUR
    assert desk.keep(request) == 1 and desk.fresh(request).escalation == 2


def test_who_can_be_asked_is_asked_even_at_the_highest_priority(desk: Desk) -> None:
    request, reviewer = opened(desk, terms(escalation=(LEADS,)), priority=MAX_PRIORITY), desk.person()
    now = desk.checkpoints.escalate(request.id, reviewer, "Now.")
    assert (now.priority, now.escalated_to) == (MAX_PRIORITY, ["team:leads"])
    with pytest.raises(IllegalTransitionError):
        desk.checkpoints.escalate(request.id, reviewer, "More.")


# Holding and claims


def test_what_was_held_is_released_when_its_window_opens(desk: Desk) -> None:
    request = opened(desk, terms())
    until = request.opened_at + HOUR
    held = _held(desk, request, until)
    assert held.due_at == until and desk.progress.begin(request.run_id or "") is None
    desk.clock.ahead = HOUR - timedelta(minutes=1)
    assert not desk.keep(request)
    desk.clock.ahead = HOUR + timedelta(seconds=1)
    assert desk.keep(request) == 1 and timely(desk, request) == ["request.released"]
    now = desk.fresh(request)
    assert (now.held_until, now.due_at, now.state, desk.outcome(request).held_until) == (None, None, "approved", None)
    taken = desk.progress.begin(request.run_id or "")
    assert taken is not None and [delivery.request_id for delivery in taken.deliveries] == [request.id]


def test_a_window_that_was_missed_is_waited_for_again(desk: Desk) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    hour = ChangeWindow(timezone="UTC", days=tuple(range(7)), start="02:00", end="03:00")
    request = opened(desk, terms(windows=(hour,)))
    opening = datetime(tomorrow.year, tomorrow.month, tomorrow.day, 2, tzinfo=UTC)
    _held(desk, request, opening)
    desk.clock.ahead = opening + 5 * HOUR - datetime.now(UTC)
    assert desk.keep(request) == 1
    now = desk.fresh(request)
    assert now.held_until == now.due_at == desk.outcome(request).held_until == opening + timedelta(days=1)
    assert timely(desk, request) == ["request.held"] and desk.run_state(request.run_id) == "suspended"
    desk.clock.ahead += 19.5 * HOUR
    assert desk.keep(request) == 1 and timely(desk, request)[-1] == "request.released"


def _held(desk: Desk, request: ApprovalRequest, until: datetime) -> ApprovalRequest:
    """Approved, and waiting for a window."""
    now = changed(desk, request, state=RequestState.APPROVED.value, resolved_at=request.opened_at, held_until=until)
    body = Outcome(
        request_id=request.id, verdict=Verdict.APPROVE, payload=request.payload, digest=request.digest,
        proposed_digest=request.digest, decided_at=request.opened_at, next_action=NextAction.CONTINUE,
    )  # fmt: skip
    with desk.sessions.begin() as session:
        session.add(
            OutcomeRow(
                request_id=request.id, verdict="approve", next_action="continue", body=body.model_dump(mode="json"),
                at=request.opened_at, held_until=until,
            )
        )  # fmt: skip
    return now


def test_a_claim_lapses(desk: Desk) -> None:
    request, holder = opened(desk, terms()), desk.person("DBA on call")
    changed(desk, request, claimed_by_id=holder.id, claimed_by_name=holder.name, claimed_until=request.opened_at + HOUR)
    desk.clock.ahead = 1.1 * HOUR
    assert desk.keep(request) == 1
    now = desk.fresh(request)
    assert (now.claimed_by_id, now.claimed_by_name, now.claimed_until) == (None, "", None)
    assert desk.audit(request)[-1].detail["claimed_by"] == "DBA on call"
