"""The tools of database maintenance on real databases: each alone, and all of them one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assent.toolbox import Limits, Registry, call
from assent.toolbox.calls import run
from assent.toolbox.discovery import find_tools
from assent.toolbox.errors import ApprovalRequiredError, ToolFailedError, ToolInputError
from assent.toolbox.uses import CallStatus, ToolUse, recording_to
from tests.workflows.conftest import ORDERS, TARGET_VARIABLE, MaintenanceRun, Shop, sqlite_input
from workflows.database_maintenance import tools
from workflows.database_maintenance.graph import _STEPS

OF_CUSTOMER, BY_CODE = "orders of a customer", "shipment by tracking code"
CUSTOMER_INDEX, CODE_INDEX = "idx_orders_customer_id_created_at", "idx_shipments_tracking_code"
NAMES = {
    "analyze_slow_queries", "identify_missing_indexes", "check_table_statistics", "optimize_table_statistics",
    "validate_optimization_results", "check_database_health", "backup_database_full", "analyze_schema", "create_index",
}  # fmt: skip


@pytest.fixture(scope="module")
def registry() -> Registry:
    return find_tools(["workflows.database_maintenance.tools"])


@pytest.fixture(params=["postgres", "sqlite"])
def given(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The input of a run on a shop, in both kinds of database."""
    if request.param == "postgres":
        return dict(request.getfixturevalue("shop").input(BY_CODE))
    request.getfixturevalue("shop_path")
    return sqlite_input(BY_CODE)


def part(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in ("target", *names)}


def test_the_tools_of_the_document_are_there_with_their_facts(registry: Registry) -> None:
    assert registry.broken == {}
    assert {tool.name for tool in registry} == NAMES
    risks = {tool.name: tool.least_risk.value for tool in registry if not tool.reads_only}
    assert risks == {"optimize_table_statistics": "low", "backup_database_full": "low", "create_index": "medium"}
    for tool in registry:
        assert tool.examples and "database" in tool.capabilities
        assert tool.takes.schema["properties"]["target"]["maxLength"] == 63
        for example in tool.examples:
            tool.takes.read(example)
    named_by_steps = {name for _, _, _, name in _STEPS.values()}
    assert NAMES - {"analyze_schema"} <= named_by_steps, "the run's page names the same tools"


def test_the_how_to_lists_them(registry: Registry) -> None:
    text = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()
    section = text.partition("## Tools of database maintenance\n")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| (\w+) \|", section)
    assert {tuple(row) for row in rows} == {
        (tool.name, tool.effect.value, tool.least_risk.value) for tool in registry
    }  # fmt: skip


def test_an_address_is_no_target(registry: Registry) -> None:
    for tool in registry:
        with pytest.raises(ToolInputError, match="target") as caught:
            run(tool, {**tool.examples[0], "target": "postgresql://dba:hunter2@db/shop"})
        assert "hunter2" not in str(caught.value)


def test_one_after_the_other_they_do_what_a_run_does(given: dict[str, Any], tmp_path: Path) -> None:
    health = call(tools.check_database_health, part(given, "workload", "backup_directory"))
    assert health.document["healthy"] is True, health.document
    assert not (tmp_path / "backups").exists(), "a tool that only reads leaves nothing behind"
    measured = part(given, "runs_per_measurement")
    slow = call(tools.analyze_slow_queries, {**measured, **part(given, "workload", "min_duration_ms")}).output
    assert [query.name for query in slow.slow_queries] == [BY_CODE] and slow.avg_duration_ms > 0
    found = call(tools.identify_missing_indexes, {**measured, "slow_queries": slow.slow_queries}).output
    assert [index.id for index in found.indexes] == [CODE_INDEX]
    assert found.estimated_improvement_pct > 15 and "on the table" not in found.indexes[0].method
    before = call(tools.analyze_schema, {"target": "shop", "tables": ["shipments", "nothing"]}).output
    assert set(before.tables) == {"shipments"} and CODE_INDEX not in before.tables["shipments"].indexes

    stale = call(tools.check_table_statistics, part(given)).output
    assert stale.total_tables_checked == 6
    refreshed = run(tools.optimize_table_statistics, {**part(given), "tables": ["orders", "nothing"]}).output
    assert refreshed.tables == ["orders"] and "There is no table nothing" in refreshed.notes[0]
    saved = run(tools.backup_database_full, part(given, "backup_directory")).output
    assert saved.verified and Path(saved.path).is_file()
    made = run(tools.create_index, {**part(given), "statement": found.indexes[0].statement}).output
    assert made.status == "created", made
    assert run(tools.create_index, {**part(given), "statement": made.statement}).output.status == "already there"

    after = call(tools.analyze_schema, {"target": "shop", "tables": ["shipments"]}).output
    assert after.tables["shipments"].indexes[CODE_INDEX] == "(tracking_code)"
    results = {**measured, "original_slow_queries": slow.slow_queries, "optimization_actions": [made]}
    judged = call(tools.validate_optimization_results, results).output
    assert judged.validation_passed and judged.performance_improvement_pct > 15
    assert [verdict.keep for verdict in judged.verdicts] == [True] and judged.queries_tested == 1


