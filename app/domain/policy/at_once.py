"""Rules that decide at once: what they must say, and what a new version of a policy widens. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from app.domain.policy.condition_words import agent_stated, did_you_mean
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


def widened(
    old: PolicyDocument | None, new: PolicyDocument, levels: Mapping[str, RiskLevel] | None = None
) -> tuple[str, ...]:
    """What the new policy approves without people that the old one did not, or not as long or as observed.

    A sentence each; empty: nothing. Whatever can be compared only by evaluating conditions counts as wider.

    Args:
        levels: the usual levels of the risk rules, by id.
    """
    return (*_wider(old, new), *_lowered(old, new, levels or {}))


def lowers_critical(document: PolicyDocument, levels: Mapping[str, RiskLevel]) -> tuple[str, ...]:
    """A sentence for each critical risk rule that the policy switches off or lowers, and each one that is unknown."""
    found = []
    for rule, part in document.risk_rules.items():
        if levels and rule not in levels:
            found.append(f"There is no risk rule {rule}{did_you_mean(rule, sorted(levels)) or '.'}")
        elif levels.get(rule) is RiskLevel.CRITICAL and part.level is not RiskLevel.CRITICAL:
            found.append(f"The critical risk rule {rule} {_to(part.level)}; a second person has to confirm that.")
    return tuple(found)


def _lowered(old: PolicyDocument | None, new: PolicyDocument, levels: Mapping[str, RiskLevel]) -> Iterator[str]:
    """Risk rules whose findings count less than before, if they are critical or some rule approves at once."""
    before = old.risk_rules if old is not None else {}
    approves = any(rule.decide is Decide.APPROVE for rule in new.rules)
    for rule in dict.fromkeys((*new.risk_rules, *before)):
        usual = levels.get(rule, RiskLevel.CRITICAL)
        was = before[rule].level if rule in before else usual
        now = new.risk_rules[rule].level if rule in new.risk_rules else usual
        if _rank(now) < _rank(was) and (approves or _rank(was) == RiskLevel.CRITICAL.rank):
            yield f"The risk rule {rule} {_to(now)}; it was {was.value if was else 'off'}."


def _rank(level: RiskLevel | None) -> int:
    return level.rank if level is not None else -1


def _to(level: RiskLevel | None) -> str:
    return f"becomes {level.value}" if level is not None else "is switched off"


def _wider(old: PolicyDocument | None, new: PolicyDocument) -> tuple[str, ...]:
    before = _approving(old.rules) if old is not None else {}
    found = []
    for at, rule in enumerate(new.rules):
        if rule.decide is not Decide.APPROVE:
            continue
        known = before.get(_plain(rule))
        name = f"“{rule.name}”"
        if known is None or old is None:
            found.append(f"{name} is new, or has another condition.")
        elif rule.until is not None and known.until is not None and rule.until > known.until:
            found.append(f"{name} approves until {rule.until.isoformat()} instead of {known.until.isoformat()}.")
        elif rule.sample < known.sample:
            found.append(f"People review {_percent(rule)} of what {name} decides instead of {_percent(known)}.")
        elif gone := _no_longer_in_the_way(old.rules, old.rules.index(known), new.rules, at):
            found.append(f"{name} also approves what {gone} decided about before.")
        elif unseen := _no_longer_observed(old.rules[: old.rules.index(known)], new.rules[:at], rule):
            found.append(f"{name} also approves what “{unseen.name}” did, of which people review {_percent(unseen)}.")
    return tuple(found)


def _approving(rules: Sequence[Rule]) -> dict[str, Rule]:
    """The approving rules by their conditions, the first of each."""
    found: dict[str, Rule] = {}
    for rule in rules:
        if rule.decide is Decide.APPROVE:
            found.setdefault(_plain(rule), rule)
    return found


def _percent(rule: Rule) -> str:
    return f"{rule.sample * 100:g}%"


def _plain(rule: Rule) -> str:
    return " ".join(rule.when.split())


def _no_longer_in_the_way(old: Sequence[Rule], was: int, new: Sequence[Rule], at: int) -> str:
    """The name of a rule that kept an approving rule from approving something, and no longer does; empty: none.

    A rule before it that asks people or rejects hides it. A rejecting rule after it does as well, unless a rule that
    asks people comes in between.
    """
    for rule in old[:was]:
        if rule.decide is not Decide.APPROVE and not any(_hides(other, rule) for other in new[:at]):
            return f"“{rule.name}”"
    asking = {_plain(rule) for rule in old[:was] if rule.decide is None}
    for rule in old[was + 1 :]:
        if rule.decide is None:
            asking.add(_plain(rule))
        elif rule.decide is Decide.REJECT and not _still_rejects(rule, asking, new, at):
            return f"“{rule.name}”"
    return ""


def _no_longer_observed(old: Sequence[Rule], new: Sequence[Rule], rule: Rule) -> Rule | None:
    """An approving rule before this one of whose decisions people reviewed more, and which comes before no longer.

    Args:
        old, new: the rules before it, then and now.
    """
    for earlier in old:
        more = earlier.decide is Decide.APPROVE and earlier.sample > rule.sample
        if more and not any(_observes(other, earlier) for other in new):
            return earlier
    return None


def _observes(other: Rule, rule: Rule) -> bool:
    """True if the other rule approves the same, and people review as much of it for at least as long."""
    if other.decide is not Decide.APPROVE or _plain(other) != _plain(rule) or other.sample < rule.sample:
        return False
    return other.until is None or (rule.until is not None and other.until >= rule.until)


def _still_rejects(rule: Rule, asking: set[str], new: Sequence[Rule], at: int) -> bool:
    """True if what the rule rejects is still rejected, or asked about, although the rule at that place approves it.

    Args:
        asking: the conditions of the rules that ask people and came before it.
    """
    if any(_hides(other, rule) for other in new[:at]):
        return True
    for other in new[at + 1 :]:
        if other.decide is Decide.REJECT and _hides(other, rule):
            return True
        if other.decide is None and _plain(other) not in asking:
            return False
    return False


def _hides(other: Rule, rule: Rule) -> bool:
    """True if the other rule asks people about what the rule matches, or rejects it for at least as long."""
    if other.decide is Decide.APPROVE or _plain(other) != _plain(rule):
        return False
    if other.decide is None or other.until is None:
        return True
    return rule.decide is Decide.REJECT and rule.until is not None and other.until >= rule.until
