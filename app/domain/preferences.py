"""A person's display preferences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from app.domain.errors import InvalidInputError

_AREAS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


class Theme(StrEnum):
    """The color theme."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Density(StrEnum):
    """How dense the pages are."""

    COMFORTABLE = "comfortable"
    COMPACT = "compact"


class OpenNext(StrEnum):
    """Whether the next request opens after a decision."""

    BESIDE = "beside"
    """Where the queue is beside the request."""
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Preferences:
    """A person's preferences.

    Attributes:
        time_zone: an IANA name; empty: the browser's time zone.
        keys: whether single-key shortcuts are enabled.
        open_next: whether the next request opens after a decision.
    """

    time_zone: str = ""
    theme: Theme = Theme.SYSTEM
    density: Density = Density.COMFORTABLE
    keys: bool = True
    open_next: OpenNext = OpenNext.BESIDE


def preferences(
    time_zone: str, theme: str, density: str, keys: str = "on", open_next: str = OpenNext.BESIDE.value
) -> Preferences:
    """Checked preferences. Raises InvalidInputError, whose `fields` says which values are not valid."""
    wrong = {}
    if time_zone not in _offered():
        wrong["time_zone"] = "There is no such time zone."
    if theme not in set(Theme):
        wrong["theme"] = "Choose one of these."
    if density not in set(Density):
        wrong["density"] = "Choose one of these."
    if keys not in ("on", "off"):
        wrong["keys"] = "Choose one of these."
    if open_next not in set(OpenNext):
        wrong["open_next"] = "Choose one of these."
    if wrong:
        raise InvalidInputError("These preferences are not valid.", wrong)
    return Preferences(time_zone, Theme(theme), Density(density), keys == "on", OpenNext(open_next))


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of that name; None for an empty name, or one that this machine does not know."""
    return ZoneInfo(name) if name in _all_zones() else None


@cache
def zones() -> dict[str, list[tuple[str, str]]]:
    """The available time zones by area, each as its name and label, such as ``Asia/Tokyo`` and ``Tokyo``."""
    found: dict[str, list[tuple[str, str]]] = {area: [] for area in _AREAS}
    for name in sorted(_all_zones()):
        area, _, place = name.partition("/")
        if area in found:
            found[area].append((name, place.replace("_", " ").replace("/", " / ")))
    return found


@cache
def _offered() -> frozenset[str]:
    return frozenset({"", "UTC", *(name for places in zones().values() for name, _ in places)})


@cache
def _all_zones() -> frozenset[str]:
    return frozenset(available_timezones())
