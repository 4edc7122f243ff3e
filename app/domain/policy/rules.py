"""A compiled policy: which rule applies to a request, and the terms that follow from it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from math import ceil

from app.domain.policy.calendars import add_working
from app.domain.policy.condition_words import names_args
from app.domain.policy.conditions import UNKNOWN, ConditionError, Conditions
from app.domain.policy.document import Body, CalendarPart, PolicyDocument, Rule
from app.domain.policy.facts import CallFacts, Facts
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
from app.domain.policy.verdicts import Decide, PolicyDecision, Ruling, in_time
from app.domain.reading_tools import ReadingTools, RegisteredTool
from app.domain.risk import Assessment, RuleChange
from assent.contracts import RiskLevel
from assent.digests import digest_of

DEFAULT = "policy's default"
"""The name of the policy's own default on pages and in reports."""
STRICT_DEFAULT = "strict default"
"""The name in reports if no rule matches and the policy has no default. The terms' own name says more."""
MAX_CALLS = 200
"""Maximum number of different tool calls of one proposal that are matched one by one with their arguments."""
_WARN_SHARE = 8
"""If a rule does not say when to warn, it is when an eighth of the time is left, as under the strict default."""


@dataclass(frozen=True)
class Match:
    """Which rules apply.

    Attributes:
        rule: the first rule that asks people and whose condition holds; None: the default.
        deciding: the rule that decides at once instead; None: people decide.
        failed: rules before it whose condition could not be evaluated, each with the reason. They should be logged.
    """

    rule: Rule | None
    failed: tuple[tuple[Rule, str], ...] = ()
    deciding: Rule | None = None


class CompiledPolicy:
    """One version of a policy. Immutable, so threads can share it."""

    def __init__(self, document: PolicyDocument, version: int | None) -> None:
        """Compile a `document` from `read_policy`. Raises ConditionError if a document from elsewhere is not valid."""
        self.document = document
        self.version = version
        self._conditions = Conditions(rule.when for rule in document.rules)
        self._rules = [(rule, self._conditions.compile(rule.when)) for rule in document.rules]
        self._risk_rules = {
            rule: RuleChange(rule, part.level, part.reason) for rule, part in document.risk_rules.items()
        }
        self.reading_tools = ReadingTools(
            tuple(RegisteredTool(pattern, reason) for pattern, reason in document.reading_tools.items()), version
        )
        self._names_args = any(names_args(rule.when) for rule in document.rules)

    def assessed(self, assessment: Assessment, floor: RiskLevel) -> Assessment:
        """The assessment with this policy's changes of risk rules, which it records."""
        return assessment.adjusted(self._risk_rules, self.version, floor) if self._risk_rules else assessment

    def match(self, facts: Facts, at: datetime) -> Match:
        """The rules that apply to one call, or to a proposal without calls, at that time. Never raises.

        A rule that approves at once takes nothing away from the rules after it: they say what applies if it may not
        approve, and one of them may reject.
        """
        activation = self._conditions.activation(facts)
        failed: list[tuple[Rule, str]] = []
        deciding: Rule | None = None
        doubtful = False
        for rule, condition in self._rules:
            if not _may_apply(rule, deciding, at):
                continue
            try:
                holds = condition.holds(activation)
            except ConditionError as error:
                # A rule that would only have approved requires nothing of anybody.
                if rule.decide is not Decide.APPROVE:
                    failed.append((rule, str(error)))
                    doubtful |= deciding is None or deciding.decide is Decide.APPROVE
                continue
            if holds and rule.decide is None:
                return Match(rule, tuple(failed), None if doubtful else deciding)
            if holds:
                deciding = rule
        return Match(None, tuple(failed), None if doubtful else deciding)

    def terms(self, facts: Facts, opened_at: datetime) -> Terms:
        """The terms of a request with these facts, as `ruling` describes them. Never raises."""
        return self.ruling(facts, opened_at).terms

    def ruling(self, facts: Facts, opened_at: datetime) -> Ruling:
        """The terms of a request with these facts, and what the policy decides at once. Never raises.

        If a condition could not be evaluated, the strict default applies, together with everything that the failed
        rules, and the rule that would apply without them, require beyond it; the terms' name says so, and nothing is
        decided at once. Of several tool calls, each may match its own rule: then the requirements of all these rules
        apply. One rejected call rejects them all, and they are approved only if each of them is.
        """
        calls = self._one_by_one(facts)
        matches = [self.match(call, opened_at) for call in calls]
        decision = _decision(matches, self.version)
        found = list(
            dict.fromkeys(
                self._terms_of_one(match, call, opened_at) for match, call in zip(matches, calls, strict=True)
            )
        )
        if len(found) == 1:
            return Ruling(found[0], decision)
        together = reduce(stricter, found[1:], found[0])
        names = " and ".join(dict.fromkeys(terms.name for terms in found))
        deadline = min(terms.deadline_seconds for terms in found)
        return Ruling(together.model_copy(update={"name": names, "deadline_seconds": deadline}), decision)

    def _terms_of_one(self, match: Match, facts: Facts, opened_at: datetime) -> Terms:
        applying = self._terms(match.rule or self.document.default, facts, opened_at)
        if match.deciding is not None:
            applying = _within(applying, self._windows(match.deciding))
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
            on_expiry=_on_expiry(body, facts.assessment, hastened=deadline != given),
            warn_seconds=_warn(body, deadline),
            escalation=_escalation(body, calendar, opened_at),
            grants_allowed=body.grants_allowed and level.rank <= RiskLevel.MEDIUM.rank,
            unanswered=body.unanswered,
            comments_resolved=body.comments is not None,
            grace_seconds=body.grace.seconds if body.grace else None,
            agent_urgency=body.agent_urgency,
        )

    def _one_by_one(self, facts: Facts) -> list[Facts]:
        """The facts of each of several tool calls, so that no call escapes its rule by being one of many."""
        seen: dict[str, CallFacts] = {}
        for call in facts.calls:
            # Calls differ by their arguments only if a condition names those.
            seen.setdefault(digest_of([call.tool, call.args]) if self._names_args else call.tool, call)
        if len(seen) > MAX_CALLS:
            # Too many to look at each: a condition that depends on the arguments cannot be evaluated.
            tools = {call.tool: CallFacts(call.tool) for call in seen.values()}
            return [replace(facts, tool=tool, args=UNKNOWN, calls=(call,)) for tool, call in tools.items()]
        return [replace(facts, tool=call.tool, args=call.args, calls=(call,)) for call in seen.values()] or [facts]

    def _windows(self, body: Body) -> tuple[ChangeWindow, ...]:
        return tuple(window for part in body.change_windows for window in part.windows(self.document.calendars))


