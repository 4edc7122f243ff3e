"""The last step: the files for download, and the report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import polars as pl

from assent import publish_artifact
from assent.files import save_file
from workflows.asset_discovery.exports import FIELDS, write_csv, write_json, write_workbook
from workflows.asset_discovery.report import report_of
from workflows.asset_discovery.state import Json, State
from workflows.asset_discovery.steps.analysis import PARTS, analysis_of
from workflows.asset_discovery.steps.inventory import all_records
from workflows.asset_discovery.stored import load_frame, load_json, problems_of
from workflows.asset_discovery.tables import RowProblem
from workflows.asset_discovery.working import Work

REPORT = "report.md"
_MOST_SHOWN = 20_000
"""Problems and changes in the workbook; the CSV files have all."""


def finish(state: State) -> State:
    """Save the exports and publish the report. Without an inventory, the report says why."""
    if "inventory" in state:
        _export(state)
    report = report_of(state)
    publish_artifact(REPORT, report, "text/markdown")
    status = "failed" if state.get("problem") else "completed"
    return {"status": status, "report": report, "proposal": None, "outcome": None}


def _export(state: State) -> None:
    files = _files(state)
    work = Work(len(files), {"files": 0})
    with tempfile.TemporaryDirectory(prefix="assent-discovery-") as folder:
        for name, write in files.items():
            with work.piece(f"Writing {name}"):
                write(Path(folder) / name)
                save_file(name, Path(folder) / name)
            work.count(files=1)
    work.finish()


def _files(state: State) -> dict[str, Callable[[Path], None]]:
    """What is written, by the names of the files."""
    inventory, records = load_frame(state["inventory"]["inventory"]), all_records(state)
    shown = inventory.select("asset", *FIELDS, _sources(inventory, records).alias("sources"))
    problems, changes = problems_frame(state), changes_frame(state)
    duplicates, conflicts = duplicates_frame(state, records), load_frame(state["inventory"]["conflicts"])
    found = analysis_of(state)
    analysis = {part: getattr(found, part) for part in PARTS}
    titles = {name: name.replace("_", " ").capitalize() for name in analysis}
    sheets = {
        "Inventory": shown, **{titles[name]: frame.head(_MOST_SHOWN) for name, frame in analysis.items()},
        "Duplicates": duplicates.head(_MOST_SHOWN), "Problems": problems.head(_MOST_SHOWN),
        "Changes": changes.head(_MOST_SHOWN),
    }  # fmt: skip
    tables = {
        **{f"{name.replace('_', '-')}.csv": frame for name, frame in analysis.items()},
        "problems.csv": problems, "changes.csv": changes, "duplicates.csv": duplicates, "conflicts.csv": conflicts,
    }  # fmt: skip
    return {
        "inventory.csv": partial(write_csv, shown),
        "inventory.json": partial(write_json, shown),
        "inventory.xlsx": partial(write_workbook, sheets),
        **{name: partial(write_csv, frame) for name, frame in tables.items()},
    }


def _sources(inventory: pl.DataFrame, records: pl.DataFrame) -> pl.Series:
    """Where the records of each asset stand."""
    named = _places(records).alias("_place").to_frame().with_row_index("records")
    asked = inventory.select("asset", "records").explode("records").join(named, on="records", maintain_order="left")
    joined = asked.group_by("asset", maintain_order=True).agg(pl.col("_place").str.join("; "))
    return joined["_place"]


def _places(records: pl.DataFrame) -> pl.Series:
    """Where each record stands in its file, for people."""
    sheet = pl.when(pl.col("_sheet") == "").then(pl.lit("")).otherwise(pl.format(", {}", "_sheet"))
    record, line = pl.format("record {}", "_row"), pl.format("line {}", "_line")
    at = pl.when(pl.col("_line").is_null()).then(record).otherwise(line)
    return records.select(pl.format("{}{}, {}", "_file", sheet, at)).to_series()


def duplicates_frame(state: State, records: pl.DataFrame) -> pl.DataFrame:
    """Return the groups of records that are one asset: where they stand, and why."""
    groups = load_json(state["inventory"]["groups"])
    places = _places(records).to_list()
    names = records["name"].to_list()
    rows = [
        (names[group["rows"][0]], len(group["rows"]), "; ".join(places[row] for row in group["rows"]), group["reason"])
        for group in groups
    ]
    schema = {"name": pl.String, "records": pl.UInt32, "sources": pl.String, "reason": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def problems_frame(state: State) -> pl.DataFrame:
    """Return what is wrong with rows and cells of all tables, as they were read and cleansed."""
    rows = [
        (kept["name"], item.row, item.line, item.kind.value, item.column, item.value, item.why)
        for kept, item in _problems(state)
    ]
    schema = {
        "table": pl.String, "row": pl.UInt32, "line": pl.UInt32, "kind": pl.String, "column": pl.String,
        "value": pl.String, "why": pl.String,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _problems(state: State) -> Iterator[tuple[Json, RowProblem]]:
    for kept in state["cleansed"]:
        for problem in problems_of(load_json(kept["problems"])):
            yield kept, problem


def changes_frame(state: State) -> pl.DataFrame:
    """Return each changed cell of all tables, with its place, its value before and after, and the rule."""
    parts = []
    for kept in state["cleansed"]:
        changes = load_frame(kept["changes"])
        texts = [pl.col(name).cast(pl.String) for name in ("column", "field", "rule")]
        table = pl.lit(kept["name"]).alias("table")
        parts.append(changes.select(table, "row", "line", "before", "after", "beyond_form", *texts))
    order = ["table", "row", "line", "column", "field", "before", "after", "rule", "beyond_form"]
    return pl.concat(parts).select(order)
