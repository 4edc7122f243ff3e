"""The analysis of an inventory: support, single points of failure, capacity, licenses, and the migration view."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from tests.workflows.asset_discovery.assets import inventory
from workflows.asset_discovery.analysis.analyze import analyze
from workflows.asset_discovery.analysis.capacity import capacity, hosts
from workflows.asset_discovery.analysis.licenses import licenses
from workflows.asset_discovery.analysis.points import single_points
from workflows.asset_discovery.analysis.releases import support_end
from workflows.asset_discovery.analysis.support import support
from workflows.asset_discovery.analysis.words import analysis_words, dependency_words
from workflows.asset_discovery.dependencies.finding import find_dependencies

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(
    ("family", "release", "ends"),
    [
        ("Windows Server", "2012 R2", date(2023, 10, 10)),
        ("Windows Server", "2012", date(2023, 10, 10)),
        ("Windows", "10 21H2", date(2025, 10, 14)),
        ("Windows", "11 23H2", date(2026, 11, 10)),
        ("Windows", "11", None),
        ("Red Hat Enterprise Linux", "7.9", date(2024, 6, 30)),
        ("Ubuntu", "20.04.6", date(2025, 5, 31)),
        ("Ubuntu", "20.10", None),
        ("Debian", "1", None),
        ("SUSE Linux Enterprise Server", "15 SP3", date(2022, 12, 31)),
        ("An unknown one", "1", None),
        ("Windows Server", "", None),
    ],
)
def test_the_end_of_a_releases_support_is_known_by_its_parts(family: str, release: str, ends: date | None) -> None:
    assert support_end(family, release) == ends


def test_what_ends_first_counts_and_retired_assets_do_not() -> None:
    assets = inventory(
        {"name": "a", "os": "Windows Server 2012 R2", "support_ends_on": date(2030, 1, 1)},
        {"name": "b", "os": "Windows Server 2022", "support_ends_on": date(2026, 12, 24)},
        {"name": "c", "os": "RHEL", "os_version": "9.4"},
        {"name": "d", "status": "retired", "os": "Windows Server 2003"},
        {"name": "e", "support_ends_on": TODAY},
        {"name": "f", "support_ends_on": date(2026, 11, 29)},
        {"name": "g", "support_ends_on": date(2027, 11, 29)},
        {"name": "h"},
    )
    found = {row["asset"]: (row["what"], row["state"]) for row in support(assets, TODAY).iter_rows(named=True)}
    assert found == {
        1: ("Windows Server 2012 R2", "ended"),
        2: ("hardware or contract", "ends within 90 days"),
        3: ("Red Hat Enterprise Linux 9.4", "later"),
        5: ("hardware or contract", "ends within 90 days"),
        6: ("hardware or contract", "ended"),
        7: ("hardware or contract", "ends within a year"),
        8: (None, "unknown"),
    }


def app(name: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "depends_on": list(needs), "environment": "production", **more}


def test_what_three_others_need_and_nothing_stands_in_for_is_a_single_point_of_failure() -> None:
    assets = inventory(
        app("web1", "db1", "cl1"),
        app("web2", "db1", "cl1"),
        app("web3", "web2", "cl1"),
        app("db1"),
        app("cl1", cluster="CL-A"),
        app("cl2", cluster="cl-a"),
        app("two", "rare", environment="test"),
        app("rare"),
    )
    found = single_points(assets, find_dependencies(assets))
    assert found.select("asset", "needed_by", "in_production").rows() == [(4, 3, 3)]
    assert found["reason"].to_list() == ["3 assets need it, 3 of them in production, and it is in no cluster."]


def test_the_last_member_of_a_cluster_is_a_single_point_of_failure() -> None:
    assets = inventory(
        app("web1", "cl1"), app("web2", "cl1"), app("web3", "cl1"),
        app("cl1", cluster="CL-A"), app("cl2", cluster="CL-A", status="retired"),
    )  # fmt: skip
    found = single_points(assets, find_dependencies(assets))
    assert found["reason"].to_list() == [
        "3 assets need it, 3 of them in production, and it is the only member of its cluster CL-A."
    ]


def test_capacity_is_summed_over_spellings_and_retired_assets_have_none() -> None:
    assets = inventory(
        {"name": "a", "environment": "PROD", "cpu_count": 4.0, "memory_mb": 8192.0},
        {"name": "b", "environment": "Production", "cpu_count": 8.0, "disk_gb": 100.0},
        {"name": "c", "environment": "Test", "status": "retired", "cpu_count": 64.0},
        {"name": "d", "environment": "Production"},
    )
    found = capacity(assets).filter(pl.col("by") == "environment").drop("by")
    assert found.rows() == [("production", 3, 12.0, 8192.0, 100.0, 1)]


def test_a_host_whose_guests_have_its_memory_is_full() -> None:
    guests = [
        {"name": f"vm{at}", "virtual_host": "ESX1.corp.example", "memory_mb": 8192.0, "cpu_count": 4.0}
        for at in range(4)
    ]
    assets = inventory(
        *guests,
        {"name": "esx1", "memory_mb": 32_768.0, "cpu_count": 2.0},
        {"name": "vm9", "virtual_host": "esx2", "memory_mb": 1024.0},
        {"name": "vm8", "virtual_host": "esx3", "cpu_count": 18.0, "memory_mb": 10.0},
        {"name": "esx3", "cpu_count": 4.0, "memory_mb": 1_000.0},
    )
    found = {row["host"]: (row["guests"], row["note"]) for row in hosts(assets).iter_rows(named=True)}
    assert found == {
        "ESX1.corp.example": (4, "guests have 100 % of its memory"),
        "esx2": (1, "not in the inventory"),
        "esx3": (1, "guests have 4.5 times its processors"),
    }


def test_licenses_are_counted_by_system_and_by_product() -> None:
    assets = inventory(
        {"name": "db1", "os": "Oracle Linux 8", "application": "ERP (Oracle)", "cpu_count": 8.0},
        {"name": "db2", "os": "Windows Server 2019", "application": "SQL Server", "cpu_count": 4.0},
        {"name": "web1", "os": "Windows Server 2019"},
        {"name": "old", "os": "Windows Server 2019", "status": "retired", "cpu_count": 4.0},
        {"name": "ol1", "application": "Oracle Linux repository"},
    )
    assert licenses(assets).rows() == [
        ("Microsoft SQL Server", "", 1, 4, 0),
        ("Oracle Database", "", 1, 8, 0),
        ("Windows Server", "2019", 2, 4, 1),
    ]


@pytest.mark.parametrize(
    ("asset", "way"),
    [
        ({"status": "retired"}, "retire"),
        ({"status": "stopped"}, "retire"),
        ({"status": "in stock"}, "retain"),
        ({"asset_type": "Laptop"}, "retain"),
        ({"asset_type": "Hypervisor"}, "retain"),
        ({"model": "m5.2xlarge"}, "retain"),
        ({"model": "Standard_D4s_v5"}, "retain"),
        ({"model": "PowerEdge R740"}, "rehost"),
        ({"os": "AIX 7.1", "support_ends_on": date(2023, 1, 1)}, "refactor"),
        ({"os": "AIX 7.3"}, "retain"),
        ({"application": "Exchange mail"}, "repurchase"),
        ({"application": "PostgreSQL shop"}, "replatform"),
        ({"os": "CentOS 7"}, "replatform"),
        ({"os": "RHEL 9.2"}, "rehost"),
        ({}, "rehost"),
    ],
)
def test_a_way_is_proposed_with_its_reason(asset: dict[str, Any], way: str) -> None:
    assets = inventory({"name": "web1", **asset})
    [found] = analyze(assets, find_dependencies(assets), TODAY).migration.iter_rows(named=True)
    assert found["way"] == way
    assert found["reason"]


def test_a_stopped_asset_that_another_needs_is_not_retired() -> None:
    assets = inventory(
        {"name": "web1", "depends_on": ["app1"]}, {"name": "app1", "status": "stopped", "asset_type": "server"}
    )
    found = analyze(assets, find_dependencies(assets), TODAY).migration
    assert found.filter(pl.col("name") == "app1")["way"].to_list() == ["rehost"]


def test_an_application_goes_as_most_of_its_assets_and_the_others_are_said() -> None:
    assets = inventory(
        *({"name": f"w{at}", "application": "Shop", "os": "RHEL 9.2"} for at in range(2)),
        *({"name": f"o{at}", "application": "Shop", "status": "retired"} for at in range(3)),
        {"name": "d1", "application": "Shop", "asset_type": "database"},
        {"name": "x"},
        {"name": "r", "application": "Old", "status": "retired"},
    )
    found = analyze(assets, find_dependencies(assets), TODAY).applications
    assert found.select("application", "assets", "way", "other_ways").rows() == [
        ("Shop", 6, "rehost", "1 replatform, 3 retire"),
        ("Old", 1, "retire", ""),
    ]


def test_the_report_holds_hostile_names_and_an_empty_inventory() -> None:
    hostile = "a|b`<script>\n# x"
    assets = inventory(
        {"name": hostile, "depends_on": [hostile, "ghost|*"], "support_ends_on": date(2020, 1, 1), "location": hostile},
    )
    for frame in (assets, assets.clear()):
        found = find_dependencies(frame)
        words = "\n".join([*dependency_words(found), *analysis_words(analyze(frame, found, TODAY), found.names)])
        assert "<script>" not in words.replace("\\<script\\>", "")
        assert "\n# x" not in words
        for title in ("Dependencies", "Support", "Single points of failure", "Capacity", "Licenses", "Migration view"):
            assert f"## {title}" in words
