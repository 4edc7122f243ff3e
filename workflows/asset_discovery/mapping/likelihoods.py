"""How well the values of a column fit each field: log-likelihood ratios against a column of anything."""

from __future__ import annotations

from functools import cache

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.amounts import CPUS, disk_unit, memory_unit, share_in
from workflows.asset_discovery.mapping.lexicon import data_lines
from workflows.asset_discovery.mapping.profiles import Profile

F = Field
_OTHERWISE = -4.0
_WORDS: dict[Field, tuple[str, float, float]] = {
    F.ASSET_TYPE: ("type", -1.0, 4.6), F.MANUFACTURER: ("vendor", -2.2, 5.5), F.MODEL: ("model", -0.7, 3.6),
    F.OS: ("os", -2.2, 5.5), F.ENVIRONMENT: ("env", -1.0, 4.6), F.STATUS: ("status", -1.0, 4.6),
    F.CRITICALITY: ("crit", -0.9, 4.8),
}  # fmt: skip
"""The vocabulary of a field: how well a column without any such word fits, and a column of nothing else."""
_CATEGORICAL = {F.ASSET_TYPE, F.MANUFACTURER, F.ENVIRONMENT, F.STATUS, F.CRITICALITY}
_IDENTIFYING = {F.NAME, F.FQDN, F.IP_ADDRESS, F.MAC_ADDRESS, F.SERIAL_NUMBER}
_GROUPING = {F.LOCATION, F.OWNER, F.APPLICATION, F.MODEL, F.OS, F.OS_VERSION, F.CLUSTER, F.VIRTUAL_HOST, F.COST_CENTER}
_STAGES = {"p", "t", "d", "q", "a", "i", "e", "r", "s", "u", "v", "l", "b"}
LEAST, MOST = -8.0, 7.0


def fit_of(profile: Profile) -> dict[Field, float]:
    """For each field how well the values fit; all equal for a column without values."""
    if not profile.total:
        return {item: (0.5 if item is F.IGNORE else -0.5) for item in F}
    fit = {item: form_fit(item, profile) for item in F}
    for change in (
        _vocabulary,
        _repetition,
        _identifiers,
        _people_and_places,
        _numbers,
        _dates,
        _codes,
        _relations,
        _nothing,
    ):
        for item, value in change(profile).items():
            fit[item] += value
    certainty = min(1.0, 0.45 + profile.total / 25)
    return {item: min(MOST, max(LEAST, value)) * certainty for item, value in fit.items()}


@cache
def _fits() -> dict[Field, dict[str, float]]:
    """How well each form fits each field: `fits.txt`."""
    found = {}
    for line in data_lines("fits.txt"):
        name, _, parts = line.partition(" = ")
        found[Field(name)] = {form: float(fit) for form, _, fit in (part.partition(" ") for part in parts.split(", "))}
    return found


def form_fit(item: Field, profile: Profile) -> float:
    """How well the forms of the values fit a field, whatever the values are."""
    known = _fits()[item]
    otherwise = known.get("*", _OTHERWISE)
    return sum(share * known.get(kind, otherwise) for kind, share in profile.kinds.items())


def _vocabulary(profile: Profile) -> dict[Field, float]:
    found: dict[Field, float] = {}
    for item, (kind, without, only) in _WORDS.items():
        share = profile.word(kind)
        found[item] = without + (only - without) * share
    strongest = max(_WORDS, key=lambda item: profile.word(_WORDS[item][0]))
    share = profile.word(_WORDS[strongest][0])
    if share > 0.5:
        for item in F:
            if item is not strongest and profile.word(_WORDS[item][0] if item in _WORDS else "") < share - 0.15:
                found[item] = found.get(item, 0.0) - 2.2 * share
        found[F.IGNORE] = found.get(F.IGNORE, 0.0) + 0.7 * share
    return found


