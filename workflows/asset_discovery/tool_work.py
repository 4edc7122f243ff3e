"""The work of the tools, which loads what they need."""

from __future__ import annotations

from assent.lessons import recall
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.mapping import map_table, proposed_for
from workflows.asset_discovery.reading import ReadingError, inventory_of, read_reference
from workflows.asset_discovery.tables import Table
from workflows.asset_discovery.tool_models import MapInput, MappedColumn, MappedFile, MappedTable


def mapped_file(inputs: MapInput) -> MappedFile:
    """The mapping of the inventory in a file, and of its other tables."""
    main, tables = inventory_in(inputs.path)
    mapping = mapping_of(main, inputs.lessons)
    return MappedFile(
        file=main.file, sheet=main.sheet, rows=len(main.rows), problems=len(main.problems),
        lessons=sum(bool(found.lesson) for found in mapping.columns), mapping=_columns(mapping),
        others=[_other(table) for table in tables if table is not main],
    )  # fmt: skip


def inventory_in(path: str) -> tuple[Table, list[Table]]:
    """The inventory in a file, and all tables of the file.

    Raises:
        ReadingError: the file cannot be read, or has no inventory.
    """
    tables = read_reference(path)
    main = inventory_of(tables)
    if main is None:
        raise ReadingError(f"{tables[0].file if tables else path} has no rows that could be assets.")
    return main, tables


def mapping_of(table: Table, lessons: bool) -> Mapping:
    """The mapping of a table, with what people have corrected before."""
    mapping = map_table(table)
    recalled = recall(proposed_for(table, mapping)) if lessons else []
    return map_table(table, recalled) if recalled else mapping


def _other(table: Table) -> MappedTable:
    return MappedTable(
        sheet=table.sheet, rows=len(table.rows), problems=len(table.problems), other=table.other,
        mapping=_columns(map_table(table)),
    )  # fmt: skip


def _columns(mapping: Mapping) -> dict[str, MappedColumn]:
    return {found.column: _column(found) for found in mapping.columns}


def _column(found: ColumnMapping) -> MappedColumn:
    return MappedColumn(
        field=found.field.value, confidence=found.confidence, reason=found.reason, unit=found.unit,
        samples=list(found.samples), lesson=found.lesson,
        others={field.value: confidence for field, confidence in found.others},
    )  # fmt: skip
