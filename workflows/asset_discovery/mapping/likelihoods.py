"""How well the values of a column fit each field: log-likelihood ratios against a column of anything."""

from __future__ import annotations

from functools import cache

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.lexicon import data_lines
from workflows.asset_discovery.mapping.numeric_likelihoods import codes_fit, dates_fit, numbers_fit
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
LEAST, MOST = -8.0, 7.0


def fit_of(profile: Profile) -> dict[Field, float]:
    """For each field how well the values fit; all equal for a column without values."""
    if not profile.total:
        return {item: (3.0 if item is F.IGNORE else -0.5) for item in F}
    fit = {item: form_fit(item, profile) for item in F}
    for change in _ALL:
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
    if unique < 0.5 and profile.kind("fqdn") > 0.6:
        found[F.VIRTUAL_HOST] += 2.5
    found[F.COST_CENTER] = max(found[F.COST_CENTER], -0.4)
    found[F.CLUSTER] += 0.2 if 2 <= distinct <= 10 else -0.8 if distinct > 20 else -0.2
    found[F.CLUSTER] -= 1.5 if unique > 0.6 else 0.0
    found[F.VIRTUAL_HOST] += 0.4 if 3 <= distinct <= 25 else -0.3
    for item in (F.CPU_COUNT, F.MEMORY_MB, F.DISK_GB):
        found[item] = 0.5 if unique < 0.5 else -0.5 if unique < 0.8 else -1.8
    if distinct == 1:
        for item in F:
            found[item] = found.get(item, 0.0) + (1.0 if item is F.IGNORE else -1.0)
        # Such as a gateway, or a domain.
        found[F.IP_ADDRESS] -= 4.0
        found[F.FQDN] -= 3.0
        found[F.NAME] -= 1.0
    return found


def _identifiers(profile: Profile) -> dict[Field, float]:
    """Names have few words in common, and small numbers; serial numbers are different throughout."""
    if profile.total < 6 or profile.kind("code", "int", "word") < 0.6:
        return {}
    found: dict[Field, float] = {}
    if profile.unique > 0.6:
        mixed, random = profile.mixed, max(profile.runs > 0.6, profile.masks > 0.3 and profile.interleaved > 0.4)
        counted = profile.digits <= 3 and profile.runs < 0.5 and profile.kind("int") < 0.3 and not random
        found[F.NAME] = 1.3 if counted else -1.0 if random and mixed > 0.7 else -0.8 if profile.digits > 4 else 0.3
        found[F.SERIAL_NUMBER] = (
            1.8 if mixed > 0.6 and random else 0.4 if profile.digits > 5 else -1.8 if counted else 0.0
        )
        found[F.IGNORE] = 1.0 if profile.digits > 3 and profile.runs < 0.3 and profile.even > 0.6 else 0.0
    short = profile.length <= 7 and profile.even > 0.75 and profile.masks < 0.1
    if short and 2 <= profile.digits <= 6 and 0.1 < profile.unique < 0.985 and profile.distinct > 6:
        # Codes of one form that repeat now and then: something is booked there, and they identify nothing.
        found[F.COST_CENTER] = 1.4
        found[F.SERIAL_NUMBER] = found.get(F.SERIAL_NUMBER, 0.0) - 1.6
        found[F.NAME] = found.get(F.NAME, 0.0) - 1.0
        found[F.MODEL] = -0.8
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
    if profile.referred > 0.5 and profile.unique > 0.8:
        found[F.NAME] = found.get(F.NAME, 0.0) + 2.5 * profile.referred * (1 - profile.kind("fqdn"))
        found[F.SERIAL_NUMBER] = found.get(F.SERIAL_NUMBER, 0.0) - 1.0
    if profile.within > 0.6 and profile.unique < 0.95:
        found[F.LOCATION] = found.get(F.LOCATION, 0.0) + 2.2
        found[F.CLUSTER] = found.get(F.CLUSTER, 0.0) + 0.3
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


_ALL = (
    _vocabulary, _repetition, _identifiers, _people_and_places, numbers_fit, dates_fit, codes_fit, _relations, _nothing,
)  # fmt: skip
