"""Samples of what policies decided, which people review afterwards. A review has no effect on the run or the agent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Select, Text, all_, cast, func, select, tuple_, update
from sqlalchemy.orm import Session

from app.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotAskedError,
    NotFoundError,
    OwnRequestError,
)
from app.domain.people import Action, Actor
from app.domain.text import capitalized, is_storable
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.requests.comments import clean_comment
from app.services.requests.concern import is_concerned
from app.services.requests.requester import own_request
from app.store.engine import Sessions
from app.store.policies import DecisionSample
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel

COUNTED = 500
"""How many waiting samples are counted; beyond that, the count is capped."""
_NOBODY = "There is no such sample."


@dataclass(frozen=True)
class SampleRow:
    """A sample as a line of the list."""

    request_id: str
    title: str
    kind: str
    risk: RiskLevel
    workflow: str
    environment: str
    agent: str
    policy_version: int
    rule: str
    verdict: str
    drawn_at: datetime
    reviewed_at: datetime | None
    reviewer_name: str
    agrees: bool | None
    comment: str


@dataclass(frozen=True)
class SamplePage:
    """A page of the list. `next_cursor` is None on the last page."""

    rows: list[SampleRow]
    next_cursor: str | None


@dataclass(frozen=True)
class SampleView:
    """A sample as its request's page shows it.

    Attributes:
        why_not: why the viewer may not review it; empty if they may.
    """

    row: SampleRow
    why_not: str


class Samples:
    """The queue of samples, and the reviews."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def page(self, viewer: Actor, *, reviewed: bool = False, cursor: str = "", limit: int = 50) -> SamplePage:
        """Samples that wait, oldest first, or reviewed ones, newest first.

        Requesters do not see that their own requests were drawn before somebody has reviewed them, and agents never do.

        Args:
            cursor: the request of the previous page's last row.

        Raises:
            ForbiddenError, InvalidInputError.
        """
        viewer.require(Action.SEE_SAMPLES)
        order = _order(reviewed)
        query = _rows().where(_state(reviewed)).where(*_shown_to(viewer, reviewed))
        with self._sessions.reads() as session:
            if cursor:
                # Only rows that the viewer was shown, because a cursor that is valid tells what was drawn.
                shown = query.where(DecisionSample.request_id == cursor)
                found = session.execute(shown).one_or_none() if is_storable(cursor) else None
                if found is None:
                    raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
                last: DecisionSample = found[0]
                place = tuple_(order, DecisionSample.request_id)
                at = (last.reviewed_at if reviewed else last.drawn_at, last.request_id)
                query = query.where(place < at if reviewed else place > at)
            by = (order.desc(), DecisionSample.request_id.desc()) if reviewed else (order, DecisionSample.request_id)
            rows = [_row(*found) for found in session.execute(query.order_by(*by).limit(limit + 1))]
        return SamplePage(rows[:limit], rows[limit - 1].request_id if len(rows) > limit else None)

    def export(self, viewer: Actor, reviewed: bool, form: ExportFormat) -> Iterator[str]:
        """The samples of `page` as pieces of a file, in its order. Raises ForbiddenError."""
        viewer.require(Action.SEE_SAMPLES)
        sample, request = DecisionSample, ApprovalRequest
        query = _rows().with_only_columns(
            sample.request_id, request.title, request.kind, request.risk, request.workflow, request.environment,
            request.agent, sample.policy_version, sample.rule, sample.verdict, sample.drawn_at, sample.agrees,
            sample.comment, sample.reviewer_name, sample.reviewed_at,
        ).where(_state(reviewed), *_shown_to(viewer, reviewed))  # fmt: skip
        listed = ListExport("samples", query, (_order(reviewed), sample.request_id), newest_first=reviewed)
        return exported(self._sessions, self._clock, viewer, listed, form, {"reviewed": "yes" if reviewed else "no"})

    def waiting(self, viewer: Actor) -> int:
        """How many samples wait, at most `COUNTED`; 0 for those who may not see them."""
        if not viewer.may(Action.SEE_SAMPLES):
            return 0
        inner = _rows().where(_state(False)).where(*_shown_to(viewer, False)).limit(COUNTED)
        with self._sessions.reads() as session:
            found = select(func.count()).select_from(inner.with_only_columns(DecisionSample.request_id).subquery())
            return session.scalar(found) or 0

    def of(self, request_id: str, viewer: Actor) -> SampleView | None:
        """The sample of a request; None if it was not drawn, or the viewer may not know."""
        if not viewer.may(Action.SEE_SAMPLES) or not is_storable(request_id):
            return None
        with self._sessions.reads() as session:
            found = session.execute(_rows().where(DecisionSample.request_id == request_id)).one_or_none()
            if found is None:
                return None
            sample, request = found
            if sample.reviewed_at is None and own_request(request, viewer):
                return None
            return SampleView(_row(sample, request), self._why_not(session, sample, request, viewer))

    def review(self, actor: Actor, request_id: str, agrees: bool, comment: str) -> SampleRow:
        """Record what a person thinks of a decision. It changes nothing for the run or the agent.

        Raises:
            NotFoundError: the request was not drawn, or the actor may not know.
            ForbiddenError, OwnRequestError, NotAskedError: the actor may not review it.
            InvalidInputError: who disagrees has to say why.
            ConflictError: somebody has reviewed it already.
        """
        actor.require(Action.REVIEW_SAMPLE)
        if actor.kind != "person" or not actor.id:
            raise ForbiddenError("Only people review what a policy decided.")
        said, now = clean_comment(comment), self._clock()
        with self._sessions.begin() as session:
            known = _rows().where(DecisionSample.request_id == request_id)
            found = session.execute(known).one_or_none() if is_storable(request_id) else None
            if found is None:
                raise NotFoundError(_NOBODY, request_id=request_id)
            sample, request = found
            if own := own_request(request, actor):
                if sample.reviewed_at is None:
                    raise NotFoundError(_NOBODY, request_id=request_id)
                raise OwnRequestError(f"Requesters cannot review their own requests: {own}.")
            if why_not := self._why_not(session, sample, request, actor):
                if sample.reviewed_at is not None:
                    raise ConflictError(why_not)
                raise NotAskedError(why_not, asked=list(request.addressed_to))
            if not agrees and not said:
                raise InvalidInputError("Say why you disagree.", {"comment": "empty"})
            written = session.execute(
                update(DecisionSample)
                .where(DecisionSample.request_id == request_id, DecisionSample.reviewed_at.is_(None))
                .values(
                    reviewed_at=now, reviewer_id=actor.id, reviewer_name=actor.name, agrees=agrees, comment=said,
                    **actor.makers.columns,
                )
                .returning(DecisionSample.request_id)
            ).one_or_none()  # fmt: skip
            if written is None:
                raise ConflictError("Somebody has just reviewed this.")
            record(
                session, actor, "request.sample_reviewed", now, request_id=request_id, run_id=request.run_id,
                agrees=agrees, comment=said, policy=sample.policy_version, rule=sample.rule, decided=sample.verdict,
            )  # fmt: skip
        with self._sessions.reads() as session:
            return _row(*session.execute(known).one())

    def _why_not(self, session: Session, sample: DecisionSample, request: ApprovalRequest, viewer: Actor) -> str:
        if sample.reviewed_at is not None:
            return f"{sample.reviewer_name} has reviewed this already."
        if not viewer.may(Action.REVIEW_SAMPLE) or viewer.kind != "person":
            return "Your roles allow viewing, but not reviewing."
        if own := own_request(request, viewer):
            return f"{capitalized(own)}, so somebody else must review it."
        if not is_concerned(session, request, viewer, self._clock()):
            return "Those who would have been asked review this; you are not one of them."
        return ""


