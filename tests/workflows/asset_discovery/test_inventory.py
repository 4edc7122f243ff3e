"""What is one asset, what is not, and what people decide."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.workflows.asset_discovery.true_mappings import made
from workflows.asset_discovery.cleansing.cleanse import cleanse
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.inventory.doubtful import doubtful_merges
from workflows.asset_discovery.inventory.duplicates import DuplicateGroup, Duplicates, duplicates
from workflows.asset_discovery.inventory.merging import merge

_FIELDS = {field.value: field for field in Field}
A, B, C = "00:50:56:00:00:0a", "00:50:56:00:00:0b", "00:50:56:00:00:0c"


def _records(*records: dict[str, str]) -> pl.DataFrame:
    columns = list(dict.fromkeys(key for record in records for key in record))
    cells: dict[str, list[str | None]] = {name: [record.get(name) for record in records] for name in columns}
    return cleanse(*made(cells, **{name: _FIELDS[name] for name in columns})).frame


def _found(*records: dict[str, str], **decided: Any) -> Duplicates:
    return duplicates(_records(*records), **decided)


def _groups(found: Duplicates) -> list[tuple[int, ...]]:
    return [group.rows for group in found.groups]


@pytest.mark.parametrize(
    "records",
    [
        # The same serial number in another notation, under an older name.
        (
            {"name": "web01", "serial_number": "5CD-0001-AAA", "mac_address": A},
            {"name": "old7", "serial_number": "5cd0001aaa", "mac_address": A},
        ),
        # A scan and a register.
        ({"name": "web01", "mac_address": A}, {"ip_address": "10.0.0.1", "mac_address": A.upper().replace(":", "-")}),
        # A name with hyphens, at the same address.
        ({"name": "VLSPCF056", "ip_address": "10.0.0.1"}, {"name": "VLS-PCF-056", "ip_address": "10.0.0.1"}),
        # A record that was kept under an older name.
        ({"name": "web01", "mac_address": A, "ip_address": "10.0.0.1"}, {"name": "web01_old", "mac_address": A}),
        # Leading zeros were lost; all else agrees.
        (
            {"name": "web01", "serial_number": "0048817", "ip_address": "10.0.0.1"},
            {"name": "WEB01", "serial_number": "48817", "ip_address": "10.0.0.1"},
        ),
        # The name once with its domain.
        ({"name": "web01", "fqdn": "web01.corp.example"}, {"name": "web01.corp.example"}),
        # A record that was left over when a machine moved: the platform gave a new number, the machine is the same.
        (
            {"name": "web01", "serial_number": "i-1", "mac_address": A, "ip_address": "10.0.0.1"},
            {"name": "web01", "serial_number": "i-2", "mac_address": A, "ip_address": "10.0.0.1"},
        ),
    ],
)
def test_one_asset(records: tuple[dict[str, str], ...]):
    found = _found(*records)
    assert _groups(found) == [(0, 1)]
    assert found.groups[0].reason.startswith("same ")


@pytest.mark.parametrize(
    "records",
    [
        # The address was used again.
        (
            {"name": "old", "serial_number": "S1A", "mac_address": A, "ip_address": "10.0.0.1"},
            {"name": "new", "serial_number": "S2B", "mac_address": B, "ip_address": "10.0.0.1"},
        ),
        # One name in two domains.
        (
            {"name": "web01", "fqdn": "web01.a.example", "mac_address": A},
            {"name": "web01", "fqdn": "web01.b.example", "mac_address": B},
        ),
        # Members of an autoscaling group.
        ({"name": "node", "serial_number": "i-0a"}, {"name": "node", "serial_number": "i-0b"}),
        # A dock.
        (
            {"name": "lt1", "serial_number": "S1A", "mac_address": A},
            {"name": "lt2", "serial_number": "S2B", "mac_address": A},
        ),
        # Placeholders.
        (
            {"name": "a1", "serial_number": "To Be Filled By O.E.M."},
            {"name": "b2", "serial_number": "To Be Filled By O.E.M."},
        ),
        ({"name": "a1", "mac_address": "00:00:00:00:00:00"}, {"name": "b2", "mac_address": "00:00:00:00:00:00"}),
        ({"name": "r1", "mac_address": "00:00:5e:00:01:14"}, {"name": "r2", "mac_address": "00:00:5e:00:01:14"}),
        ({"name": "a1", "serial_number": "5.01235E+11"}, {"name": "b2", "serial_number": "5.01235E+11"}),
        ({"name": "a1", "ip_address": "169.254.3.4"}, {"name": "b2", "ip_address": "169.254.3.4"}),
        # A machine and its replacement.
        ({"name": "web01-old", "mac_address": A}, {"name": "web01", "mac_address": B}),
        ({"name": "a1", "serial_number": "UNK"}, {"name": "b2", "serial_number": "UNK"}),
        ({"name": "a1", "serial_number": "PLATE"}, {"name": "b2", "serial_number": "Plate"}),
        # Neighbours in a series of names.
        ({"name": "srv01", "model": "R750", "owner": "IT"}, {"name": "srv02", "model": "R750", "owner": "IT"}),
    ],
)
def test_different_assets(records: tuple[dict[str, str], ...]):
    found = _found(*records)
    assert _groups(found) == []
    assert found.doubtful == ()


@pytest.mark.parametrize(
    "records",
    [
        # Two names for one hardware address, and no serial number.
        (
            {"name": "web01", "mac_address": A, "ip_address": "10.0.0.1"},
            {"name": "app09", "mac_address": A, "ip_address": "10.0.0.2"},
        ),
        # A serial number of two different machines: a clone, or an enclosure.
        (
            {"name": "web01", "serial_number": "S1AB", "mac_address": A},
            {"name": "app09", "serial_number": "S1AB", "mac_address": B},
        ),
        ({"name": "web01", "ip_address": "10.0.0.1"}, {"name": "web01", "ip_address": "10.0.0.2"}),
        ({"name": "web01"}, {"name": "web01", "serial_number": "S1AB"}),
        ({"name": "web01", "os": "Debian", "owner": "IT"}, {"name": "web01-old", "os": "Debian", "owner": "IT"}),
    ],
)
def test_people_decide_what_is_doubtful(records: tuple[dict[str, str], ...]):
    found = _found(*records)
    assert _groups(found) == []
    assert [(pair.a, pair.b) for pair in found.doubtful] == [(0, 1)]
    assert _groups(_found(*records, same=[(1, 0)])) == [(0, 1)]
    apart = _found(*records, different=[(0, 1)])
    assert (_groups(apart), apart.doubtful) == ([], ())


def test_a_decision_against_what_seems_sure_holds():
    records = ({"name": "web01", "serial_number": "S1AB"}, {"name": "web01", "serial_number": "S1AB"})
    assert _groups(_found(*records)) == [(0, 1)]
    assert _groups(_found(*records, different=[(0, 1)])) == []


def test_records_that_people_keep_apart_are_not_joined_by_way_of_a_third():
    records = [{"name": "web01", "ip_address": "10.0.0.1", "serial_number": "S1AB"} for _ in range(3)]
    assert _groups(_found(*records)) == [(0, 1, 2)]
    apart = _found(*records, different=[(0, 2)])
    assert _groups(apart) == [(0, 1)]
    assert [(pair.a, pair.b) for pair in apart.doubtful] == [(1, 2)]
    assert apart.doubtful[0].reason.endswith("people have decided that further records are of different assets")


def test_records_of_several_files_become_one_asset():
    register = _records(
        {"name": "WEB01", "serial_number": "S1ABCDE", "ip_address": "10.0.0.1", "owner": "IT"},
        {"name": "db01", "serial_number": "S2ABCDE", "owner": "IT"},
        {"name": "fw01", "serial_number": "S3ABCDE", "ip_address": "10.0.0.3", "mac_address": C},
    )
    scan = _records(
        {"ip_address": "10.0.0.1", "mac_address": A},
        {"fqdn": "db01.corp.example", "ip_address": "10.0.0.2", "mac_address": B},
        {"fqdn": "new.corp.example", "ip_address": "10.0.0.3", "mac_address": "00:50:56:00:00:0d"},
    ).with_columns(pl.lit("scan.csv").alias("_file"))
    platform = _records(
        {"name": "web01", "serial_number": "42364aac-2116-3558-5bab-43fc1d3b345d", "mac_address": A},
        {"name": "db01", "serial_number": "42364aac-2116-3558-5bab-43fc1d3b345e"},
    ).with_columns(pl.lit("platform.json").alias("_file"))
    frame = pl.concat([register, scan, platform], how="vertical_relaxed")
    found = duplicates(frame)
    assert _groups(found) == [(0, 3, 6), (1, 4, 7)]
    assert [item.rows for item in found.distinct] == [(2, 5)]
    merged = merge(frame, found).frame
    assert merged.filter(pl.col("name") == "WEB01")["mac_address"].to_list() == [[A]]


def test_what_people_join_may_contradict_itself():
    records = [{"name": f"web0{place}", "serial_number": f"S{place}AB"} for place in range(3)]
    assert _groups(_found(*records, same=[(0, 1), (1, 2)])) == [(0, 1, 2)]


def test_two_assets_are_not_chained_by_a_record_between_them():
    found = _found(
        {"name": "web01", "serial_number": "S1AB", "ip_address": "10.0.0.1"},
        {"name": "web01", "ip_address": "10.0.0.1"},
        {"name": "web01", "serial_number": "S2CD", "ip_address": "10.0.0.1"},
    )
    assert len(found.groups) == 1
    assert len(found.groups[0].rows) == 2
    assert [pair.reason for pair in found.doubtful] == [
        "same IP address and name; serial numbers of further records of the same asset differ"
    ]


def test_a_serial_number_that_a_whole_frame_shares_joins_nothing():
    frame = [
        {"name": f"lpar{place}", "serial_number": "00084P8F", "mac_address": f"00:50:56:00:00:{place:02x}"}
        for place in range(8)
    ]
    twin = dict(frame[3], serial_number="00092M2F")
    found = _found(*frame, twin)
    assert _groups(found) == [(3, 8)]
    assert [item.rows for item in found.distinct] == [tuple(range(8))]


def test_an_address_that_many_share_joins_nothing():
    found = _found(
        *(
            {"name": f"web{place}x", "mac_address": f"00:50:56:00:00:{place:02x}", "ip_address": "203.0.113.1"}
            for place in range(60)
        )
    )
    assert (found.groups, found.doubtful) == ((), ())
    assert [len(item.rows) for item in found.distinct] == [60]


def test_records_that_are_not_valid_take_no_part():
    found = _found(
        {"name": "web01", "serial_number": "S1AB"}, {"name": "web01", "serial_number": "S1AB", "cpu_count": "many"}
    )
    assert found.groups == ()


def test_doubtful_records_stand_side_by_side():
    frame = _records(
        {"name": "web01", "mac_address": A, "memory_mb": "16 GB", "location": "Zürich"},
        {"name": "app09", "mac_address": A, "memory_mb": "32 GB", "purchased_on": "2021-04-03"},
    )
    found = duplicates(frame)
    (pair,) = doubtful_merges(frame, found)
    assert (pair.pair, pair.title, pair.reason) == ((0, 1), "web01 and app09", "same MAC address; names differ")
    assert (pair.left.place, pair.right.place) == ("made.csv, line 2", "made.csv, line 3")
    assert [(side.title, side.left, side.right, side.agrees) for side in pair.sides] == [
        ("Name", "web01", "app09", False),
        ("MAC address", A, A, True),
        ("Memory", "16,384", "32,768", False),
        ("Location", "Zürich", None, False),
        ("Purchased on", None, "2021-04-03", False),
    ]
    assert pair.text.splitlines()[:2] == ["made.csv, line 2 | made.csv, line 3", "Name: web01 | app09"]
    assert doubtful_merges(frame, found)[0].key == pair.key


def test_merging_keeps_where_each_value_comes_from_and_names_conflicts():
    frame = _records(
        {
            "name": "old7",
            "serial_number": "S1AB",
            "mac_address": A,
            "status": "retired",
            "memory_mb": "16 GB",
            "owner": "IT",
            "cost_center": "7",
        },
        {"name": "other", "serial_number": "S9"},
        {
            "name": "web01",
            "serial_number": "s1ab",
            "mac_address": B,
            "status": "in use",
            "memory_mb": "16.2 GB",
            "purchased_on": "2021-04-03",
        },
    )
    merged = merge(frame, Duplicates((DuplicateGroup((0, 2), "by hand"),), (), ()))
    assert merged.frame["records"].to_list() == [[2, 0], [1]]
    asset = merged.frame.row(0, named=True)
    assert (asset["asset"], asset["name"], asset["owner"], asset["cost_center"]) == (1, "web01", "IT", "7")
    assert asset["mac_address"] == [B, A]
    assert asset["purchased_on"] == date(2021, 4, 3)
    assert asset["status_class"] == "in use"
    sources = {(field, record) for _, field, record in merged.sources.iter_rows()}
    assert sources >= {("name", 2), ("owner", 0), ("mac_address", 0), ("mac_address", 2), ("purchased_on", 2)}
    assert merged.sources["asset"].unique().to_list() == [1]
    conflicts = merged.conflicts.drop("asset").rows()
    assert conflicts == [("name", "web01", 2, "old7", 0), ("status", "in use", 2, "retired", 0)]


def test_no_record_is_lost_or_counted_twice():
    frame = _records(*({"name": f"web{place % 7}", "serial_number": f"S{place % 7}AB"} for place in range(40)))
    merged = merge(frame, duplicates(frame))
    assert sorted(row for rows in merged.frame["records"] for row in rows) == list(range(40))
    assert merged.frame.height == 7
