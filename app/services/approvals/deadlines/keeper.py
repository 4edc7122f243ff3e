"""Carries out due steps of requests: each one once and in order, however late."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domain.policy.due import DueStep, next_due
from app.domain.text import is_storable
from app.services.approvals.deadlines.steps import DueRequest, DueSteps
from app.services.approvals.decisions.departures import settle_departures, settle_departures_on
from app.services.approvals.decisions.validity import lapsed
from app.services.approvals.ground import Ground
from app.services.approvals.intake.automatic_answers import AutomaticAnswers
from app.services.requests.assessment import due_inputs
from app.services.requests.line_comments import open_threads
from app.store.policies import Absence
from app.store.requests import ApprovalRequest, Decision


class DeadlineKeeper:
    """Carries out due steps."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._answers = AutomaticAnswers(ground)

    def keep_many(self, request_ids: Sequence[str]) -> set[str]:
        """Carry out the next due step of each request in one write. Automatic answers get writes of their own.

        Returns:
            The ids of the requests that this call changed. The others are not due, or are being changed by someone
            else.

        Raises:
            Exception: any error with one of the requests. In that case possibly none was changed.
        """
        now = self._ground.clock()
        steps, answered = DueSteps(now), set()
        due, wrong = self._load([request_id for request_id in request_ids if is_storable(request_id)], now)
        for item in due:
            if item.due.step is DueStep.RESOLVE and self._has_lapsed(item, now):
                # For example, an absence has just ended: approvals end first, and then the request is read again.
                settle_departures_on(self._ground.sessions, item.request.id, now)
                answered.add(item.request.id)
            elif item.due.step is not DueStep.ANSWER:
                steps.add(item)
            elif self._answers.answer(item.request):
                answered.add(item.request.id)
        for request in wrong:
            steps.correct(request)
        return (steps.write(self._ground.sessions) - {request.id for request in wrong}) | answered

    def _load(self, ids: Sequence[str], now: datetime) -> tuple[list[DueRequest], list[ApprovalRequest]]:
        """Those requests that have a due step, and those whose `due_at` is wrong."""
        query = select(ApprovalRequest).where(ApprovalRequest.id.in_(ids), ApprovalRequest.due_at <= now)
        due, wrong = [], []
        with self._ground.sessions.reads() as session:
            for request in session.scalars(query):
                inputs = due_inputs(request)
                step = next_due(inputs)
                if step is None or step.at > now:
                    wrong.append(request)
                else:
                    due.append(DueRequest(request, inputs.terms, step))
            # Every decision creates a new version, so a request of version 1 has no decisions.
            ends = (DueStep.EXPIRE, DueStep.RESOLVE)
            ending = [item.request.id for item in due if item.due.step in ends and item.request.version > 1]
            decisions: dict[str, list[Decision]] = {}
            if ending:
                stand = select(Decision).where(Decision.request_id.in_(ending), Decision.withdrawn_at.is_(None))
                for decision in session.scalars(stand.order_by(Decision.at)):
                    decisions.setdefault(decision.request_id, []).append(decision)
            found = [
                DueRequest(
                    item.request, item.terms, item.due, decisions.get(item.request.id, ()), _is_held_back(session, item)
                )
                for item in due
            ]
        return found, wrong

    def _has_lapsed(self, item: DueRequest, now: datetime) -> bool:
        with self._ground.sessions.reads() as session:
            return bool(lapsed(session, item.request, item.decisions, now))

    def settle_absences(self, since: datetime, until: datetime) -> None:
        """For absences that end after `since`: end approvals by the delegates, and their claims and assignments."""
        over = select(Absence.delegate_id).where(
            Absence.delegate_id.is_not(None), Absence.ended_at.is_(None), Absence.ends_at > since,
            Absence.ends_at <= until,
        )  # fmt: skip
        with self._ground.sessions.reads() as session:
            delegates = set(filter(None, session.scalars(over)))
        if delegates:
            with self._ground.sessions.begin() as session:
                settle_departures(session, delegates, self._ground.clock())

    def due(self, limit: int = 500, besides: Collection[str] = ()) -> list[str]:
        """Requests with a due step, the longest overdue first."""
        query = select(ApprovalRequest.id).where(ApprovalRequest.due_at <= self._ground.clock())
        # Requests of the same run are kept together, so that one write updates the run once.
        query = query.order_by(ApprovalRequest.due_at, ApprovalRequest.run_id, ApprovalRequest.id).limit(limit)
        with self._ground.sessions.reads() as session:
            return list(session.scalars(_without(query, besides)))

    def next_due_at(self, besides: Collection[str] = ()) -> datetime | None:
        """When the next step is (or was) due; None: never."""
        query = select(func.min(ApprovalRequest.due_at)).where(ApprovalRequest.due_at.is_not(None))
        with self._ground.sessions.reads() as session:
            return session.scalar(_without(query, besides))


def _is_held_back(session: Session, item: DueRequest) -> bool:
    """Read after the request itself: a comment that is opened later creates a new version of it."""
    return (
        item.due.step is DueStep.RESOLVE and item.terms.comments_resolved and bool(open_threads(session, item.request))
    )


def _without(query: Select[Any], besides: Collection[str]) -> Select[Any]:
    return query.where(ApprovalRequest.id != func.all(list(besides))) if besides else query
