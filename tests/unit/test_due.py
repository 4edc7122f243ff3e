"""What is due next: by examples, and for arbitrary terms as a small simulation of the steps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.domain.policy.due import Due, DueInputs, DueStep, next_due
from app.domain.policy.expiry import expiry_means
from app.domain.policy.terms import EscalationStep, OnExpiry, Terms
from assent.contracts import RiskLevel

OPENED = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def terms(*after_hours: float, hours: float = 8, warn_hours: float = 1, **values: object) -> Terms:
    chain = tuple(
        EscalationStep(after_seconds=int(offset * 3600), words=f"{offset} hours", teams=(f"team-{at}",))
        for at, offset in enumerate(after_hours)
    )
    return Terms(
        name="test", deadline_seconds=int(hours * 3600), warn_seconds=int(warn_hours * 3600), escalation=chain,
        **values,
    )  # fmt: skip


def due_inputs(given: Terms, **values: object) -> DueInputs:
    expires = OPENED + timedelta(seconds=given.deadline_seconds)
    return replace(DueInputs(True, OPENED, expires, given), **values)  # type: ignore[arg-type]


def done(stands: DueInputs, step: DueStep) -> DueInputs:
    """How the request stands after the step, as the CheckpointManager would leave it."""
    match step:
        case DueStep.RELEASE:
            return replace(stands, held_until=None)
        case DueStep.ANSWER:
            return replace(stands, answered_at_once=False)
        case DueStep.UNCLAIM:
            return replace(stands, claimed_until=None)
        case DueStep.WARN:
            return replace(stands, warned=True)
        case DueStep.ESCALATE:
            return replace(stands, escalation=stands.escalation + 1)
        case DueStep.EXPIRE:
            return replace(stands, pending=False)


def all_steps(stands: DueInputs) -> list[Due]:
    """Every step until nothing is due any more."""
    steps: list[Due] = []
    while (due := next_due(stands)) is not None:
        steps.append(due)
        assert len(steps) < 100
        stands = done(stands, due.step)
    return steps


def test_the_steps_come_in_the_order_of_their_instants() -> None:
    assert all_steps(due_inputs(terms(2, 7.5))) == [
        Due(OPENED + 2 * HOUR, DueStep.ESCALATE),
        Due(OPENED + 7 * HOUR, DueStep.WARN),
        Due(OPENED + 7.5 * HOUR, DueStep.ESCALATE),
        Due(OPENED + 8 * HOUR, DueStep.EXPIRE),
    ]


def test_what_is_due_at_the_same_instant_ends_last() -> None:
    stands = due_inputs(terms(0, warn_hours=8), answered_at_once=True, claimed_until=OPENED)
    assert [step.step for step in all_steps(stands)] == [
        DueStep.ANSWER, DueStep.UNCLAIM, DueStep.WARN, DueStep.ESCALATE, DueStep.EXPIRE,
    ]  # fmt: skip
    assert [step.step for step in all_steps(due_inputs(terms(), claimed_until=OPENED + 8 * HOUR))][1:] == [
        DueStep.UNCLAIM, DueStep.EXPIRE,
    ]  # fmt: skip


@pytest.mark.parametrize("after", [8, 9])
def test_a_step_of_the_chain_that_does_not_lie_before_the_end_never_comes(after: int) -> None:
    assert [step.step for step in all_steps(due_inputs(terms(after)))] == [DueStep.WARN, DueStep.EXPIRE]


def test_nobody_is_warned_where_the_terms_do_not_say_so() -> None:
    assert [step.step for step in all_steps(due_inputs(terms(warn_hours=0)))] == [DueStep.EXPIRE]


def test_what_has_ended_is_only_released() -> None:
    until = OPENED + 20 * HOUR
    over = due_inputs(terms(2), pending=False, claimed_until=OPENED, answered_at_once=True)
    assert next_due(over) is None
    assert all_steps(replace(over, held_until=until)) == [Due(until, DueStep.RELEASE)]


SPANS = some.integers(0, 50).map(lambda hours: float(hours))


@some.composite
def standings(draw: some.DrawFn) -> DueInputs:
    given = terms(*draw(some.lists(SPANS, max_size=5)), hours=draw(some.integers(1, 50)), warn_hours=draw(SPANS))
    return due_inputs(
        given,
        answered_at_once=draw(some.booleans()),
        claimed_until=draw(some.none() | SPANS.map(lambda hours: OPENED + hours * HOUR)),
    )


@given(standings())
def test_every_step_comes_at_most_once_and_the_end_comes_last(stands: DueInputs) -> None:
    steps = [step.step for step in all_steps(stands)]
    assert steps[-1] is DueStep.EXPIRE and steps.count(DueStep.EXPIRE) == 1
    assert steps.count(DueStep.WARN) == bool(stands.terms.warn_seconds)
    assert steps.count(DueStep.ESCALATE) <= len(stands.terms.escalation)
    assert steps.count(DueStep.ANSWER) == stands.answered_at_once


@given(standings())
def test_nothing_is_done_before_something_that_was_due_earlier(stands: DueInputs) -> None:
    # Steps of a chain stand in the policy's order, whatever their spans; apart from these the instants never go back.
    instants = [step.at for step in all_steps(stands) if step.step is not DueStep.ESCALATE]
    assert instants == sorted(instants)


@given(standings(), some.lists(some.integers(-20, 60), max_size=30))
def test_however_the_clock_jumps_the_steps_are_the_same_and_in_the_same_order(
    stands: DueInputs, hours: list[int]
) -> None:
    expected = all_steps(stands)
    seen: list[Due] = []
    for now in [*(OPENED + hour * HOUR for hour in hours), OPENED + 1000 * HOUR]:
        while (due := next_due(stands)) is not None and due.at <= now:
            seen.append(due)
            stands = done(stands, due.step)
    assert seen == expected


@pytest.mark.parametrize("risk", list(RiskLevel))
@pytest.mark.parametrize("kind", ["script", "question", "error", "value"])
@pytest.mark.parametrize("rejected", [False, True])
def test_silence_approves_only_what_is_harmless_and_nobody_rejected(risk: RiskLevel, kind: str, rejected: bool) -> None:
    given = terms(on_expiry=OnExpiry.APPROVE)
    meaning = expiry_means(given, risk=risk, kind=kind, escalation=0, rejected=rejected)
    harmless = risk in (RiskLevel.SAFE, RiskLevel.LOW) and kind == "script" and not rejected
    assert meaning is (OnExpiry.APPROVE if harmless else OnExpiry.REJECT)


def test_silence_asks_others_until_nobody_is_left() -> None:
    given = terms(2, 4, on_expiry=OnExpiry.ESCALATE)
    meanings = [
        expiry_means(given, risk=RiskLevel.SAFE, kind="script", escalation=done, rejected=False) for done in (0, 1, 2)
    ]
    assert meanings == [OnExpiry.ESCALATE, OnExpiry.ESCALATE, OnExpiry.REJECT]
    plain = expiry_means(terms(2), risk=RiskLevel.SAFE, kind="script", escalation=0, rejected=False)
    assert plain is OnExpiry.REJECT
