"""When the support of operating systems ends, by the list beside this module."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path

_PARTS = re.compile(r"[.\s]+")


@cache
def _listed() -> dict[str, list[tuple[tuple[str, ...], date]]]:
    """For each family its releases in parts, the longest first, with the day on which support ends."""
    found: dict[str, list[tuple[tuple[str, ...], date]]] = {}
    for line in Path(__file__).with_name("os_support.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            family, release, day = line.split("|")
            found.setdefault(family, []).append((_parts(release), date.fromisoformat(day)))
    for releases in found.values():
        releases.sort(key=lambda item: -len(item[0]))
    return found


def _parts(release: str) -> tuple[str, ...]:
    return tuple(part for part in _PARTS.split(release.upper()) if part)


def support_end(family: str, release: str) -> date | None:
    """The last day of the maker's regular support of a release; None if it is not known."""
    parts = _parts(release)
    releases = _listed().get(family, [])
    return next((day for known, day in releases if parts[: len(known)] == known), None) if parts else None
