"""The work of the tools that cleanse records and find duplicates, which loads what they need."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from workflows.asset_discovery.cleansing.cleanse import Cleansed, cleanse
from workflows.asset_discovery.cleansing.derived import class_readings
from workflows.asset_discovery.cleansing.summary import ChangeGroup, summarize
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.inventory.duplicates import duplicates
from workflows.asset_discovery.mapped import Mapping
from workflows.asset_discovery.tables import RowProblem, Table
from workflows.asset_discovery.tool_models import (
    ChangeExample,
    ChangeKind,
    CleansedFile,
    CleanseInput,
    DuplicatesInput,
    FoundDuplicates,
    FoundProblem,
    ReadClass,
    RowGroup,
)
from workflows.asset_discovery.tool_work import inventory_in, mapping_of


def cleansed_file(inputs: CleanseInput) -> CleansedFile:
    """What cleansing makes of the inventory in a file."""
    table, found = _cleansed(inputs)
    problems = sorted([*table.problems, *found.problems], key=lambda problem: (problem.row, problem.column))
    return CleansedFile(
        file=table.file, sheet=table.sheet, rows_total=table.rows_total, rows_valid=int(found.frame["_valid"].sum()),
        changed_cells=found.changes.height,
        changes=[_kind(group, inputs.examples) for group in summarize(found.changes)],
        classes=_classes(found.frame)[: inputs.limit],
        problems=[_problem(problem) for problem in problems[: inputs.limit]],
        more_problems=max(len(problems) - inputs.limit, 0), doubts=found.doubts,
    )  # fmt: skip


def duplicates_in_file(inputs: DuplicatesInput) -> FoundDuplicates:
    """Which rows of the inventory in a file are one asset."""
    table, cleansed = _cleansed(inputs)
    found = duplicates(cleansed.frame)
    kinds = {
        "groups": [_rows(table, group.rows, group.reason) for group in found.groups],
        "doubtful": [_rows(table, (pair.a, pair.b), pair.reason) for pair in found.doubtful],
        "distinct": [_rows(table, item.rows, item.reason) for item in found.distinct],
    }
    valid = int(cleansed.frame["_valid"].sum())
    return FoundDuplicates(
        file=table.file, sheet=table.sheet, rows_valid=valid,
        assets=valid - sum(len(group.rows) - 1 for group in found.groups),
        left_out=sum(max(len(rows) - inputs.limit, 0) for rows in kinds.values()),
        **{name: rows[: inputs.limit] for name, rows in kinds.items()},
    )  # fmt: skip


def _cleansed(inputs: CleanseInput | DuplicatesInput) -> tuple[Table, Cleansed]:
    table, _ = inventory_in(inputs.path)
    return table, cleanse(table, _with_known(mapping_of(table, inputs.lessons), inputs.mapping))


def _with_known(mapping: Mapping, known: dict[str, str]) -> Mapping:
    """The mapping with the fields that the caller knows.

    Raises:
        ValueError: there is no such column, or no such field.
    """
    unknown = sorted(set(known) - {column.column for column in mapping.columns})
    if unknown:
        raise ValueError(f"The inventory has no column {unknown[0]!r}.")
    wrong = sorted(set(known.values()) - {field.value for field in Field})
    if wrong:
        raise ValueError(f"There is no field {wrong[0]!r}.")
    columns = (
        column.corrected(Field(known[column.column]), "As given") if column.column in known else column
        for column in mapping.columns
    )
    return replace(mapping, columns=tuple(columns))


def _kind(group: ChangeGroup, examples: int) -> ChangeKind:
    return ChangeKind(
        column=group.column, field=group.field, rule=group.rule.value, title=group.title, beyond_form=group.beyond_form,
        count=group.count,
        examples=[
            ChangeExample(row=row, before=before, after=after) for row, before, after in group.examples[:examples]
        ],
    )  # fmt: skip


def _classes(frame: pl.DataFrame) -> list[ReadClass]:
    return [
        ReadClass(field=field, text=text, read_as=name, sure=sure, count=count)
        for field, text, name, sure, count in class_readings(frame).iter_rows()
    ]


def _problem(problem: RowProblem) -> FoundProblem:
    return FoundProblem(
        row=problem.row, line=problem.line, kind=problem.kind.value, why=problem.why, column=problem.column,
        value=problem.value,
    )  # fmt: skip


def _rows(table: Table, positions: tuple[int, ...], reason: str) -> RowGroup:
    return RowGroup(rows=[table.rows[place] for place in positions], reason=reason)
