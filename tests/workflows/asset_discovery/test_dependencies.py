"""Dependencies: how one asset's need of another is found, and how it is drawn and written."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx as nx
import polars as pl
import pytest

from tests.workflows.asset_discovery.assets import inventory
from workflows.asset_discovery.dependencies.cells import configuration_cells
from workflows.asset_discovery.dependencies.drawing import MOST_NODES, draw
from workflows.asset_discovery.dependencies.finding import find_dependencies
from workflows.asset_discovery.dependencies.graphml import write_graphml
from workflows.asset_discovery.dependencies.model import Dependencies
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import ColumnMapping, Mapping
from workflows.asset_discovery.tables import Column, Table


def edges(found: Dependencies) -> set[tuple[str, str, str]]:
    return set(found.edges.select("source_name", "target_name", "kind").rows())


def unresolved(found: Dependencies) -> list[tuple[Any, ...]]:
    return found.unresolved.select("source_name", "target_name", "kind", "why").rows()


@pytest.mark.parametrize(
    "written", ["db1", "DB1", " db1 ", "db1.corp.example", "db1.other.example", "10.0.0.5", "SN-77"]
)
def test_an_asset_is_named_by_its_name_its_domain_name_its_address_or_its_serial_number(written: str) -> None:
    found = find_dependencies(
        inventory(
            {"name": "web1", "depends_on": [written]},
            {"name": "db1", "fqdn": "db1.corp.example", "ip_address": ["10.0.0.5"], "serial_number": "SN-77"},
        )
    )
    assert edges(found) == {("web1", "db1", "declared")}
    assert not found.unresolved.height


def test_what_is_not_in_the_inventory_or_called_so_twice_is_said() -> None:
    found = find_dependencies(
        inventory({"name": "web1", "depends_on": ["db", "ghost"]}, {"name": "db", "location": "A"}, {"name": "DB"})
    )
    assert not found.edges.height
    assert unresolved(found) == [
        ("web1", "db", "declared", "several assets are called so"),
        ("web1", "ghost", "declared", "not in the inventory"),
    ]


def test_two_domain_names_with_one_host_name_are_told_apart() -> None:
    found = find_dependencies(
        inventory(
            {"name": "web1", "depends_on": ["db.b.example", "db"]},
            {"fqdn": "db.a.example"},
            {"fqdn": "db.b.example"},
        )
    )
    assert edges(found) == {("web1", "db.b.example", "declared")}
    assert unresolved(found) == [("web1", "db", "declared", "several assets are called so")]


def test_a_virtual_machine_needs_its_host_and_what_is_declared_counts_more() -> None:
    found = find_dependencies(
        inventory(
            {"name": "vm1", "virtual_host": "esx1"},
            {"name": "vm2", "virtual_host": "esx1", "depends_on": ["esx1"]},
            {"name": "esx1"},
            {"name": "vm3", "virtual_host": "esx9"},
        )
    )
    assert edges(found) == {("vm1", "esx1", "hosted"), ("vm2", "esx1", "declared")}
    assert unresolved(found) == [("vm3", "esx9", "hosted", "not in the inventory")]


def test_names_in_other_cells_are_found_and_ordinary_words_are_not() -> None:
    assets = inventory(
        {"name": "app01"}, {"name": "db-01", "fqdn": "db-01.corp.example"}, {"name": "backup"}, {"name": "7"}
    )
    cells = pl.DataFrame(
        {
            "asset": [1, 1, 2],
            "column": ["notes", "jdbc", "notes"],
            "text": [
                "nightly backup, 7 days",
                "jdbc:postgresql://DB-01.corp.example:5432/shop",
                "app01? no, db-01 itself.",
            ],
        },
        schema_overrides={"asset": pl.UInt32},
    )
    found = find_dependencies(assets, cells)
    assert edges(found) == {("app01", "db-01", "mentioned"), ("db-01", "app01", "mentioned")}
    assert found.edges["reason"].to_list() == ["“jdbc” names it", "“notes” names it"]


def test_the_only_router_of_a_network_is_needed_by_all_in_it() -> None:
    found = find_dependencies(
        inventory(
            {"name": "pc1", "ip_address": ["10.1.2.30"]},
            {"name": "gw1", "asset_type": "Router", "ip_address": ["10.1.2.1", "10.1.3.1"]},
            {"name": "pc2", "ip_address": ["10.1.3.30"]},
            {"name": "fw1", "asset_type": "Firewall", "ip_address": ["10.1.3.2"]},
            {"name": "pc3", "ip_address": ["10.9.9.9"]},
        )
    )
    assert edges(found) == {("pc1", "gw1", "network")}
    assert found.orphans == (3, 4, 5)


def test_circles_are_named_and_an_asset_that_needs_itself_is_one() -> None:
    found = find_dependencies(
        inventory(
            {"name": "a", "depends_on": ["b"]},
            {"name": "b", "depends_on": ["c"]},
            {"name": "c", "depends_on": ["a", "d"]},
            {"name": "d", "depends_on": ["d"]},
            {"name": "e"},
        )
    )
    assert [found.in_words(cycle) for cycle in found.cycles] == ["a → b → c → a", "d → d"]
    assert found.orphans == (5,)


def test_cells_of_ignored_columns_belong_to_their_assets() -> None:
    columns = tuple(Column(key, key, at) for at, key in enumerate(("host", "notes")))
    frame = pl.DataFrame({"host": ["app01", "total", "db01"], "notes": ["uses db01", "2", None]})
    table = Table("a.csv", "", columns, frame, (1, 2, 3), (2, 3, 4))
    mapping = Mapping(
        "a.csv", "", (ColumnMapping("host", Field.NAME, 1, ""), ColumnMapping("notes", Field.IGNORE, 1, ""))
    )
    cells = configuration_cells(table, mapping, pl.DataFrame({"row": [1, 3], "asset": [1, 2]}))
    assert cells.rows() == [(1, "notes", "uses db01")]
    found = find_dependencies(inventory({"name": "app01"}, {"name": "db01"}), cells)
    assert edges(found) == {("app01", "db01", "mentioned")}


HOSTILE = 'x<script>&"\x00\x1b'


def test_a_drawing_is_valid_whatever_assets_are_called(tmp_path: Path) -> None:
    assets = inventory(
        {"name": HOSTILE, "depends_on": ["db1"], "location": HOSTILE},
        {"name": "db1", "virtual_host": "esx1"},
        {"name": "esx1"},
    )
    found = find_dependencies(assets)
    drawing = draw(found)
    texts = {text.text for text in ElementTree.fromstring(drawing.svg).iter("{http://www.w3.org/2000/svg}text")}
    assert {'x<script>&"��', "db1", "esx1", "runs 1"} <= texts
    assert (drawing.drawn, drawing.left_out) == (3, 0)

    write_graphml(found, assets, tmp_path / "assets.graphml")
    graph = nx.read_graphml(tmp_path / "assets.graphml")
    assert graph.nodes["1"]["name"] == 'x<script>&"��'
    assert {(*edge[:2], edge[2]["kind"]) for edge in graph.edges(data=True)} == {
        ("1", "2", "declared"),
        ("2", "3", "hosted"),
    }


def test_a_drawing_has_a_limit_and_says_what_it_leaves_out() -> None:
    many = [{"name": f"web{at}", "depends_on": [f"db{at % 40}"]} for at in range(400)]
    found = find_dependencies(inventory(*many, *({"name": f"db{at}"} for at in range(40))))
    drawing = draw(found)
    assert 0 < drawing.drawn <= MOST_NODES
    assert drawing.drawn + drawing.left_out == 440
    assert f"{drawing.left_out} further assets" in drawing.svg


def test_nothing_to_draw_is_a_drawing_too() -> None:
    drawing = draw(find_dependencies(inventory({"name": "alone"})))
    ElementTree.fromstring(drawing.svg)
    assert drawing.drawn == 0
