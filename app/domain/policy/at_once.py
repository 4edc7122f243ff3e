"""Rules that decide at once: what they must say, and when they end. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from app.domain.policy.condition_words import agent_stated
from app.domain.policy.conditions import Condition, Conditions
from app.domain.policy.document import Body, PolicyDocument, Rule
from app.domain.policy.verdicts import MAX_RISK, Decide
from app.domain.policy.words import listing
from app.domain.policy.yaml_tree import Path
from assent.contracts import RiskLevel

_FOR_PEOPLE = tuple(name for name in Body.model_fields if name != "change_windows")
"""Fields that say how people decide."""
MAX_DAYS = 366
"""How far ahead the end of a rule may be when it is loaded."""
WARN_DAYS = 14
"""How many days before the end of a rule pages warn of it."""
_ONLY_DECIDING = ("until", "sample", "reason")
_EXAMPLE = "understood && risk.rank <= 1"


def approval_problems(
    at: int, rule: Rule, compiler: Conditions, condition: Condition
) -> Iterator[tuple[Path, int, str]]:
    """Why the condition of a rule does not bound what the rule approves.

    It has to be impossible for it to hold for a proposal that was not understood, or whose risk is above low, whatever
    all the other facts are. So nothing that only the agent states can be enough.
    """
    if rule.decide is not Decide.APPROVE:
        return
    path: Path = ("rules", at, "when")
    stated = agent_stated(condition.text)
    why = f"; what only the agent states ({listing(stated)}) is never enough" if stated else ""
    if not compiler.needs(condition, understood=False):
        yield (
            path,
            0,
            (
                "a rule that approves must not hold for what the portal has not understood: "
                f"require it, as in {_EXAMPLE}{why}"
            ),
        )
    unbounded = [
        level.value
        for level in RiskLevel
        if level.rank > MAX_RISK.rank
        and not compiler.needs(condition, understood=True, risk_rank=level.rank, risk_level=level.value)
    ]
    if unbounded:
        yield (
            path,
            0,
            (
                f"a rule that approves must not hold above {MAX_RISK.value} risk, and this one may for {unbounded[0]}: "
                f"name the risk, as in {_EXAMPLE}{why}"
            ),
        )


def deciding_problems(rule: Rule, today: date | None) -> Iterator[tuple[Path, str]]:
    """Fields that a rule that decides at once lacks, or that mean nothing there; and the other way round.

    Args:
        today: the day on which the file is checked or loaded; None: it was loaded before.
    """
    given = rule.model_fields_set
    if rule.decide is None:
        for name in _ONLY_DECIDING:
            if name in given:
                yield (name,), f"{name} belongs to a rule with decide: approve or decide: reject"
        return
    for name in _FOR_PEOPLE:
        if name in given:
            yield (
                (name,),
                (
                    f"{name} says how people decide, and this rule decides by itself: leave it out, "
                    "or put it into a rule after this one"
                ),
            )
    if rule.decide is Decide.REJECT and "change_windows" in given:
        yield ("change_windows",), "change_windows says when approved changes may run, and this rule rejects"
    if rule.decide is Decide.APPROVE and rule.until is None:
        yield ("decide",), "a rule that approves needs an end: give its last day, as in until: 2027-03-31"
    if rule.until is not None and today is not None and rule.until > today + timedelta(days=MAX_DAYS):
        yield ("until",), f"the end is more than {MAX_DAYS} days away; a rule that stays useful can be loaded again"


def ending(document: PolicyDocument, today: date) -> tuple[str, ...]:
    """A sentence for each rule that decides at once and has ended, or ends soon."""
    found = []
    for rule in document.rules:
        if rule.decide is None or rule.until is None or rule.until > today + timedelta(days=WARN_DAYS):
            continue
        when = "has decided nothing since its last day" if rule.until < today else "stops deciding after its last day"
        found.append(f"{rule.name}: {when}, {rule.until.isoformat()}.")
    return tuple(found)
