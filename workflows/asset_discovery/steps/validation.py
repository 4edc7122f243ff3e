"""The first phase: what the files contain, and what of it is no asset."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

from assent.files import FileError, open_file
from workflows.asset_discovery.reading import ReadingError, read_sandboxed
from workflows.asset_discovery.state import State, figures_with, settings_of
from workflows.asset_discovery.stored import save_table
from workflows.asset_discovery.tables import ProblemKind, Table
from workflows.asset_discovery.working import Work

_MOST_NAMED = 5


def read(state: State) -> State:
    """Read the files as tables. One that cannot be read ends the run: half an inventory looks like a whole one."""
    settings = settings_of(state)
    work = Work(len(settings.files), {"tables": 0, "rows": 0, "no assets": 0, "hazards": 0})
    tables: list[dict[str, Any]] = []
    problems: list[str] = []
    names: Counter[str] = Counter()
    for reference in settings.files:
        try:
            with open_file(reference) as file:
                names[file.name] += 1
                # Two files may have one name, and reports have to tell them apart.
                name = file.name if names[file.name] == 1 else f"{file.name} ({names[file.name]})"
                with work.piece(f"Reading {name}"):
                    for table in read_sandboxed(file, name):
                        tables.append(_saved(len(tables) + 1, table))
                        _count(work, table)
        except (FileError, ReadingError) as error:
            problems.append(str(error))
    work.finish()
    inventories = [table for table in tables if not table["other"]]
    problem = " ".join(problems[:_MOST_NAMED])
    if not problem and not inventories:
        problem = "None of the tables is an inventory: " + "; ".join(
            f"{table['name']}: {table['other']}" for table in tables[:_MOST_NAMED]
        )
    figures = figures_with(state, "validation", **work.figures)
    return {"tables": tables, "problem": problem, "figures": figures, "as_of": _day(settings.as_of), "left_out": []}


def _saved(number: int, table: Table) -> dict[str, Any]:
    """Save a table, and return what the state keeps of it."""
    kinds = Counter(problem.kind.value for problem in table.problems)
    return {
        "number": number, "file": table.file, "sheet": table.sheet, "name": name_of(table), "rows": table.frame.height,
        "rows_total": table.rows_total, "columns": len(table.columns), "other": table.other, "notes": table.notes[:20],
        "problems": dict(kinds), **save_table(f"table-{number}", table),
    }  # fmt: skip


def name_of(table: Table) -> str:
    """Return what people call a table."""
    return f"{table.file} › {table.sheet}" if table.sheet else table.file


def _count(work: Work, table: Table) -> None:
    structure = {problem.row for problem in table.problems if problem.kind is ProblemKind.STRUCTURE}
    hazards = sum(problem.kind is ProblemKind.HAZARD for problem in table.problems)
    work.count(tables=1, rows=table.rows_total, no_assets=len(structure), hazards=hazards)


def _day(given: date | None) -> str:
    return (given or datetime.now(UTC).date()).isoformat()


def inventory_tables(state: State) -> list[dict[str, Any]]:
    """Return the tables that are inventories."""
    return [table for table in state["tables"] if not table["other"]]
