"""A policy file as it is written: its fields, their limits, and their meaning. Cross-checks are in `consistency`."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.domain.hidden_characters import is_line
from app.domain.policy.calendars import Calendar, Hours
from app.domain.policy.spans import DAYS, LONGEST_SECONDS, Span, clock, parse_days, parse_span, parse_times
from app.domain.policy.terms import ChangeWindow, Edited, OnExpiry, Unanswered
from app.domain.policy.verdicts import Decide
from app.domain.ranking import MAX_PRIORITY
from app.domain.reading_tools import pattern_problem
from app.domain.risk import is_level
from app.domain.text import TEAM_SLUG
from assent.contracts import RiskLevel, Urgency, Verdict

_MAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s*%")
_ALL_VERDICTS = tuple(Verdict)
MAX_CONDITION = 4000
"""Maximum length of a condition, in characters."""
MAX_GRACE_SECONDS = 300
"""The longest time for which the decision that settles a request can be taken back."""
ALWAYS_REASONED = (Verdict.REJECT, Verdict.REQUEST_CHANGES)
"""Verdicts that always require a reason."""


def complaint(message: str) -> PydanticCustomError:
    """An error whose text is exactly the message."""
    return PydanticCustomError("policy", "{message}", {"message": message})


def _span(value: Any) -> Any:
    if isinstance(value, Span):
        return value
    if isinstance(value, bool) or not isinstance(value, str):
        raise complaint("a span of time needs a number and a unit, such as 4 hours or 8 working hours")
    try:
        return parse_span(value)
    except ValueError as error:
        raise complaint(str(error)) from None


def _between(least: int, most: int, words: str) -> AfterValidator:
    def check(span: Span) -> Span:
        if not least <= span.seconds <= most:
            raise complaint(f"{span.words} is out of range: {words}")
        return span

    return AfterValidator(check)


def _plain(span: Span) -> Span:
    if span.working:
        raise complaint("this is counted in plain time, so leave out “working”")
    return span


def _warning(value: Any) -> Any:
    if isinstance(value, str):
        return None if value.strip().lower() == "never" else _span(value.removesuffix("before").strip())
    return _span(value)


def _grace(value: Any) -> Any:
    """A span of at most `MAX_GRACE_SECONDS` in plain time; ``none`` is no time at all."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return Span(0, False, "none")
    span = _plain(_span(value))
    if span.seconds > MAX_GRACE_SECONDS:
        raise complaint(f"{span.words} is out of range: use none, or 1 second to 5 minutes")
    return span


def _team(value: str) -> str:
    if not TEAM_SLUG.fullmatch(value):
        words = "use lowercase letters, digits, and hyphens, such as dba or data-platform"
        raise complaint(f"{value!r} is not a team's name: {words}")
    return value


def _mail(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise complaint(f"{value!r} is not an email address; list people by email address, and teams under `teams`")
    return value.lower()


def _name(value: str) -> str:
    if not is_line(value) or value != value.strip():
        raise complaint("a name is one line without blanks at its ends")
    return value


def _listed(value: Any) -> Any:
    """A single value where a list is allowed counts as a list of one."""
    return [value] if isinstance(value, str) else value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, OSError, ValueError):
        raise complaint(f"{value!r} is not a time zone: use a name such as Europe/Berlin or UTC") from None
    return value


AnySpan = Annotated[Span, BeforeValidator(_span)]
Deadline = Annotated[AnySpan, _between(10, LONGEST_SECONDS, "a deadline is 10 seconds to 366 days")]
After = Annotated[AnySpan, _between(10, LONGEST_SECONDS, "a step comes after 10 seconds to 366 days")]
Warn = Annotated[Span | None, BeforeValidator(_warning)]
SignIn = Annotated[AnySpan, AfterValidator(_plain), _between(60, 30 * 86_400, "use 1 minute to 30 days")]
Grace = Annotated[Span, BeforeValidator(_grace)]
Team = Annotated[str, AfterValidator(_team)]
Mail = Annotated[str, AfterValidator(_mail)]
Teams = Annotated[tuple[Team, ...], BeforeValidator(_listed), Field(max_length=50)]
People = Annotated[tuple[Mail, ...], BeforeValidator(_listed), Field(max_length=200)]
Zone = Annotated[str, AfterValidator(_zone)]
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_name)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)


def _week(value: Any) -> Any:
    """Hours by days, such as ``{"mon-fri": "09:00-17:00"}``, as the spans of each day of the week."""
    if not isinstance(value, dict):
        raise complaint('hours are written by day, such as mon-fri: "09:00-17:00"')
    week: list[Hours] = [()] * 7
    for days, times in value.items():
        try:
            spans = tuple(sorted(parse_times(text) for text in _texts(times)))
            for day in parse_days(days):
                if week[day]:
                    raise ValueError(f"{DAYS[day]} is given twice")
                week[day] = spans
        except ValueError as error:
            raise complaint(f"{days}: {error}") from None
        _check_spans(days, spans)
    if not any(week):
        raise complaint("there are no working hours at all")
    return tuple(week)


