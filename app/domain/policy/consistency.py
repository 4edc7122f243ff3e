"""Cross-checks between the parts of a policy: names, calendars, people, spans, and unreachable rules. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import combinations, pairwise

from app.domain.policy.at_once import approval_problems, deciding_problems
from app.domain.policy.condition_words import did_you_mean, names_risk, same_words
from app.domain.policy.conditions import Condition, ConditionError, Conditions
from app.domain.policy.document import Body, CalendarPart, EscalationPart, PolicyDocument, Rule, StagePart, WindowPart
from app.domain.policy.spans import Span
from app.domain.policy.terms import OnExpiry
from app.domain.policy.verdicts import Decide
from app.domain.policy.yaml_tree import Path
from assent.contracts import Verdict

Complaint = tuple[Path, int, str]
"""The path of a field, the line within its text, and the problem as a sentence."""


def check(
    rules: Mapping[int, Rule],
    conditions: Mapping[int, str],
    calendars: Mapping[str, CalendarPart],
    named: set[str],
    default: Body | None,
    today: date | None = None,
) -> list[Complaint]:
    """All inconsistencies between the parts.

    Args:
        rules: the rules whose fields are valid, by position.
        conditions: the conditions of all rules, by position, including rules with other mistakes.
        calendars: the calendars whose fields are valid.
        named: the names of all calendars.
        default: the policy's default.
        today: the day on which the file is checked or loaded; None: it was loaded before.
    """
    # Without validation: what is wrong with a name has been said by then.
    document = PolicyDocument.model_construct(version=1, calendars=dict(calendars), rules=(), default=default)
    found = [*_conditions(rules, conditions), *_names(rules), *_calendars(calendars)]
    bodies: list[tuple[Path, Body]] = [(("rules", at), rule) for at, rule in rules.items()]
    if default is not None:
        bodies.append((("default",), default))
    for path, body in bodies:
        found += [((*path, *inner), 0, message) for inner, message in _body(body, document, named, today)]
    return found


def _conditions(rules: Mapping[int, Rule], texts: Mapping[int, str]) -> Iterator[Complaint]:
    compiler = Conditions(texts.values())
    always: int | None = None
    seen: dict[tuple[str, ...], int] = {}
    for at, text in texts.items():
        path: Path = ("rules", at, "when")
        # A rule that approves leaves it to the rules after it to say what applies if it may not.
        approves = at in rules and rules[at].decide is Decide.APPROVE
        if always is not None:
            yield path, 0, f"this rule is never reached, because rules[{always}] matches everything"
        elif (same := seen.get(_likeness(text))) is not None:
            yield path, 0, f"this rule is never reached, because rules[{same}] has the same condition"
        elif not approves:
            seen[_likeness(text)] = at
        try:
            condition = compiler.compile(text)
        except ConditionError as error:
            yield from ((path, line, message) for line, message in error.complaints)
            continue
        if condition.constant is False:
            yield path, 0, "this condition never holds, so the rule is never used"
        if condition.constant and always is None and not approves:
            always = at
        if at in rules:
            yield from _silent_approval(at, rules[at], condition)
            yield from approval_problems(at, rules[at], compiler, condition)


def _likeness(text: str) -> tuple[str, ...]:
    # Both, because a version that was loaded stays readable only if nothing is refused that was not before.
    return (" ".join(text.split()), *same_words(text))


def _silent_approval(at: int, rule: Rule, condition: Condition) -> Iterator[Complaint]:
    if rule.on_expiry is OnExpiry.APPROVE and not names_risk(condition.text):
        yield (
            ("rules", at, "on_expiry"),
            0,
            "approve is for harmless requests only: let the condition name the risk, as risk.rank <= 1 does",
        )


def _names(rules: Mapping[int, Rule]) -> Iterator[Complaint]:
    first: dict[str, int] = {}
    for at, rule in rules.items():
        other = first.setdefault(rule.name.strip().lower(), at)
        if other != at:
            yield ("rules", at, "name"), 0, f"rules[{other}] already has this name"


def _calendars(calendars: Mapping[str, CalendarPart]) -> Iterator[Complaint]:
    keepers: dict[str, str] = {}
    default = ""
    for name, calendar in calendars.items():
        for field, who in (("teams", calendar.teams), ("people", calendar.people)):
            for at, one in enumerate(who):
                other = keepers.setdefault(one, name)
                if other != name:
                    yield ("calendars", name, field, at), 0, f"{one} keeps the calendar {other} already"
        if calendar.default and default:
            yield ("calendars", name, "default"), 0, f"the calendar {default} is the default already"
        default = default or (name if calendar.default else "")


def _body(body: Body, document: PolicyDocument, named: set[str], today: date | None) -> Iterator[tuple[Path, str]]:
    if isinstance(body, Rule):
        yield from deciding_problems(body, today)
    yield from _stages(body)
    yield from _calendar_of(body, document, named)
    for at, window in enumerate(body.change_windows):
        for path, message in _window(window, named):
            yield ("change_windows", at, *path), message
    yield from _times(body)
    yield from _escalation(body)
    yield from _comments(body)
    if not body.edit and Verdict.MODIFY in body.reason_required and len(body.reason_required) < len(Verdict):
        yield ("reason_required",), "modify cannot need a reason where edit is false"
    if not body.edit and "edited" in body.model_fields_set:
        yield ("edited",), "edited means nothing where edit is false"
    if not isinstance(body, Rule) and body.on_expiry is OnExpiry.APPROVE:
        yield ("on_expiry",), "approve is not possible for the default, which has no condition that limits the risk"


def _stages(body: Body) -> Iterator[tuple[Path, str]]:
    if body.ask is not None and body.stages:
        yield ("stages",), "write either ask, for one stage, or stages"
        return
    paths: list[Path] = [("stages", at) for at in range(len(body.stages))] or [("ask",)]
    for path, stage in zip(paths, body.asked, strict=True):
        number = len(set(stage.people))
        if _only_people(stage) and stage.quorum > number:
            yield (*path, "quorum"), f"{stage.quorum} approvals are required from {_people(number)}"
            return
    closed = [(path, stage) for path, stage in zip(paths, body.asked, strict=True) if _only_people(stage)]
    for size in range(2, len(closed) + 1):
        for some in combinations(closed, size):
            people = {mail for _, stage in some for mail in stage.people}
            quorum = sum(stage.quorum for _, stage in some)
            if quorum > len(people):
                words = f"{quorum} approvals are required from {_people(len(people))} in {size} stages"
                yield (*some[-1][0], "people"), f"{words}, and each counts once"
                return


def _only_people(stage: StagePart) -> bool:
    return bool(stage.people) and not stage.teams


def _people(number: int) -> str:
    return "one person" if number == 1 else f"{number} people"


def _calendar_of(body: Body, document: PolicyDocument, named: set[str]) -> Iterator[tuple[Path, str]]:
    if body.calendar is not None and body.calendar not in named:
        yield ("calendar",), _no_calendar(body.calendar, named)
    spans: list[tuple[Path, Span | None]] = [(("deadline",), body.deadline)]
    spans += [(("escalation", at, "after"), step.after) for at, step in enumerate(body.escalation)]
    working = [path for path, span in spans if span is not None and span.working]
    # With a calendar that is wrong itself nothing can be said yet.
    unknown = len(document.calendars) < len(named) or body.calendar is not None
    if working and not unknown and document.calendar_of(body) is None:
        yield working[0], "working hours need a calendar: name one in this rule, or make one the default"


def _no_calendar(name: str, named: set[str]) -> str:
    known = f"; there are {', '.join(sorted(named))}" if named else "; there are none in this file"
    return f"there is no calendar {name!r}{did_you_mean(name, sorted(named))}{known}"


def _window(window: WindowPart, named: set[str]) -> Iterator[tuple[Path, str]]:
    own = {"days", "hours", "timezone", "closed"} & window.model_fields_set
    if window.calendar is None:
        for field in ("hours", "timezone"):
            if field not in own:
                yield (), f"a change window needs {field}, or the name of a calendar"
        return
    if window.calendar not in named:
        yield ("calendar",), _no_calendar(window.calendar, named)
    if own:
        yield (), "a change window has either a calendar or hours of its own"


def _times(body: Body) -> Iterator[tuple[Path, str]]:
    warn, deadline = body.warn, body.deadline
    if warn is None:
        return
    if warn.working:
        yield ("warn",), "this is counted back from the expiry in plain time, so leave out “working”"
    elif deadline is None:
        yield ("warn",), "a warning needs a deadline in the same rule"
    elif not deadline.working and warn.seconds >= deadline.seconds:
        yield ("warn",), f"{warn.words} before the expiry is not after the opening: the deadline is {deadline.words}"


def _comments(body: Body) -> Iterator[tuple[Path, str]]:
    if body.comments is not None and body.on_expiry is OnExpiry.APPROVE:
        yield ("comments",), "on_expiry: approve would approve while comments are open; use reject or escalate"


def _escalation(body: Body) -> Iterator[tuple[Path, str]]:
    if body.on_expiry is OnExpiry.ESCALATE and not body.escalation:
        yield ("on_expiry",), "escalate needs an escalation chain: say under escalation whom to ask, and when"
    for at, (first, second) in enumerate(pairwise(body.escalation)):
        if _not_after(second.after, first.after):
            words = f"{second.after.words} is not after the step before it, which is due after {first.after.words}"
            yield ("escalation", at + 1, "after"), words
    if body.deadline is None or body.on_expiry is OnExpiry.ESCALATE:
        return
    for at, step in enumerate(body.escalation):
        if _not_after(body.deadline, step.after):
            yield ("escalation", at, "after"), _too_late(step, body.deadline)


def _too_late(step: EscalationPart, deadline: Span) -> str:
    return f"{step.after.words} is not before the deadline, which is {deadline.words}"


def _not_after(later: Span, earlier: Span) -> bool:
    """True if `later` certainly does not come later. Working time and plain time cannot be compared in advance."""
    if later.working == earlier.working:
        return later.seconds <= earlier.seconds
    return not later.working and earlier.working and later.seconds <= earlier.seconds
