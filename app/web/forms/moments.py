"""Date-time fields: what they show, and what comes back from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInputError
from app.http.identity import reader_zone

_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,60}")


def field_of(moment: datetime) -> str:
    """The value of a date-time field, in the zone of `field_zone`."""
    return moment.astimezone(reader_zone() or UTC).strftime("%Y-%m-%dT%H:%M")


def field_zone() -> str:
    """The zone of a page's date-time fields: the one that the reader has chosen, or UTC.

    A script turns UTC into the browser's own zone.
    """
    zone = reader_zone()
    return zone.key if zone is not None else "UTC"


def moment_of(sent: Mapping[str, str], name: str) -> datetime:
    """The moment in a date-time field, in the time zone that was sent with it. Raises InvalidInputError."""
    try:
        moment = datetime.fromisoformat(sent.get(name, ""))
        return (moment if moment.tzinfo else moment.replace(tzinfo=_zone(sent.get("zone", "")))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError("A date and a time are needed.", {name: "This is not a date and a time."}) from None


def _zone(name: str) -> tzinfo:
    """The time zone of that name; UTC where a browser sends none."""
    if not name:
        return UTC
    if not _ZONE.fullmatch(name):
        raise ValueError(name)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError):
        raise ValueError(name) from None
