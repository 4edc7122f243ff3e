"""What a proposal of indexes rests on: a world that changes between the proposal and its approval."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import ORDERS, TARGET_VARIABLE, MaintenanceRun, Shop, sqlite_input
from workflows.database_maintenance import operations

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]
OF_CUSTOMER, BY_CODE = "orders of a customer", "shipment by tracking code"
CUSTOMER_INDEX, CODE_INDEX = "idx_orders_customer_id_created_at", "idx_shipments_tracking_code"
BY_HAND = "CREATE INDEX by_hand ON shipments (shipped_at)"
TENFOLD = """
INSERT INTO shipments SELECT id + 1000000 * more, order_id, tracking_code || more, shipped_at
FROM shipments, generate_series(1, 9) AS more;
ANALYZE shipments
"""


def execute(shop: Shop, statements: str) -> None:
    with shop.connect() as connection:
        connection.execute(statements.encode())


def changes(run: MaintenanceRun) -> dict[str, dict[str, Any]]:
    assert run.proposal is not None, run.values.get("report")
    return {change["path"]: change for change in run.proposal["changed"]["changes"]}


def test_a_proposal_names_table_sizes_and_existing_indexes(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    assert run.proposal is not None and "changed" not in run.proposal
    indexes, sizes = run.proposal["rests_on"]
    for basis in (indexes, sizes):
        assert basis["tool"] == "analyze_schema"
        assert basis["inputs"] == {"target": "shop", "tables": ["orders", "shipments"]}
    [existing], [rows] = indexes["values"], sizes["values"]
    assert existing["tolerance"] == "exact" and existing["value"]["orders"]["orders_created_at"] == "(created_at)"
    assert rows["tolerance"] == "magnitude" and rows["value"]["orders"] == ORDERS
    execute(shop, "DELETE FROM orders WHERE id % 2 = 0; ANALYZE orders")
    run.decide("approve")
    assert shop.indexes() == {CUSTOMER_INDEX: True, CODE_INDEX: True}, "half as many rows are about as many"
    assert [receipt["status"] for receipt in run.receipts] == ["applied"]


@pytest.mark.parametrize(
    ("statements", "path", "change"),
    [
        (BY_HAND, "tables.shipments.indexes.by_hand", {"now": "(shipped_at)", "problem": "new"}),
        (TENFOLD, "tables.shipments.rows", {"problem": ""}),
        ("DROP INDEX orders_created_at", "tables.orders.indexes.orders_created_at", {"problem": "gone"}),
    ],
    ids=["index made", "tenfold", "index dropped"],
)
def test_a_change_applies_nothing_and_is_proposed_again(
    shop: Shop, maintenance: Maintenance, statements: str, path: str, change: dict[str, Any]
) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    execute(shop, statements)
    before = shop.indexes()
    run.decide("approve")
    assert shop.indexes() == before, "nothing was applied"
    [receipt] = run.receipts
    assert receipt["status"] == "not_applied" and path in receipt["summary"]
    assert run.steps[-2:] == ["prepare", "reexamine"]
    assert changes(run)[path].items() >= change.items()
    assert run.proposal is not None and run.proposal["changed"]["request_id"] == "request-1"
    assert run.proposal["labels"]["revision"] == "1" and "Proposed again." in run.proposal["summary"]
    run.decide("approve")
    assert {CUSTOMER_INDEX, CODE_INDEX} <= set(run.applied) | set(shop.indexes())
    assert run.receipts[-1]["status"] == "applied" and run.values["changed"] is None
    assert path in run.values["report"]


def test_a_table_that_was_dropped_leaves_nothing_to_propose(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(BY_CODE)).start()
    execute(shop, "DROP TABLE shipments")
    run.decide("approve")
    assert run.proposal is None and run.values["status"] == "nothing_to_do"
    assert [receipt["status"] for receipt in run.receipts] == ["not_applied"]
    assert "tables.shipments.indexes is gone" in run.values["report"]


def test_a_target_that_cannot_be_reached_is_asked_about_again(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    monkeypatch.setenv(TARGET_VARIABLE, "postgresql://dba:hunter2-secret@127.0.0.1:1/shop")
    run.decide("modify", [run.item(CODE_INDEX)])
    [receipt] = run.receipts
    assert receipt["status"] == "not_applied" and "could not be read again" in receipt["summary"]
    assert run.proposal is not None and "hunter2" not in str(run.proposal) + str(run.receipts) + str(run.values)
    assert [item["id"] for item in run.proposal["items"]] == [CODE_INDEX], "what was left out stays out"
    monkeypatch.setenv(TARGET_VARIABLE, shop.address)
    run.decide("approve")
    assert shop.indexes() == {CODE_INDEX: True} and run.receipts[-1]["status"] == "applied"


def test_what_reviewers_left_out_stays_out(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    execute(shop, BY_HAND)
    run.decide("modify", [run.item(CODE_INDEX)])
    assert run.proposal is not None and [item["id"] for item in run.proposal["items"]] == [CODE_INDEX]


@pytest.mark.parametrize("answer", ["propose again", "stop"])
def test_after_three_changes_in_a_row_people_are_asked(shop: Shop, maintenance: Maintenance, answer: str) -> None:
    run = maintenance(shop.input(BY_CODE, backup_required=False)).start()
    for number in range(3):
        execute(shop, f"CREATE INDEX by_hand_{number} ON shipments (shipped_at)")
        run.decide("approve")
    assert run.proposal is not None and run.proposal["kind"] == "question"
    assert run.proposal["changed"]["times"] == 3 and "by_hand_2 is new" in run.proposal["question"]
    assert [receipt["status"] for receipt in run.receipts] == ["not_applied"] * 3
    run.answer(answer)
    if answer == "stop":
        assert run.proposal is None and CODE_INDEX not in shop.indexes()
        assert run.values["status"] == "refused" and "decided not to propose it again" in run.values["report"]
        return
    assert run.proposal is not None and run.proposal["kind"] == "optimizations"
    run.decide("approve")
    assert CODE_INDEX in shop.indexes() and run.receipts[-1]["status"] == "applied"


def test_a_change_while_the_queries_are_measured_applies_nothing(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = operations.measure_all

    def measure_and_change(*args: Any) -> Any:
        execute(shop, "CREATE INDEX IF NOT EXISTS by_hand ON shipments (shipped_at)")
        return measure(*args)

    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    monkeypatch.setattr(operations, "measure_all", measure_and_change)
    run.decide("approve")
    assert set(shop.indexes()) == {"by_hand"} and run.steps[-3:] == ["prepare", "apply", "reexamine"]
    assert [receipt["status"] for receipt in run.receipts] == ["not_applied"]
    assert changes(run)["tables.shipments.indexes.by_hand"]["problem"] == "new"


def test_a_change_after_the_first_index_stops_the_others(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = operations.create_index

    def create_and_change(*args: Any) -> Any:
        made = create(*args)
        execute(shop, "CREATE INDEX IF NOT EXISTS by_hand ON shipments (shipped_at)")
        return made

    monkeypatch.setattr(operations, "create_index", create_and_change)
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    first, second = [item["id"] for item in run.proposal["items"]]  # type: ignore[index]
    run.decide("approve")
    assert run.applied == {first: "created", second: "refused"}
    assert set(shop.indexes()) == {first, "by_hand"}
    assert run.receipts[-1]["status"] == "partly_applied" and "by_hand is new" in run.values["report"]


def test_on_sqlite_too(shop_path: Path, maintenance: Maintenance) -> None:
    run = maintenance(sqlite_input(BY_CODE)).start()
    with closing(sqlite3.connect(shop_path)) as connection:
        connection.execute(BY_HAND)
    run.decide("approve")
    assert changes(run)["tables.shipments.indexes.by_hand"]["problem"] == "new"
    run.decide("approve")
    assert run.applied == {CODE_INDEX: "created"}
