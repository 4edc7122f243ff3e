"""What a proposal rests on, and what of it has changed, as the request's page shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from app.services.reading.pages import RequestView
from assent.contracts import Basis, BasisValue, Changed, Tolerance
from assent.toolbox.differences import shown_path

_FIRST = 8
"""How many values of a read are shown at once; the others are folded."""
_MOST = 200
_LONGEST = 500
_PROBLEMS = {"new": "New", "gone": "Gone"}


@dataclass(frozen=True)
class ValueLine:
    """A value that counts, and how much it may change."""

    path: str
    value: str
    tolerance: str


@dataclass(frozen=True)
class ReadView:
    """A read that the proposal was made from."""

    tool: str
    inputs: str
    read_at: datetime
    lines: list[ValueLine]
    folded: list[ValueLine]
    left_out: int


@dataclass(frozen=True)
class ChangeLine:
    """What has changed since an earlier proposal was made."""

    path: str
    before: str
    now: str
    problem: str


@dataclass(frozen=True)
class BasisView:
    """What the page shows.

    Attributes:
        times: how often in a row a proposal was not applied.
        is_previous: the earlier proposal is the request's previous revision.
    """

    reads: list[ReadView] = field(default_factory=list)
    changes: list[ChangeLine] = field(default_factory=list)
    noticed_at: datetime | None = None
    times: int = 0
    is_previous: bool = False


def basis_view(view: RequestView) -> BasisView:
    """Return what the request's page shows about what the proposal rests on."""
    payload = view.request.payload
    if not isinstance(payload, dict) or not (payload.get("rests_on") or payload.get("changed")):
        return BasisView()
    try:
        reads = [_read(Basis.model_validate(basis)) for basis in payload.get("rests_on") or ()]
        changed = Changed.model_validate(payload["changed"]) if payload.get("changed") else None
    except (ValidationError, TypeError):
        # A value of an agent that has fields of these names, and means something else by them.
        return BasisView()
    if changed is None:
        return BasisView(reads)
    lines = [
        ChangeLine(
            change.path or change.tool, _text(change.before), _text(change.now),
            _PROBLEMS.get(change.problem, change.problem),
        )
        for change in changed.changes
    ]  # fmt: skip
    is_previous = view.previous is not None and view.previous.id == changed.request_id
    return BasisView(reads, lines, changed.noticed_at, changed.times, is_previous)


def _read(basis: Basis) -> ReadView:
    found = [(kept, names, leaf) for kept in basis.values for names, leaf in _leaves(kept.value, ())]
    # Only what is shown is put into words.
    lines = [
        ValueLine(shown_path(kept.path, names), _text(leaf), _tolerance(kept)) for kept, names, leaf in found[:_MOST]
    ]
    inputs = "; ".join(f"{name}: {_text(value)}" for name, value in list(basis.inputs.items())[:_MOST])
    return ReadView(basis.tool, inputs, basis.read_at, lines[:_FIRST], lines[_FIRST:], max(0, len(found) - _MOST))


def _leaves(value: Any, names: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for name, inside in value.items():
            yield from _leaves(inside, (*names, name))
    elif isinstance(value, list) and any(isinstance(inside, dict | list) for inside in value):
        for place, inside in enumerate(value):
            yield from _leaves(inside, (*names, str(place)))
    else:
        yield names, value


def _tolerance(kept: BasisValue) -> str:
    if kept.tolerance is Tolerance.MAGNITUDE:
        return "about as large"
    if kept.tolerance is Tolerance.SHARE:
        return f"within {100 * (kept.share or 0):g} %"
    return "unchanged"


def _text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if value is None or value == {} or value == []:
        return "none"
    if isinstance(value, list) and all(isinstance(inside, str) for inside in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
