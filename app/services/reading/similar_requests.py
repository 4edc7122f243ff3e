"""Pending requests that are alike: groups in the queue, those like one request, and the table that compares them.

Requests that are alike share a key, which is written with them, so finding them reads no proposals. Proposals are read
only to say how the members of a group differ, of at most `LOOKED_AT` requests, and only short ones have a key.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.outlines import MOST_TEXT, outline_of
from app.domain.people import Actor
from app.domain.policy.terms import Terms
from app.domain.risk import Assessment
from app.domain.similarity import Alike, Group, Like, comparable_text, grouped, not_shown
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.reading.pages import seat_or_why_not
from app.services.reading.queue_filter import PENDING, QueueFilter, ordered
from app.services.reading.queue_rows import COLUMNS, QueueRow, rows_of
from app.services.reading.queue_search import QueueSearch
from app.services.reading.review_pace import ReviewPaces
from app.services.requests.delegation import represented_by
from app.services.requests.entitlement import sign_in_again
from app.store.engine import Sessions
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict

LOOKED_AT = 200
"""How many requests from the top are compared."""
MOST = 50
"""How many requests one table compares, as many as one act decides."""


@dataclass(frozen=True)
class QueueEntry:
    """A row of the grouped list.

    Attributes:
        rows: a single request, or those of the group by rank, each with what distinguishes it.
        group: None for a request that is similar to no other.
    """

    rows: tuple[tuple[QueueRow, Alike | None], ...]
    group: Group | None = None


@dataclass(frozen=True)
class PendingLike:
    """A pending request that is like another one."""

    id: str
    title: str
    risk: RiskLevel


@dataclass(frozen=True)
class Compared:
    """A request in the table, as far as its reviewer needs it there.

    Attributes:
        alike: what distinguishes it from its group; None if it is in none.
        text: what it would do; cut if it is longer than `MOST_TEXT`, and then it cannot be approved here.
        why_not: why the viewer cannot approve it; empty if they can.
        needs_comment: its rule requires a comment for an approval.
    """

    row: QueueRow
    payload: dict[str, Any]
    assessment: Assessment
    text: str
    alike: Alike | None = None
    why_not: str = ""
    needs_comment: bool = False


@dataclass(frozen=True)
class Comparison:
    """Requests side by side.

    Attributes:
        groups: those that are alike, each group with its requests.
        singles: those that are like no other.
    """

    groups: tuple[tuple[Group, tuple[Compared, ...]], ...] = ()
    singles: tuple[Compared, ...] = ()

    @property
    def rows(self) -> list[Compared]:
        """All of them, in the order of the page."""
        return [*(row for _, rows in self.groups for row in rows), *self.singles]


class SimilarRequests:
    """Reads pending requests in groups."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._paces = ReviewPaces(clock)

    def entries(self, wanted: QueueFilter) -> list[QueueEntry]:
        """The first `LOOKED_AT` requests of the list; a group is placed where its first request would be."""
        with self._sessions.reads() as session:
            absent = represented_by(session, wanted.mine.id, self._clock()) if wanted.mine is not None else ()
            query = select(*COLUMNS, ApprovalRequest.node, ApprovalRequest.likeness)
            found = QueueSearch(session, wanted, absent).first(query, LOOKED_AT)
            rows = {row.id: row for row in rows_of(session, found, self._paces.current(session))}
            groups = grouped(_likes(session, found))
        at = {member.id: group for group in groups for member in group.members}
        entries: list[QueueEntry] = []
        for entry in rows.values():
            group = at.get(entry.id)
            if group is None:
                entries.append(QueueEntry(((entry, None),)))
            elif group.members[0].id == entry.id:
                entries.append(QueueEntry(tuple((rows[member.id], member) for member in group.members), group))
        return entries

    def pending_like(self, request: ApprovalRequest) -> list[PendingLike]:
        """The other pending requests that are like this one, the most urgent first, up to `MOST` with this one."""
        if not request.likeness:
            return []
        row = ApprovalRequest
        query = select(row.id, row.title, row.risk).where(
            PENDING, row.likeness != "", row.likeness == request.likeness, row.id != request.id
        )
        with self._sessions.reads() as session:
            found = session.execute(query.order_by(row.attention_at, row.id).limit(MOST - 1)).all()
        return [PendingLike(other.id, other.title, RiskLevel(other.risk)) for other in found]

    def compared(self, ids: Sequence[str], viewer: Actor) -> Comparison:
        """Those of these requests that are pending, side by side; at most `MOST`."""
        usable = [request_id for request_id in ids[:MOST] if is_storable(request_id)]
        query = ordered(select(ApprovalRequest).where(PENDING, ApprovalRequest.id.in_(usable)), QueueFilter())
        with self._sessions.reads() as session:
            requests = list(session.scalars(query))
            rows = dict(zip([request.id for request in requests], rows_of(session, requests), strict=True))
            why_not = self._why_not(session, requests, viewer)
        groups = grouped([_like(request, request.payload) for request in requests])
        alike = {member.id: member for group in groups for member in group.members}
        compared = {
            request.id: _compared(rows[request.id], request, alike.get(request.id), why_not[request.id])
            for request in requests
        }
        return Comparison(
            tuple((group, tuple(compared[member.id] for member in group.members)) for group in groups),
            tuple(found for request_id, found in compared.items() if request_id not in alike),
        )

    def _why_not(self, session: Session, requests: Sequence[ApprovalRequest], viewer: Actor) -> dict[str, str]:
        """For each request, why the viewer cannot approve it, by the rules for decisions; empty if they can."""
        now = self._clock()
        query = select(Decision).where(
            Decision.request_id.in_([request.id for request in requests]), Decision.withdrawn_at.is_(None)
        )
        decisions: dict[str, list[Decision]] = {}
        for decision in session.scalars(query.order_by(Decision.at)):
            decisions.setdefault(decision.request_id, []).append(decision)
        found = {}
        for request in requests:
            seat, why = seat_or_why_not(session, request, viewer, decisions.get(request.id, []), now)
            if seat is not None and Verdict.APPROVE not in seat.verdicts:
                why = "It needs an answer: open it." if Verdict.ANSWER in seat.verdicts else "You have approved it."
            elif seat is not None and sign_in_again(Terms.from_json(request.terms), viewer, now):
                why = "Its rule requires a recent sign-in: open it, and sign in again there."
            found[request.id] = why
        return found