def _rows() -> Select[DecisionSample, ApprovalRequest]:
    return select(DecisionSample, ApprovalRequest).join(
        ApprovalRequest, ApprovalRequest.id == DecisionSample.request_id
    )


def _order(reviewed: bool) -> Any:
    return DecisionSample.reviewed_at if reviewed else DecisionSample.drawn_at


def _state(reviewed: bool) -> Any:
    return DecisionSample.reviewed_at.is_not(None) if reviewed else DecisionSample.reviewed_at.is_(None)


def _shown_to(viewer: Actor, reviewed: bool) -> Sequence[Any]:
    if reviewed or not viewer.id:
        return ()
    # Everybody for whom `own_request` says that it is, or may be, their own.
    persons = cast(sorted(viewer.persons | viewer.account.ids), ARRAY(Text))
    return (
        func.coalesce(ApprovalRequest.requester_id, "") != all_(persons),
        ~ApprovalRequest.makers.bool_op("&&")(persons),
    )


def _row(sample: DecisionSample, request: ApprovalRequest) -> SampleRow:
    return SampleRow(
        request_id=request.id, title=request.title, kind=request.kind, risk=RiskLevel(request.risk),
        workflow=request.workflow, environment=request.environment, agent=request.agent,
        policy_version=sample.policy_version, rule=sample.rule, verdict=sample.verdict, drawn_at=sample.drawn_at,
        reviewed_at=sample.reviewed_at, reviewer_name=sample.reviewer_name, agrees=sample.agrees,
        comment=sample.comment,
    )  # fmt: skip
