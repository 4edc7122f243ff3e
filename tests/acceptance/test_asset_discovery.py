"""The whole path of an inventory: files uploaded at once, columns decided in the table, records merged, downloads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.conftest import Portal, Visit
from tests.acceptance.visitors import Visitor, press_approve

SLOW = 90_000
"""Milliseconds for the steps up to a request while other tests keep the machine busy."""
KINDS = ["KST-4711", "KST-4712", "KST-0815", "KST-2300"]


@pytest.fixture(scope="module")
def inventories(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two files of the same machines: a list with a column that says little, and what a monitoring tool exports."""
    folder = tmp_path_factory.mktemp("inventories")
    rows = [f"srv-{n:02};CZ10{n:04};192.0.2.{n}{':22' * (n < 4)};{KINDS[n % 4]};{n % 8 + 1},5 GB" for n in range(1, 31)]
    machines = folder / "machines.csv"
    machines.write_text("\n".join(["Name;Serial number;IP;Zuordnung;RAM", *rows, ""]), encoding="utf-8")
    hosts = [{"host": f"SRV-{n:02}", "address": f"192.0.2.{n}", "state": "up"} for n in range(1, 31)]
    # The name of a machine, and an address that it does not have.
    hosts.append({"host": "srv-07", "address": "192.0.2.99", "state": "up"})
    monitoring = folder / "monitoring.json"
    monitoring.write_text(json.dumps({"hosts": hosts}), encoding="utf-8")
    return [machines, monitoring]


def begin(visitor: Visitor, files: list[Path]) -> str:
    """Upload all files at once on the start page, and return the run's id."""
    page = visitor.go("/runs/new/asset_discovery")
    page.locator(".upload input[type=file]").first.set_input_files(files)
    expect(page.locator(".upload [role=status]", has_text="is uploaded")).to_have_count(len(files), timeout=SLOW)
    page.get_by_label("Name", exact=True).fill("Machines")
    visitor.look("discovery-start")
    page.get_by_role("button", name="Start the run").last.click()
    page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}$"))
    return page.url.rsplit("/", 1)[-1]


def open_request(visitor: Visitor, portal: Portal, run_id: str, title: str) -> Page:
    """Open the request that the run waits for."""
    page = visitor.go(f"/requests/{portal.pending(run_id)}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    return page


def test_from_uploads_to_downloads(portal: Portal, visit: Visit, inventories: list[Path], tmp_path: Path) -> None:
    requester, reviewer = visit("release"), visit("dba")
    run_id = begin(requester, inventories)
    phases = requester.page.locator("#run-phases li")
    expect(phases.first).to_contain_text("rows 61", timeout=SLOW)

    page = open_request(reviewer, portal, run_id, "Map the columns of Machines")
    field = page.get_by_label("Field of Zuordnung")
    expect(field).to_be_visible()
    reviewer.look("discovery-mapping", everywhere=True)
    page.locator("details.table-rows summary").click()
    expect(page.get_by_label("Field of Serial number")).to_have_value('"serial_number"')
    field.select_option("Cost center")
    expect(page.locator("#approve")).to_contain_text("with changes")
    press_approve(page)
    expect(page.get_by_text(" decided: ").first).to_be_visible()

    for title, name in (("Approve ", "discovery-cleansing"), ("Merge ", "discovery-merges")):
        page = open_request(reviewer, portal, run_id, title)
        reviewer.look(name, everywhere=True)
        press_approve(page)
        expect(page.get_by_text(" decided: ").first).to_be_visible()
    portal.finish(run_id)

    page = requester.go(f"/runs/{run_id}")
    expect(phases.last).to_have_class(re.compile("done"))
    requester.look("discovery-run", everywhere=True)
    files = page.locator("#run-files")
    expect(files.get_by_role("link", name="dependencies.svg")).to_be_visible()
    with page.expect_download() as download:
        files.get_by_role("link", name="inventory.json").click()
    download.value.save_as(tmp_path / "inventory.json")
    assets = json.loads((tmp_path / "inventory.json").read_text(encoding="utf-8"))
    assert {asset["cost_center"] for asset in assets if "cost_center" in asset} == set(KINDS)
    assert len([asset for asset in assets if asset.get("serial_number")]) == 30
    expect(page.locator("#run-artifacts")).to_contain_text("What was read")
