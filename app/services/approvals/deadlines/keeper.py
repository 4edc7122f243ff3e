"""What time does to requests: whatever is due is done, once and in its order, however late."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from app.domain.policy.due import DueStep, next_due
from app.domain.text import is_storable
from app.services.approvals.deadlines.steps import Steps, Timely
from app.services.approvals.decisions.departures import settle_departures
from app.services.approvals.ground import Ground
from app.services.approvals.intake.automatic_answers import Answering
from app.services.requests.assessment import standing
from app.store.policies import Absence
from app.store.requests import ApprovalRequest, Decision


class Keeping:
    """Does what is due."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._answering = Answering(ground)

    def keep_many(self, request_ids: Sequence[str]) -> set[str]:
        """Do on each of these requests the one step that is due next, all in one write; answers in one of their own.

        Returns:
            The ids of those on which this call did something. The others are not due, or somebody changes them now.

        Raises:
            Exception: whatever one of them met with; then nothing may have been done on any.
        """
        now = self._ground.clock()
        steps, answered = Steps(now), set()
        due, wrong = self._load([each for each in request_ids if is_storable(each)], now)
        for each in due:
            if each.due.step is not DueStep.ANSWER:
                steps.add(each)
            elif self._answering.answer(each.request):
                answered.add(each.request.id)
        for request in wrong:
            steps.correct(request)
        return (steps.write(self._ground.sessions) - {request.id for request in wrong}) | answered

    def _load(self, ids: Sequence[str], now: datetime) -> tuple[list[Timely], list[ApprovalRequest]]:
        """Of these requests those on which something is due, and those that only say so."""
        query = select(ApprovalRequest).where(ApprovalRequest.id.in_(ids), ApprovalRequest.due_at <= now)
        due, wrong = [], []
        with self._ground.sessions.reads() as session:
            for request in session.scalars(query):
                stands = standing(request)
                step = next_due(stands)
                if step is None or step.at > now:
                    wrong.append(request)
                else:
                    due.append(Timely(request, stands.terms, step))
            # Every decision makes a new version: the first one has none before it.
            ending = [each.request.id for each in due if each.due.step is DueStep.EXPIRE and each.request.version > 1]
            decisions: dict[str, list[Decision]] = {}
            if ending:
                stand = select(Decision).where(Decision.request_id.in_(ending), Decision.withdrawn_at.is_(None))
                for decision in session.scalars(stand.order_by(Decision.at)):
                    decisions.setdefault(decision.request_id, []).append(decision)
        return [Timely(each.request, each.terms, each.due, decisions.get(each.request.id, ())) for each in due], wrong

    def settle_absences(self, since: datetime, until: datetime) -> None:
        """Have what delegates approved lapse, and leave their hands, whose absence's end lies after `since`."""
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
        """Requests on which something is due, the longest overdue first."""
        query = select(ApprovalRequest.id).where(ApprovalRequest.due_at <= self._ground.clock())
        # Those of one run beside each other, because one write then changes the run once.
        query = query.order_by(ApprovalRequest.due_at, ApprovalRequest.run_id, ApprovalRequest.id).limit(limit)
        with self._ground.sessions.reads() as session:
            return list(session.scalars(_without(query, besides)))

    def next_due_at(self, besides: Collection[str] = ()) -> datetime | None:
        """When something is due next, or was; None: never."""
        query = select(func.min(ApprovalRequest.due_at)).where(ApprovalRequest.due_at.is_not(None))
        with self._ground.sessions.reads() as session:
            return session.scalar(_without(query, besides))


def _without(query: Select[Any], besides: Collection[str]) -> Select[Any]:
    return query.where(ApprovalRequest.id != func.all(list(besides))) if besides else query
