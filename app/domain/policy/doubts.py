"""What is valid in a policy and probably not meant: rules that nothing reaches, and fields that do less than they say.

None of this refuses a policy, so that a version that was loaded before stays readable. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.domain.policy.condition_parts import conjuncts, named_teams, whole_number_products
from app.domain.policy.condition_words import KINDS
from app.domain.policy.conditions import Condition, Conditions
from app.domain.policy.document import Body, PolicyDocument, Rule
from app.domain.policy.summary import bodies
from app.domain.policy.verdicts import Decide
from app.domain.policy.words import exact_span, listing
from assent.composition.cel import evaluate
from assent.contracts import RiskLevel

MOST_RULES = 100
"""With more rules than this, only rules whose condition repeats an earlier one are found to be unreachable."""
_NUMBERS = ("quorum", "deny_threshold", "priority")


def doubts(document: PolicyDocument, data: Any) -> tuple[str, ...]:
    """A sentence for each doubt.

    Args:
        data: the file as plain data, which still has what validation converts.
    """
    found = [*_booleans(data), *_unreachable(document)]
    for name, body in bodies(document):
        found += [f"{name}: {words}" for words in _of_body(body)]
    return tuple(dict.fromkeys(found))


def teams_in_conditions(document: PolicyDocument) -> dict[str, list[str]]:
    """The teams that conditions name as the requester's, each with the rules that do."""
    found: dict[str, list[str]] = {}
    for rule in document.rules:
        for team in named_teams(rule.when):
            found.setdefault(team, []).append(rule.name)
    return found


def _of_body(body: Body) -> Iterator[str]:
    if isinstance(body, Rule):
        yield from whole_number_products(body.when)
    warn, deadline = body.warn, body.deadline
    if warn is not None and deadline is not None and deadline.working and warn.seconds >= deadline.seconds:
        yield (
            f"warns {warn.words} before the deadline, which may be only {exact_span(deadline.seconds)} after the "
            "opening; then the warning comes when an eighth of the time is left."
        )


def _booleans(data: Any) -> Iterator[str]:
    """Numbers that are written as true, which counts as 1."""
    rules = data.get("rules") if isinstance(data, Mapping) else None
    parts = list(rules) if isinstance(rules, list) else []
    parts += [data["default"]] if isinstance(data, Mapping) and "default" in data else []
    for part in parts:
        name = str(part.get("name", "default")) if isinstance(part, Mapping) else ""
        for field, value in _fields(part):
            if field in _NUMBERS and isinstance(value, bool):
                yield f"{name}: {field} is true, which counts as 1; write the number."


def _fields(part: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(part, Mapping):
        for name, value in part.items():
            yield str(name), value
            yield from _fields(value)
    elif isinstance(part, list):
        for item in part:
            yield from _fields(item)


# Rules that nothing reaches


def _unreachable(document: PolicyDocument) -> Iterator[str]:
    compiler = Conditions(rule.when for rule in document.rules)
    compiled = [compiler.compile(rule.when) for rule in document.rules]
    worlds = _worlds(compiler, compiled) if len(compiled) <= MOST_RULES else [[None] * len(compiled)]
    parts = [conjuncts(rule.when) for rule in document.rules]
    for at, rule in enumerate(document.rules):
        possible = [world for world in worlds if world[at] is not False]
        if not possible:
            yield f"{rule.name}: its condition never holds, so the rule is never used."
            continue
        # A rule that decides at once may end, and one that approves leaves the rules after it to say what else applies.
        earlier = [other for other in range(at) if _shadows(document.rules[other], rule)]
        same = [other for other in earlier if parts[other] and parts[other] <= parts[at]]
        hiding = [[other for other in earlier if world[other] is True] for world in possible]
        if same or all(hiding):
            first = same[:1] or list(dict.fromkeys(others[0] for others in hiding))
            names = listing([f"“{document.rules[other].name}”" for other in first])
            verb = "match" if len(first) > 1 else "matches"
            yield f"{rule.name}: is never reached, because {names} before it {verb} everything that it matches."


def _shadows(earlier: Rule, later: Rule) -> bool:
    """True if the later rule means nothing where the earlier one holds."""
    rejects = earlier.decide is Decide.REJECT and earlier.until is None
    return earlier.decide is None or (rejects and later.decide is None)


def _worlds(compiler: Conditions, compiled: Sequence[Condition]) -> list[list[bool | None]]:
    """The values of all conditions for each kind, risk, and understanding; None where other facts decide."""
    found = []
    for kind, level, understood in itertools.product(KINDS, RiskLevel, (True, False)):
        known = {"kind": kind, "risk.level": level.value, "risk.rank": level.rank, "understood": understood}
        activation = compiler.partly(known)
        values = [evaluate(condition.program, activation) for condition in compiled]
        found.append([value if isinstance(value, bool) else None for value in values])
    return found
