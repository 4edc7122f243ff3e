"""Learning: after people have decided, their corrections become lessons, and what lessons had changed is counted.

This runs in workers, after the decision's own transaction and apart from it, so that no decision waits for it. Each
request is read once, by the worker that enters it in `lesson_sources` first.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog
from pydantic import ValidationError
from sqlalchemy import and_, exists, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.domain.corrections import GONE, corrections, counterpart, is_learnable
from app.domain.lessons import Correction, LessonState
from app.domain.lifecycle import RequestState
from app.domain.likeness import keys_of
from app.domain.people import SYSTEM
from app.domain.policy.access import addressed
from app.domain.policy.terms import Terms
from app.services.clock import Clock
from app.services.lessons.meanings import store_missing
from app.services.record.audit import record
from app.services.requests.votes import decider, decisions_on
from app.store.engine import Sessions
from app.store.lessons import Lesson, LessonSource, LessonUse
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from assent.digests import canonical, digest_of
from assent.masking import mask, mask_text
from assent.pointers import NoSuchPlaceError
from assent.situations import AppliedLesson, Correctable, Situation, situation_in

log = structlog.get_logger(__name__)
LOOKED_BACK = timedelta(days=7)
"""How far back the first round of a worker looks for requests that have not been read, after an outage."""
OVERLAP = timedelta(seconds=15)
"""How much earlier each further round looks, for decisions that were committed late.

