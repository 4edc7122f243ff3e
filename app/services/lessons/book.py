"""All lessons, for people: listed, looked at, edited, switched off and on, and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, false, select, tuple_
from sqlalchemy.orm import Session

from app.domain.corrections import problem_of
from app.domain.errors import ConflictError, IllegalTransitionError, InvalidInputError, NotFoundError
from app.domain.lessons import KnownLesson, LessonState
from app.domain.people import Action, Actor
from app.domain.text import is_storable
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.services.requests.comments import clean_comment
from app.services.sight import seen_requests
from app.store.batch import Batch, text_of
from app.store.engine import Sessions
from app.store.lessons import Lesson, LessonUse
from app.store.requests import ApprovalRequest
from assent.digests import canonical
from assent.json_values import JsonError, check
from assent.lessons import same_type
from assent.situations import Situation

MAX_USES = 100
"""How many of a lesson's uses its page shows, the latest ones."""


@dataclass(frozen=True)
class LessonView:
    """A lesson as the viewer sees it.

    Attributes:
        source_title: title of the request that it came from.
        confidence: from 0 to 1 (`KnownLesson.confidence`).
        may_change: the viewer may edit, switch off, and delete it.
    """

    lesson: Lesson
    source_title: str
    state: LessonState
    confidence: float
    may_change: bool

    @property
    def keeps(self) -> bool:
        """True if it says that the value is right as it is proposed."""
        return canonical(self.lesson.before) == canonical(self.lesson.after)


@dataclass(frozen=True)
class LessonPage:
    """A page of the list, newest first. `next_cursor` is None on the last page."""

    rows: list[LessonView]
    next_cursor: str | None


@dataclass(frozen=True)
class UseView:
    """A request whose proposal the lesson changed. `result` is ``kept``, ``undone``, or empty: not decided yet."""

    request_id: str
    title: str
    at: datetime
    result: str


@dataclass(frozen=True)
class LessonDetail:
    """A lesson with its uses, newest first, and the lesson that replaced it."""

    view: LessonView
    uses: list[UseView]
    replaced_by: str | None


@dataclass(frozen=True)
class AppliedView:
    """A change by a lesson that a proposal states. `lesson` is None if it is not, or no longer, the workflow's."""

    path: str
    before: Any
    after: Any
    lesson: Lesson | None