def test_a_backup_by_the_tool_deletes_no_older_one(given: dict[str, Any], tmp_path: Path) -> None:
    ending = "sqlite" if "SQLite" in tools.check_database_health(
        tools.HealthInput(**part(given))
    ).checks[0].message else "dump"  # fmt: skip
    old = tmp_path / "backups" / f"shop-20200101T000000Z-0123456789ab.{ending}"
    old.parent.mkdir()
    old.write_text("")
    run(tools.backup_database_full, part(given, "backup_directory"))
    assert old.exists() and len(list(old.parent.iterdir())) == 2


def test_nothing_that_changes_something_is_called_without_approval(shop: Shop) -> None:
    for tool in (tools.create_index, tools.optimize_table_statistics, tools.backup_database_full):
        with pytest.raises(ApprovalRequiredError):
            call(tool, dict(tool.examples[0]))
    assert shop.indexes() == {}


def test_what_is_no_index_creation_is_refused_by_the_tool_too(shop: Shop) -> None:
    for statement in ("DROP TABLE orders", "CREATE INDEX i ON orders (id); DROP TABLE orders", "nonsense"):
        made = run(tools.create_index, {"target": "shop", "statement": statement}).output
        assert made.status == "refused" and made.message
    assert shop.rows("SELECT count(*) FROM orders") == [(ORDERS,)]


def test_an_index_that_blocks_writers_is_warned_of(shop: Shop) -> None:
    found = run(tools.create_index, {"target": "shop", "statement": "CREATE INDEX i ON orders (coupon)"})
    assert found.warnings == ("Without CONCURRENTLY, nobody can write to the table while the index is built.",)


def test_a_failure_names_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, "postgresql://dba:hunter2-secret@127.0.0.1:1/shop")
    with pytest.raises(ToolFailedError) as caught:
        call(tools.analyze_schema, {"target": "shop"}, limits=Limits(attempts=1))
    assert "hunter2" not in str(caught.value) and "127.0.0.1" not in str(caught.value)
    monkeypatch.delenv(TARGET_VARIABLE)
    with pytest.raises(ToolFailedError, match="No target named 'shop'"):
        call(tools.analyze_schema, {"target": "shop"}, limits=Limits(attempts=1))


def test_dependencies_say_what_answers(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_TARGET_GONE", "postgresql://dba:hunter2-secret@127.0.0.1:1/shop")
    monkeypatch.setenv("ASSENT_TARGET_FILE", f"sqlite:///{tmp_path}/none.db")
    monkeypatch.setenv("ASSENT_TARGET_QUEUE", "amqp://host")
    found = {needed.name: needed for needed in tools.backup_database_full.check_dependencies()}
    assert found["target shop"].available and "PostgreSQL" in found["target shop"].detail
    assert not found["target gone"].available and "hunter2" not in str(found)
    assert not found["target file"].available and "target queue" not in found
    assert found["pg_dump and pg_restore"].available
    for name in ("SHOP", "GONE", "FILE"):
        monkeypatch.delenv(f"ASSENT_TARGET_{name}")
    (missing,) = tools.analyze_schema.check_dependencies()
    assert not missing.available and "ASSENT_TARGET_<NAME>" in missing.detail


def test_a_run_and_the_tools_find_the_same(shop: Shop, maintenance: Callable[[dict[str, Any]], MaintenanceRun]) -> None:
    # One path: what a run keeps in its state fits the tools' inputs.
    run_state = maintenance(shop.input(OF_CUSTOMER, BY_CODE, backup_required=False)).start().values
    found = call(tools.identify_missing_indexes, {"target": "shop", "slow_queries": run_state["queries"]}).output
    assert {index.statement for index in found.indexes} == {item["statement"] for item in run_state["candidates"]}
    json.dumps(found.model_dump(mode="json"))


def test_the_steps_of_a_run_count_as_calls_of_the_tools_whose_work_they_do(
    shop: Shop, maintenance: Callable[[dict[str, Any]], MaintenanceRun]
) -> None:
    uses: list[ToolUse] = []
    with recording_to(uses.append):
        run = maintenance(shop.input(OF_CUSTOMER, BY_CODE, backup_required=False)).start()
        run.decide("approve")
    created = [use for use in uses if use.tool == "create_index"]
    assert len(created) == len(run.applied) > 1
    assert {use.request_id for use in created} == {"request-1"}
    assert json.loads(created[0].inputs)["statement"].startswith("CREATE INDEX")
    assert {use.tool for use in uses} == NAMES
    assert {use.status for use in uses} == {CallStatus.OK}
