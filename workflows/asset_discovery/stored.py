"""Tables of a run between its steps: working files, which any worker can open. The run's state has references only."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from assent.files import WORKING, open_file, save_file
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.tables import Column, ProblemKind, RowProblem, Table

_PLACES = ("_row", "_line")


def save_frame(name: str, frame: pl.DataFrame) -> str:
    """Save a frame as a working file called `name`, and return its reference. Saving it again replaces it."""
    return _saved(f"{name}.parquet", lambda file: frame.write_parquet(file, compression="zstd", compression_level=1))


def load_frame(reference: str) -> pl.DataFrame:
    """Return a frame that a step has saved."""
    with open_file(reference) as file:
        return pl.read_parquet(file.stream)


def save_json(name: str, value: Any) -> str:
    """Save a JSON value as a working file called `name`, and return its reference."""
    content = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    return _saved(f"{name}.json", lambda file: file.write(content))


def load_json(reference: str) -> Any:
    """Return a JSON value that a step has saved."""
    with open_file(reference) as file:
        return json.loads(file.stream.read())


def _saved(name: str, write: Callable[[BinaryIO], object]) -> str:
    with tempfile.TemporaryDirectory(prefix="assent-discovery-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            write(file)
        return save_file(f"{WORKING}{name}", path).reference


def save_table(name: str, table: Table) -> dict[str, str]:
    """Save a table, and return the references of its parts: `cells` and `about`."""
    places = [pl.Series("_row", table.rows, dtype=pl.UInt32), pl.Series("_line", table.lines, dtype=pl.UInt32)]
    about = {
        key: value for key, value in vars(table).items()
        if key not in ("frame", "rows", "lines", "columns", "problems")
    }  # fmt: skip
    about["columns"] = [asdict(column) for column in table.columns]
    about["problems"] = problems_json(table.problems)
    # Names of columns are anything, so positions take their place, beside those of the rows.
    cells = table.frame.rename({key: str(place) for place, key in enumerate(table.frame.columns)})
    about["order"] = table.frame.columns
    return {"cells": save_frame(name, cells.with_columns(places)), "about": save_json(name, about)}


def load_table(saved: dict[str, str]) -> Table:
    """Return a table that a step has saved."""
    about = load_json(saved["about"])
    cells = load_frame(saved["cells"])
    frame = cells.drop(*_PLACES).rename({str(place): key for place, key in enumerate(about.pop("order"))})
    columns = tuple(Column(**column) for column in about.pop("columns"))
    problems = problems_of(about.pop("problems"))
    rows, lines = tuple(cells["_row"].to_list()), tuple(cells["_line"].to_list())
    return Table(columns=columns, frame=frame, rows=rows, lines=lines, problems=problems, **about)


def problems_of(values: Sequence[dict[str, Any]]) -> list[RowProblem]:
    """Return problems of rows from their JSON."""
    return [RowProblem(**value | {"kind": ProblemKind(value["kind"])}) for value in values]


def problems_json(problems: Iterable[RowProblem]) -> list[dict[str, Any]]:
    """Return problems of rows as JSON."""
    return [asdict(problem) for problem in problems]


def mapping_json(mapping: Mapping) -> dict[str, Any]:
    """Return a mapping as JSON."""
    return asdict(mapping)


def mapping_of(value: dict[str, Any]) -> Mapping:
    """Return a mapping from its JSON."""
    return Mapping(value["file"], value["sheet"], tuple(_column_of(column) for column in value["columns"]))


def _column_of(value: dict[str, Any]) -> ColumnMapping:
    others = tuple((Field(field), likelihood) for field, likelihood in value["others"])
    return ColumnMapping(
        **value | {"field": Field(value["field"]), "samples": tuple(value["samples"]), "others": others}
    )