def _texts(value: Any) -> list[str]:
    texts = _listed(value)
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError('hours are written such as "09:00-17:00", in quotes, or several in a list')
    return texts


def _check_spans(days: str, spans: Hours) -> None:
    for start, end in spans:
        if end <= start:
            raise complaint(
                f"{days}: {clock(start)}-{clock(end)} ends before it begins; write a night as two days' spans, "
                f'until "24:00" and from "00:00"'
            )
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise complaint(f"{days}: two spans overlap at {clock(start)}")


class CalendarPart(_Part):
    """Working hours, and whose they are.

    Attributes:
        hours: spans of each day from Monday to Sunday.
        default: applies to everybody whom no calendar names.
    """

    timezone: Zone
    hours: Annotated[tuple[Hours, ...], BeforeValidator(_week)]
    holidays: Annotated[tuple[date, ...], Field(max_length=1000)] = ()
    teams: Teams = ()
    people: People = ()
    default: bool = False

    def calendar(self) -> Calendar:
        """The calendar for computing working time."""
        return Calendar(self.timezone, self.hours, frozenset(self.holidays))

    def windows(self) -> list[ChangeWindow]:
        """The working hours as change windows."""
        days: dict[tuple[int, int], list[int]] = {}
        for day, spans in enumerate(self.hours):
            for span in spans:
                days.setdefault(span, []).append(day)
        return [_window(self.timezone, tuple(weekdays), span, self.holidays) for span, weekdays in sorted(days.items())]


def _days(value: Any) -> Any:
    texts = _listed(value)
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise complaint("days are written such as mon-fri, or several in a list")
    try:
        return tuple(dict.fromkeys(day for text in texts for day in parse_days(text)))
    except ValueError as error:
        raise complaint(str(error)) from None


def _hours(value: Any) -> Any:
    try:
        spans = tuple(sorted(parse_times(text) for text in _texts(value)))
    except ValueError as error:
        raise complaint(str(error)) from None
    for start, end in spans:
        if start == end:
            raise complaint(f'{clock(start)}-{clock(end)} never opens; for a whole day write "00:00-24:00"')
    return spans


class WindowPart(_Part):
    """When changes may run: certain hours on certain days in a time zone, or a calendar's working hours.

    Attributes:
        days: on which the window begins. An end before the start is on the next day.
        closed: dates on which it does not open; `except` in the file.
    """

    calendar: Name | None = None
    days: Annotated[tuple[int, ...], BeforeValidator(_days)] = tuple(range(7))
    hours: Annotated[Hours, BeforeValidator(_hours)] = ()
    timezone: Zone = ""
    closed: Annotated[tuple[date, ...], Field(max_length=1000)] = Field(default=(), alias="except")

    def windows(self, calendars: dict[str, CalendarPart]) -> list[ChangeWindow]:
        """The windows in the form in which they are stored with a request."""
        if self.calendar is not None:
            return calendars[self.calendar].windows()
        return [_window(self.timezone, self.days, span, self.closed) for span in self.hours]


def _window(timezone: str, days: tuple[int, ...], span: tuple[int, int], closed: tuple[date, ...]) -> ChangeWindow:
    except_days = tuple(day.isoformat() for day in sorted(closed))
    return ChangeWindow(
        timezone=timezone, days=tuple(sorted(days)), start=clock(span[0]), end=clock(span[1]), except_days=except_days
    )


class StagePart(_Part):
    """The approvers of a stage. Nobody named: any reviewer."""

    name: Annotated[str, Field(max_length=100)] = ""
    teams: Teams = ()
    people: People = ()
    quorum: Annotated[int, Field(ge=1, le=20)] = 1


class EscalationPart(_Part):
    """Additional approvers, how long after the opening they are added, and by how much the priority is raised."""

    after: After
    teams: Teams = ()
    people: People = ()
    priority: Annotated[int, Field(ge=1, le=MAX_PRIORITY)] = 1


def _verdicts(value: Any) -> Any:
    """The verdicts that require a reason, from true, false, or a list of verdicts."""
    word = value.lower() if isinstance(value, str) else value
    if word is True or word in ("all", "yes", "on"):  # words that the other switches of the file take as well
        return _ALL_VERDICTS
    if word is False or word in ("no", "off"):
        return ALWAYS_REASONED
    listed = _listed(value)
    if not isinstance(listed, list) or not all(isinstance(verdict, str) for verdict in listed):
        raise complaint(f"write true, false, or a list of {', '.join(_ALL_VERDICTS)}")
    if unknown := [verdict for verdict in listed if verdict not in _ALL_VERDICTS]:
        raise complaint(f"{unknown[0]!r} is not a verdict: use {', '.join(_ALL_VERDICTS)}")
    return tuple(verdict for verdict in Verdict if verdict in listed or verdict in ALWAYS_REASONED)


