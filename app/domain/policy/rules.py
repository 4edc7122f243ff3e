"""A compiled policy: which rule applies to a request, and the terms that follow from it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce

from app.domain.policy.calendars import add_working
from app.domain.policy.conditions import ConditionError, Conditions
from app.domain.policy.document import Body, CalendarPart, PolicyDocument, Rule
from app.domain.policy.facts import Facts
from app.domain.policy.spans import LONGEST_SECONDS, Span
from app.domain.policy.terms import (
    DEADLINE_SECONDS,
    ChangeWindow,
    EscalationStep,
    OnExpiry,
    Stage,
    Terms,
    WorkingTime,
    default_edited,
    default_terms,
    stricter,
)
from assent.contracts import RiskLevel

DEFAULT = "policy's default"
"""The name of the policy's own default on pages and in reports."""
STRICT_DEFAULT = "strict default"
"""The name in reports if no rule matches and the policy has no default. The terms' own name says more."""
_WARN_SHARE = 8
"""If a rule does not say when to warn, it is when an eighth of the time is left, as under the strict default."""


@dataclass(frozen=True)
class Match:
    """Which rule applies.

    Attributes:
        rule: the first rule whose condition holds; None: the default.
        failed: rules before it whose condition could not be evaluated, each with the reason. They should be logged.
    """

    rule: Rule | None
    failed: tuple[tuple[Rule, str], ...] = ()


class CompiledPolicy:
    """One version of a policy. Immutable, so threads can share it."""

    def __init__(self, document: PolicyDocument, version: int | None) -> None:
        """Compile a `document` from `read_policy`. Raises ConditionError if a document from elsewhere is not valid."""
        self.document = document
        self.version = version
        self._conditions = Conditions(rule.when for rule in document.rules)
        self._rules = [(rule, self._conditions.compile(rule.when)) for rule in document.rules]

    def match(self, facts: Facts) -> Match:
        """The rule that applies. Never raises."""
        activation = self._conditions.activation(facts)
        failed: list[tuple[Rule, str]] = []
        for rule, condition in self._rules:
            try:
                if condition.holds(activation):
                    return Match(rule, tuple(failed))
            except ConditionError as error:
                failed.append((rule, str(error)))
        return Match(None, tuple(failed))

    def rule_for(self, facts: Facts) -> str:
        """The name of the rule that applies, for reports, with a note if a condition could not be evaluated."""
        return " and ".join(dict.fromkeys(self._rule_for(call) for call in _one_by_one(facts)))

    def _rule_for(self, facts: Facts) -> str:
        match = self.match(facts)
        if match.failed:
            return _failure_words(match)
        if match.rule is not None:
            return match.rule.name
        return DEFAULT if self.document.default is not None else STRICT_DEFAULT

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """The terms of a request with these facts. Never raises.

        If a condition could not be evaluated, the strict default applies, together with everything that the failed
        rules, and the rule that would apply without them, require beyond it; the terms' name says so. Of several tool
        calls, each may match its own rule: then the requirements of all these rules apply.
        """
        found = list(dict.fromkeys(self._terms_of_one(call, opened_at) for call in _one_by_one(facts)))
        if len(found) == 1:
            return found[0]
        together = reduce(stricter, found[1:], found[0])
        names = " and ".join(dict.fromkeys(terms.name for terms in found))
        deadline = min(terms.deadline_seconds for terms in found)
        return together.model_copy(update={"name": names, "deadline_seconds": deadline})

    def _terms_of_one(self, facts: Facts, opened_at: datetime) -> Terms:
        match = self.match(facts)
        applying = self._terms(match.rule or self.document.default, facts, opened_at)
        if not match.failed:
            return applying
        others = [self._terms(rule, facts, opened_at) for rule, _ in match.failed]
        strict = default_terms(facts.assessment.level, facts.expires_in_seconds)
        together = reduce(stricter, [*others, applying], strict)
        return together.model_copy(update={"name": _failure_words(match), "policy_version": self.version})

    def _terms(self, body: Body | None, facts: Facts, opened_at: datetime) -> Terms:
        level = facts.assessment.level
        if body is None:
            # Keep this version: after an edit that raises the risk, one of its rules may apply.
            strict = default_terms(level, facts.expires_in_seconds)
            return strict.model_copy(update={"policy_version": self.version})
        calendar = self.document.calendar_of(body)
        deadline = _seconds(body.deadline, calendar, opened_at) if body.deadline else DEADLINE_SECONDS[level]
        # An agent may ask for a shorter deadline than the rule's, but not for a longer one.
        given, deadline = deadline, min(deadline, facts.expires_in_seconds or deadline)
        return Terms(
            name=body.name if isinstance(body, Rule) else DEFAULT,
            policy_version=self.version,
            stages=tuple(_stage(stage.name, stage.teams, stage.people, stage.quorum) for stage in body.asked),
            deny_threshold=body.deny_threshold,
            reason_required=body.reason_required,
            edit_allowed=body.edit,
            edited=body.edited or default_edited(level),
            reauthenticate_seconds=body.reauthenticate.seconds if body.reauthenticate else None,
            windows=self._windows(body),
            deadline_seconds=deadline,
            deadline_again=_again(body, calendar, opened_at) if deadline == given else None,
            on_expiry=_on_expiry(body, level),
            warn_seconds=_warn(body, deadline),
            escalation=_escalation(body, calendar, opened_at),
            grants_allowed=body.grants_allowed and level.rank <= RiskLevel.MEDIUM.rank,
        )

    def _windows(self, body: Body) -> tuple[ChangeWindow, ...]:
        return tuple(window for part in body.change_windows for window in part.windows(self.document.calendars))


