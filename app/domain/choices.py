"""A person's notification settings: for what, how, and when. Pure; times of day are in the person's own time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInputError
from app.domain.notices import Channel, NoticeKind
from assent.contracts import RiskLevel

_OURS = (
    NoticeKind.DIGEST, NoticeKind.DISABLED, NoticeKind.ACCOUNT, NoticeKind.SIGN_IN, NoticeKind.EVENT, NoticeKind.TEST,
    NoticeKind.CALLBACK, NoticeKind.CHANNEL_REFUSED, NoticeKind.SHORTAGE,
)  # fmt: skip
CHOOSABLE = tuple(kind for kind in NoticeKind if kind not in _OURS)


class Way(StrEnum):
    """How somebody is notified."""

    MAIL = "mail"
    SLACK = "slack"
    BOTH = "both"
    BROWSER = "browser"
    DIGEST = "digest"
    OFF = "off"


class Rhythm(StrEnum):
    """How often the roundup is sent."""

    HOURLY = "hourly"
    DAILY = "daily"


CHANNELS: Mapping[Way, tuple[Channel, ...]] = {
    Way.MAIL: (Channel.MAIL,), Way.SLACK: (Channel.SLACK,), Way.BOTH: (Channel.MAIL, Channel.SLACK),
}  # fmt: skip
"""The channels of the roundup, and of each way of immediate notification; browsers are added by `channels_of`."""


def channels_of(way: Way, browsers: bool) -> tuple[Channel, ...]:
    """The channels of immediate notification.

    Args:
        browsers: the person has browsers that show notifications. If there are none, email takes their place.
    """
    if way is Way.BROWSER:
        return (Channel.BROWSER,) if browsers else (Channel.MAIL,)
    return (*CHANNELS.get(way, (Channel.MAIL,)), *((Channel.BROWSER,) if browsers else ()))


@dataclass(frozen=True)
class Choice:
    """How somebody is notified of one kind of event.

    Attributes:
        least: minimum risk for `way`; below it, `below` is used.
    """

    way: Way
    least: RiskLevel
    below: Way

    def of(self, risk: RiskLevel) -> Way:
        """How to notify of an event about a request of that risk."""
        return self.way if risk.rank >= self.least.rank else self.below


DEFAULT: Mapping[NoticeKind, Choice] = {
    NoticeKind.ASKED: Choice(Way.MAIL, RiskLevel.SAFE, Way.DIGEST),
    NoticeKind.ASSIGNED: Choice(Way.MAIL, RiskLevel.SAFE, Way.DIGEST),
    NoticeKind.ESCALATED: Choice(Way.MAIL, RiskLevel.SAFE, Way.DIGEST),
    NoticeKind.EXPIRING: Choice(Way.MAIL, RiskLevel.SAFE, Way.DIGEST),
    NoticeKind.OUTCOME: Choice(Way.MAIL, RiskLevel.SAFE, Way.DIGEST),
    NoticeKind.SETTLED: Choice(Way.MAIL, RiskLevel.HIGH, Way.DIGEST),
    NoticeKind.RECEIPT: Choice(Way.MAIL, RiskLevel.HIGH, Way.DIGEST),
}


@dataclass(frozen=True)
class When:
    """When and how somebody is notified. `held`: it waits for the end of the quiet hours or for the digest."""

    at: datetime
    way: Way
    held: bool = False
    in_digest: bool = False
    channel: Channel = Channel.MAIL


@dataclass(frozen=True)
class Choices:
    """All notification settings of a person.

    Attributes:
        digest_at: time of day of a daily digest; `digest_by` says how it is sent: by email, Slack, or both.
        quiet: start and end of the hours in which only escalations are sent, and what would expire before they end;
            None: no quiet hours.
        browsers: the person has browsers that show notifications. This is not stored with the settings.
    """

    kinds: Mapping[NoticeKind, Choice] = field(default_factory=lambda: DEFAULT)
    rhythm: Rhythm = Rhythm.DAILY
    digest_at: time = time(8)
    quiet: tuple[time, time] | None = None
    digest_by: Way = Way.MAIL
    browsers: bool = False

    def when(
        self, kind: NoticeKind, risk: RiskLevel, now: datetime, zone: ZoneInfo, expires_at: datetime | None = None
    ) -> tuple[When, ...]:
        """When and how to notify, one entry per channel; empty: not at all.

        Escalations are never held by quiet hours. What asks for a decision is sent at once if it would be held until
        `expires_at` or longer, when nobody could decide any more.
        """
        way = self.kinds.get(kind, DEFAULT[kind]).of(risk)
        if way is Way.OFF:
            return ()
        until = None if kind is NoticeKind.ESCALATED else self.quiet_until(now, zone)
        due = self.next_digest(now, zone) if way is Way.DIGEST else until
        if due is not None and kind.asks and expires_at is not None and due >= expires_at:
            channels = CHANNELS[self.digest_by] if way is Way.DIGEST else channels_of(way, self.browsers)
            return tuple(When(now, way, channel=channel) for channel in channels)
        if way is Way.DIGEST and due is not None:
            return tuple(
                When(due, way, held=True, in_digest=True, channel=channel) for channel in CHANNELS[self.digest_by]
            )
        return tuple(
            When(until or now, way, held=until is not None, channel=channel)
            for channel in channels_of(way, self.browsers)
        )

    def uses(self, channel: Channel) -> bool:
        """True if something may be sent over that channel."""
        ways = {self.digest_by, *(way for choice in self.kinds.values() for way in (choice.way, choice.below))}
        return any(channel in CHANNELS.get(way, ()) for way in ways)

    def quiet_until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the current quiet hours end; None if `now` is not in quiet hours."""
        if self.quiet is None:
            return None
        begin, end = self.quiet
        local = now.astimezone(zone)
        at = local.time().replace(tzinfo=None)
        inside = begin <= at < end if begin < end else at >= begin or at < end
        if not inside:
            return None
        day = local.date() + timedelta(days=1 if begin > end and at >= begin else 0)
        # Never before now: when clocks go back, one hour of the night occurs twice.
        return max(datetime.combine(day, end, zone).astimezone(UTC), now)

    def next_digest(self, now: datetime, zone: ZoneInfo) -> datetime:
        """When the next digest is due, after `now`."""
        if self.rhythm is Rhythm.HOURLY:
            due = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        else:
            local = now.astimezone(zone)
            due = datetime.combine(local.date(), self.digest_at, zone).astimezone(UTC)
            if due <= now:
                due = datetime.combine(local.date() + timedelta(days=1), self.digest_at, zone).astimezone(UTC)
        return self.quiet_until(due, zone) or due

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored."""
        return {
            "kinds": {
                kind.value: {"way": choice.way.value, "least": choice.least.value, "below": choice.below.value}
                for kind, choice in self.kinds.items()
            },
            "rhythm": self.rhythm.value,
            "digest_at": _clock(self.digest_at),
            "digest_by": self.digest_by.value,
            "quiet": [_clock(end) for end in self.quiet] if self.quiet else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Choices:
        """The inverse of `to_json`; missing values get their defaults."""
        stored = value.get("kinds", {})
        kinds = dict(DEFAULT)
        for kind in CHOOSABLE:
            if chosen := stored.get(kind.value):
                kinds[kind] = Choice(Way(chosen["way"]), RiskLevel(chosen["least"]), Way(chosen["below"]))
        quiet = value.get("quiet")
        return cls(
            kinds,
            Rhythm(value.get("rhythm", Rhythm.DAILY.value)),
            time.fromisoformat(value.get("digest_at", "08:00")),
            (time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1])) if quiet else None,
            Way(value.get("digest_by", Way.MAIL.value)),
        )


FIRST = (Way.MAIL, Way.SLACK, Way.BOTH, Way.BROWSER)
"""The ways that can come first for everybody who has not chosen."""


def default_choices(first: Way = Way.MAIL) -> Choices:
    """The settings of somebody who has not chosen any, in an organization in which that way comes first."""
    kinds = {kind: replace(choice, way=first) for kind, choice in DEFAULT.items()}
    return Choices(kinds, digest_by=first if first in CHANNELS else Way.MAIL)


def choices_from(sent: Mapping[str, str]) -> Choices:
    """Settings from a form: for each kind ``<kind>.way``, ``<kind>.least``, and ``<kind>.below``; `rhythm`,
    `digest_at`, `digest_by`, `quiet_from`, `quiet_until`.

    Raises:
        InvalidInputError: `fields` says which values are not valid.
    """
    wrong: dict[str, str] = {}
    kinds: dict[NoticeKind, Choice] = {}
    for kind in CHOOSABLE:
        way = _one_of(sent, f"{kind.value}.way", Way, wrong)
        least = _one_of(sent, f"{kind.value}.least", RiskLevel, wrong)
        below = _one_of(sent, f"{kind.value}.below", Way, wrong)
        if way and least and below:
            kinds[kind] = Choice(way, least, below)
    rhythm = _one_of(sent, "rhythm", Rhythm, wrong)
    digest_at = _time(sent, "digest_at", wrong)
    begin, end = _time(sent, "quiet_from", wrong), _time(sent, "quiet_until", wrong)
    if rhythm is Rhythm.DAILY and digest_at is None and "digest_at" not in wrong:
        wrong["digest_at"] = "Enter a time of day."
    if (begin is None) != (end is None) and not {"quiet_from", "quiet_until"} & set(wrong):
        wrong["quiet_until" if end is None else "quiet_from"] = "Fill in both times, or neither."
    if begin is not None and begin == end:
        wrong["quiet_until"] = "Quiet hours must end at another time than they begin."
    digest_by = _one_of(sent, "digest_by", Way, wrong) if sent.get("digest_by") else Way.MAIL
    if digest_by is not None and digest_by not in CHANNELS:
        wrong["digest_by"] = "Choose one of these."
    if wrong or rhythm is None:
        raise InvalidInputError("These settings are not valid.", wrong)
    quiet = (begin, end) if begin is not None and end is not None else None
    return Choices(kinds, rhythm, digest_at or time(8), quiet, digest_by)


def _one_of(sent: Mapping[str, str], name: str, words: type[Any], wrong: dict[str, str]) -> Any:
    try:
        return words(sent.get(name, ""))
    except ValueError:
        wrong[name] = "Choose one of these."
        return None


def _time(sent: Mapping[str, str], name: str, wrong: dict[str, str]) -> time | None:
    given = sent.get(name, "").strip()
    if not given:
        return None
    try:
        return time.fromisoformat(given).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError:
        wrong[name] = "Enter a time of day such as 22:00."
        return None


def _clock(at: time) -> str:
    return at.strftime("%H:%M")