class Lessons:
    """All use cases of lessons except learning and recalling, which belong to workers."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def page(
        self, viewer: Actor, *, workflow: str = "", state: str = "", cursor: str = "", limit: int = 50
    ) -> LessonPage:
        """Lessons, newest first, of one workflow or all, and in one state or any.

        Args:
            cursor: the ID of the previous page's last lesson.

        Raises:
            ForbiddenError, InvalidInputError.
        """
        viewer.require(Action.SEE)
        query = _matching(viewer, workflow, state)
        with self._sessions.reads() as session:
            if cursor:
                named = _rows(viewer).where(Lesson.id == cursor)
                last = session.execute(named).first() if is_storable(cursor) else None
                if last is None:
                    raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
                query = query.where(tuple_(Lesson.learned_at, Lesson.id) < (last[0].learned_at, last[0].id))
            ordered = query.order_by(Lesson.learned_at.desc(), Lesson.id.desc()).limit(limit + 1)
            rows = [_view(lesson, title, viewer) for lesson, title in session.execute(ordered)]
        return LessonPage(rows[:limit], rows[limit - 1].lesson.id if len(rows) > limit else None)

    def export(self, viewer: Actor, workflow: str, state: str, form: ExportFormat) -> Iterator[str]:
        """The lessons of `page` as pieces of a file, newest first. Raises ForbiddenError, InvalidInputError."""
        viewer.require(Action.SEE)
        query = _matching(viewer, workflow, state).with_only_columns(
            Lesson.id, Lesson.workflow, Lesson.node, Lesson.kind, Lesson.path, Lesson.before, Lesson.after, Lesson.why,
            Lesson.state, Lesson.end_reason, Lesson.votes_for, Lesson.votes_against, Lesson.by_name,
            Lesson.learned_at, Lesson.edited_by_name, Lesson.edited_at, Lesson.request_id,
            ApprovalRequest.title.label("request_title"),
        )  # fmt: skip
        listed = ListExport("lessons", query, (Lesson.learned_at, Lesson.id))
        asked = {"workflow": workflow, "state": state}
        return exported(self._sessions, self._clock, viewer, listed, form, asked)

    def workflows(self, viewer: Actor) -> list[str]:
        """The workflows that have lessons, by name."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            names = _rows(viewer).with_only_columns(Lesson.workflow).distinct().order_by(Lesson.workflow)
            return list(session.scalars(names))

    def view(self, lesson_id: str, viewer: Actor) -> LessonDetail:
        """One lesson. Raises NotFoundError, ForbiddenError."""
        viewer.require(Action.SEE)
        with self._sessions.reads() as session:
            lesson, title = _get(session, lesson_id, viewer)
            used = (
                select(LessonUse.request_id, ApprovalRequest.title, LessonUse.at, LessonUse.result)
                .join(ApprovalRequest, ApprovalRequest.id == LessonUse.request_id)
                .where(LessonUse.lesson_id == lesson.id, *_seen(viewer))
                .order_by(LessonUse.at.desc(), LessonUse.request_id).limit(MAX_USES)
            )  # fmt: skip
            uses = [UseView(*row) for row in session.execute(used)]
            replaced_by = session.scalar(select(Lesson.id).where(Lesson.replaces_id == lesson.id).limit(1))
        return LessonDetail(_view(lesson, title, viewer), uses, replaced_by)

    def applied(self, request: ApprovalRequest, viewer: Actor) -> list[AppliedView]:
        """The changes by lessons that the request's proposal states, in their order there."""
        stated = request.payload.get("lessons") if isinstance(request.payload, dict) else None
        if not isinstance(stated, list):
            return []
        items = [item for item in stated if isinstance(item, dict) and isinstance(item.get("lesson"), str)]
        ids = {item["lesson"] for item in items if is_storable(item["lesson"])}
        if not ids:
            return []
        with self._sessions.reads() as session:
            query = _rows(viewer).where(Lesson.id.in_(ids), Lesson.workflow == request.workflow)
            known = {lesson.id: lesson for lesson, _ in session.execute(query)}
        return [
            AppliedView(str(item.get("path", "")), item.get("before"), item.get("after"), known.get(item["lesson"]))
            for item in items
        ]  # fmt: skip

    def edit(self, actor: Actor, lesson_id: str, after: Any, version: int | None = None) -> None:
        """Change what a lesson fills in. The votes were about the earlier value, so counting begins again.

        Args:
            version: the version that the actor saw; None: any.

        Raises:
            NotFoundError, ForbiddenError.
            InvalidInputError: the value is too long, contains a secret, or is no JSON value.
            ConflictError: it has been changed meanwhile.
        """
        lesson = self._changeable(actor, lesson_id, version)
        _check_value(lesson, after)
        before = lesson.after
        self._write(
            actor, lesson, "lesson.edited", {"after": text_of(after), "votes_for": 0, "votes_against": 0},
            before=before, after=after,
        )  # fmt: skip

    def switch(self, actor: Actor, lesson_id: str, on: bool, reason: str = "", version: int | None = None) -> None:
        """Switch a lesson off, so that it is not recalled, or on, also if it was retired.

        Raises:
            NotFoundError, ForbiddenError, InvalidInputError, ConflictError.
            IllegalTransitionError: it is so already.
        """
        lesson = self._changeable(actor, lesson_id, version)
        words = clean_comment(reason)[:1_000]
        if on == (lesson.state == LessonState.ACTIVE.value):
            raise IllegalTransitionError(
                f"This lesson is {LessonState(lesson.state).words}.", state=lesson.state
            )  # fmt: skip
        state = LessonState.ACTIVE if on else LessonState.OFF
        end = "" if on else words or "Switched off by a reviewer."
        # People vouch for it again, so one vote against it must not keep it a suggestion.
        again = {"votes_against": 0} if on else {}
        action = "lesson.switched_on" if on else "lesson.switched_off"
        self._write(actor, lesson, action, {"state": state.value, "end_reason": end, **again}, reason=words)

    def delete(self, actor: Actor, lesson_id: str, reason: str = "", version: int | None = None) -> None:
        """Delete a lesson for good. Its source is not read again. Raises as `switch` does."""
        lesson = self._changeable(actor, lesson_id, version)
        words = clean_comment(reason)[:1_000]
        batch = Batch(
            "delete from lessons where id = %(lesson)s and version = %(version)s returning id",
            {"lesson": lesson.id, "version": lesson.version},
        )
        self._record(batch, actor, lesson, "lesson.deleted", reason=words)
        if batch.run(self._sessions) is None:
            raise _changed_meanwhile(lesson)

    def _changeable(self, actor: Actor, lesson_id: str, version: int | None) -> Lesson:
        actor.require(Action.CHANGE_LESSONS)
        with self._sessions.reads() as session:
            lesson, _ = _get(session, lesson_id, actor)
        if version is not None and version != lesson.version:
            raise _changed_meanwhile(lesson)
        return lesson

    def _write(self, actor: Actor, lesson: Lesson, action: str, columns: dict[str, Any], **detail: Any) -> None:
        now = self._clock()
        values = columns | {"edited_at": now, "edited_by_name": actor.name}
        assigned = ", ".join(f"{name} = %(set_{name})s" for name in values)
        batch = Batch(
            f"update lessons set {assigned}, version = version + 1 "
            "where id = %(lesson)s and version = %(version)s returning id",
            {f"set_{name}": value for name, value in values.items()} | {"lesson": lesson.id, "version": lesson.version},
        )
        self._record(batch, actor, lesson, action, **detail)
        if batch.run(self._sessions) is None:
            raise _changed_meanwhile(lesson)

    def _record(self, batch: Batch, actor: Actor, lesson: Lesson, action: str, **detail: Any) -> None:
        record(
            batch, actor, action, self._clock(), request_id=lesson.request_id, lesson=lesson.id,
            workflow=lesson.workflow, node=lesson.node, path=lesson.path, **detail,
        )  # fmt: skip


