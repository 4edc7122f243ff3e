"""The fifth phase: which assets need which others; from columns, from names in other cells, and from networks."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl

from assent.files import save_file
from workflows.asset_discovery.dependencies.cells import configuration_cells
from workflows.asset_discovery.dependencies.drawing import draw
from workflows.asset_discovery.dependencies.finding import find_dependencies
from workflows.asset_discovery.dependencies.graphml import write_graphml
from workflows.asset_discovery.dependencies.model import Dependencies
from workflows.asset_discovery.dependencies.names import named
from workflows.asset_discovery.exports import write_csv
from workflows.asset_discovery.state import Json, State, figures_with
from workflows.asset_discovery.steps.inventory import all_records
from workflows.asset_discovery.steps.mapping import mappings_of
from workflows.asset_discovery.steps.validation import inventory_tables
from workflows.asset_discovery.stored import load_frame, load_json, load_table, save_frame, save_json
from workflows.asset_discovery.working import Work


def relate(state: State) -> State:
    """Find the dependencies, and save them as tables, as GraphML, and as a drawing."""
    assets = load_frame(state["inventory"]["inventory"])
    tables = inventory_tables(state)
    work = Work(len(tables) + 2, {"assets": assets.height})
    mentions = _mentions(state, assets, work)
    with work.piece("Finding dependencies"):
        found = find_dependencies(assets, mentions)
    work.count(dependencies=found.edges.height, circles=len(found.cycles), orphans=len(found.orphans))
    with work.piece("Drawing dependencies"):
        _export(found, assets)
        references: Json = {
            "edges": save_frame("edges", found.edges),
            "unresolved": save_frame("unresolved", found.unresolved),
            "circles": save_json("circles", {"cycles": found.cycles, "orphans": found.orphans}),
        }
    work.finish()
    return {"dependencies": references, "figures": figures_with(state, "dependencies", **work.figures)}


def _mentions(state: State, assets: pl.DataFrame, work: Work) -> pl.DataFrame:
    """The cells that belong to no field, of all tables, with the assets of their rows."""
    records = all_records(state).select("_row").with_row_index("records")
    placed = assets.select("asset", "records").explode("records").join(records, on="records", maintain_order="left")
    parts, start = [], 0
    for table, mapping in zip(inventory_tables(state), mappings_of(state), strict=True):
        with work.piece(f"Looking through {table['name']}"):
            own = placed.filter(pl.col("records").is_between(start, start + table["rows"] - 1))
            rows = own.select(pl.col("_row").alias("row"), "asset")
            parts.append(configuration_cells(load_table(table), mapping, rows))
        start += table["rows"]
    return pl.concat(parts)


def _export(found: Dependencies, assets: pl.DataFrame) -> None:
    with tempfile.TemporaryDirectory(prefix="assent-discovery-") as folder:
        path = Path(folder) / "file"
        write_csv(found.edges, path)
        save_file("dependencies.csv", path)
        write_graphml(found, assets, path)
        save_file("dependencies.graphml", path)
        path.write_text(draw(found).svg, encoding="utf-8")
        save_file("dependencies.svg", path)


def dependencies_of(state: State, assets: pl.DataFrame) -> Dependencies:
    """Return the dependencies that were found."""
    saved = state["dependencies"]
    circles = load_json(saved["circles"])
    return Dependencies(
        load_frame(saved["edges"]),
        load_frame(saved["unresolved"]),
        tuple(tuple(cycle) for cycle in circles["cycles"]),
        tuple(circles["orphans"]),
        names_of(assets),
    )


def names_of(assets: pl.DataFrame) -> dict[int, str]:
    """Return the name of each asset, by its number."""
    return dict(named(assets).iter_rows())