def _repetition(profile: Profile) -> dict[Field, float]:
    unique, distinct, total = profile.unique, profile.distinct, profile.total
    found: dict[Field, float] = {}
    if total < 6:
        return found
    for item in _IDENTIFYING:
        found[item] = (
            1.3 if unique > 0.85 else 0.3 if unique > 0.6 else -1.0 if unique > 0.3 else -2.5 if unique > 0.1 else -3.5
        )
    found[F.IP_ADDRESS] = found[F.MAC_ADDRESS] = max(-1.0, found[F.NAME])
    for item in _CATEGORICAL:
        found[item] = (
            0.5 if distinct <= 14 and unique < 0.5 else -0.3 if unique < 0.5 else -2.0 if unique < 0.8 else -3.5
        )
    for item in _GROUPING:
        found[item] = 0.4 if unique < 0.4 else 0.0 if unique < 0.7 else -0.8 if unique < 0.9 else -1.8
    found[F.COST_CENTER] = max(found[F.COST_CENTER], -0.4)
    found[F.CLUSTER] += 0.2 if 2 <= distinct <= 10 else -0.8 if distinct > 20 else -0.2
    found[F.CLUSTER] -= 1.5 if unique > 0.6 else 0.0
    found[F.VIRTUAL_HOST] += 0.4 if 3 <= distinct <= 25 else -0.3
    for item in (F.CPU_COUNT, F.MEMORY_MB, F.DISK_GB):
        found[item] = 0.5 if unique < 0.5 else -0.5 if unique < 0.8 else -1.8
    if distinct == 1:
        for item in F:
            found[item] = found.get(item, 0.0) + (1.0 if item is F.IGNORE else -1.0)
    return found


def _identifiers(profile: Profile) -> dict[Field, float]:
    """Names have few words in common, and small numbers; serial numbers are different throughout."""
    if profile.unique < 0.6 or profile.total < 6 or profile.kind("code", "int", "word") < 0.6:
        return {}
    found: dict[Field, float] = {}
    mixed, random = profile.mixed, profile.runs > 0.6
    counted = profile.digits <= 3 and profile.runs < 0.5 and profile.kind("int") < 0.3
    found[F.NAME] = 1.3 if counted else -0.6 if random and mixed > 0.7 else -0.8 if profile.digits > 4 else 0.3
    found[F.SERIAL_NUMBER] = 1.6 if mixed > 0.6 and random else 0.4 if profile.digits > 5 else -1.8 if counted else 0.0
    found[F.IGNORE] = 1.0 if profile.digits > 3 and profile.runs < 0.3 and profile.even > 0.6 else 0.0
    return found


def _people_and_places(profile: Profile) -> dict[Field, float]:
    person, team = profile.word("person"), profile.word("team")
    place = min(1.0, profile.word("place") + profile.word("city"))
    owner = max(person, team, profile.kind("email"))
    found = {F.OWNER: -0.9 + 3.6 * owner - 1.5 * place, F.LOCATION: -0.7 + 4.2 * place - 1.5 * person}
    if profile.kind("email") > 0.6:
        found |= {item: -2.0 for item in F if item not in (F.OWNER, F.IGNORE)}
    found[F.APPLICATION] = (
        -1.2 * max(person, place, team) - 1.0 * profile.word("os") - 0.8 * profile.word("vendor") + 0.6
    )
    return found


