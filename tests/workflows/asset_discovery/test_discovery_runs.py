"""Runs of asset discovery from files to an inventory, with what people decide on the way."""

from __future__ import annotations

import json

from assent.contracts import Verdict
from tests.workflows.asset_discovery.discovery_desk import DiscoveryDesk
from workflows.asset_discovery.sample import sample_files

SAMPLE = sample_files()
SERVERS = b"""\
Name,Serial,RAM,Remark
srv-01,CZ1001,16 GB,=1+1
srv-02,CZ1002,32 GB,
srv-02,CZ1002,32 GB,
Name,Serial,RAM,Remark
"""
QUIET = {"ask_mapping": "never", "ask_cleansing": False, "ask_merges": False}


def test_from_files_to_an_inventory(desk: DiscoveryDesk) -> None:
    run_id = desk.begin(SAMPLE, ask_mapping="always")
    desk.approve(run_id, "Map the columns of 2 tables")
    desk.approve(run_id, "Approve ")
    titles = desk.approve_all(run_id)
    result = desk.rig.finish(run_id)
    assert result["status"] == "completed", titles
    assets = {asset["name"]: asset for asset in desk.inventory(run_id)}
    assert {"web-01", "db-01", "cache-01"} <= set(assets)
    web = assets["web-01"]
    assert (web["memory_mb"], web["purchased_on"], web["ip_address"]) == (32768, "2019-03-14", ["192.0.2.11"])
    listed = [file.name for file in desk.rig.services.saved_files.listed(run_id)]
    tables = ["changes.csv", "conflicts.csv", "duplicates.csv", "problems.csv", "support.csv", "migration.csv"]
    drawings = ["dependencies.csv", "dependencies.graphml", "dependencies.svg"]
    assert {*tables, *drawings, "inventory.csv", "inventory.json", "inventory.xlsx"} <= set(listed)
    edges = {(row["source_name"], row["target_name"]) for row in desk.table(run_id, "dependencies.csv").to_dicts()}
    assert ("web-01", "app-01") in edges and ("db-01", "san-01") in edges
    assert b"<svg" in desk.saved(run_id, "dependencies.svg")
    assert "Windows Server 2012 R2" in result["report"]
    assert web["sources"] == "servers.csv, line 2; monitoring.json, line 2"
    view = desk.rig.views.run(run_id, desk.rig.reviewer)
    assert [artifact.name for artifact in view.artifacts] == ["report.md"]
    phases = list(dict.fromkeys(node.phase for node in view.nodes))
    assert phases == ["Validation", "Field mapping", "Cleansing", "Inventory", "Dependencies", "Analysis"]


def test_people_are_masked_where_they_are_shown_and_the_data_is_classified(desk: DiscoveryDesk) -> None:
    hosts = (
        "Name,Serial,Owner,Note\nsrv-01,CZ1001,Jane Smith,moved\nsrv-02,CZ1002,Omar Haddad,private 01632 960 177\n"
        "srv-03,CZ1003,Jane  Smith,\n"
    )
    run_id = desk.begin({"hosts.csv": hosts.encode()}, ask_mapping="always", ask_merges=False)
    asked = str(desk.gate(run_id, "Map the columns").payload)
    assert "J… S…" in asked and "Jane" not in asked and "960 177" not in asked
    desk.approve(run_id, "Map the columns")
    titles = desk.approve_all(run_id)
    shown = "".join(str(request.payload) for request in desk.rig.requests(run_id))
    assert "Jane" not in shown and "960 177" not in shown, titles
    report = desk.rig.finish(run_id)["report"]
    assert "The data is **confidential**." in report and "It is encrypted at rest." in report
    assert "Free text with phone numbers, in record 2" in report and "Jane" not in report and "960 177" not in report
    assert {asset["owner"] for asset in desk.inventory(run_id)} == {"Jane Smith", "Omar Haddad"}


def test_nothing_is_asked_where_nothing_is_doubtful(desk: DiscoveryDesk) -> None:
    run_id = desk.begin({"servers.csv": SERVERS}, threshold=0.5, ask_cleansing=False)
    desk.rig.finish(run_id)
    assert desk.rig.requests(run_id) == []
    assert sorted(asset["name"] for asset in desk.inventory(run_id)) == ["srv-01", "srv-02"]


def test_every_row_is_an_asset_a_duplicate_or_a_named_problem(desk: DiscoveryDesk) -> None:
    run_id = desk.begin({"servers.csv": SERVERS}, **QUIET)
    figures = desk.rig.finish(run_id)["figures"]
    assert figures["inventory"]["assets"] == 2 and figures["inventory"]["duplicates"] == 1
    problems = desk.table(run_id, "problems.csv")
    [repeated] = problems.filter(problems["kind"] == "structure").rows(named=True)
    assert (repeated["row"], repeated["line"]) == ("4", "5") and repeated["why"]