It is short because each round reads the rows of all requests that were settled meanwhile."""
WIDER_EVERY, WIDER = timedelta(minutes=5), timedelta(minutes=20)
"""How often a round looks further back, for those that were committed very late, and how far."""
AT_A_TIME = 50
MAX_WHY = 1_000
MAX_CHAIN = 20
UNDONE = "People undid what it had changed."


@dataclass
class Learned:
    """What was made of one request."""

    lessons: list[Lesson] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)


class Learning:
    """Makes lessons out of decided requests."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._since: datetime | None = None
        self._widely: datetime | None = None
        self._unreadable: set[str] = set()

    def learn(self) -> int:
        """Read the requests that were decided since the last round. Returns the number of lessons that were learned.

        No request is read twice, also if several workers learn at the same time. A request that cannot be read does not
        stop the others; the next process tries it again.
        """
        now, first = self._clock(), self._since is None
        last, learned = (self._from(now), ""), 0
        while found := self._unread(last):
            learned += sum(self._read_safely(request_id) for _, request_id in found)
            if len(found) < AT_A_TIME:
                break
            last = found[-1]
        self._since = now
        if learned or first:
            store_missing(self._sessions)
        return learned

    def _from(self, now: datetime) -> datetime:
        """The time from which this round looks."""
        if self._since is not None and self._widely is not None and now - self._widely < WIDER_EVERY:
            return self._since - OVERLAP
        self._widely = now
        return now - LOOKED_BACK if self._since is None else min(self._since, now - WIDER)

    def _read_safely(self, request_id: str) -> int:
        try:
            return len(self.read(request_id).lessons)
        except (DBAPIError, psycopg.Error):
            raise  # The database is unavailable: the next round tries all of it again.
        except Exception:
            log.error("lessons.unreadable", request=request_id, exc_info=True)
            self._unreadable.add(request_id)
            return 0

    def _unread(self, last: tuple[datetime, str]) -> list[tuple[datetime, str]]:
        """The next requests to read after `last`, each as the time of its resolution and its ID, in that order."""
        request = ApprovalRequest
        position = tuple_(request.resolved_at, request.id)
        changed = or_(
            request.state == RequestState.MODIFIED.value,
            and_(
                request.state == RequestState.APPROVED.value,
                or_(request.previous_id.is_not(None), exists().where(LessonUse.request_id == request.id)),
            ),
        )  # fmt: skip
        query = (
            select(request.resolved_at, request.id)
            .where(request.state != RequestState.PENDING.value, position > last, changed,
                   request.answered_by == "", ~exists().where(LessonSource.request_id == request.id),
                   request.id.not_in(self._unreadable))
            .order_by(request.resolved_at, request.id).limit(AT_A_TIME)
        )  # fmt: skip
        with self._sessions.reads() as session:
            return [(at, request_id) for at, request_id in session.execute(query) if at is not None]

    def read(self, request_id: str) -> Learned:
        """Read one request, unless it has been read, or people have not approved it."""
        now = self._clock()
        with self._sessions.begin() as session:
            request = session.get_one(ApprovalRequest, request_id)
            if request.state not in _APPROVED or request.answered_by:
                return Learned()
            entry = postgresql.insert(LessonSource).values(request_id=request_id, read_at=now)
            if session.execute(entry.on_conflict_do_nothing().returning(LessonSource.request_id)).first() is None:
                return Learned()
            return self._learned(session, request, now)

    def _learned(self, session: Session, request: ApprovalRequest, now: datetime) -> Learned:
        chain = _chain(session, request)
        before = _proposed(chain[0])
        after = request.payload
        if not isinstance(before, dict) or not isinstance(after, dict):
            return Learned()
        learned = Learned()
        used = self._counted(session, request, chain, learned, now)
        source = _Source.of(session, request, chain, now)
        found = corrections(before, after, _stated(before))
        taken = {item.path for item in used}
        rows = [source.lesson(item) for item in found if item.path not in taken]
        for item in used:
            # The value as the workflow proposes it without the lesson is what the next lesson is about.
            if item.now is GONE or not item.undone or (situation := _situation_at(chain, item.path)) is None:
                continue
            restored = Correction(item.path, item.before, item.now, situation)
            if is_learnable(restored, str(before.get("kind"))):
                rows.append(source.lesson(restored, replaces=item.lesson_id))
        for row in rows:
            if not self._known(session, row):
                learned.lessons.append(row)
        session.add_all(learned.lessons)
        session.flush()
        for row in learned.lessons:
            record(
                session, SYSTEM, "lesson.learned", now, request_id=request.id, run_id=request.run_id, lesson=row.id,
                workflow=row.workflow, node=row.node, path=row.path, by=row.by_name, replaces=row.replaces_id,
            )  # fmt: skip
        return learned

    def _counted(
        self, session: Session, request: ApprovalRequest, chain: list[ApprovalRequest], learned: Learned, now: datetime
    ) -> list[_Used]:
        """Count what people made of the changes by lessons, retire those that they undid, and return the changes."""
        used = []
        for use in _uses(chain, request.payload):
            lesson = session.get(Lesson, use.lesson_id)
            if lesson is None or lesson.workflow != request.workflow or canonical(lesson.after) != canonical(use.after):
                continue  # An agent may state anything; only the lesson's own change counts.
            used.append(use)
            column = Lesson.votes_against if use.undone else Lesson.votes_for
            values: dict[Any, Any] = {column: column + 1, Lesson.version: Lesson.version + 1}
            retires = use.undone and lesson.state == LessonState.ACTIVE.value
            if retires:
                values |= {Lesson.state: LessonState.RETIRED.value, Lesson.end_reason: UNDONE}
            session.execute(update(Lesson).where(Lesson.id == lesson.id).values(values))
            session.execute(
                update(LessonUse)
                .where(LessonUse.lesson_id == lesson.id, LessonUse.path == use.path,
                       LessonUse.request_id.in_([row.id for row in chain]))
                .values(result="undone" if use.undone else "kept")
            )  # fmt: skip
            if retires:
                learned.retired.append(lesson.id)
                record(
                    session, SYSTEM, "lesson.retired", now, request_id=request.id, run_id=request.run_id,
                    lesson=lesson.id, workflow=lesson.workflow, reason=UNDONE,
                )  # fmt: skip
        return used

    @staticmethod
    def _known(session: Session, row: Lesson) -> bool:
        """True if there is the same lesson already; it gets a vote then."""
        same = select(Lesson).where(
            Lesson.state == LessonState.ACTIVE.value, Lesson.workflow == row.workflow, Lesson.node == row.node,
            Lesson.kind == row.kind, Lesson.situation_digest == row.situation_digest,
            Lesson.audience == row.audience,
        )  # fmt: skip
        values = canonical([row.before, row.after])
        for lesson in session.scalars(same):
            served = not row.audience or lesson.requester_id == row.requester_id
            if served and canonical([lesson.before, lesson.after]) == values:
                lesson.votes_for += 1
                lesson.version += 1
                return True
        return False


