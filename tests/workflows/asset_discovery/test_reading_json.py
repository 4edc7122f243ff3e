"""JSON and JSON Lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workflows.asset_discovery.reading import ReadingError, ReadingLimits, inventory_of, read
from workflows.asset_discovery.tables import ProblemKind, Table

SRV = [{"name": "srv1", "ip": "10.0.0.1", "os": "Linux"}, {"name": "srv2", "ip": "10.0.0.2", "os": "AIX"}]


def read_json(folder: Path, document: Any, name: str = "list.json", limits: ReadingLimits | None = None) -> list[Table]:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return read(path, limits=limits) if limits else read(path)


def keys(table: Table) -> list[str]:
    return [column.key for column in table.columns]


@pytest.mark.parametrize(
    ("document", "path", "prefix"),
    [
        (SRV, "[]", ""),
        ({"servers": SRV}, "servers[]", "servers[]."),
        ({"result": {"count": 2, "items": SRV}}, "result.items[]", "result.items[]."),
        ({"value": SRV, "@odata.nextLink": None}, "value[]", "value[]."),
        ([{"value": SRV[:1]}, {"value": SRV[1:]}], "value[]", "value[]."),
        (
            {"data": {"nodes": {"edges": [{"node": item} for item in SRV]}}},
            "data.nodes.edges[]",
            "data.nodes.edges[].node.",
        ),
        ({"hits": {"total": 2, "hits": [{"_source": item} for item in SRV]}}, "hits.hits[]", "hits.hits[]._source."),
        ("\n".join(json.dumps(item, indent=1) for item in SRV), "[]", ""),
        ("\ufeff" + json.dumps(SRV), "[]", ""),
    ],
)
def test_the_records_are_found(tmp_path: Path, document: Any, path: str, prefix: str):
    [table] = read_json(tmp_path, document)
    assert table.record_path == path
    assert [table.frame[f"{prefix}{key}"].to_list() for key in ("name", "ip", "os")] == [
        ["srv1", "srv2"], ["10.0.0.1", "10.0.0.2"], ["Linux", "AIX"],
    ]  # fmt: skip
    assert (table.rows, table.lines, table.problems) == ((1, 2), (None, None), [])


def test_what_objects_above_the_records_say_is_carried_down(tmp_path: Path):
    sites = [
        {"name": "Kiel", "geo": {"country": "DE"}, "contacts": [{"who": "desk", "tel": "1"}],
         "racks": [{"id": f"r{number}", "servers": [SRV[number]]}]}
        for number in (0, 1)
    ]  # fmt: skip
    [table] = read_json(tmp_path, {"exported": "2026-01-01", "pager": {"next": 1}, "sites": sites})
    assert table.record_path == "sites[].racks[].servers[]"
    assert keys(table) == [
        "exported", "sites[].name", "sites[].geo.country", "sites[].racks[].id", "sites[].racks[].servers[].name",
        "sites[].racks[].servers[].ip", "sites[].racks[].servers[].os",
    ]  # fmt: skip
    assert table.frame["sites[].racks[].id"].to_list() == ["r0", "r1"]
    assert table.notes == ["Parts of the document that hold no records were left out: pager."]


def test_records_are_not_their_parts(tmp_path: Path):
    disks = [{"name": "sda", "size": 1, "type": "ssd", "bus": "sata", "fs": "ext4", "uuid": "u"}]
    [table] = read_json(tmp_path, {"hosts": [{"host": "a", "disks": disks * 2}, {"host": "b", "disks": disks}]})
    assert table.record_path == "hosts[]"
    assert table.frame["hosts[].disks[].size"].to_list() == ["1; 1", "1"]


def test_records_that_are_keyed_by_name(tmp_path: Path):
    named = {item["name"]: {"ip": item["ip"], "os": item["os"]} for item in SRV}
    [table] = read_json(tmp_path, named)
    assert (keys(table), table.frame.row(1)) == (["(name)", "ip", "os"], ("srv2", "10.0.0.2", "AIX"))
    [table] = read_json(tmp_path, {"_meta": {"hostvars": named}, "all": {"children": ["ungrouped"]}})
    assert table.frame["_meta.hostvars.*.(name)"].to_list() == ["srv1", "srv2"]


def test_lists_beside_each_other_are_tables_of_their_own(tmp_path: Path):
    tables = read_json(
        tmp_path, {"servers": SRV, "switches": [{"name": "sw", "mac": "00:11:22:33:44:55", "ports": 24}]}
    )
    assert [(table.sheet, table.frame.height, table.other) for table in tables] == [
        ("servers[]", 2, ""), ("switches[]", 1, ""),
    ]  # fmt: skip


def test_a_longer_list_is_not_the_inventory_for_its_length(tmp_path: Path):
    alerts = [{"id": f"a{number}", "text": "disk full", "at": "2026-01-01", "level": 3} for number in range(50)]
    tables = read_json(tmp_path, {"alerts": alerts, "hosts": [{**item, "ram": 1, "mac": "x"} for item in SRV]})
    found = inventory_of(tables)
    assert found is not None and found.record_path == "hosts[]" and len(tables) == 2


@pytest.mark.parametrize("names", [("Key", "Value"), ("key", "value"), ("name", "value"), ("TagKey", "TagValue")])
def test_lists_of_keys_and_values(tmp_path: Path, names: tuple[str, str]):
    key, value = names
    records = [
        {"id": 1, "Tags": [{key: "env", value: "prod"}, {key: "Owner", value: "x"}]},
        {"id": 2, "Tags": [{key: "owner", value: "y"}]},
        {"id": 3, "Tags": []},
        {"id": 4, "Tags": None},
    ]
    [table] = read_json(tmp_path, records)
    assert keys(table) == ["id", "Tags.env", "Tags.Owner"]
    assert table.frame["Tags.Owner"].to_list() == ["x", "y", None, None]


def test_values_stand_as_in_the_file(tmp_path: Path):
    text = '[{"n": 12345678901234567890123, "f": 1.50, "e": 5E+11, "b": true, "z": null, "s": "", "l": [1, "a", null]}]'
    [table] = read_json(tmp_path, text)
    assert table.frame.row(0) == ("12345678901234567890123", "1.50", "5E+11", "true", None, None, "1; a")


def test_what_an_object_says_twice_is_kept(tmp_path: Path):
    [table] = read_json(tmp_path, '[{"name": "a", "ip": "1", "ip": "2"}, {"name": "b", "ip": "3"}]')
    assert table.frame["ip"].to_list() == ["1; 2", "3"]


def test_rows_in_lists(tmp_path: Path):
    for document in (
        [["name", "ip"], ["srv1", "10.0.0.1"], ["srv2", "10.0.0.2"]],
        {"columns": ["name", "ip"], "rows": [["srv1", "10.0.0.1"], ["srv2", "10.0.0.2"]]},
    ):
        [table] = read_json(tmp_path, document)
        assert (keys(table), table.frame.row(1), table.lines) == (["name", "ip"], ("srv2", "10.0.0.2"), (None, None))
    [table] = read_json(tmp_path, ["web01", "web02", "db01"])
    assert table.frame.rows() == [("web01",), ("web02",), ("db01",)]


def test_what_is_no_object_is_named(tmp_path: Path):
    [table] = read_json(tmp_path, [SRV[0], "oops", None, SRV[1]])
    assert table.rows == (1, 4)
    assert [(item.row, item.kind) for item in table.problems] == [
        (2, ProblemKind.STRUCTURE),
        (3, ProblemKind.STRUCTURE),
    ]


def test_json_lines_with_broken_ones(tmp_path: Path):
    lines = [
        '{"a": "1", "b": {"c": 2}}',
        "",
        '{"a": "2"',
        '"text"',
        "[1]",
        '{"a": "3"},',
        "  ",
        '{"a": "4\u2028x"}',
        "\x1a",
    ]
    for end in ("\n", "\r\n"):
        [table] = read_json(tmp_path, end.join(lines), "list.jsonl")
        assert (table.rows, table.lines) == ((1, 5, 6), (1, 6, 8))
        assert table.frame["a"].to_list() == ["1", "3", "4\u2028x"]
        assert {item.row: item.line for item in table.problems} == {2: 3, 3: 4, 4: 5}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": [', "damaged JSON"),
        ('{"a": 1}', ""),
        ("[]", "no records"),
        ("{}", "no records"),
        ('{"a": ' * 5_000 + "1" + "}" * 5_000, "levels"),
        ("[" * 100_000, "damaged JSON"),
        ('[{"a": ' + '{"b": ' * 200 + "1" + "}" * 201 + "]", "more than 64 levels"),
        ("[{" + ",".join(f'"k{number}": 1' for number in range(2_500)) + "}]", "2,500 columns"),
        (json.dumps([{f"k{number}": 1} for number in range(9_000)]), "more than 2,000 different paths"),
    ],
)
def test_what_is_damaged_or_too_large_is_refused_in_words(tmp_path: Path, text: str, words: str):
    if not words:
        assert read_json(tmp_path, text)[0].frame.rows() == [("1",)]
        return
    with pytest.raises(ReadingError, match=words):
        read_json(tmp_path, text)
    with pytest.raises(ReadingError, match="more than 1 rows"):
        read_json(tmp_path, SRV, limits=ReadingLimits(rows=1))
    with pytest.raises(ReadingError, match="a cell of 8 characters"):
        read_json(tmp_path, SRV, limits=ReadingLimits(cell_characters=7))
