"""What every dialect does: recognise an interrupt value, and write the answer it understands."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from assent.contracts import NextAction, Outcome, Verdict
from assent.digests import canonical
from assent.json_values import MAX_READ_DEPTH, in_place_of, named, passable, whole
from assent.masking import mask


@dataclass(frozen=True)
class Seen:
    """An interrupt value as a reviewer will see it: a masked document with `kind` and `title`."""

    document: dict[str, Any]
    response_schema: dict[str, Any] | None


@dataclass(frozen=True)
class EndRun:
    """The outcome cannot be told in this dialect, so the run ends instead of getting a wrong answer."""

    reason: str


class UnfitAnswerError(ValueError):
    """The answer does not have the shape that the interrupt waits for."""


@dataclass(frozen=True)
class Pending:
    """What the thread waits for now, JSON-ready: the very value that was reviewed, with its secrets.

    For a step that failed `value` is None.
    """

    value: Any = None
    response_schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    """What a suspended run asks, as a dialect understood it.

    Attributes:
        interrupt_id: LangGraph's id, or for a failed step one that names the task and its failure.
        dialect: who knows how to write the answer.
        document: the proposal, masked, JSON-ready; has at least ``kind`` and ``title``.
        value_digest: digest of the raw value.
        response_schema: JSON Schema of the answer, or None.
        node: the graph's node that asks.
        agent: who proposes.
    """

    interrupt_id: str
    dialect: str
    document: dict[str, Any]
    value_digest: str
    response_schema: dict[str, Any] | None
    node: str
    agent: str


@dataclass(frozen=True)
class Delivery:
    """An outcome that waits to reach the run.

    Attributes:
        outcome: the JSON of an `assent.Outcome`.
        not_before: its change window is not open now, and opens then.
    """

    request_id: str
    interrupt_id: str
    dialect: str
    value_digest: str
    node: str
    response_schema: dict[str, Any] | None
    outcome: dict[str, Any]
    not_before: datetime | None = None


class Dialect(Protocol):
    """One way in which graphs ask for people.

    Attributes:
        alone: no other answer may be sent together with one in this dialect.
        may_be_passed_over: whoever asks may go on without asking again when the answer comes, and changes something
            when it takes any answer but a plain approval.
        acts: the step that asks does what was approved itself, so that it is done once this step has completed.
    """

    name: str
    alone: bool
    may_be_passed_over: bool
    acts: bool

    def recognise(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        """The value as a document, or None if it is not in this dialect. `value` is JSON-ready."""
        ...

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        """What to resume with, or EndRun. Raises UnfitAnswerError."""
        ...


def jsonable(value: Any) -> Any:
    """Any Python value as JSON that every reader can take; what pydantic does not know becomes its text.

    Half of a surrogate pair becomes a question mark; infinities, NaN and what is nested too deeply become texts.
    Equal values give equal JSON in every process, which for sets means that their elements are sorted.
    """
    try:
        return _copied(value, MAX_READ_DEPTH)
    except _NotJsonError:
        plain = to_jsonable_python(_plain(value, MAX_READ_DEPTH), fallback=str, bytes_mode="base64")
        return passable(_finite(plain))


class _NotJsonError(Exception):
    """Something in a value is not JSON as it stands."""


def _copied(value: Any, depth: int) -> Any:
    """A copy of what is JSON already, as nearly all values are. Raises _NotJsonError: it is not, or is too deep."""
    kind = type(value)
    if kind is str:
        if whole(value) == value:
            return value
    elif value is None or kind is bool or kind is int or (kind is float and math.isfinite(value)):
        return value
    elif depth > 0 and (kind is list or kind is tuple):
        return [_copied(inside, depth - 1) for inside in value]
    elif depth > 0 and kind is dict and all(type(name) is str and whole(name) == name for name in value):
        return {name: _copied(inside, depth - 1) for name, inside in value.items()}
    raise _NotJsonError


def _finite(value: Any) -> Any:
    """JSON has no infinities and no NaN: they become texts. (pydantic's `inf_nan_mode` is for its JSON output only.)"""
    if isinstance(value, dict):
        return {key: _finite(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_finite(inside) for inside in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any, depth: int) -> Any:
    """The value with the elements of sets in order, and with a text for what is nested too deeply."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(), depth)
    if not isinstance(value, dict | list | tuple | set | frozenset):
        # A question mark is what LangGraph stores for half a character: a value has to be the same when it is read.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    if depth <= 0:
        return in_place_of(value)
    if isinstance(value, dict):
        return {key: _plain(inside, depth - 1) for key, inside in named(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(inside, depth - 1) for inside in value]
    return sorted((jsonable(inside) for inside in value), key=canonical)


def masked(value: Any) -> Any:
    """The value without secrets."""
    return mask(value)[0]


def one_line(value: Any, fallback: str) -> str:
    """A title for a value that has none: its own first line."""
    if isinstance(value, dict):
        for key in ("title", "question", "message", "description", "prompt", "action"):
            if isinstance(value.get(key), str) and value[key].strip():
                return one_line(value[key], fallback)
    if isinstance(value, str) and value.strip():
        line = value.strip().splitlines()[0].strip()
        return line if len(line) <= 160 else line[:157] + "…"
    return fallback


def refused(outcome: Outcome) -> EndRun | None:
    """EndRun for outcomes that a plain question cannot be answered with."""
    if outcome.verdict in (Verdict.REJECT, Verdict.REQUEST_CHANGES) or outcome.next_action is NextAction.ABORT:
        said = f": {outcome.comment}" if outcome.comment else "."
        return EndRun(f"What the run asked for was rejected{said}")
    return None
