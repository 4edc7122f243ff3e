"""How well numbers, amounts, dates, and short codes fit each field: log-likelihood ratios."""

from __future__ import annotations

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.amounts import CPUS, disk_unit, memory_unit, share_in
from workflows.asset_discovery.mapping.profiles import Profile

F = Field
_STAGES = {"p", "t", "d", "q", "a", "i", "e", "r", "s", "u", "v", "l", "b"}
_LEVELS = 6
_STORAGE = ("SSD", "HDD", "NVME", "SAS", "SATA")


def numbers_fit(profile: Profile) -> dict[Field, float]:
    """Numbers of processors, amounts of memory and storage, and row numbers."""
    found = _sizes(profile)
    share = profile.kind("int", "decimal")
    if not profile.numbers or share < 0.5:
        return found
    numbers = profile.numbers
    cpus, memory, disk = share_in(numbers, CPUS), memory_unit(numbers)[1], disk_unit(numbers)[1]
    middle = sorted(numbers)[len(numbers) // 2]
    found[F.CPU_COUNT] = share * (-3.0 + 4.2 * cpus if profile.distinct > 1 else -1.0)
    found[F.MEMORY_MB] = found.get(F.MEMORY_MB, 0.0) + share * (-2.0 + 4.0 * memory)
    found[F.DISK_GB] = found.get(F.DISK_GB, 0.0) + share * (-1.6 + 3.2 * disk)
    found[F.CPU_COUNT] += share * (0.5 if middle <= 4 else 0.0 if middle <= 10 else -1.0)
    found[F.MEMORY_MB] += share * (-0.8 if middle < 4 else 0.0 if middle < 10 else 0.5)
    found[F.IGNORE] = share * (0.8 - 1.2 * max(cpus, memory, disk))
    if _are_levels(profile):
        for item in (F.CPU_COUNT, F.MEMORY_MB, F.DISK_GB):
            found[item] -= 1.5
        found[F.CRITICALITY], found[F.IGNORE] = 0.8, 0.6
    if profile.counter:
        found = {item: found.get(item, 0.0) - 3.0 for item in F} | {F.IGNORE: 3.5}
    return found


def _are_levels(profile: Profile) -> bool:
    """True for numbers such as 1, 2, 3, and for 0 and 1: levels and states rather than amounts."""
    values = set(profile.numbers)
    if not values or max(values) > _LEVELS or any(value != int(value) for value in values):
        return False
    return 0 in values or 3 in values or 5 in values


def _sizes(profile: Profile) -> dict[Field, float]:
    """Amounts that name their unit: memory is small, and storage is large."""
    if not profile.sizes:
        return {}
    middle, share = sorted(profile.sizes)[len(profile.sizes) // 2], profile.kind("size")
    storage = sum(count for value, count in profile.counts.items() if any(word in value.upper() for word in _STORAGE))
    return {
        F.MEMORY_MB: share * (1.2 if middle <= 24 else 0.3 if middle <= 96 else -0.8 if middle < 300 else -1.6),
        F.DISK_GB: share * (-2.0 if middle < 12 else -0.8 if middle < 40 else 0.6 if middle < 200 else 1.5)
        + 2.0 * storage / profile.total,
    }


def dates_fit(profile: Profile) -> dict[Field, float]:
    """Support ends in the future, things were bought in the past, and systems report times of the last months."""
    if profile.kind("date") < 0.5 or len(profile.days) < 3:
        return {}
    future, timed, narrow = profile.future, 2.0 * profile.timed, profile.spread < 430
    return {
        F.SUPPORT_ENDS_ON: (-1.6 if future < 0.03 else 1.0 if future < 0.2 else 2.6) - timed - 0.5 * narrow,
        F.PURCHASED_ON: (0.8 if future < 0.03 else -1.0 if future < 0.1 else -3.5) - timed - 1.2 * narrow,
        F.IGNORE: timed + (1.4 if narrow and future < 0.2 else 0.0) + (0.2 if future < 0.1 else -0.6),
    }


def codes_fit(profile: Profile) -> dict[Field, float]:
    """Short codes of few values: stages, classes, states."""
    values = {value.casefold() for value in profile.counts}
    if not 2 <= len(values) <= 8 or max(map(len, values)) > 3 or profile.unique > 0.5:
        return {}
    found = {F.ENVIRONMENT: 0.4, F.STATUS: 0.4, F.CRITICALITY: 0.6, F.ASSET_TYPE: 0.2}
    if values <= _STAGES and "p" in values and values & {"t", "d", "q", "e", "a", "i"}:
        found[F.ENVIRONMENT] = 3.0
    elif values <= {"a", "b", "c", "d", "e"} or values <= {"0", "1", "2", "3", "4", "5"}:
        found[F.CRITICALITY] = 1.6
    return found
