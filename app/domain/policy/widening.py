"""What a new version of a policy widens. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.domain.policy.condition_words import did_you_mean
from app.domain.policy.document import PolicyDocument, Rule
from app.domain.policy.verdicts import Decide
from assent.contracts import RiskLevel


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
