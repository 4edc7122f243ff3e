"""The gate of the mapping: one table of columns, whose fields people change in place. Each change is a lesson."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assent import Correctable, Custom, RiskLevel, Situation
from assent.lessons import with_lessons
from assent.markdown import quoted
from workflows.asset_discovery.fields import FACTS, Field
from workflows.asset_discovery.inputs import DiscoveryInput
from workflows.asset_discovery.mapped import ColumnMapping, Mapping

MOST_DOUBTFUL = 200
"""Columns that people decide in one request; with more, another request follows."""
MOST_SURE = 250
_LONGEST_SAMPLE = 40
_LONGEST_CELL = 200
_AGENT = "mapping agent"
_DOUBTFUL, _SURE = "doubtful", "sure"
_IDENTITY = (Field.NAME, Field.FQDN, Field.IP_ADDRESS, Field.MAC_ADDRESS, Field.SERIAL_NUMBER)
_ORDER = ["column", "table", "samples", "field", "confidence", "reason"]


@dataclass(frozen=True)
class Place:
    """A column of the table that people see: in which mapping it is, and where in that."""

    table: int
    position: int


def mapping_gate(
    names: Sequence[str], mappings: Sequence[Mapping], situations: Sequence[Sequence[Situation]],
    settings: DiscoveryInput, comment: str = "",
) -> Custom:  # fmt: skip
    """Return the proposal for the columns of all tables, as lessons have changed it.

    The doubtful ones come first, and the sure ones are folded.

    Args:
        names: What people call the tables.
        situations: For each column of each mapping, for lessons.
        comment: The comment with which changes were requested before.
    """
    parts = parts_of(mappings, settings.threshold)
    later = sum(len(mapping.doubtful(settings.threshold)) for mapping in mappings) - len(parts[_DOUBTFUL])
    several = len(names) > 1
    data: dict[str, Any] = {
        part: [_row(names[place.table], mappings[place.table].columns[place.position], several) for place in places]
        for part, places in parts.items()
    }
    proposal = Custom(
        title=_title(names, settings.name),
        summary=_summary(mappings, parts, later, settings, comment),
        agent=_AGENT,
        labels={"workflow": "asset_discovery", "gate": "mapping"},
        risk_floor=RiskLevel.LOW,
        expires_in_seconds=settings.decision_hours * 3600 or None,
        data=data,
        data_schema=_schema(several),
    )
    return with_lessons(proposal, _correctable(mappings, parts, situations, settings.threshold))


def parts_of(mappings: Sequence[Mapping], threshold: float) -> dict[str, list[Place]]:
    """Return the columns of both parts of the table, in the order of their rows.

    The doubtful ones are in the order of the files; the sure ones begin with those that are fields of assets.
    """
    doubtful: list[Place] = []
    sure: list[Place] = []
    for number, mapping in enumerate(mappings):
        for position, column in enumerate(mapping.columns):
            (doubtful if column.confidence < threshold else sure).append(Place(number, position))
    sure.sort(key=lambda place: mappings[place.table].columns[place.position].field is Field.IGNORE)
    return {_DOUBTFUL: doubtful[:MOST_DOUBTFUL], _SURE: sure[:MOST_SURE]}


def _row(table: str, column: ColumnMapping, several: bool) -> dict[str, str]:
    samples = " · ".join(_cut(sample, _LONGEST_SAMPLE) for sample in column.samples)
    row = {
        "column": _cut(column.column, _LONGEST_CELL),
        "samples": _cut(samples, _LONGEST_CELL),
        "field": column.field.value,
        "confidence": f"{column.confidence * 100:.0f} %",
        "reason": _cut(column.reason, _LONGEST_CELL),
    }
    return {"table": _cut(table, _LONGEST_CELL), **row} if several else row


def _cut(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _schema(several: bool) -> dict[str, Any]:
    text = {"type": "string", "readOnly": True}
    cells: dict[str, Any] = {
        "column": {**text, "title": "Column"},
        "samples": {**text, "title": "Values"},
        "field": {
            "title": "Field",
            "enum": [field.value for field in Field],
            "x-titles": {field.value: FACTS[field].title for field in Field},
        },
        "confidence": {**text, "title": "Confidence"},
        "reason": {**text, "title": "Reason"},
    }
    if several:
        cells["table"] = {**text, "title": "File"}
    order = [name for name in _ORDER if name in cells]
    row = {"type": "object", "properties": cells, "required": order, "additionalProperties": False, "x-order": order}
    table = {"type": "array", "items": row, "x-table": True}
    return {
        "type": "object",
        "required": [_DOUBTFUL, _SURE],
        "x-order": [_DOUBTFUL, _SURE],
        "properties": {
            _DOUBTFUL: {**table, "title": "Doubtful columns"},
            _SURE: {**table, "title": "Sure columns", "x-advanced": True},
        },
    }


def _correctable(
    mappings: Sequence[Mapping], parts: dict[str, list[Place]], situations: Sequence[Sequence[Situation]],
    threshold: float,
) -> Iterator[Correctable]:  # fmt: skip
    for part, places in parts.items():
        for number, place in enumerate(places):
            column = mappings[place.table].columns[place.position]
            yield Correctable(
                path=f"/data/{part}/{number}/field",
                situation=situations[place.table][place.position],
                guess=column.confidence < threshold,
            )


def _title(names: Sequence[str], name: str) -> str:
    what = name or (names[0] if len(names) == 1 else f"{len(names)} tables")
    return f"Map the columns of {what}"[:200]


def _summary(
    mappings: Sequence[Mapping], parts: dict[str, list[Place]], later: int, settings: DiscoveryInput, comment: str
) -> str:
    columns = sum(len(mapping.columns) for mapping in mappings)
    doubtful = len(parts[_DOUBTFUL]) + later
    lines = []
    if comment:
        lines += ["Changes were requested:", "", quoted(comment), "", "Change the fields in the table.", ""]
    lines.append(
        f"**{doubtful:,} of {columns:,} columns are doubtful:** their mapping has a confidence below "
        f"{settings.threshold * 100:.0f} %. Choose the field of each; what is no field of an asset is ignored. "
        "Each change is remembered for files of the same kind."
    )
    if later:
        lines += ["", f"{later:,} more are asked in the next request."]
    hidden = columns - doubtful - len(parts[_SURE])
    if hidden > 0:
        lines += ["", f"{hidden:,} further columns are sure, and not listed."]
    named = any(mapping.of(field) for mapping in mappings for field in _IDENTITY)
    if not named:
        lines += ["", "**No column identifies an asset:** none is mapped to a name, an address, or a serial number."]
    return "\n".join(lines)


def decided(
    proposal: dict[str, Any], approved: Any, mappings: Sequence[Mapping], settings: DiscoveryInput
) -> tuple[list[Mapping], int]:
    """Return the mappings as people have decided them, and how many fields they have changed.

    Args:
        proposal: What was proposed for these mappings, as JSON.
        approved: The approved data. Whatever else than the fields was changed in it counts for nothing.
    """
    made = [list(mapping.columns) for mapping in mappings]
    by_lessons = {str(item["path"]): str(item["lesson"]) for item in proposal.get("lessons") or ()}
    changed = 0
    for part, places in parts_of(mappings, settings.threshold).items():
        rows = proposal["data"][part]
        for number, (place, row, field) in enumerate(zip(places, rows, _fields(approved, part, rows), strict=True)):
            column = made[place.table][place.position]
            lesson = by_lessons.get(f"/data/{part}/{number}/field", "")
            corrected = field is not Field(row["field"])
            changed += corrected
            if corrected:
                column = column.corrected(field, "Corrected by people.")
            elif lesson:
                column = replace(column.corrected(field, "As people have corrected it before."), lesson=lesson)
            elif part == _DOUBTFUL:
                column = column.corrected(field, f"{column.reason} Confirmed by people.")
            made[place.table][place.position] = column
    return [replace(mapping, columns=tuple(columns)) for mapping, columns in zip(mappings, made, strict=True)], changed


def _fields(approved: Any, part: str, proposed: Sequence[dict[str, Any]]) -> list[Field]:
    """The approved field of each proposed row. A row that is gone, or has no field, stays as proposed."""
    given = approved.get(part) if isinstance(approved, dict) else None
    rows = [row for row in given if isinstance(row, dict)] if isinstance(given, list) else []
    by_key = {_key(row): row for row in rows}
    fields = []
    for number, was in enumerate(proposed):
        # Rows stand where they were, unless somebody has moved or left out some over the API.
        stands = number < len(rows) and _key(rows[number]) == _key(was)
        row = rows[number] if stands else by_key.get(_key(was), was)
        fields.append(Field(row["field"] if row.get("field") in set(Field) else was["field"]))
    return fields


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return str(row.get("table", "")), str(row.get("column", ""))


def words_of(changed: int, proposal: dict[str, Any]) -> str:
    """Return what was decided, in a sentence, for the receipt."""
    total = len(proposal["data"][_DOUBTFUL])
    return f"{total:,} doubtful {'column' if total == 1 else 'columns'} decided, {changed:,} changed."