class Body(_Part):
    """What a rule requires; `default` is a rule without a condition.

    Attributes:
        deadline: None: the strict default's deadline for the risk.
        edited: None: as under the strict default.
        warn: time before expiry; None if the file says ``never``. Not given: an eighth of the deadline.
        calendar: whose working hours count; None: those of the first approver of the first stage.
        comments: ``resolved``: an approval is refused while a comment at a line is open; None: it is not.
        grace: how long the decision that settles a request can be taken back; None: as the portal sets it.
    """

    ask: StagePart | None = None
    stages: Annotated[tuple[StagePart, ...], Field(max_length=10)] = ()
    deny_threshold: Annotated[int, Field(ge=1, le=20)] = 1
    reason_required: Annotated[tuple[Verdict, ...], BeforeValidator(_verdicts)] = ALWAYS_REASONED
    edit: bool = True
    edited: Edited | None = None
    reauthenticate: SignIn | None = None
    change_windows: Annotated[tuple[WindowPart, ...], Field(max_length=20)] = ()
    deadline: Deadline | None = None
    calendar: Name | None = None
    warn: Warn = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    escalation: Annotated[tuple[EscalationPart, ...], Field(max_length=10)] = ()
    grants: bool | None = None
    unanswered: Unanswered = Unanswered.DENY
    comments: Literal["resolved"] | None = None
    grace: Grace | None = None
    agent_urgency: Urgency = Urgency.NORMAL

    @property
    def grants_allowed(self) -> bool:
        """Whether a standing grant may approve; unless the rule says so, not if it requires a fresh sign-in."""
        return self.reauthenticate is None if self.grants is None else self.grants

    @property
    def asked(self) -> tuple[StagePart, ...]:
        """The stages, from either form in the file."""
        return self.stages or (self.ask or StagePart(),)


def _share(value: Any) -> Any:
    """A share from 0 to 1, from a percentage such as ``2%``."""
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not 0 < float(found[1]) <= 100:
        raise complaint("a sample is a percentage such as 2%, above 0% and up to 100%")
    return float(found[1]) / 100


class Rule(Body):
    """A condition, and what applies if it holds.

    Attributes:
        decide: what it does instead of asking people; None: it asks.
        until: the last day, in UTC, on which it decides.
        sample: the share of its decisions that people review afterwards, from 0 to 1.
        reason: its own words about a decision, for the agent and the audit log.
    """

    name: Name
    when: Annotated[str, Field(min_length=1, max_length=MAX_CONDITION)]
    decide: Decide | None = None
    until: date | None = None
    sample: Annotated[float, BeforeValidator(_share)] = 0.0
    reason: Annotated[str, Field(max_length=500), AfterValidator(_name)] = ""


def _level(value: Any) -> Any:
    """A risk level, or None for ``off``."""
    if value is False or (isinstance(value, str) and value.lower() == "off"):
        return None
    if not is_level(value):
        raise complaint(f"write off, or one of {', '.join(RiskLevel)}")
    return RiskLevel(value)


Reason = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_name)]


class RiskRulePart(_Part):
    """What a policy makes of a risk rule.

    Attributes:
        level: the level of its findings; None (``off`` in the file): they do not count.
    """

    level: Annotated[RiskLevel | None, BeforeValidator(_level)]
    reason: Reason


def _tool_pattern(value: str) -> str:
    if problem := pattern_problem(value):
        raise complaint(problem)
    return value


def _with_reasons(value: Any) -> Any:
    if isinstance(value, list):
        raise complaint("each tool has a reason here, as in mcp__docs__search: The server has nothing that writes.")
    return value


ToolPattern = Annotated[str, Field(max_length=200), AfterValidator(_tool_pattern)]


class PolicyDocument(_Part):
    """A whole policy. The first rule whose condition holds applies; if none does, `default`, or the strict default.

    Attributes:
        risk_rules: risk rules that are switched off or have another level, by their ids.
        reading_tools: why tools only read, by their names or patterns; see `app.domain.reading_tools`.
    """

    version: Literal[1]
    risk_rules: Annotated[dict[Name, RiskRulePart], Field(max_length=200)] = Field(default_factory=dict)
    reading_tools: Annotated[dict[ToolPattern, Reason], BeforeValidator(_with_reasons), Field(max_length=200)] = Field(
        default_factory=dict
    )
    calendars: Annotated[dict[Name, CalendarPart], Field(max_length=200)] = Field(default_factory=dict)
    rules: Annotated[tuple[Rule, ...], Field(max_length=500)] = ()
    default: Body | None = None

    def calendar_of(self, body: Body) -> CalendarPart | None:
        """The calendar of a rule: the one it names, else that of its first stage's first approver, else the default.

        None if there is none.
        """
        if body.calendar is not None:
            return self.calendars.get(body.calendar)
        first = body.asked[0]
        keepers = {
            name: calendar for calendar in self.calendars.values() for name in (*calendar.teams, *calendar.people)
        }
        named = (keepers[name] for name in (*first.teams, *first.people) if name in keepers)
        return next(named, None) or self._default_calendar()

    def _default_calendar(self) -> CalendarPart | None:
        return next((calendar for calendar in self.calendars.values() if calendar.default), None)