def test_no_cell_of_an_export_is_a_formula(desk: DiscoveryDesk) -> None:
    named = b"Name,Owner,Serial\n=cmd|'/c calc'!A1,@sum(1),SN1\n"
    run_id = desk.begin({"servers.csv": named}, **QUIET)
    desk.rig.finish(run_id)
    for file in ("inventory.csv", "problems.csv", "changes.csv"):
        frame = desk.table(run_id, file)
        cells = [str(cell) for row in frame.rows() for cell in row if cell]
        assert not [cell for cell in cells if cell[0] in "=+-@\t\r"], file
    assert b"<f>" not in desk.saved(run_id, "inventory.xlsx")


def test_the_state_stays_small(desk: DiscoveryDesk) -> None:
    rows = "".join(f"srv-{number:05},SN{number:06},{number % 64 + 1} GB,\n" for number in range(3_000))
    run_id = desk.begin({"servers.csv": b"Name,Serial,RAM,Remark\n" + rows.encode()}, **QUIET)
    result = desk.rig.finish(run_id)
    assert result["figures"]["inventory"]["assets"] == 3_000
    kept = {key: value for key, value in result.items() if key != "report"}
    assert len(json.dumps(kept)) < 5_000


def test_a_file_that_cannot_be_read_ends_the_run_with_the_reason(desk: DiscoveryDesk) -> None:
    run_id = desk.begin({"servers.csv": SERVERS, "empty.csv": b" \n"})
    result = desk.rig.finish(run_id)
    assert result["status"] == "failed" and "empty.csv is empty" in result["problem"]
    assert "There is no inventory" in result["report"] and not desk.rig.services.saved_files.listed(run_id)


def test_rules_that_people_leave_out_are_not_applied(desk: DiscoveryDesk) -> None:
    applied, without = (desk.begin({"servers.csv": SAMPLE["servers.csv"]}, ask_mapping="never") for _ in range(2))
    desk.approve(applied, "Approve ")

    def clear(data: dict[str, list[dict[str, object]]]) -> None:
        for row in data["rules"]:
            row["apply"] = False

    desk.change(without, "Approve ", clear)
    for run_id in (applied, without):
        desk.approve_all(run_id)
        desk.rig.finish(run_id)
    rules = [set(desk.table(run_id, "changes.csv")["rule"]) for run_id in (applied, without)]
    assert "number-guessed" in rules[0] and "number-guessed" not in rules[1]
    assert len(desk.inventory(without)) == len(desk.inventory(applied))


def test_a_rejected_mapping_ends_the_run(desk: DiscoveryDesk) -> None:
    run_id = desk.begin(SAMPLE, ask_mapping="always")
    request = desk.gate(run_id, "Map the columns")
    desk.rig.decide(request, Verdict.REJECT, comment="The wrong files")
    desk.rig.advance(run_id)
    assert desk.rig.finish(run_id)["problem"] == "The mapping of the columns was rejected."


def test_requested_changes_are_shown_with_the_same_table(desk: DiscoveryDesk) -> None:
    run_id = desk.begin(SAMPLE, ask_mapping="always")
    first = desk.gate(run_id, "Map the columns")
    desk.rig.decide(first, Verdict.REQUEST_CHANGES, comment="EOL is *not* the end of support.")
    desk.rig.advance(run_id)
    second = desk.gate(run_id, "Map the columns")
    assert second.payload["data"] == first.payload["data"] and second.previous_id == first.id
    assert "EOL is \\*not\\* the end of support." in second.payload["summary"]


def test_people_change_the_migration_view(desk: DiscoveryDesk) -> None:
    run_id = desk.begin(SAMPLE, **QUIET, ask_migration=True)
    request = desk.gate(run_id, "Migration view of ")
    proposed = {row["application"]: row["way"] for row in request.payload["data"]["applications"]}
    assert proposed["Shop"] != "refactor"

    def refactor(data: dict[str, list[dict[str, str]]]) -> None:
        [row] = [row for row in data["applications"] if row["application"] == "Shop"]
        row["way"] = "refactor"

    desk.change(run_id, "Migration view of ", refactor)
    desk.rig.finish(run_id)
    migration = desk.table(run_id, "migration.csv").to_dicts()
    assert {row["way"] for row in migration if row["application"] == "Shop"} == {"refactor"}
    assert "decided by people" in desk.rig.run(run_id).result["report"]


def test_columns_are_called_anything(desk: DiscoveryDesk) -> None:
    head = b"Name,Serial,asset,row,record,records,column,text,_row,_file,name,0\n"
    rows = b"".join(b"srv-%02d,CZ%05d,a%d,b,c,d,to srv-03,f,g,h,i,j\n" % (n, n, n) for n in range(1, 9))
    run_id = desk.begin({"odd.csv": head + rows}, **QUIET)
    desk.rig.finish(run_id)
    assert len(desk.inventory(run_id)) == 8
