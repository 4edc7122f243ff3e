"""Destinations: webhooks, channels, and services that are notified besides people. Their terms and topics."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import InvalidInputError
from app.domain.events import EventKind
from app.domain.hidden_characters import is_line
from app.domain.notices import LONGEST_PAUSE, PAUSES, Channel, NoticeKind
from app.domain.text import TEAM_SLUG, is_storable
from assent.contracts import RiskLevel
from assent.visible import shows

PLACES = (Channel.WEBHOOK, Channel.SLACK, Channel.APPRISE)
"""The channels of destinations."""
NOTICES = (NoticeKind.ASKED, NoticeKind.ESCALATED, NoticeKind.EXPIRING, NoticeKind.OUTCOME, NoticeKind.RECEIPT)
"""What destinations other than webhooks can be notified of."""
MAX_NAME = 100
MAX_ADDRESS = 2000
BOTH_SECRETS = timedelta(hours=24)
"""How long the old secret also signs after a secret was rotated."""
_PREFIX = "whsec_"
_SLACK_CHANNEL = re.compile(r"[CG][A-Z0-9]{5,30}")


@dataclass(frozen=True)
class DestinationTerms:
    """The settings of a destination.

    Attributes:
        address: the URL of a webhook, the id of a Slack channel, or an Apprise URL.
        topics: kinds of events for a webhook, kinds of notices for other destinations; empty: all.
        team_slug: notify only of what concerns that team; empty: of everything.
    """

    channel: Channel
    name: str
    address: str
    topics: tuple[str, ...] = ()
    least_risk: RiskLevel = RiskLevel.SAFE
    team_slug: str = ""


def destination_terms(
    channel: str, name: str, address: str, topics: Iterable[str] = (), least_risk: str = "safe", team_slug: str = ""
) -> DestinationTerms:
    """Checked terms from submitted values. Whether the address is allowed is checked elsewhere.

    Raises:
        InvalidInputError: `fields` says which values are not valid.
    """
    wrong: dict[str, str] = {}
    place = next((place for place in PLACES if place.value == channel), None)
    if place is None:
        wrong["channel"] = f"Choose one of {', '.join(place.value for place in PLACES)}."
    name, address, team_slug = name.strip(), address.strip(), team_slug.strip()
    if not shows(name) or len(name) > MAX_NAME or not is_storable(name) or not is_line(name):
        wrong["name"] = f"Enter a name of 1 to {MAX_NAME} characters."
    if not 0 < len(address) <= MAX_ADDRESS or not is_storable(address) or not address.isprintable():
        wrong["address"] = f"Enter an address of at most {MAX_ADDRESS} characters."
    elif place is Channel.SLACK and not _SLACK_CHANNEL.fullmatch(address):
        wrong["address"] = "Enter a channel ID such as C024BE91L; Slack shows it at the end of the channel details."
    chosen = tuple(dict.fromkeys(topics))
    known = set(topics_of(place)) if place else set()
    if place and (unknown := [topic for topic in chosen if topic not in known]):
        wrong["topics"] = f"There is no {unknown[0][:60]!r} among the events."
    if least_risk not in {level.value for level in RiskLevel}:
        wrong["least_risk"] = "Choose one of the risk levels."
    if team_slug and not TEAM_SLUG.fullmatch(team_slug):
        wrong["team_slug"] = "This is not the name of a team."
    if place is Channel.WEBHOOK and (team_slug or least_risk != RiskLevel.SAFE.value) and not wrong:
        wrong["team_slug" if team_slug else "least_risk"] = "A webhook receives all events of the selected kinds."
    if wrong or place is None:
        raise InvalidInputError("This destination is not valid.", wrong)
    return DestinationTerms(place, name, address, chosen, RiskLevel(least_risk), team_slug)


def topics_of(channel: Channel) -> tuple[str, ...]:
    """Everything that a destination on that channel can be notified of."""
    if channel is Channel.WEBHOOK:
        return tuple(kind.value for kind in EventKind)
    return tuple(kind.value for kind in NOTICES)


def new_secret() -> str:
    """A new 256-bit webhook secret in the format of Standard Webhooks."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_secret(text: str) -> bool:
    """True for a valid webhook secret: ``whsec_`` followed by 24 to 64 bytes in base64."""
    try:
        return text.startswith(_PREFIX) and 24 <= len(base64.b64decode(text[len(_PREFIX) :], validate=True)) <= 64
    except (binascii.Error, ValueError):
        return False


def hold_after(failures: int, now: datetime, asked: timedelta | None) -> datetime:
    """The earliest time of the next attempt for a destination with this many failures in a row.

    Args:
        asked: the minimum wait that the destination asks for (Retry-After).
    """
    pause = PAUSES[failures - 1] if 0 < failures <= len(PAUSES) else LONGEST_PAUSE
    return now + max(pause, min(asked or timedelta(0), timedelta(hours=24)))
