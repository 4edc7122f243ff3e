"""Similar requests: what they have in common, how each differs, and which one does not fit.

Pure. Requests are alike by their content: they have the same outline (`app.domain.outlines`), whatever workflow they
come from.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.outlines import MOST_TEXT, Outline, label_of
from app.domain.proposal_text import lines_of
from assent.contracts import RiskLevel

HOLE = "…"
MOST_COLUMNS = 6
"""How many differences have a column of their own; the others share one."""
MOST_FINDINGS = 10
"""How many findings a row of the table shows."""
NOT_WHOLE = "It is too long to be shown here: open it to see all of it."
TOO_MANY_FINDINGS = "It has more findings than are shown here: open it to see all of them."
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
    ]
)


@dataclass(frozen=True)
class Like:
    """A request, for comparison.

    Attributes:
        outline: what it would do; None: it is compared with no other.
        rules: ids of the rules that have findings in it.
    """

    id: str
    outline: Outline | None
    risk: RiskLevel
    environment: str = ""
    target: str = ""
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Alike:
    """A member of a group.

    Attributes:
        differs: how it differs from the others, in one line; empty if it does not.
        odd: the reasons why it does not fit the others; empty if it does.
        values: what it has in each of the group's columns.
    """

    id: str
    differs: str
    odd: tuple[str, ...]
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """Similar requests, in the order in which they were given.

    Attributes:
        common: the beginning of `whole`, in one line, for lists.
        whole: all of what they have in common, with `HOLE` where they differ.
        columns: what the differences are called; all differences are in them.
        risks: how many have which risk, such as ``1 high, 5 medium``; empty if all have the same.
    """

    common: str
    whole: str
    members: tuple[Alike, ...]
    columns: tuple[str, ...] = ()
    risks: str = ""

    @property
    def ids(self) -> list[str]:
        """The ids of its members."""
        return [member.id for member in self.members]


def comparable_text(payload: Any) -> str:
    """What a proposal would do, as text to compare."""
    if not isinstance(payload, dict):
        return _json(payload)
    if payload.get("kind") == "script":
        return str(payload.get("content", ""))
    if payload.get("kind") == "optimizations":
        items = [item for item in payload.get("items") or [] if isinstance(item, dict)]
        return "\n".join(line for item in items for line in _statements(item))
    if payload.get("kind") == "tool_call":
        return _json(payload.get("args"))
    if payload.get("kind") == "plan":
        return "\n".join(lines_of("plan", payload))
    return _json({name: value for name, value in payload.items() if name not in _UNTOLD})


def not_shown(payload: Any, findings: int) -> str:
    """Why a table of several requests does not show all that is approved with this one; empty if it does.

    It depends on the request alone, not on those beside it, so that it is the same on the page and in the decision.

    Args:
        findings: how many there are.
    """
    if len(comparable_text(payload)) > MOST_TEXT:
        return NOT_WHOLE
    return TOO_MANY_FINDINGS if findings > MOST_FINDINGS else ""


def _statements(item: dict[str, Any]) -> Iterable[str]:
    yield str(item.get("statement", ""))
    if item.get("rollback"):
        yield f"to roll back: {item['rollback']}"


def grouped(likes: Sequence[Like]) -> list[Group]:
    """Groups of two or more similar requests, ordered by the first of each."""
    families: dict[str, list[Like]] = {}
    for like in likes:
        if like.outline is not None:
            families.setdefault(like.outline.key, []).append(like)
    return [_group(family) for family in families.values() if len(family) > 1]


def _group(likes: Sequence[Like]) -> Group:
    outlines = [like.outline for like in likes if like.outline is not None]
    base = outlines[0]
    places = range(len(base.values))
    varying = [at for at in places if len({outline.values[at] for outline in outlines}) > 1]
    filled = [HOLE if at in set(varying) else base.values[at] for at in places]
    columns = _columns(likes, outlines, varying, [label_of(base, at, filled) for at in varying])
    risk = _usual_risk(likes)
    environment = _majority(like.environment for like in likes)
    counted = Counter(rule for like in likes for rule in like.rules)
    alone = {rule for rule, number in counted.items() if number == 1 and len(likes) > 2}
    members = []
    for number, like in enumerate(likes):
        odd = [*_odd_risk(like, risk), *_odd_environment(like, environment), *_odd_rules(like, alone)]
        own = tuple(values[number] for _, values in columns)
        differs = ", ".join(value.strip("'\"") for value in own)
        members.append(Alike(like.id, _one_line(differs), tuple(odd), own))
    whole = "".join(part + hole for part, hole in zip(base.pieces, [*filled, ""], strict=True)).strip().rstrip("; ")
    labels = tuple(label for label, _ in columns)
    return Group(_one_line(whole), whole, tuple(members), labels, _risk_words(likes))


_Column = tuple[str, tuple[str, ...]]


def _columns(
    likes: Sequence[Like], outlines: Sequence[Outline], varying: Sequence[int], labels: Sequence[str]
) -> list[_Column]:
    """All differences, each with its label and the value of each request; those with the same values once."""
    found: dict[tuple[str, ...], str] = {}
    context = {"target": [like.target for like in likes], "environment": [like.environment for like in likes]}
    listed = [(label, [outline.values[at] for outline in outlines]) for at, label in zip(varying, labels, strict=True)]
    listed += [(label, values) for label, values in context.items() if len(set(values)) > 1]
    for label, values in listed:
        found.setdefault(tuple(values), label)
    columns = [(label, values) for values, label in found.items()]
    if len(columns) <= MOST_COLUMNS:
        return columns
    own, rest = columns[: MOST_COLUMNS - 1], columns[MOST_COLUMNS - 1 :]
    together = tuple("; ".join(f"{label} {values[at]}" for label, values in rest) for at in range(len(likes)))
    return [*own, ("further differences", together)]


def _usual_risk(likes: Sequence[Like]) -> RiskLevel:
    """The risk that most of them have; of several, the lowest, so that what is riskier stands out."""
    counted = Counter(like.risk for like in likes)
    return min(counted, key=lambda risk: (-counted[risk], risk.rank))


def _risk_words(likes: Sequence[Like]) -> str:
    counted = Counter(like.risk for like in likes)
    if len(counted) == 1:
        return ""
    return ", ".join(f"{counted[risk]} {risk.value}" for risk in sorted(counted, key=lambda risk: -risk.rank))


def _odd_risk(like: Like, usual: RiskLevel) -> Iterable[str]:
    if like.risk is not usual:
        yield f"{like.risk.value} risk, most others {usual.value}"


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