def _one_by_one(facts: Facts) -> list[Facts]:
    """The facts of each of several tool calls, so that no call escapes its rule by being one of many."""
    return [replace(facts, tool=tool, tools=(tool,)) for tool in facts.tools] or [facts]


def _failure_words(match: Match) -> str:
    names = ", ".join(f"“{rule.name}”" for rule, _ in match.failed)
    return f"strict default, because the condition of {names} could not be evaluated"


def _stage(name: str, teams: tuple[str, ...], people: tuple[str, ...], quorum: int) -> Stage:
    return Stage(name=name, teams=tuple(dict.fromkeys(teams)), people=tuple(dict.fromkeys(people)), quorum=quorum)


def _seconds(span: Span, calendar: CalendarPart | None, opened_at: datetime) -> int:
    """A span in seconds from the opening, at most 366 days."""
    if not span.working or calendar is None:
        return min(span.seconds, LONGEST_SECONDS)
    return int((add_working(calendar.calendar(), opened_at, span.seconds) - opened_at).total_seconds())


def _again(body: Body, calendar: CalendarPart | None, opened_at: datetime) -> WorkingTime | None:
    """The working time that an escalation on expiry adds. It is counted from then on, so the calendar is stored."""
    if body.on_expiry is not OnExpiry.ESCALATE or not body.deadline or not body.deadline.working or calendar is None:
        return None
    # From the day before, because the date of the opening may differ in the calendar's time zone.
    first = (opened_at - timedelta(days=1)).date()
    holidays = tuple(holiday.isoformat() for holiday in calendar.holidays if holiday >= first)
    return WorkingTime(
        seconds=body.deadline.seconds, timezone=calendar.timezone, week=calendar.hours, holidays=holidays
    )


def _on_expiry(body: Body, level: RiskLevel) -> OnExpiry:
    """What happens on expiry; only harmless requests are approved, whatever the rule's condition allows."""
    if body.on_expiry is OnExpiry.APPROVE and level.rank > RiskLevel.LOW.rank:
        return OnExpiry.REJECT
    return body.on_expiry


def _warn(body: Body, deadline: int) -> int:
    if body.warn is not None and body.warn.seconds < deadline:
        return body.warn.seconds
    never = body.warn is None and "warn" in body.model_fields_set
    return 0 if never else deadline // _WARN_SHARE


def _escalation(body: Body, calendar: CalendarPart | None, opened_at: datetime) -> tuple[EscalationStep, ...]:
    steps: list[EscalationStep] = []
    for part in body.escalation:
        after = _seconds(part.after, calendar, opened_at)
        # Working hours can take longer than plain hours that were meant to come later.
        after = max(after, steps[-1].after_seconds) if steps else after
        steps.append(
            EscalationStep(
                after_seconds=after,
                words=part.after.words,
                teams=tuple(dict.fromkeys(part.teams)),
                people=tuple(dict.fromkeys(part.people)),
                priority=part.priority,
            )
        )
    return tuple(steps)
