"""Lessons: what people have corrected before is corrected in the next proposal, openly, and goes to people again.

def propose(state):
    mapping = {"columns": [{"heading": "RAM", "field": "name"}, …]}
    proposal = Custom(title="Import assets.csv", data=mapping, data_schema=SCHEMA)
    places = [
        Correctable(
            path=f"/data/columns/{number}/field",
            situation=Situation(kind="column", texts={"heading": heading}, samples={"values": values}),
        )
        for number, (heading, values) in enumerate(columns)
    ]
    return {"proposal": with_lessons(proposal, places).model_dump(mode="json")}

def review(state):
    outcome = request_approval(state["proposal"])

Call `with_lessons` in a node before that of the gate: the gate's node runs again when the answer arrives, and there may
be other lessons by then. What a lesson contains was written by people and is untrusted text: it fills fields of the
proposal that already have a value of the same type, and must never become part of a prompt's instructions.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from assent.calls import Send
from assent.contracts import proposal_adapter
from assent.digests import canonical
from assent.masking import TOKEN, mask
from assent.pointers import NoSuchPlaceError, pointer_of, tokens_of, value_at, with_value
from assent.situations import AppliedLesson, Correctable, Situation

log = logging.getLogger(__name__)
MOST_ASKED = 500
"""How many situations are looked up for a proposal."""
ASKED_AT_ONCE = 100
"""How many of them one API call looks up."""


class Proposed(BaseModel):
    """A value as a workflow would propose it, and its situation."""

    model_config = ConfigDict(extra="forbid")

    situation: Situation
    value: JsonValue = None
    guess: bool = Field(default=False, description="Nothing speaks for the value, so any lesson may replace it")


class RecalledLesson(BaseModel):
    """A lesson for one proposed value.

    Attributes:
        number: the position of the proposed value in the call, from 0.
        before, after: what was proposed then, and what people made of it.
        similarity: of its situation to this one, from 0 to 1.
        votes_for, votes_against: how often people have approved and undone what it changed.
        applies: whether it may fill the field; otherwise it is a suggestion for people only, and `reason` says why.
        by, at, why: who corrected it, when, and with which comment.
    """

    lesson: str
    number: int = Field(ge=0)
    before: JsonValue = None
    after: JsonValue = None
    similarity: float
    votes_for: int = 0
    votes_against: int = 0
    applies: bool = False
    reason: str = ""
    by: str = ""
    at: AwareDatetime
    why: str = ""


Recaller = Callable[[Sequence[Proposed], str], Sequence[RecalledLesson]]
"""Returns the lessons for proposed values and a step's name; empty: any step of the workflow."""
_recaller: ContextVar[Recaller | None] = ContextVar("assent_lesson_recaller", default=None)
Proposal = TypeVar("Proposal")


@contextmanager
def recalling_with(recaller: Recaller | None) -> Iterator[None]:
    """Recall lessons within the block with `recaller`, which several threads may call; None: there are none."""
    token = _recaller.set(recaller)
    try:
        yield
    finally:
        _recaller.reset(token)


def recall(proposed: Sequence[Proposed], step: str = "") -> list[RecalledLesson]:
    """Return the lessons of this workflow for proposed values, the most similar first for each.

    It queries the database: call it in a function that is not async, which LangGraph runs in a thread. Outside of the
    portal's runs there are none; use `Approvals.with_lessons`. If they cannot be read, there are none either, because
    a workflow must not depend on them.

    Args:
        step: only lessons from requests of this node; empty: of any node of the workflow.
    """
    recaller = _recaller.get()
    if recaller is None or not proposed:
        return []
    try:
        return list(recaller([masked(item) for item in proposed[:MOST_ASKED]], step))
    except Exception:
        log.exception("Lessons could not be recalled.")
        return []


def masked(item: Proposed) -> Proposed:
    """A proposed value without its secrets."""
    return Proposed.model_validate(mask(item.model_dump(mode="json"))[0])


def recall_calls(proposed: Sequence[Proposed], workflow: str, step: str) -> Iterator[tuple[int, Send]]:
    """The API calls that recall lessons for these values, each with the number of the first of its values."""
    for first in range(0, min(len(proposed), MOST_ASKED), ASKED_AT_ONCE):
        items = [masked(item).model_dump(mode="json") for item in proposed[first : first + ASKED_AT_ONCE]]
        body = {"workflow": workflow, "step": step, "proposed": items}
        yield first, Send("POST", "/api/v1/lessons/recall", body)


def recalled_in(found: dict[str, Any], first: int) -> list[RecalledLesson]:
    """The lessons in the response to one of these calls."""
    lessons = [RecalledLesson.model_validate(item) for item in found["items"]]
    return [lesson.model_copy(update={"number": lesson.number + first}) for lesson in lessons]


def with_lessons(proposal: Proposal, places: Iterable[Correctable], step: str = "") -> Proposal:
    """Return a proposal with its correctable values, changed as people have corrected similar ones before.

    What was changed is stated in the proposal, and shown to the people who decide. Such a proposal always goes to
    people: no grant, no policy, and no expiry approves it.

    Args:
        proposal: one of the contract's types, such as `Custom`, or its JSON.
        places: the values that people may correct, with their situations.
        step: as for `recall`.

    Raises:
        pydantic.ValidationError: the proposal does not conform to the contract.
    """
    places = [Correctable.model_validate(place) for place in places][:MOST_ASKED]
    return filled(proposal, places, recall(proposed_in(proposal, places), step))