@dataclass(frozen=True)
class _Used:
    """A change by a lesson. `now`: what is there after people have decided."""

    lesson_id: str
    path: str
    before: Any
    after: Any
    now: Any
    undone: bool


@dataclass(frozen=True)
class _Source:
    """What all lessons of a request have in common."""

    request: ApprovalRequest
    audience: list[str]
    by_name: str
    why: str
    now: datetime

    @classmethod
    def of(cls, session: Session, request: ApprovalRequest, chain: list[ApprovalRequest], now: datetime) -> _Source:
        decisions = [decision for row in chain for decision in decisions_on(session, row.id)]
        teachers = [decision for decision in decisions if decision.verdict in _TEACHING] or decisions
        names = list(dict.fromkeys(decider(decision) for decision in teachers))
        why = "\n".join(decision.comment for decision in teachers if decision.comment)
        return cls(request, audience_of(request), " and ".join(names), mask_text(why)[:MAX_WHY], now)

    def lesson(self, item: Correction, replaces: str | None = None) -> Lesson:
        """The lesson from a correction."""
        situation = mask(item.situation.model_dump(mode="json"))[0]
        return Lesson(
            id=str(uuid.uuid4()), request_id=self.request.id, requester_id=self.request.requester_id,
            audience=self.audience, workflow=self.request.workflow, node=self.request.node,
            kind=item.situation.kind, path=item.path, situation=situation, situation_digest=digest_of(situation),
            keys=keys_of(item.situation), before=item.before, after=item.after, why=self.why, by_name=self.by_name,
            learned_at=self.now, state=LessonState.ACTIVE.value, votes_for=0, votes_against=0, replaces_id=replaces,
            edited_at=None, edited_by_name="", end_reason="", version=1,
        )  # fmt: skip


_APPROVED = frozenset({RequestState.APPROVED.value, RequestState.MODIFIED.value})
_TEACHING = frozenset({Verdict.MODIFY.value, Verdict.REQUEST_CHANGES.value})


def audience_of(request: ApprovalRequest) -> list[str]:
    """Who could decide on the request at any stage, as addresses; empty: any reviewer."""
    stages = [addressed(stage) for stage in Terms.from_json(request.terms).stages]
    if not all(stages):
        return []
    return sorted({address for stage in stages for address in stage} | set(request.escalated_to))


def _chain(session: Session, request: ApprovalRequest) -> list[ApprovalRequest]:
    """The request, preceded by those for which changes were requested and that it revises, oldest first."""
    chain = [request]
    while chain[0].previous_id is not None and len(chain) < MAX_CHAIN:
        previous = session.get(ApprovalRequest, chain[0].previous_id)
        if previous is None or previous.state != RequestState.CHANGES_REQUESTED.value:
            break
        chain.insert(0, previous)
    return chain


def _proposed(request: ApprovalRequest) -> Any:
    """The agent's own proposal."""
    return request.proposed if request.proposed is not None else request.payload


def _uses(chain: list[ApprovalRequest], after: Any) -> list[_Used]:
    """The changes by lessons that these proposals state, and what is there after people have decided."""
    found: dict[str, _Used] = {}
    for row in chain:
        proposal = _proposed(row)
        for item in _applied(proposal):
            end = counterpart(proposal, after, item.path)
            undone = end is GONE or canonical(end) != canonical(item.after)
            found[item.path] = _Used(item.lesson, item.path, item.before, item.after, end, undone)
    return list(found.values())


def _stated(document: Any) -> list[Correctable]:
    try:
        return [Correctable.model_validate(place) for place in document.get("correctable") or ()]
    except (ValidationError, TypeError, AttributeError):
        return []  # A value of an agent that has a field of this name, and means something else by it.


def _applied(document: Any) -> list[AppliedLesson]:
    try:
        return [AppliedLesson.model_validate(item) for item in document.get("lessons") or ()]
    except (ValidationError, TypeError, AttributeError):
        return []


def _situation_at(chain: list[ApprovalRequest], path: str) -> Situation | None:
    """The situation of the value at a path, as the first of these proposals that has it states it."""
    for row in chain:
        document = _proposed(row)
        for place in _stated(document):
            if place.path == path:
                return place.situation
        try:
            return situation_in(document, path)
        except NoSuchPlaceError:
            continue
    return None
