"""What lessons have changed in a proposal, as the request's page shows it, and how a reviewer undoes it there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.changes import apply_change
from app.domain.corrections import counterpart_place
from app.services.lessons.book import AppliedView
from app.services.reading.pages import RequestView
from app.store.lessons import Lesson
from app.web.field_text import Submission
from assent.contracts import Verdict
from assent.digests import canonical
from assent.lessons import fillable_part
from assent.pointers import tokens_of, value_at, with_value

UNDO = "undo_lesson"
"""The field that names a change to undo, by its position in the proposal."""
_PARTS = {"custom": "data", "tool_call": "args", "script": "content"}


@dataclass(frozen=True)
class LessonNote:
    """A change by a lesson.

    Attributes:
        number: its position in the proposal, for the field `UNDO`.
        place: where, such as ``columns[3].field``.
        lesson: None if it no longer exists.
        undone: a reviewer has undone it, or is about to.
        may_undo: the viewer can undo it with their decision.
    """

    number: int
    place: str
    before: Any
    after: Any
    lesson: Lesson | None
    undone: bool
    may_undo: bool
    chosen: bool


def lesson_notes(view: RequestView, applied: Sequence[AppliedView], sent: Submission | None = None) -> list[LessonNote]:
    """What the page shows. Empty for a proposal that no lesson has changed."""
    payload = view.request.payload
    chosen = set(sent.getlist(UNDO)) if sent is not None else set()
    notes = []
    for number, item in enumerate(applied):
        undone = not _stands(view, item)
        may = Verdict.MODIFY in view.verdicts and not undone and _place_to_undo(payload, payload, item) is not None
        notes.append(
            LessonNote(number, _place(payload, item.path), item.before, item.after, item.lesson, undone, may,
                       str(number) in chosen)
        )  # fmt: skip
    return notes


def with_undone(view: RequestView, change: dict[str, Any] | None, sent: Submission) -> dict[str, Any] | None:
    """The reviewer's change, in which the changes by lessons that they marked are undone.

    What they have edited themselves stays as they entered it.

    Raises:
        InvalidInputError: the change is not valid.
    """
    marked = set(sent.getlist(UNDO))
    stated = view.request.payload.get("lessons") if isinstance(view.request.payload, dict) else None
    if not marked or not isinstance(stated, list):
        return change
    payload = view.request.payload
    changed = payload if change is None else apply_change(payload, change)
    for number, item in enumerate(stated):
        if str(number) in marked and isinstance(item, dict):
            applied = AppliedView(str(item.get("path", "")), item.get("before"), item.get("after"), None)
            place = _place_to_undo(payload, changed, applied)
            changed = changed if place is None else with_value(changed, place, applied.before)
    return change if changed is payload else _change(payload, changed)


def _stands(view: RequestView, item: AppliedView) -> bool:
    proposed = view.request.proposed if view.request.proposed is not None else view.request.payload
    return _place_with(proposed, view.request.payload, item) is not None


def _place_to_undo(payload: dict[str, Any], changed: dict[str, Any], item: AppliedView) -> str | None:
    """Where the changed proposal contains the lesson's change; None if it does not, or people cannot edit it there."""
    return _place_with(payload, changed, item) if fillable_part(str(payload.get("kind")), item.path) else None


def _place_with(before: Any, after: Any, item: AppliedView) -> str | None:
    place = counterpart_place(before, after, item.path)
    return place if place is not None and canonical(value_at(after, place)) == canonical(item.after) else None


def _change(payload: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """The change that turns one payload into the other, in the form of its kind (`app.domain.changes`)."""
    kind = payload["kind"]
    if kind == "optimizations":
        statements = {item["id"]: item["statement"] for item in payload["items"]}
        return {
            "items": [
                {"id": item["id"]}
                | ({} if item["statement"] == statements[item["id"]] else {"statement": item["statement"]})
                for item in changed["items"]
            ]
        }  # fmt: skip
    if kind == "tool_calls":
        fields = ("args", "decision", "message")
        calls = zip(payload["calls"], changed["calls"], strict=True)
        return {
            "calls": [
                {"id": new["id"]} | {name: new[name] for name in fields if new.get(name) != old.get(name)}
                for old, new in calls
                if any(new.get(name) != old.get(name) for name in fields)
            ]
        }  # fmt: skip
    if kind == "plan":
        inputs = {step["id"]: step.get("inputs") for step in payload["steps"]}
        return {
            "steps": [
                {"id": step["id"]} | ({} if step.get("inputs") == inputs[step["id"]] else {"inputs": step["inputs"]})
                for step in changed["steps"]
            ]
        }  # fmt: skip
    part = _PARTS[kind]
    extra = {name: changed[name] for name in ("decision", "message") if changed.get(name) != payload.get(name)}
    return {part: changed[part]} | (extra if kind == "tool_call" else {})


def _place(payload: Any, path: str) -> str:
    """The path for people, without the part that all fields of the kind have in common."""
    tokens = tokens_of(path) if path.startswith("/") else [path]
    if len(tokens) > 1 and isinstance(payload, dict) and tokens[0] == _PARTS.get(str(payload.get("kind"))):
        tokens = tokens[1:]
    return "".join(f"[{token}]" if token.isdigit() else f".{token}" for token in tokens).removeprefix(".")
