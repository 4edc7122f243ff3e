"""Columns that name other rows of their table."""

from __future__ import annotations

from workflows.asset_discovery.mapping.forms import parts_of
from workflows.asset_discovery.mapping.profiles import Profile


def note_references(profiles: list[Profile]) -> None:
    """Find which columns name other rows: sets `targets` and `same`."""
    names = [profile for profile in profiles if _can_be_name(profile)]
    known = {profile.key: _short_names(profile) for profile in names}
    for profile in profiles:
        for other in names:
            if other is profile:
                continue
            profile.targets = max(profile.targets, _targets(profile, other, known[other.key]))
            profile.same = max(profile.same, _same(profile, other))


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


def _short_names(profile: Profile) -> set[str]:
    return {short_name(value) for value in profile.counts}


def _targets(profile: Profile, other: Profile, names: set[str]) -> float:
    hits = total = 0
    for cell, own in zip(profile.sequence, other.sequence, strict=True):
        if cell is None:
            continue
        parts = [short_name(part) for part in parts_of(cell)]
        total += len(parts)
        hits += sum(part in names and (own is None or part != short_name(own)) for part in parts)
    return hits / total if total else 0.0


def _same(profile: Profile, other: Profile) -> float:
    pairs = [
        (cell, own)
        for cell, own in zip(profile.sequence, other.sequence, strict=True)
        if cell is not None and own is not None
    ]
    return sum(short_name(cell) == short_name(own) for cell, own in pairs) / len(pairs) if pairs else 0.0
