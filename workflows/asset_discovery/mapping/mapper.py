"""Maps the columns of a table: the evidence, put together."""

from __future__ import annotations

from collections.abc import Sequence

from assent.lessons import RecalledLesson
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.mapping.competition import shares
from workflows.asset_discovery.mapping.confidence import confidence_of
from workflows.asset_discovery.mapping.lessons import corrected_by
from workflows.asset_discovery.mapping.likelihoods import fit_of
from workflows.asset_discovery.mapping.meanings import Said, said_by
from workflows.asset_discovery.mapping.profiles import MOST_VALUES, Profile, profile_of, sampled
from workflows.asset_discovery.mapping.reasons import reason_of
from workflows.asset_discovery.mapping.references import note_references
from workflows.asset_discovery.mapping.units import unit_of
from workflows.asset_discovery.tables import Column, Table

_OTHERS = 3
_LEAST_OTHER = 0.01
_IDENTIFIER, _NEARLY_ALL, _CLEAR, _TAKES_PLACE = "an identifier", 0.85, 4.0, 4.0
_VALUES, _LEAST_VALUES = 12_000, 40
"""Different values of a table that are looked at, and of each of its columns at least."""


def map_table(table: Table, recalled: Sequence[RecalledLesson] = ()) -> Mapping:
    """The field of each column, how sure that is from 0 to 1, and why.

    Args:
        table: as it was read.
        recalled: lessons for its columns, by their position (`lessons.proposed_for`).
    """
    frame = sampled(table.frame)
    said = [_said(table, column) for column in table.columns]
    most = max(_LEAST_VALUES, min(MOST_VALUES, _VALUES // max(1, len(table.columns))))
    profiles = [
        profile_of(column.key, column.heading, frame[column.key].to_list(), heading.dated, most)
        for column, heading in zip(table.columns, said, strict=True)
    ]
    note_references(profiles, table.frame)
    fits = [fit_of(profile) for profile in profiles]
    scores = [_scores(heading, fit) for heading, fit in zip(said, fits, strict=True)]
    _prefer_platform_id(said, profiles, scores)
    found = shares(scores)
    mapped = (_mapped(*parts) for parts in zip(table.columns, profiles, said, fits, found, strict=True))
    mapping = Mapping(table.file, table.sheet, tuple(mapped))
    return corrected_by(table, mapping, recalled) if recalled else mapping


def _said(table: Table, column: Column) -> Said:
    if not column.heading:
        return said_by("")
    return said_by(column.key if table.record_path else column.heading)


def _scores(said: Said, fit: dict[Field, float]) -> dict[Field, float]:
    """For each field the evidence of the heading and of the values, added up."""
    return {item: fit[item] + said.fields.get(item, 0.0) for item in Field}


def _prefer_platform_id(said: list[Said], profiles: list[Profile], scores: list[dict[Field, float]]) -> None:
    """Where no column is a serial number, the identifier that a platform gave to each row takes its place."""
    serials = [heading.fields.get(Field.SERIAL_NUMBER, 0.0) for heading in said if heading.ignored != _IDENTIFIER]
    if max(serials, default=0.0) >= _CLEAR:
        return
    fitting = [
        number
        for number, (heading, profile) in enumerate(zip(said, profiles, strict=True))
        if heading.ignored == _IDENTIFIER
        and profile.unique > _NEARLY_ALL
        and profile.kind("uuid", "hex") > _NEARLY_ALL
        and profile.filled > _NEARLY_ALL
    ]
    if fitting:
        best = max(fitting, key=lambda number: said[number].fields.get(Field.SERIAL_NUMBER, 0.0))
        scores[best][Field.SERIAL_NUMBER] += _TAKES_PLACE


def _mapped(
    column: Column, profile: Profile, said: Said, fit: dict[Field, float], found: dict[Field, float]
) -> ColumnMapping:  # fmt: skip
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    field, confidence = ranked[0][0], round(confidence_of(found, said, fit), 3)
    others = tuple(
        (item, min(confidence, round(share, 3))) for item, share in ranked[1 : 1 + _OTHERS] if share > _LEAST_OTHER
    )
    reason = reason_of(profile, said, column.heading, found, confidence)
    return ColumnMapping(
        column.key, field, confidence, reason, unit_of(field, profile, said), profile.samples(), others
    )
