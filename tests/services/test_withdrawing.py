"""A decision can be taken back while the request is open, and nothing else goes with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from app.domain.errors import (
    AlreadyDecidedError,
    DuplicateDecisionError,
    ExpiredError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from app.domain.people import Role
from app.domain.policy.terms import Stage
from app.services.approvals.decisions.decision import DecisionResult
from assent.contracts import Outcome, RiskLevel, Verdict
from tests.factories import question, script
from tests.services.desk import Desk
from tests.services.ruled import DBA, SECURITY, away, happened, member, ruled, seen, terms


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Two of anyone; two rejections reject."""
    return ruled(desk, terms(Stage(quorum=2), deny_threshold=2))


def test_an_approval_that_is_taken_back_counts_no_more(two: Desk) -> None:
    desk = two
    request, one, other = desk.open(), member(desk, "One"), member(desk, "Other")
    desk.decide(request, one, comment="Fine.")
    assert seen(desk, request, one).withdrawable and not seen(desk, request, other).withdrawable
    result = desk.checkpoints.withdraw(request.id, one, "I looked at the wrong table.")
    assert not result.resolved
    assert result.words == "Your decision was withdrawn: 0 of 2. You can decide again."
    now = desk.fresh(request)
    assert (now.approvals, now.state, now.version) == (0, "pending", 3)
    assert desk.decisions(request)[0].withdrawn_at is not None, "it is kept"
    entry = desk.audit(request)[-1]
    assert (entry.action, entry.actor_name) == ("request.decision_withdrawn", "One")
    assert entry.detail["reason"] == "I looked at the wrong table." and entry.detail["verdict"] == "approve"
    assert happened(desk, request)[-1] == {"state": "pending", "what": "withdrawn", "progress": "0 of 2"}
    lines = [(line.who, line.what, line.comment) for line in seen(desk, request, other).timeline]
    assert ("One", "approved, which no longer counts", "Fine.") in lines
    assert ("One", "withdrew their decision", "I looked at the wrong table.") in lines
    assert not desk.decide(request, other).resolved
    assert desk.decide(request, one).resolved, "the person who took it back may decide again"
    assert [remark.who for remark in Outcome.model_validate(desk.outcome(request).body).remarks] == ["Other", "One"]


def test_a_rejection_stands_until_it_is_taken_back(two: Desk) -> None:
    desk = two
    request, one, other = desk.open(), member(desk, "One"), member(desk, "Other")
    desk.decide(request, one, Verdict.REJECT, comment="No.")
    with pytest.raises(DuplicateDecisionError):
        desk.decide(request, one)
    desk.checkpoints.withdraw(request.id, one)
    assert not desk.decide(request, other, Verdict.REJECT, comment="No.").resolved, "one rejection, not two"
    assert not desk.decide(request, one).resolved


def test_an_edit_stays_only_its_approval_goes(two: Desk) -> None:
    desk = two
    request, one = desk.open(), member(desk, "One")
    drop = {"content": "drop table t"}
    desk.decide(request, one, Verdict.MODIFY, change=drop, acknowledged_risk=RiskLevel.CRITICAL)
    edited = desk.fresh(request)
    desk.checkpoints.withdraw(request.id, one)
    now = desk.fresh(request)
    assert (now.payload, now.digest, now.risk, now.terms) == (
        edited.payload, edited.digest, "critical", edited.terms
    )  # fmt: skip
    assert now.approvals == 0
    assert not desk.decide(now, one).resolved, "and they may agree to it again"


def test_the_stage_falls_back(desk: Desk) -> None:
    desk = ruled(desk, terms(DBA, SECURITY))
    request, dba, security = desk.open(), member(desk, "Ana", "dba"), member(desk, "Sam", "security")
    desk.decide(request, dba)
    result = desk.checkpoints.withdraw(request.id, dba)
    assert result.words == "Your decision was withdrawn: 0 of 2. DBA reviews again. You can decide again."
    now = desk.fresh(request)
    assert (now.stage, now.addressed_to) == (0, ["team:dba"])
    assert happened(desk, request)[-1]["what"] == "earlier stage again"
    with pytest.raises(ForbiddenError):
        desk.decide(now, security)


def test_answers_count_without_the_one_that_is_taken_back(two: Desk) -> None:
    desk = two
    request, one, other, third = desk.open(question()), member(desk, "One"), member(desk, "Other"), member(desk, "X")
    desk.decide(request, one, Verdict.ANSWER, answer="x")
    desk.decide(request, other, Verdict.ANSWER, answer="y")
    desk.checkpoints.withdraw(request.id, other)
    assert desk.fresh(request).approvals == 1
    assert desk.decide(request, third, Verdict.ANSWER, answer="x").resolved


def test_what_was_decided_for_somebody_is_taken_back_by_the_one_who_decided(desk: Desk) -> None:
    desk = ruled(desk, terms(Stage(teams=("dba",), quorum=2)))
    absent, delegate = member(desk, "Ana", "dba"), member(desk, "Reviewer")
    away(desk, absent, delegate)
    request = desk.open()
    desk.decide(request, delegate)
    with pytest.raises(IllegalTransitionError):
        desk.checkpoints.withdraw(request.id, absent)
    desk.checkpoints.withdraw(request.id, delegate)
    assert desk.audit(request)[-1].detail["on_behalf_of"] == {"id": absent.id, "name": "Ana"}
    desk.decide(request, absent)
    assert desk.fresh(request).approvals == 1


def test_too_late_or_nothing_there(two: Desk) -> None:
    desk = two
    request, one, other = desk.open(), member(desk, "One"), member(desk, "Other")
    withdraw = desk.checkpoints.withdraw
    with pytest.raises(IllegalTransitionError):
        withdraw(request.id, one)
    with pytest.raises(NotFoundError):
        withdraw("nonsense", one)
    with pytest.raises(ForbiddenError):
        withdraw(request.id, member(desk, "Onlooker", roles=[Role.VIEWER]))
    desk.decide(request, one)
    with pytest.raises(InvalidInputError):
        withdraw(request.id, one, "a\x00b")
    desk.clock.ahead = timedelta(days=2)
    with pytest.raises(ExpiredError):
        withdraw(request.id, one)
    assert not seen(desk, request, one).withdrawable
    desk.clock.ahead = timedelta(0)
    desk.decide(request, other)
    with pytest.raises(AlreadyDecidedError):
        withdraw(request.id, one)
    assert desk.fresh(request).state == "approved"


def test_taking_back_while_the_last_one_agrees(
    two: Desk, at_once: Callable[[list[Callable[[], Any]]], list[Any]]
) -> None:
    """Either it was in time, and the request is open with one approval; or it was not, and there are two."""
    desk = two
    for _ in range(8):
        request, one, other = desk.open(script("select 1")), member(desk, "One"), member(desk, "Other")
        desk.decide(request, one)
        back, vote = at_once(
            [partial(desk.checkpoints.withdraw, request.id, one), partial(desk.decide, request, other)]
        )
        assert isinstance(vote, DecisionResult)
        now = desk.fresh(request)
        if isinstance(back, DecisionResult):
            assert (now.state, now.approvals, desk.outcome(request)) == ("pending", 1, None)
        else:
            assert isinstance(back, AlreadyDecidedError)
            assert (now.state, now.approvals) == ("approved", 2)
            assert all(decision.withdrawn_at is None for decision in desk.decisions(request))
