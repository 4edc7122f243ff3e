"""What a new version of a policy widens. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from app.domain.policy.condition_words import did_you_mean, may_fail, same_words
from app.domain.policy.document import PolicyDocument, Rule
from app.domain.policy.terms import ChangeWindow, Unanswered
from app.domain.policy.verdicts import MAX_RISK, Decide
from app.domain.reading_tools import includes
from assent.contracts import RiskLevel

_Condition = int
"""The number of a condition; conditions of the same words have the same one, so that comparing them costs nothing."""


def widened(
    old: PolicyDocument | None, new: PolicyDocument, levels: Mapping[str, RiskLevel] | None = None
) -> tuple[str, ...]:
    """What the new policy approves without reviewers that the old one did not, or not as long or as observed.

    That is what a rule approves at once, what is left to the person at a coding agent's keyboard, and what counts as
    reading. A sentence each; empty: nothing. Whatever can be compared only by evaluating conditions counts as wider.

    Args:
        levels: the usual levels of the risk rules, by id.
    """
    numbers: dict[tuple[str, ...], _Condition] = {}
    then, now = _Rules(old, numbers), _Rules(new, numbers)
    lowered = _lowered(old, new, levels or {})
    return (*_wider(then, now), *_left_to_keyboards(then, now), *lowered, *_newly_reading(old, new))


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
    """Risk rules that change what a policy approves without reviewers, and critical ones that count less.

    One that counts more matters as well, unless it keeps everything from being approved: what was safe and is low now
    may no longer fit a rule that asks, and still be harmless enough for one that approves.
    """
    before = old.risk_rules if old is not None else {}
    bodies = (*new.rules, *((new.default,) if new.default is not None else ()))
    approves = any(rule.decide is Decide.APPROVE for rule in new.rules)
    without_reviewers = approves or any(body.unanswered is Unanswered.ASK for body in bodies)
    for rule in dict.fromkeys((*new.risk_rules, *before)):
        usual = levels.get(rule, RiskLevel.CRITICAL)
        was = before[rule].level if rule in before else usual
        now = new.risk_rules[rule].level if rule in new.risk_rules else usual
        less = _rank(now) < _rank(was) and (without_reviewers or _rank(was) == RiskLevel.CRITICAL.rank)
        more = _rank(was) < _rank(now) <= MAX_RISK.rank and approves
        if less or more:
            yield f"The risk rule {rule} {_to(now)}; it was {was.value if was else 'off'}."


def _newly_reading(old: PolicyDocument | None, new: PolicyDocument) -> Iterator[str]:
    """Tools that are registered as reading and were not, whatever the rules say: their calls may count as harmless."""
    before = old.reading_tools if old is not None else {}
    for pattern in new.reading_tools:
        if not any(includes(known, pattern) for known in before):
            yield f"Calls of {pattern} count as reading."


def _rank(level: RiskLevel | None) -> int:
    return level.rank if level is not None else -1


def _to(level: RiskLevel | None) -> str:
    return f"becomes {level.value}" if level is not None else "is switched off"


class _Rules:
    """The rules of a policy in their order, which are found by their conditions.

    Each condition is read once: the comparison looks at every pair of rules.

    Args:
        numbers: of the conditions, by their words; further ones are added.
    """

    def __init__(self, document: PolicyDocument | None, numbers: dict[tuple[str, ...], _Condition]) -> None:
        self.rules = document.rules if document is not None else ()
        self.default = document.default if document is not None else None
        self.calendars = document.calendars if document is not None else {}
        self.conditions = [numbers.setdefault(same_words(rule.when), len(numbers)) for rule in self.rules]

    @cached_property
    def may_fail(self) -> list[bool]:
        """For each rule, whether its condition may be impossible to evaluate."""
        return [may_fail(rule.when) for rule in self.rules]

    @cached_property
    def approving(self) -> dict[_Condition, list[int]]:
        """The places of the rules that approve."""
        found: dict[_Condition, list[int]] = {}
        for at, rule in enumerate(self.rules):
            if rule.decide is Decide.APPROVE:
                found.setdefault(self.conditions[at], []).append(at)
        return found

    @cached_property
    def others(self) -> dict[_Condition, int]:
        """The place of the first rule that asks people or rejects."""
        found: dict[_Condition, int] = {}
        for at, rule in enumerate(self.rules):
            if rule.decide is not Decide.APPROVE:
                found.setdefault(self.conditions[at], at)
        return found

    def windows(self, at: int) -> list[ChangeWindow]:
        """The change windows of the rule at that place, one of which has to be open."""
        return [window for part in self.rules[at].change_windows for window in part.windows(self.calendars)]

    def hiding(self, rules: _Rules, place: int) -> int | None:
        """The place of a rule that asks people about what a rule of the others matches, or rejects it for as long."""
        at = self.others.get(rules.conditions[place])
        if at is None:
            return None
        rule, other = rules.rules[place], self.rules[at]
        if other.decide is None or other.until is None:
            return at
        longer = rule.decide is Decide.REJECT and rule.until is not None and other.until >= rule.until
        return at if longer else None


def _wider(old: _Rules, new: _Rules) -> Iterator[str]:
    """Rules that approve what was not approved before, or for longer, or with fewer samples."""
    for at, rule in enumerate(new.rules):
        if rule.decide is not Decide.APPROVE:
            continue
        known = old.approving.get(new.conditions[at])
        name = f"“{rule.name}”"
        if known is None:
            yield f"{name} is new, or has another condition."
            continue
        was = old.rules[known[0]]
        if rule.until is not None and was.until is not None and rule.until > was.until:
            yield f"{name} approves until {rule.until.isoformat()} instead of {was.until.isoformat()}."
        elif rule.sample < was.sample:
            yield f"People review {_percent(rule)} of what {name} decides instead of {_percent(was)}."
        elif not _within(new.windows(at), old.windows(known[0])):
            yield f"What {name} approves may run at times at which it could not before."
        elif gone := _no_longer_in_the_way(old, known[0], new, at):
            yield f"{name} also approves what “{gone.name}” decided about before."
        elif unseen := _no_longer_observed(old, known[0], new, at):
            yield f"{name} also approves what “{unseen.name}” did, of which people review {_percent(unseen)}."


def _within(new: Sequence[ChangeWindow], old: Sequence[ChangeWindow]) -> bool:
    """True if each new window lies within an old one; no windows at all are any time."""
    return not old or (bool(new) and all(any(_narrower(one, other) for other in old) for one in new))


def _narrower(new: ChangeWindow, old: ChangeWindow) -> bool:
    """True if a window has the same hours as another one, and opens on no further day."""
    hours = (new.timezone, new.start, new.end) == (old.timezone, old.start, old.end)
    return hours and set(new.days) <= set(old.days) and set(new.except_days) >= set(old.except_days)


def _percent(rule: Rule) -> str:
    return f"{rule.sample * 100:g}%"


def _no_longer_in_the_way(old: _Rules, was: int, new: _Rules, at: int) -> Rule | None:
    """A rule that kept an approving rule from approving something, and no longer does.

    A rule before it that asks people or rejects hides it. A rejecting rule after it does as well, unless a rule that
    asks people comes in between; and so does a rule that asks people where its condition cannot be evaluated.

    Args:
        was, at: the places of the approving rule, then and now.
    """
    for place, rule in enumerate(old.rules[:was]):
        if rule.decide is not Decide.APPROVE and not _before(new.hiding(old, place), at):
            return rule
    asking = {condition for condition, place in old.others.items() if place < was and old.rules[place].decide is None}
    # The first rule after it that asks people about what was decided before they were asked.
    first = at + 1
    for place in range(was + 1, len(old.rules)):
        rule = old.rules[place]
        while first < len(new.rules) and (new.rules[first].decide is not None or new.conditions[first] in asking):
            first += 1
        if rule.decide is Decide.REJECT or (rule.decide is None and old.may_fail[place]):
            other = new.hiding(old, place)
            as_much = other is not None and (new.rules[other].decide is Decide.REJECT or rule.decide is None)
            if not _before(other, at) and not (as_much and _before(other, first + 1)):
                return rule
        if rule.decide is None:
            asking.add(old.conditions[place])
    return None


def _before(place: int | None, at: int) -> bool:
    return place is not None and place < at


def _no_longer_observed(old: _Rules, was: int, new: _Rules, at: int) -> Rule | None:
    """An approving rule before this one of whose decisions people reviewed more, and which comes before no longer.

    Args:
        was, at: the places of this rule, then and now.
    """
    for condition, earlier in zip(old.conditions, old.rules[:was], strict=False):
        if earlier.decide is not Decide.APPROVE or earlier.sample <= new.rules[at].sample:
            continue
        alike = (new.rules[place] for place in new.approving.get(condition, ()) if place < at)
        if not any(_observes(other, earlier) for other in alike):
            return earlier
    return None


def _observes(other: Rule, rule: Rule) -> bool:
    """True if people review as much of what the other rule, which has the same condition, approves for as long."""
    if other.sample < rule.sample:
        return False
    return other.until is None or (rule.until is not None and other.until >= rule.until)


def _left_to_keyboards(old: _Rules, new: _Rules) -> Iterator[str]:
    """Rules under which the person at a coding agent's keyboard, usually the requester, decides about more."""
    for at, rule in enumerate(new.rules):
        if rule.unanswered is Unanswered.ASK:
            was = old.others.get(new.conditions[at])
            known = was is not None and old.rules[was].unanswered is Unanswered.ASK
            yield from _left_to_keyboard(f"“{rule.name}”", old, was if known else None, new, at)
    if new.default is not None and new.default.unanswered is Unanswered.ASK:
        known = old.default is not None and old.default.unanswered is Unanswered.ASK
        was = len(old.rules) if known else None
        yield from _left_to_keyboard("The policy's default", old, was, new, len(new.rules))


def _left_to_keyboard(name: str, old: _Rules, was: int | None, new: _Rules, at: int) -> Iterator[str]:
    if was is None:
        yield f"{name} leaves calls that nobody decides in time to the person at the keyboard."
        return
    for place, rule in enumerate(old.rules[:was]):
        # Even a rule that leaves calls to the keyboard does not where its condition cannot be evaluated.
        left = rule.unanswered is Unanswered.ASK
        if rule.decide is Decide.APPROVE or (left and not old.may_fail[place]):
            continue
        other = new.hiding(old, place)
        if other is None or other >= at or (new.rules[other].unanswered is Unanswered.ASK and not left):
            yield f"{name} also leaves to the person at the keyboard what “{rule.name}” decided about before."
            return
