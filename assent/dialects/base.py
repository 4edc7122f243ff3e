"""What every dialect does: recognize an interrupt value, and create the answer that it expects."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from assent.contracts import NextAction, Outcome, Verdict
from assent.digests import canonical
from assent.json_values import MAX_READ_DEPTH, named, passable, replacement_text, whole
from assent.masking import mask


@dataclass(frozen=True)
class Seen:
    """An interrupt value as a reviewer will see it: a masked document with `kind` and `title`."""

    document: dict[str, Any]
    response_schema: dict[str, Any] | None


@dataclass(frozen=True)
class EndRun:
    """The outcome cannot be expressed in this dialect, so the run ends instead of getting a wrong answer."""

    reason: str


class UnfitAnswerError(ValueError):
    """The answer does not have the shape that the interrupt expects."""


@dataclass(frozen=True)
class Pending:
    """What the thread waits for now, as JSON: the reviewed value, with its secrets.

    For a failed step, `value` is None.
    """

    value: Any = None
    response_schema: dict[str, Any] | None = None


@dataclass(frozen=True)
class Asked:
    """The question of a suspended run, as recognized by a dialect.

    Attributes:
        interrupt_id: LangGraph's id, or for a failed step an id of the task and its failure.
        dialect: name of the dialect that creates the answer.
        document: the masked proposal, as JSON; has at least ``kind`` and ``title``.
        value_digest: digest of the raw value.
        response_schema: JSON Schema of the answer, or None.
        node: the graph's node that asks.
        agent: the agent that proposes.
    """

    interrupt_id: str
    dialect: str
    document: dict[str, Any]
    value_digest: str
    response_schema: dict[str, Any] | None
    node: str
    agent: str


@dataclass(frozen=True)
class OutcomeDelivery:
    """An outcome that waits to reach the run.

    Attributes:
        outcome: the JSON of an `assent.Outcome`.
        not_before: when its change window opens, if it is closed now.
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
    """One format in which graphs ask people.

    Attributes:
        alone: no other answer may be sent together with one in this dialect.
        may_be_passed_over: the step may continue without asking again when the answer arrives; accepting any answer
            but a plain approval changes its result.
        acts: the step that asks also carries out the approved action, which is done once the step has completed.
    """

    name: str
    alone: bool
    may_be_passed_over: bool
    acts: bool

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        """Return the value as a document, or None if it is not in this dialect. `value` is JSON."""
        ...

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        """Return the value to resume with, or EndRun. Raises UnfitAnswerError."""
        ...


def jsonable(value: Any) -> Any:
    """Convert any Python value to JSON that every reader accepts; types unknown to pydantic become strings.

    An unpaired surrogate becomes a question mark; infinities, NaN, and values nested too deeply become strings.
    Equal values give equal JSON in every process; therefore the elements of sets are sorted.
    """
    try:
        return _copied(value, MAX_READ_DEPTH)
    except _NotJsonError:
        plain = to_jsonable_python(_plain(value, MAX_READ_DEPTH), fallback=str, bytes_mode="base64")
        return passable(_finite(plain))


class _NotJsonError(Exception):
    """A value contains something that is not JSON."""


def _copied(value: Any, depth: int) -> Any:
    """Copy a value that is JSON already, as nearly all are. Raises _NotJsonError: it is not JSON, or too deep."""
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
    """Convert infinities and NaN to strings. (pydantic's `inf_nan_mode` affects only JSON output.)"""
    if isinstance(value, dict):
        return {key: _finite(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_finite(inside) for inside in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any, depth: int) -> Any:
    """Return the value with sets as sorted lists, and with a string in place of values nested too deeply."""
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(), depth)
    if not isinstance(value, dict | list | tuple | set | frozenset):
        # LangGraph stores a question mark for an unpaired surrogate: a value must be the same after it is read back.
        return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    if depth <= 0:
        return replacement_text(value)
    if isinstance(value, dict):
        return {key: _plain(inside, depth - 1) for key, inside in named(value).items()}
    if isinstance(value, list | tuple):
        return [_plain(inside, depth - 1) for inside in value]
    return sorted((jsonable(inside) for inside in value), key=canonical)


def masked(value: Any) -> Any:
    """Return the value with secrets masked."""
    return mask(value)[0]


def one_line(value: Any, fallback: str) -> str:
    """Return a title for a value that has none: its first line."""
    if isinstance(value, dict):
        for key in ("title", "question", "message", "description", "prompt", "action"):
            if isinstance(value.get(key), str) and value[key].strip():
                return one_line(value[key], fallback)
    if isinstance(value, str) and value.strip():
        line = value.strip().splitlines()[0].strip()
        return line if len(line) <= 160 else line[:157] + "…"
    return fallback


def refused(outcome: Outcome) -> EndRun | None:
    """Return EndRun for outcomes that cannot answer a plain question."""
    if outcome.verdict in (Verdict.REJECT, Verdict.REQUEST_CHANGES) or outcome.next_action is NextAction.ABORT:
        ending = f": {outcome.comment}" if outcome.comment else "."
        return EndRun(f"The run's request was rejected{ending}")
    return None
