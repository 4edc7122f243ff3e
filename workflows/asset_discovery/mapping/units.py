"""The units of bare numbers: from the heading, or from what is usual."""

from __future__ import annotations

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.amounts import disk_unit, memory_unit
from workflows.asset_discovery.mapping.meanings import Said
from workflows.asset_discovery.mapping.profiles import Profile

_LEAST_FIT = 0.4


def unit_of(field: Field, profile: Profile, said: Said) -> str:
    """The unit of a column's bare numbers; empty if there is none, or each cell names its own."""
    if field not in (Field.MEMORY_MB, Field.DISK_GB):
        return ""
    if said.unit:
        return said.unit
    if not profile.numbers or profile.kind("size") > 0.5:
        return ""
    unit, fit = (memory_unit if field is Field.MEMORY_MB else disk_unit)(profile.numbers)
    return unit if fit >= _LEAST_FIT else ""
