"""Similar requests: what they have in common, how each differs, and which one does not fit.

Pure. Two texts have the same shape if they differ only in names, numbers, and quoted texts.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.proposal_text import lines_of
from assent.contracts import RiskLevel

HOLE = "…"
_VALUES = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b0x[0-9a-fA-F]+\b|(?<![\w.])-?\d[\d._:-]*"""
)
_LONGEST = 20_000
_SAID = 160
_UNTOLD = frozenset(
    [
        "kind",
        "title",
        "summary",
        "agent",
        "labels",
        "tables",
        "args_schema",
        "data_schema",
        "decisions",
        "rests_on",
        "changed",
        "correctable",
        "lessons",
        "findings",
        "attachments",
        "urgency",
    ]
)


@dataclass(frozen=True)
class Like:
    """A request, for comparison.

    Attributes:
        family: only requests of the same family are compared.
        text: what it would do (`comparable_text`).
        rules: ids of the rules that have findings in it.
    """

    id: str
    family: Hashable
    text: str
    risk: RiskLevel
    environment: str = ""
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Alike:
    """A member of a group.

    Attributes:
        differs: how it differs from the others, in one line; empty if it does not.
        odd: the reasons why it does not fit the others; empty if it does.
    """

    id: str
    differs: str
    odd: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Similar requests, in the order in which they were given.

    Attributes:
        common: what most of them do, with `HOLE` where they differ.
    """

    common: str
    members: tuple[Alike, ...]


def comparable_text(payload: Any) -> str:
    """What a proposal would do, as text to compare."""
    if not isinstance(payload, dict):
        return _json(payload)
    if payload.get("kind") == "script":
        return str(payload.get("content", ""))
    if payload.get("kind") == "optimizations":
        items = [item for item in payload.get("items") or [] if isinstance(item, dict)]
        return "\n".join(str(item.get("statement", "")) for item in items)
    if payload.get("kind") == "tool_call":
        return _json(payload.get("args"))
    if payload.get("kind") == "plan":
        return "\n".join(lines_of("plan", payload))
    return _json({name: value for name, value in payload.items() if name not in _UNTOLD})


def grouped(likes: Sequence[Like]) -> list[Group]:
    """Groups of two or more similar requests, ordered by the first of each."""
    families: dict[Hashable, list[Like]] = {}
    for like in likes:
        families.setdefault(like.family, []).append(like)
    return [_group(family) for family in families.values() if len(family) > 1]


def shape_of(text: str) -> tuple[str, list[str]]:
    """The text with `HOLE` in place of each value, and the values."""
    values: list[str] = []

    def hole(found: re.Match[str]) -> str:
        values.append(found.group())
        return HOLE

    return " ".join(_VALUES.sub(hole, text[:_LONGEST]).split()), values


def _group(likes: Sequence[Like]) -> Group:
    shapes = {like.id: shape_of(like.text) for like in likes}
    usual = _majority(shape for shape, _ in shapes.values())
    base = usual if usual is not None else shapes[likes[0].id][0]
    varying = _varying([values for shape, values in shapes.values() if shape == base])
    risk, environment = _majority(like.risk for like in likes), _majority(like.environment for like in likes)
    counted = Counter(rule for like in likes for rule in like.rules)
    alone = {rule for rule, number in counted.items() if number == 1 and len(likes) > 2}
    members = []
    for like in likes:
        shape, values = shapes[like.id]
        fits = shape == base
        differs = ", ".join(values[at].strip("'\"") for at in varying if at < len(values)) if fits else like.text
        odd = [*_odd_risk(like, risk), *_odd_environment(like, environment), *_odd_rules(like, alone)]
        if usual is not None and not fits:
            odd.append("does something different from the others")
        members.append(Alike(like.id, _one_line(differs), tuple(odd)))
    return Group(_one_line(_filled(base, shapes, varying)), tuple(members))


def _varying(values: Sequence[list[str]]) -> list[int]:
    """The positions at which the values differ."""
    places = range(max((len(value) for value in values), default=0))
    return [at for at in places if len({tuple(value[at : at + 1]) for value in values}) > 1]


def _filled(base: str, shapes: dict[str, tuple[str, list[str]]], varying: list[int]) -> str:
    """The common text, with the values that all requests share."""
    values = next(values for shape, values in shapes.values() if shape == base)
    parts = base.split(HOLE)
    filled = parts[0]
    for at, part in enumerate(parts[1:]):
        filled += (HOLE if at in varying or at >= len(values) else values[at]) + part
    return filled


def _odd_risk(like: Like, usual: RiskLevel | None) -> Iterable[str]:
    if usual is not None and like.risk.rank > usual.rank:
        yield f"{like.risk.value} risk, the others {usual.value}"


def _odd_environment(like: Like, usual: str | None) -> Iterable[str]:
    if usual is not None and like.environment != usual:
        yield f"in {like.environment or 'no environment'}, the others in {usual or 'none'}"


def _odd_rules(like: Like, alone: set[str]) -> Iterable[str]:
    if mine := sorted(like.rules & alone):
        yield f"only here: {', '.join(mine[:3])}"


def _majority(values: Iterable[Any]) -> Any:
    """The value that more than half of them have; None if there is none."""
    counted = Counter(values)
    value, number = counted.most_common(1)[0]
    return value if number * 2 > sum(counted.values()) else None


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SAID else line[: _SAID - 1] + "…"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
