"""A policy as a table for people: each rule's condition, and its requirements in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from app.domain.policy.document import (
    ALWAYS_REASONED,
    Body,
    CalendarPart,
    EscalationPart,
    PolicyDocument,
    Rule,
    StagePart,
)
from app.domain.policy.rules import DEFAULT, STRICT_DEFAULT
from app.domain.policy.terms import DEADLINE_SECONDS, Edited, OnExpiry, Unanswered
from app.domain.policy.verdicts import Decide
from app.domain.policy.words import exact_span, listing, reasons_words, who_words, windows_words
from assent.contracts import Urgency

_ON_EXPIRY = {
    OnExpiry.REJECT: "rejected",
    OnExpiry.APPROVE: "approved if its risk is low or safe and nobody rejected it; otherwise rejected",
    OnExpiry.ESCALATE: "escalated along the chain, and rejected after its last step",
}


@dataclass(frozen=True)
class RuleSummary:
    """A rule in words.

    Attributes:
        when: its condition as written; empty for the default.
        asks: the required approvals, a line per stage.
        deadline: from opening to expiry.
        on_expiry: what happens on expiry.
        escalation: a line per step of the chain.
        windows: when changes may run.
        also: everything else that differs from the defaults.
        decides: what it does instead of asking people; empty: it asks, and otherwise nothing is asked for.
        until: the last day on which it decides; None: no end.
        sample: the share of its decisions that people review afterwards, from 0 to 1.
    """

    name: str
    when: str
    asks: tuple[str, ...]
    deadline: str
    on_expiry: str
    escalation: tuple[str, ...] = ()
    windows: str = "at any time"
    also: tuple[str, ...] = ()
    decides: str = ""
    until: date | None = None
    sample: float = 0.0


def summary(document: PolicyDocument) -> tuple[RuleSummary, ...]:
    """All rules in order, followed by what applies if none of them matches."""
    found = [_rule(document, name, body) for name, body in bodies(document)]
    return (*found, *([] if document.default else [STRICT_SUMMARY]))


def bodies(document: PolicyDocument) -> list[tuple[str, Body]]:
    """All rules with their names, in order, followed by the policy's own default if it has one."""
    rules: list[tuple[str, Body]] = [(rule.name, rule) for rule in document.rules]
    return rules + ([(DEFAULT, document.default)] if document.default else [])


STRICT_SUMMARY = RuleSummary(
    name=STRICT_DEFAULT,
    when="",
    asks=("1 of any reviewer; for critical risk 2",),
    deadline=", ".join(f"{exact_span(seconds)} for {level.value}" for level, seconds in DEADLINE_SECONDS.items()),
    on_expiry=_ON_EXPIRY[OnExpiry.REJECT],
    also=("no standing grants above medium risk", "a second person after an edit from high risk upward"),
)
"""What applies if no rule matches and the policy has no default."""


def _rule(document: PolicyDocument, name: str, body: Body) -> RuleSummary:
    if isinstance(body, Rule) and body.decide is not None:
        return _deciding(document, body)
    windows = [window for part in body.change_windows for window in part.windows(document.calendars)]
    return RuleSummary(
        name=name,
        when=body.when.strip() if isinstance(body, Rule) else "",
        asks=tuple(map(_stage, body.asked)),
        deadline=body.deadline.words if body.deadline else "the strict default's for the risk",
        on_expiry=_ON_EXPIRY[body.on_expiry],
        escalation=tuple(map(_step, body.escalation)),
        windows=windows_words(windows),
        also=tuple(_also(document, body)),
    )


def _deciding(document: PolicyDocument, rule: Rule) -> RuleSummary:
    windows = [window for part in rule.change_windows for window in part.windows(document.calendars)]
    return RuleSummary(
        name=rule.name,
        when=rule.when.strip(),
        asks=(),
        deadline="",
        on_expiry="",
        windows=windows_words(windows) if windows else "as under the rules below",
        also=(f"the reason “{rule.reason}”",) if rule.reason else (),
        decides="approves at once" if rule.decide is Decide.APPROVE else "rejects at once",
        until=rule.until,
        sample=rule.sample,
    )


def decides_words(decides: str, until: date | None, sample: float) -> str:
    """What a rule decides, such as ``approves at once until 2027-03-31; people review 2% of it afterwards``."""
    end = f" until {until.isoformat()}" if until is not None else ""
    reviewed = f"; people review {sample * 100:g}% of it afterwards" if sample else ""
    return f"{decides}{end}{reviewed}"


def _stage(stage: StagePart) -> str:
    words = f"{stage.quorum} of {who_words(stage.teams, stage.people)}"
    return f"{stage.name}: {words}" if stage.name else words


def _step(step: EscalationPart) -> str:
    who = who_words(step.teams, step.people) if step.teams or step.people else "nobody else"
    return f"after {step.after.words}: {who}, priority +{step.priority}"


def _also(document: PolicyDocument, body: Body) -> Iterator[str]:
    if body.deny_threshold > 1:
        yield f"{body.deny_threshold} rejections reject"
    if not body.edit:
        yield "no edits"
    if body.edited is Edited.SECOND_PERSON:
        yield "a second person after an edit"
    if body.edited is Edited.EDITOR_COUNTS:
        yield "no second person after an edit"
    if more := [verdict for verdict in body.reason_required if verdict not in ALWAYS_REASONED]:
        yield f"a comment also required for {reasons_words(more)}"
    if body.reauthenticate:
        yield f"a sign-in within the last {body.reauthenticate.words.removeprefix('1 ')}"
    if "warn" in body.model_fields_set:
        yield f"a warning {body.warn.words} before" if body.warn else "no warning before"
    if not body.grants_allowed:
        yield "no standing grants"
    if body.unanswered is Unanswered.ASK:
        yield "if a coding agent cannot wait longer, the person at its keyboard decides"
    if body.comments is not None:
        yield "all line comments resolved before an approval"
    if body.grace is not None:
        yield f"decisions can be undone for {body.grace.words}" if body.grace.seconds else "decisions cannot be undone"
    if body.agent_urgency is not Urgency.NORMAL:
        yield f"agents may set urgency up to {body.agent_urgency.value}"
    spans = [span for span in (body.deadline, body.warn, *(step.after for step in body.escalation)) if span]
    if any(span.working for span in spans):
        part = document.calendar_of(body)
        named = [name for name, calendar in document.calendars.items() if calendar is part]
        yield f"working hours of the calendar {listing(named)}"


def named_in(document: PolicyDocument) -> tuple[frozenset[str], frozenset[str]]:
    """The teams and the people (addresses in lower case) that a policy names anywhere."""
    parts: list[StagePart | EscalationPart | CalendarPart] = list(document.calendars.values())
    for _, body in bodies(document):
        parts += [*body.asked, *body.escalation]
    teams = frozenset(team for part in parts for team in part.teams)
    return teams, frozenset(person for part in parts for person in part.people)
