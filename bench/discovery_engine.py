"""Runs the engine of asset discovery over an inventory whose truth is known, and gives the outcome in its terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import polars as pl

from bench.discovery_scores import Outcome, Truth
from workflows.asset_discovery.cleansing.cleanse import Cleansed, cleanse
from workflows.asset_discovery.dependencies.finding import find_dependencies
from workflows.asset_discovery.dependencies.model import EdgeKind
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.inventory.duplicates import duplicates
from workflows.asset_discovery.inventory.merging import merge
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.mapping import map_table
from workflows.asset_discovery.personal.columns import recognize
from workflows.asset_discovery.reading import read
from workflows.asset_discovery.tables import ProblemKind, Table

NUMBERS = {Field.CPU_COUNT, Field.MEMORY_MB, Field.DISK_GB}
TOLERANCE = 0.05
Mapper = Callable[[Table, Truth], Mapping]


def table_of(truth: Truth) -> Table:
    """The table that the truth is about."""
    sheet = truth.document["format"].get("sheet", "")
    tables = read(truth.path)
    return next((table for table in tables if table.sheet == sheet), tables[0])


def by_truth(table: Table, truth: Truth) -> Mapping:
    """The mapping as people would have corrected it."""
    columns = tuple(_true(column.key, truth) for column in table.columns)
    return Mapping(table.file, table.sheet, columns)


def by_itself(table: Table, _: Truth) -> Mapping:
    """The mapping as the importer proposes it, without lessons."""
    return map_table(table)


def _true(column: str, truth: Truth) -> ColumnMapping:
    unit = truth.document["units"].get(column, "")
    bare = "" if unit.startswith("in value") else unit
    return ColumnMapping(column, Field(truth.mapping.get(column, "ignore")), 1.0, "truth", bare)


def outcome_of(truth: Truth, mapper: Mapper) -> Outcome:
    """Read, map, cleanse, and look for duplicates."""
    table = table_of(truth)
    mapping = mapper(table, truth)
    cleansed = cleanse(table, mapping)
    frame = cleansed.frame
    rows = frame["_row"].to_list()
    problems = [*table.problems, *cleansed.problems]
    invalid = {problem.row for problem in problems if problem.kind is not ProblemKind.HAZARD}
    known = {*rows, *invalid}
    found = duplicates(frame)
    return Outcome(
        mapping={column.column: (column.field.value, column.confidence) for column in mapping.columns},
        duplicates=[[rows[place] for place in group.rows] for group in found.groups],
        invalid=invalid,
        dependencies=set(edges(merge(frame, found).frame)),
        sensitive={column.column for column in recognize(table, mapping)},
        lost=set(range(1, truth.document["rows_total"] + 1)) - truth.invalid() - (known - (invalid - truth.invalid())),
        values=dict(values(truth, cleansed, mapping)),
    )


def edges(assets: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Dependencies between assets of the inventory that a column declares, by name."""
    found = find_dependencies(assets).edges.filter(pl.col("kind") == EdgeKind.DECLARED.value)
    yield from found.select("source_name", "target_name").iter_rows()


def values(truth: Truth, cleansed: Cleansed, mapping: Mapping) -> Iterator[tuple[int, bool]]:
    """For each value of the truth, by its number, whether it is right; not where several columns fill the field."""
    records = {row["_row"]: row for row in cleansed.frame.iter_rows(named=True)}
    for number, entry in enumerate(truth.document["values"]):
        name = Field(entry["field"])
        columns = [column.column for column in mapping.of(name)]
        if columns != [entry["column"]]:
            continue
        record = records.get(entry["row"])
        yield number, record is not None and same(name, record[name.value], entry["expect"])


def same(name: Field, got: Any, want: Any) -> bool:
    """Whether a cleansed value is the expected one. Names compare without case, and numbers within 5 %."""
    if name in NUMBERS:
        if got is None or want is None:
            return got is want
        return bool(abs(got - want) <= TOLERANCE * abs(want))
    return _texts(got) == _texts(want)


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    return sorted(str(item).strip().casefold() for item in items)