def _may_apply(rule: Rule, deciding: Rule | None, at: datetime) -> bool:
    """False for a rule that decides at once and has ended, or that comes after one that decides otherwise."""
    if rule.decide is None:
        return True
    if deciding is not None and (rule.decide is Decide.APPROVE or deciding.decide is Decide.REJECT):
        return False
    return in_time(rule.until, at)


def _decision(matches: Sequence[Match], version: int | None) -> PolicyDecision | None:
    """What the rules decide at once about all calls together; None: people decide."""
    deciding = [match.deciding for match in matches]
    rejecting = [rule for rule in deciding if rule is not None and rule.decide is Decide.REJECT]
    rules = rejecting[:1] or [rule for rule in deciding if rule is not None]
    if not rules or (not rejecting and len(rules) < len(deciding)):
        return None
    return PolicyDecision(
        verdict=Decide.REJECT if rejecting else Decide.APPROVE,
        rule=" and ".join(dict.fromkeys(rule.name for rule in rules)),
        version=version,
        reason=" ".join(dict.fromkeys(rule.reason for rule in rules if rule.reason)),
        sample=max(rule.sample for rule in rules),
    )


def _within(terms: Terms, windows: tuple[ChangeWindow, ...]) -> Terms:
    """The terms, with further change windows; one of these has to be open as well."""
    if not windows or windows == terms.windows:
        return terms
    if not terms.windows:
        return terms.model_copy(update={"windows": windows})
    return terms.model_copy(update={"further_windows": (*terms.further_windows, windows)})


def _failure_words(match: Match) -> str:
    names = ", ".join(f"“{rule.name}”" for rule, _ in match.failed)
    return f"strict default, because the condition of {names} could not be evaluated"


def _stage(name: str, teams: tuple[str, ...], people: tuple[str, ...], quorum: int) -> Stage:
    return Stage(name=name, teams=tuple(dict.fromkeys(teams)), people=tuple(dict.fromkeys(people)), quorum=quorum)


def _seconds(span: Span, calendar: CalendarPart | None, opened_at: datetime) -> int:
    """A span in seconds from the opening, at most 366 days; rounded up, so that it never ends a minute early."""
    if not span.working or calendar is None:
        return min(span.seconds, LONGEST_SECONDS)
    return ceil((add_working(calendar.calendar(), opened_at, span.seconds) - opened_at).total_seconds())


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


def _on_expiry(body: Body, assessment: Assessment, hastened: bool) -> OnExpiry:
    """What happens on expiry; only what is understood and harmless is approved, whatever the rule's condition allows.

    Args:
        hastened: the agent asked for a shorter deadline, which must not be how it gets an approval from nobody.
    """
    harmless = assessment.understood and assessment.level.rank <= RiskLevel.LOW.rank
    if body.on_expiry is OnExpiry.APPROVE and (hastened or not harmless):
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
