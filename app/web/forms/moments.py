"""Date and time fields: the values they show and submit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from app.domain.errors import InvalidInputError
from app.http.identity import reader_zone

_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,60}")


def field_value(moment: datetime) -> str:
    """The value of a date and time field, in the time zone of `field_zone`."""
    return moment.astimezone(reader_zone() or UTC).strftime("%Y-%m-%dT%H:%M")


def field_zone() -> str:
    """The time zone of a page's date and time fields: the reader's choice, or UTC.

    A script converts UTC to the browser's time zone.
    """
    zone = reader_zone()
    return zone.key if zone is not None else "UTC"


def moment_of(sent: Mapping[str, str], name: str) -> datetime:
    """The time in a submitted field, in the time zone submitted with it. Raises InvalidInputError."""
    try:
        moment = datetime.fromisoformat(sent.get(name, ""))
        return (moment if moment.tzinfo else moment.replace(tzinfo=_zone(sent.get("zone", "")))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError("Enter a date and a time.", {name: "This is not a valid date and time."}) from None


def zone_of(sent: Mapping[str, str]) -> tzinfo:
    """The time zone that was submitted with a form. Raises InvalidInputError."""
    try:
        return _zone(sent.get("zone", ""))
    except ValueError:
        raise InvalidInputError("This time zone is not known.", {"zone": "unknown"}) from None


def _zone(name: str) -> tzinfo:
    """The time zone with that name, or UTC if the browser sent none."""
    if not name:
        return UTC
    if not _ZONE.fullmatch(name):
        raise ValueError(name)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError):
        raise ValueError(name) from None
