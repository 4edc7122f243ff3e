"""Columns that name other rows of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.asset_discovery.mapping.forms import parts_of
from workflows.asset_discovery.mapping.profiles import Profile

if TYPE_CHECKING:
    import polars as pl

_FEW, _MOST_NAMES, _MOST_CELLS = 5, 8, 250
"""Columns of names that are compared with the others at most, and cells of each column."""


def note_references(profiles: list[Profile], frame: pl.DataFrame) -> None:
    """Find which columns name other rows, or are a part of the row's name: sets `targets`, `same`, `within`,
    and `referred`.

    Args:
        frame: the whole table, because the rows that are named may not be among those that were looked at.
    """
    names = [profile for profile in profiles if _can_be_name(profile)][:_MOST_NAMES]
    known = [_short_names(frame[profile.key]) for profile in names]
    for profile in profiles:
        cells = _cells(profile)
        for other, found in zip(names, known, strict=True):
            if other is not profile and cells:
                _compare(profile, cells, other, found)


def _cells(profile: Profile) -> list[tuple[int, str, list[str]]]:
    """Some cells that have a value: the number of the row, the cell without case, and the short names that it lists."""
    filled = [(row, cell) for row, cell in enumerate(profile.sequence) if cell is not None]
    every = max(1, len(filled) // _MOST_CELLS)
    return [(row, cell.casefold(), [short_name(part) for part in parts_of(cell)]) for row, cell in filled[::every]]


def _compare(profile: Profile, cells: list[tuple[int, str, list[str]]], other: Profile, names: set[str]) -> None:
    hits = listed = same = within = pairs = 0
    for row, cell, parts in cells:
        full = other.sequence[row]
        own = short_name(full) if full is not None else None
        listed += len(parts)
        hits += sum(part in names and part != own for part in parts)
        if full is not None:
            pairs += 1
            same += short_name(cell) == own
            within += 1 < len(cell) < len(full) and full.casefold().startswith(cell)
    targets = hits / listed if listed else 0.0
    profile.targets = max(profile.targets, targets)
    if listed > _FEW and same < pairs / 2:
        other.referred = max(other.referred, targets)
    profile.same = max(profile.same, same / pairs if pairs else 0.0)
    profile.within = max(profile.within, within / pairs if pairs > _FEW else 0.0)


def _can_be_name(profile: Profile) -> bool:
    return (
        profile.unique > 0.7
        and profile.distinct > 4
        and profile.kind("code", "fqdn", "word", "ip") > 0.7
        and profile.kind("ip") < 0.5
    )


def _short_names(values: pl.Series) -> set[str]:
    """As `short_name`, of a whole column."""
    names = values.drop_nulls().str.replace(r"(?s)\..*$", "").str.strip_chars().unique().to_list()
    return {name.casefold() for name in names}


def short_name(value: str) -> str:
    """A name without its domain and without case."""
    return value.split(".", 1)[0].casefold().strip()
