"""Lessons from people's corrections: the list, and a page for each."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, flash, request

from app.domain.errors import AssentError, InvalidInputError, NotFoundError
from app.domain.lessons import LessonState
from app.domain.people import Action
from app.domain.policy.access import PERSON, TEAM
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.lessons.book import LessonDetail
from app.web.field_text import submitted_text
from app.web.pages import download, export_format, render, see_other, web
from assent.json_values import JsonError, parse

DOTS = {LessonState.ACTIVE: "running", LessonState.OFF: "pending", LessonState.RETIRED: "failed"}
RESULTS = {"kept": "approved with the change", "undone": "undone", "": "not approved yet"}
ACTS = "edit, off, on, delete"


@web.get("/lessons")
def lessons() -> Any:
    """All lessons, newest first."""
    actor = current_actor()
    workflow, state = _filters()
    cursor = request.args.get("cursor", "")[:100]
    page = services().lessons.page(actor, workflow=workflow, state=state, cursor=cursor)
    return render(
        "lessons.html", page=page, workflow=workflow, state=state, states=list(LessonState), dots=DOTS, cursor=cursor,
        workflows=services().lessons.workflows(actor),
    )  # fmt: skip


@web.get("/lessons/export")
def lessons_export() -> Any:
    """The matching lessons as a file, streamed."""
    return download(services().lessons.export(current_actor(), *_filters(), export_format()), "lessons")


def _filters() -> tuple[str, str]:
    """The workflow and the state that the list is narrowed to."""
    return request.args.get("workflow", "")[:200], request.args.get("state", "")


@web.get("/lessons/<lesson_id>")
def lesson(lesson_id: str) -> Any:
    """One lesson with its uses."""
    return _shown(lesson_id)


def _shown(lesson_id: str, error: AssentError | None = None, act: str = "") -> Response:
    detail: LessonDetail = services().lessons.view(lesson_id, current_actor())
    row = detail.view.lesson
    sent = request.form if error else {}
    return render(
        "lessons_one.html", status_of(error) if error else 200,
        detail=detail, view=detail.view, row=row, dots=DOTS, results=RESULTS, error=error, act=act,
        problems=error.extra.get("fields", {}) if error else {}, reason=sent.get("reason", ""),
        served=[address.removeprefix(TEAM).removeprefix(PERSON) for address in row.audience],
        value=sent.get("after", as_text(row.after)), is_text=isinstance(row.after, str),
    )  # fmt: skip


def as_text(value: Any) -> str:
    """A lesson's value in a field: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@web.post(f"/lessons/<lesson_id>/<any({ACTS}):act>")
def lesson_change(lesson_id: str, act: str) -> Any:
    """Edit a lesson, switch it off or on, or delete it."""
    actor, book = current_actor(), services().lessons
    actor.require(Action.CHANGE_LESSONS)
    try:
        version, reason = _version(), submitted_text(request.form.get("reason", ""))
        if act == "edit":
            book.edit(actor, lesson_id, _value(book.view(lesson_id, actor)), version)
            flash("The lesson is changed, and its votes are reset.")
        elif act == "delete":
            book.delete(actor, lesson_id, reason, version)
            flash("The lesson is deleted.")
            return see_other("web.lessons")
        else:
            book.switch(actor, lesson_id, act == "on", reason, version)
            flash("The lesson is active." if act == "on" else "The lesson is switched off: it is not recalled.")
    except NotFoundError:
        raise
    except AssentError as error:
        return _shown(lesson_id, error, act)
    return see_other("web.lesson", lesson_id=lesson_id)


@web.get(f"/lessons/<lesson_id>/<any({ACTS}):act>")
def lesson_changed(lesson_id: str, act: str) -> Any:
    """Show the lesson: a refusal is rendered at the action's URL, which people may open again."""
    return see_other("web.lesson", lesson_id=lesson_id)


def _version() -> int:
    given = request.form.get("version", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 9):
        raise InvalidInputError("Reload the page, and try again.", {"version": "missing"})
    return int(given)


def _value(detail: LessonDetail) -> Any:
    text = submitted_text(request.form.get("after", ""))
    if isinstance(detail.view.lesson.after, str):
        return text
    try:
        return parse(text)
    except JsonError as error:
        raise InvalidInputError("This is not a JSON value.", {"after": str(error)}) from None
