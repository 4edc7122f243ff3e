"""What values say about a column that has no heading, or a heading that says something else."""

from __future__ import annotations

import random

import polars as pl
import pytest

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import THRESHOLD, ColumnMapping
from workflows.asset_discovery.mapping import map_table, profiles, situation_of
from workflows.asset_discovery.tables import Column, Table

_ROWS = 60
_RANDOM = random.Random(7)


def _table(columns: dict[str, list[str | None]], headings: bool = True) -> Table:
    rows = max(map(len, columns.values()))
    return Table(
        "inventory.csv", "", tuple(Column(key, key if headings else "", at) for at, key in enumerate(columns)),
        pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)), tuple(range(1, rows + 1)), (None,) * rows,
    )  # fmt: skip


def _mapped(columns: dict[str, list[str | None]], headings: bool = True) -> dict[str, ColumnMapping]:
    return {found.column: found for found in map_table(_table(columns, headings)).columns}


def _some(*values: str) -> list[str | None]:
    return [_RANDOM.choice(values) for _ in range(_ROWS)]


def test_columns_without_headings_are_known_by_their_values():
    names = [f"srv-{number:03}" for number in range(_ROWS)]
    found = _mapped(
        {
            "#1": [*names],
            "#2": [f"10.1.{number}.7" for number in range(_ROWS)],
            "#3": [f"00:50:56:aa:00:{number:02x}" for number in range(_ROWS)],
            "#4": _some("Dell Inc.", "HPE", "Lenovo", "Fujitsu"),
            "#5": _some("Windows Server 2022", "Debian 12", "SLES 15"),
            "#6": _some("produktiv", "Test", "Entwicklung"),
            "#7": [f"{name}.corp.example" for name in names],
            "#8": ["2031-05-01"] * 30 + ["2025-01-31"] * 30,
            "#9": [None] * 40 + [*names[:20]],
        },
        headings=False,
    )
    expected = "name ip_address mac_address manufacturer os environment fqdn support_ends_on depends_on"
    assert [item.field.value for item in found.values()] == expected.split()
    assert all("There is no heading" in item.reason for item in found.values())


def test_a_heading_that_the_values_contradict_is_left_to_people():
    found = _mapped({
        "Serial number": [str(number) for number in range(1, _ROWS + 1)],
        "IP address": _some("Hall A", "Hall B", "Building 7, floor 2"),
        "Hostname": [f"host{number:02}" for number in range(_ROWS)],
    })  # fmt: skip
    assert found["Hostname"].field is Field.NAME
    assert found["Serial number"].field is not Field.SERIAL_NUMBER or found["Serial number"].confidence < THRESHOLD
    assert found["IP address"].field is not Field.IP_ADDRESS or found["IP address"].confidence < THRESHOLD


def test_columns_compete_for_a_field():
    names = [f"pc-{number:03}" for number in range(_ROWS)]
    found = _mapped({
        "Hostname": [*names], "Memory total (GB)": _some("8", "16", "32"), "Memory free (GB)": _some("3", "7", "11"),
        "CPUs": _some("2", "4", "8"), "CPU model": _some("Xeon Gold 6338", "EPYC 7543"),
        "Total disk (GB)": _some("256", "512", "1024"), "Disk used": _some("101", "203", "307"),
    })  # fmt: skip
    fields = {column: item.field.value for column, item in found.items()}
    assert fields == {
        "Hostname": "name", "Memory total (GB)": "memory_mb", "Memory free (GB)": "ignore", "CPUs": "cpu_count",
        "CPU model": "ignore", "Total disk (GB)": "disk_gb", "Disk used": "ignore",
    }  # fmt: skip
    assert found["Memory total (GB)"].unit == "GB"


def test_names_of_rows_that_are_not_looked_at_are_known_as_well():
    rows = 6_000
    names = [f"app{number:05}" for number in range(rows)]
    needs = [names[(number * 7 + 3) % rows] if number % 3 == 0 else None for number in range(rows)]
    found = _mapped({"Hostname": [*names], "Xyz": needs})
    assert found["Xyz"].field is Field.DEPENDS_ON


def test_addresses_of_resources_count_by_their_last_part():
    zone = "https://cloud.example/compute/v1/projects/p/zones/"
    found = _mapped({
        "name": [f"vm-{number}" for number in range(_ROWS)],
        "zone": _some(f"{zone}us-central1-a", f"{zone}europe-west3-b"),
    })  # fmt: skip
    assert found["zone"].field is Field.LOCATION


def test_odd_tables_are_mapped_without_harm():
    assert map_table(_table({"a": [], "b": []})).columns
    assert map_table(_table({"": [None, None], "x" * 5_000: ["y" * 50_000, "\x00"]})).columns
    assert map_table(_table({str(number): ["1"] for number in range(200)})).columns


def test_the_situation_of_a_column_has_its_values_and_no_words_for_nothing():
    table = _table({"RAM": ["16", "n/a", "32", "16", "-"], "Name": ["a1", "a2", "a3", "a4", "a5"]})
    situation = situation_of(table, table.columns[0])
    assert situation.texts == {"heading": "RAM"}
    assert situation.samples == {"values": ["16", "32"]}
    assert situation.around == ["Name"]


def test_only_some_values_of_a_large_table_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    kinds_of = profiles.kinds_of
    monkeypatch.setattr(profiles, "kinds_of", lambda value: seen.append(value) or kinds_of(value))
    columns = {f"column {at}": [f"{at}-value-{row}" * 300 for row in range(3_000)] for at in range(40)}
    assert len(_mapped(columns)) == 40
    assert len(seen) <= 15_000
    assert max(map(len, seen)) <= profiles.LONGEST_CELL


def test_a_platform_s_own_identifier_takes_the_place_of_a_serial_number():
    names = [f"vm-{number:03}" for number in range(_ROWS)]
    ids = [f"{number:08x}-1111-4222-8333-444455556666" for number in range(_ROWS)]
    assert _mapped({"name": [*names], "VM UUID": [*ids]})["VM UUID"].field is Field.SERIAL_NUMBER
    serials = [f"CZJ{number * 7919 % 10_000:04}{chr(65 + number % 26)}B" for number in range(_ROWS)]
    found = _mapped({"name": [*names], "VM UUID": [*ids], "Serial number": [*serials]})
    assert found["VM UUID"].field is Field.IGNORE
    assert found["Serial number"].field is Field.SERIAL_NUMBER


def test_names_to_which_other_columns_refer_are_names_whatever_their_heading_is():
    names = [f"kiosk{number:03}" for number in range(_ROWS)]
    needs = [names[(number * 7 + 3) % _ROWS] for number in range(_ROWS)]
    assert _mapped({"Xyz": [*names], "depends on": [*needs]})["Xyz"].field is Field.NAME
