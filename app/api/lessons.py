"""Lessons over REST: recalled by agents outside the portal, and listed, edited, switched off, and deleted by people."""

from __future__ import annotations

from typing import Any

from pydantic import Field, JsonValue

from app.api.models import Output, Time
from app.api.registry import ApiCall, EndpointTable
from app.domain.lessons import LessonState
from app.domain.people import Action
from app.domain.tokens import Scope
from app.domain.weight import MOST, weigh
from app.http.body import Input, PlainText, QueryArguments
from app.services.lessons.book import LessonDetail, LessonView
from app.services.lessons.recalling import LessonReader
from assent.lessons import ASKED_AT_ONCE, Proposed, RecalledLesson, masked
from assent.situations import Situation

table = EndpointTable()
READ, WRITE = (Scope.RULES_READ,), (Scope.RULES_WRITE,)
RECALL = (Scope.APPROVALS_REQUEST, Scope.RULES_READ)


class LessonQuery(QueryArguments):
    """A page of the lessons; `cursor` is the previous page's `next_cursor`."""

    workflow: PlainText = Field(default="", max_length=200)
    state: PlainText = Field(default="", max_length=20, description="active, off, or retired; empty: any")
    cursor: PlainText = Field(default="", max_length=100)
    limit: int = Field(default=50, ge=1, le=200)


class LessonOut(Output):
    """A lesson. `before` was proposed, and people made `after` of it; if they restored it, both are equal."""

    id: str
    state: LessonState
    workflow: str
    node: str
    kind: str
    path: str
    situation: Situation
    before: JsonValue
    after: JsonValue
    by_name: str
    why: str
    learned_at: Time
    confidence: float
    votes_for: int
    votes_against: int
    request_id: str
    replaces_id: str | None
    edited_at: Time | None
    edited_by_name: str
    end_reason: str
    version: int


class UseOut(Output):
    """A request whose proposal the lesson changed. `result`: kept, undone, or empty while it is not approved."""

    request_id: str
    title: str
    at: Time
    result: str


class LessonDetailOut(LessonOut):
    """A lesson with its latest uses, and the lesson that replaced it."""

    uses: list[UseOut]
    replaced_by: str | None


class LessonList(Output):
    """Lessons, newest first."""

    items: list[LessonOut]
    next_cursor: str | None


class EditIn(Input):
    """What the lesson shall fill in. It must have the same type as before."""

    after: JsonValue
    version: int | None = Field(default=None, description="The version that you saw; refused if it has changed")


class SwitchIn(Input):
    """Whether the lesson shall be recalled."""

    on: bool
    reason: PlainText = Field(default="", max_length=1_000)
    version: int | None = None


class RecallIn(Input):
    """Values that are about to be proposed, with their situations."""

    workflow: PlainText = Field(min_length=1, max_length=200)
    step: PlainText = Field(default="", max_length=200, description="Only lessons of this node; empty: of any")
    proposed: list[Proposed] = Field(min_length=1, max_length=ASKED_AT_ONCE)


class RecallOut(Output):
    """Lessons for the proposed values, which `number` counts from 0; for each, the one that applies first."""

    items: list[RecalledLesson]


@table.add("POST", "/lessons/recall", RecallOut, body=RecallIn, scopes=RECALL)
def recall_lessons(call: ApiCall) -> Any:
    """Find lessons for values that are about to be proposed. Changes nothing."""
    call.actor.require(Action.REQUEST_APPROVAL)
    weigh(MOST + 1)  # Comparing takes long, and the embeddings much memory: both belong in a helper process.
    given: RecallIn = call.body
    proposed = [masked(item) for item in given.proposed]
    recalling = call.portal.services.recalling
    return {"items": recalling.recall(LessonReader.of(call.actor), given.workflow, proposed, given.step)}


@table.add("GET", "/lessons", LessonList, query=LessonQuery, scopes=READ)
def list_lessons(call: ApiCall) -> Any:
    """List lessons, newest first."""
    asked: LessonQuery = call.query
    page = call.portal.services.lessons.page(
        call.actor, workflow=asked.workflow, state=asked.state, cursor=asked.cursor, limit=asked.limit
    )  # fmt: skip
    return {"items": [_document(view) for view in page.rows], "next_cursor": page.next_cursor}


@table.add("GET", "/lessons/<uuid:id>", LessonDetailOut, scopes=READ)
def get_lesson(call: ApiCall) -> Any:
    """Read a lesson with its uses."""
    return _shown(call)


@table.add("POST", "/lessons/<uuid:id>/edit", LessonDetailOut, body=EditIn, scopes=WRITE)
def edit_lesson(call: ApiCall) -> Any:
    """Change what a lesson fills in; its votes are reset."""
    call.portal.services.lessons.edit(call.actor, call.id, call.body.after, call.body.version)
    return _shown(call)


@table.add("POST", "/lessons/<uuid:id>/switch", LessonDetailOut, body=SwitchIn, scopes=WRITE)
def switch_lesson(call: ApiCall) -> Any:
    """Switch a lesson off, or on again, also after it was retired."""
    call.portal.services.lessons.switch(call.actor, call.id, call.body.on, call.body.reason, call.body.version)
    return _shown(call)


@table.add("DELETE", "/lessons/<uuid:id>", LessonDetailOut, scopes=WRITE)
def delete_lesson(call: ApiCall) -> Any:
    """Delete a lesson for good. Returns it as it was."""
    shown = _shown(call)
    call.portal.services.lessons.delete(call.actor, call.id)
    return shown


def _shown(call: ApiCall) -> dict[str, Any]:
    detail: LessonDetail = call.portal.services.lessons.view(call.id, call.actor)
    return _document(detail.view) | {"uses": detail.uses, "replaced_by": detail.replaced_by}


def _document(view: LessonView) -> dict[str, Any]:
    computed = {"state": view.state, "confidence": round(view.confidence, 3)}
    return {name: getattr(view.lesson, name) for name in LessonOut.model_fields.keys() - computed.keys()} | computed