def _likes(session: Session, found: Sequence[Any]) -> list[Like]:
    """Those of these requests that share their key with another one, for comparison."""
    counted = Counter(row.likeness for row in found if row.likeness)
    shared = [row for row in found if counted[row.likeness] > 1]
    query = select(ApprovalRequest.id, ApprovalRequest.payload).where(
        ApprovalRequest.id.in_([row.id for row in shared])
    )
    payloads: Mapping[str, Any] = {row.id: row.payload for row in session.execute(query)} if shared else {}
    return [_like(row, payloads[row.id]) for row in shared if row.id in payloads]


def _like(row: Any, payload: Any) -> Like:
    findings = Assessment.from_json(row.assessment).findings
    return Like(
        id=row.id,
        outline=outline_of(payload, row.workflow, row.node),
        risk=RiskLevel(row.risk),
        environment=row.environment,
        target=str(payload.get("target", "")) if isinstance(payload, Mapping) else "",
        rules=frozenset(finding.rule for finding in findings),
    )


def _compared(row: QueueRow, request: ApprovalRequest, alike: Alike | None, why_not: str) -> Compared:
    text, assessment = comparable_text(request.payload), Assessment.from_json(request.assessment)
    return Compared(
        row,
        request.payload if isinstance(request.payload, dict) else {"value": request.payload},
        assessment,
        text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…",
        alike,
        why_not or not_shown(request.payload, len(assessment.findings)),
        Verdict.APPROVE in Terms.from_json(request.terms).reason_required,
    )