def known(row: Lesson) -> KnownLesson:
    """A stored lesson, as far as deciding about its use is concerned."""
    return KnownLesson(
        row.id, Situation.model_validate(row.situation), row.before, row.after, row.votes_for, row.votes_against,
        row.by_name, row.learned_at, row.why,
    )  # fmt: skip


def _check_value(lesson: Lesson, after: Any) -> None:
    problem = ""
    try:
        check(after)
    except JsonError as error:
        problem = str(error)
    problem = problem or problem_of(after)
    if not problem and lesson.after is not None and not same_type(after, lesson.after):
        problem = "it must be of the same type as before"
    if problem:
        raise InvalidInputError(f"A lesson cannot hold this value: {problem}.", {"after": problem})


def _changed_meanwhile(lesson: Lesson) -> ConflictError:
    return ConflictError(
        "This lesson has been changed meanwhile. Reload it, and try again.", version=lesson.version
    )  # fmt: skip


def _rows(viewer: Actor) -> Select[Any]:
    source = ApprovalRequest.id == Lesson.request_id
    return cast(Select[Any], select(Lesson, ApprovalRequest.title).join(ApprovalRequest, source).where(*_seen(viewer)))


def _matching(viewer: Actor, workflow: str, state: str) -> Select[Any]:
    if state and state not in set(LessonState):
        raise InvalidInputError("This is not a state of a lesson.", {"state": "unknown"})
    query = _rows(viewer)
    if workflow:
        query = query.where(Lesson.workflow == workflow) if is_storable(workflow) else query.where(false())
    return query.where(Lesson.state == state) if state else query


def _seen(viewer: Actor) -> Sequence[ColumnElement[bool]]:
    """Agents see lessons from requests that they see."""
    seen = seen_requests(viewer)
    return () if seen is None else (seen,)


def _get(session: Session, lesson_id: str, viewer: Actor) -> tuple[Lesson, str]:
    found = session.execute(_rows(viewer).where(Lesson.id == lesson_id)).first() if is_storable(lesson_id) else None
    if found is None:
        raise NotFoundError("There is no such lesson.", lesson=lesson_id)
    return found[0], found[1]


def _view(lesson: Lesson, title: str, viewer: Actor) -> LessonView:
    may = viewer.kind == "person" and viewer.may(Action.CHANGE_LESSONS)
    return LessonView(lesson, title, LessonState(lesson.state), known(lesson).confidence, may)