def _numbers(profile: Profile) -> dict[Field, float]:
    found: dict[Field, float] = {}
    if profile.sizes:
        middle = sorted(profile.sizes)[len(profile.sizes) // 2]
        share = profile.kind("size")
        found[F.MEMORY_MB] = share * (1.2 if middle <= 24 else 0.3 if middle <= 96 else -0.8 if middle < 300 else -1.6)
        found[F.DISK_GB] = share * (-2.0 if middle < 12 else -0.8 if middle < 40 else 0.6 if middle < 200 else 1.5)
        storage = (
            sum(
                count
                for value, count in profile.counts.items()
                if any(word in value.upper() for word in ("SSD", "HDD", "NVME", "SAS"))
            )
            / profile.total
        )
        found[F.DISK_GB] += 2.0 * storage
    numbers = profile.numbers
    if not numbers or profile.kind("int", "decimal") < 0.5:
        return found
    share = profile.kind("int", "decimal")
    cpus = share_in(numbers, CPUS)
    memory, disk = memory_unit(numbers)[1], disk_unit(numbers)[1]
    found[F.CPU_COUNT] = share * (-3.0 + 4.2 * cpus if profile.distinct > 1 else -1.0)
    found[F.MEMORY_MB] = found.get(F.MEMORY_MB, 0.0) + share * (-2.0 + 4.0 * memory)
    found[F.DISK_GB] = found.get(F.DISK_GB, 0.0) + share * (-1.6 + 3.2 * disk)
    typical = max(cpus, memory, disk)
    found[F.IGNORE] = share * (0.8 - 1.2 * typical)
    if profile.counter:
        found = {item: found.get(item, 0.0) - 3.0 for item in F} | {F.IGNORE: 3.5}
    return found


def _dates(profile: Profile) -> dict[Field, float]:
    if profile.kind("date") < 0.5 or len(profile.days) < 3:
        return {}
    future, timed, narrow = profile.future, profile.timed, profile.spread < 430
    return {
        F.SUPPORT_ENDS_ON: (-1.6 if future < 0.03 else 1.0 if future < 0.2 else 2.6)
        - 2.0 * timed
        - (0.5 if narrow else 0.0),
        F.PURCHASED_ON: (0.8 if future < 0.03 else -1.0 if future < 0.1 else -3.5)
        - 2.5 * timed
        - (1.2 if narrow else 0.0),
        F.IGNORE: 2.0 * timed + (1.4 if narrow and future < 0.2 else 0.0) + (0.2 if future < 0.1 else -0.6),
    }


def _codes(profile: Profile) -> dict[Field, float]:
    """Short codes of few values: stages, classes, states."""
    values = {value.casefold() for value in profile.counts}
    if not 2 <= len(values) <= 8 or max(map(len, values)) > 3 or profile.unique > 0.5:
        return {}
    found = {F.ENVIRONMENT: 0.4, F.STATUS: 0.4, F.CRITICALITY: 0.6, F.ASSET_TYPE: 0.2}
    if values <= _STAGES and "p" in values and values & {"t", "d", "q", "e", "a", "i"}:
        found[F.ENVIRONMENT] = 3.0
    elif values <= {"a", "b", "c", "d", "e"} or all(value in {"0", "1", "2", "3", "4", "5"} for value in values):
        found[F.CRITICALITY] = 1.6
    return found


def _relations(profile: Profile) -> dict[Field, float]:
    """Columns that name other rows."""
    found: dict[Field, float] = {}
    if profile.total >= 3:
        few = profile.distinct <= max(6, 0.45 * profile.total) and profile.lists < 0.05
        found[F.DEPENDS_ON] = -1.2 + 4.8 * profile.targets + 1.5 * profile.lists - (0.8 if few else 0.0)
        found[F.VIRTUAL_HOST] = -0.3 + (2.8 if few else -0.5) * profile.targets - 3.0 * profile.lists
        found[F.CLUSTER] = -2.0 * profile.targets - 2.0 * profile.lists
        found[F.IGNORE] = -1.5 * profile.targets
        for item in (F.NAME, F.SERIAL_NUMBER, F.APPLICATION, F.OWNER, F.LOCATION, F.MODEL):
            found[item] = -2.0 * profile.targets
    if profile.same > 0.6 and profile.unique > 0.6:
        found[F.NAME] = found.get(F.NAME, 0.0) + 1.0 * profile.same + 2.0 * profile.targets
        found[F.FQDN] = 0.8 * profile.kind("fqdn")
        found[F.SERIAL_NUMBER] = found.get(F.SERIAL_NUMBER, 0.0) - 2.0
        found[F.DEPENDS_ON] = found.get(F.DEPENDS_ON, 0.0) - 3.0
    return found


def _nothing(profile: Profile) -> dict[Field, float]:
    """Fields that nearly each asset has are seldom nearly empty."""
    if profile.filled > 0.3 or profile.rows < 8:
        return {}
    lack = 1.0 if profile.filled > 0.1 else 2.0
    return dict.fromkeys((F.NAME, F.ASSET_TYPE, F.MANUFACTURER, F.OS, F.STATUS, F.LOCATION, F.IP_ADDRESS), -lack)
