"""Columns that name other rows of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.asset_discovery.mapping.forms import parts_of
from workflows.asset_discovery.mapping.profiles import Profile

if TYPE_CHECKING:
    import polars as pl

_FEW = 5


def note_references(profiles: list[Profile], frame: pl.DataFrame) -> None:
    """Find which columns name other rows, or are a part of the row's name: sets `targets`, `same`, and `within`.

    Args:
        frame: the whole table, because the rows that are named may not be among those that were looked at.
    """
    names = [profile for profile in profiles if _can_be_name(profile)]
    known = {
        profile.key: {short_name(value) for value in frame[profile.key].drop_nulls().unique()} for profile in names
    }
    for profile in profiles:
        for other in names:
            if other is profile:
                continue
            profile.targets = max(profile.targets, _targets(profile, other, known[other.key]))
            profile.same = max(profile.same, _same(profile, other))
            profile.within = max(profile.within, _within(profile, other))


def _can_be_name(profile: Profile) -> bool:
    return (
        profile.unique > 0.7
        and profile.distinct > 4
        and profile.kind("code", "fqdn", "word", "ip") > 0.7
        and profile.kind("ip") < 0.5
    )


def short_name(value: str) -> str:
    """A name without its domain and without case."""
    return value.split(".", 1)[0].casefold().strip()


def _targets(profile: Profile, other: Profile, names: set[str]) -> float:
    hits = total = 0
    for cell, own in zip(profile.sequence, other.sequence, strict=True):
        if cell is None:
            continue
        parts = [short_name(part) for part in parts_of(cell)]
        total += len(parts)
        hits += sum(part in names and (own is None or part != short_name(own)) for part in parts)
    return hits / total if total else 0.0


def _within(profile: Profile, other: Profile) -> float:
    """The share of cells with which the row's name starts, such as the code of its site."""
    pairs = [
        (cell.casefold(), own.casefold())
        for cell, own in zip(profile.sequence, other.sequence, strict=True)
        if cell is not None and own is not None and len(cell) > 1
    ]
    starting = sum(own.startswith(cell) and len(own) > len(cell) for cell, own in pairs)
    return starting / len(pairs) if len(pairs) > _FEW else 0.0


def _same(profile: Profile, other: Profile) -> float:
    pairs = [
        (cell, own)
        for cell, own in zip(profile.sequence, other.sequence, strict=True)
        if cell is not None and own is not None
    ]
    return sum(short_name(cell) == short_name(own) for cell, own in pairs) / len(pairs) if pairs else 0.0