def proposed_in(proposal: Any, places: Sequence[Correctable]) -> list[Proposed]:
    """The proposed values at these places, for `recall`. A place that the proposal does not have is asked as None."""
    document = _plain(proposal)
    return [
        Proposed(situation=place.situation, value=_value(document, place.path), guess=place.guess) for place in places
    ]


def filled(proposal: Proposal, places: Sequence[Correctable], lessons: Iterable[RecalledLesson]) -> Proposal:
    """Return the proposal with those of the lessons applied that apply, and its correctable values.

    A lesson is applied only where the value is what was proposed when people corrected it, its replacement has the same
    type, and the changed proposal conforms to its own schema.
    """
    document = _plain(proposal)
    used: list[AppliedLesson] = [AppliedLesson.model_validate(item) for item in document.get("lessons") or ()]
    done = {item.path for item in used}
    for lesson in lessons:
        place = places[lesson.number] if lesson.number < len(places) else None
        if place is None or not lesson.applies or place.path in done:
            continue
        before, changed = _value(document, place.path), _changed(document, place, lesson)
        if changed is not None:
            document = changed
            done.add(place.path)
            used.append(AppliedLesson(lesson=lesson.lesson, path=place.path, before=before, after=lesson.after))
    document["lessons"] = [item.model_dump(mode="json") for item in used]
    document["correctable"] = [place.model_dump(mode="json") for place in places]
    return document if isinstance(proposal, dict) else proposal_adapter.validate_python(document)  # type: ignore[return-value]


def _plain(proposal: Any) -> dict[str, Any]:
    return dict(proposal) if isinstance(proposal, dict) else dict(proposal.model_dump(mode="json"))


def _value(document: Any, path: str) -> Any:
    try:
        return value_at(document, path)
    except NoSuchPlaceError:
        return None


_FILLED = {
    "custom": ("data",), "tool_call": ("args",), "tool_calls": ("calls", "*", "args"), "script": ("content",),
    "optimizations": ("items", "*", "statement"), "plan": ("steps", "*", "inputs"),
}  # fmt: skip
"""The part of each kind of proposal that lessons may fill; ``*`` is a position. Everything else decides who is asked,
and how, or which tool is called, and where."""
_SCHEMAS = {"data": "data_schema", "args": "args_schema", "inputs": "inputs_schema"}


def fillable_part(kind: str, path: str) -> str:
    """The pointer of the part of a proposal that lessons may fill and that contains this place; empty if none does.

    A script's content is such a part, but no text inside of another, and so are the arguments of a call, and all values
    inside of them.
    """
    wanted, tokens = _FILLED.get(kind, ()), tokens_of(path) if path.startswith("/") else []
    head = tokens[: len(wanted)]
    fits = len(head) == len(wanted) > 0 and all(
        token.isdigit() if part == "*" else token == part for part, token in zip(wanted, head, strict=True)
    )
    return pointer_of(head) if fits else ""


def _changed(document: dict[str, Any], place: Correctable, lesson: RecalledLesson) -> dict[str, Any] | None:
    """The document with the lesson applied; None if it does not fit there."""
    part = fillable_part(str(document.get("kind")), place.path)
    before = _value(document, place.path)
    if not part or (not place.guess and canonical(before) != canonical(lesson.before)):
        return None
    *owner, name = tokens_of(part)
    schema = _value(document, pointer_of([*owner, _SCHEMAS.get(name, "no schema")]))
    if not same_type(before, lesson.after) and not isinstance(schema, dict):
        return None
    # A secret in a lesson is a token that stands for another value than here; and nobody has approved one for this key.
    key = tokens_of(place.path)[-1]
    if mask({key: lesson.after})[1] or TOKEN.search(json.dumps(lesson.after, ensure_ascii=False)):
        return None
    try:
        changed = with_value(document, place.path, lesson.after)
        proposal_adapter.validate_python(changed)
    except (NoSuchPlaceError, ValueError):
        return None
    return changed if _conforms(_value(changed, part), schema) else None


def _conforms(value: Any, schema: Any) -> bool:
    if not isinstance(schema, dict):
        return True
    try:
        from assent.conformance import MisfitError, check_schema
        from assent.validator import TooMuchWorkError
    except ImportError:
        # The client works without `jsonschema`; what cannot be checked is not filled in.
        log.warning("Lessons for a proposal with a schema need `jsonschema` and `google-re2`, which are not installed.")
        return False
    try:
        check_schema(value, schema, "value")
    except (MisfitError, TooMuchWorkError):
        return False
    return True


def same_type(before: Any, after: Any) -> bool:
    """True if both are of the same JSON type: a number is one with a fraction or without."""
    if isinstance(before, bool) or isinstance(after, bool):
        return isinstance(before, bool) and isinstance(after, bool)
    if isinstance(before, int | float) and isinstance(after, int | float):
        return True
    return type(before) is type(after)
