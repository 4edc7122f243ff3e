"""The workflow on a SQLite file, and the sample for both databases."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.workflows.conftest import SQLITE_ORDERS as ORDERS
from tests.workflows.conftest import TARGET_VARIABLE, MaintenanceRun, sqlite_input
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import Applied, ItemStatus, Query, TargetError, TrialError
from workflows.database_maintenance.operations import create_index
from workflows.database_maintenance.sample import (
    SampleError,
    create_sample,
    sample_workload,
    workload_queries,
)
from workflows.database_maintenance.statements import read_definition
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.targets.sqlite import SqliteTarget, path_of

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]
OF_CUSTOMER, BY_CODE = "orders of a customer", "shipment by tracking code"
CUSTOMER_INDEX, CODE_INDEX = "idx_orders_customer_id_created_at", "idx_shipments_tracking_code"


def indexes(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return {row[0] for row in rows} - {"orders_created_at"}


def plan(path: Path, name: str) -> str:
    text = next(query["sql"] for query in workload_queries(ORDERS) if query["name"] == name)
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}"))


def test_the_whole_path(shop_path: Path, maintenance: Maintenance) -> None:
    run = maintenance(sqlite_input(OF_CUSTOMER, BY_CODE)).start()
    assert run.proposal is not None and run.proposal["dialect"] == "sqlite"
    assert {item["id"] for item in run.proposal["items"]} == {CUSTOMER_INDEX, CODE_INDEX}
    assert indexes(shop_path) == set()
    assert "SCAN shipments" in plan(shop_path, BY_CODE)
    edited = f"CREATE INDEX {CODE_INDEX} ON shipments (tracking_code, order_id)"
    run.decide("modify", [{**run.item(CODE_INDEX), "statement": edited}])
    assert indexes(shop_path) == {CODE_INDEX}
    assert f"USING INDEX {CODE_INDEX}" in plan(shop_path, BY_CODE)
    assert run.applied == {CODE_INDEX: "created"} and run.receipts[-1]["status"] == "applied"
    assert run.values["factor_of_users"] > 1 and "measured factor" in run.artifacts["report.md"]["content"]
    (saved,) = (shop_path.parent / "backups").glob("shop-*.sqlite")
    with closing(sqlite3.connect(saved)) as restored:
        assert restored.execute("SELECT count(*) FROM orders").fetchone() == (ORDERS,)
    assert str(shop_path) not in json.dumps(run.values)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP TABLE orders", "Only a CREATE INDEX"),
        ("CREATE INDEX CONCURRENTLY i ON orders (coupon)", "CONCURRENTLY"),
        ("CREATE INDEX orders_created_at ON orders (coupon)", "another definition"),
        ("CREATE INDEX again ON orders (created_at)", "the same definition"),
        ("CREATE UNIQUE INDEX u ON orders (status)", "UNIQUE"),
    ],
)
def test_edits_that_do_not_work(shop_path: Path, maintenance: Maintenance, statement: str, reason: str) -> None:
    run = maintenance(sqlite_input(BY_CODE)).start()
    run.decide("modify", [{**run.item(CODE_INDEX), "statement": statement}])
    assert indexes(shop_path) == set() and reason in run.values["report"]


def test_useless_indexes_go_again(shop_path: Path, maintenance: Maintenance) -> None:
    run = maintenance(sqlite_input(BY_CODE)).start()
    run.decide("modify", [{**run.item(CODE_INDEX), "statement": f"CREATE INDEX {CODE_INDEX} ON orders (note)"}])
    assert indexes(shop_path) == set() and run.applied == {CODE_INDEX: "rolled back"}


def test_rejection_changes_nothing_but_statistics(shop_path: Path, maintenance: Maintenance) -> None:
    run = maintenance(sqlite_input(BY_CODE)).start().decide("reject")
    assert indexes(shop_path) == set() and run.receipts[-1]["status"] == "not_applied"
    assert "orders" in run.values["analyzed"]
    again = maintenance(sqlite_input(BY_CODE)).start()
    assert again.values["stale"] == [], "what is fresh is not analysed again"


def test_a_second_attempt_finds_the_index(
    shop_path: Path, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = SqliteTarget.create_index

    def create_and_die(self: SqliteTarget, *args: Any) -> Any:
        create(self, *args)
        raise KeyboardInterrupt

    run = maintenance(sqlite_input(BY_CODE)).start()
    monkeypatch.setattr(SqliteTarget, "create_index", create_and_die)
    with pytest.raises(KeyboardInterrupt):
        run.decide("approve")
    monkeypatch.setattr(SqliteTarget, "create_index", create)
    run.carry_on()
    assert indexes(shop_path) == {CODE_INDEX} and run.applied == {CODE_INDEX: "created"}


def test_a_measured_query_neither_writes_nor_runs_for_ever(shop_path: Path) -> None:
    settings = MaintenanceInput.model_validate(sqlite_input(query_timeout_ms=100))
    before = hashlib.sha256(shop_path.read_bytes()).hexdigest()
    with opened(settings) as target:
        with pytest.raises(TrialError):
            target.measure(Query(id="q", name="q", sql="DELETE FROM orders"))
        endless = "SELECT count(*) FROM orders a, orders b WHERE a.note <> b.note"
        measured = target.measure(Query(id="q", name="q", sql=endless))
    assert measured.timed_out and measured.ms == 100
    assert hashlib.sha256(shop_path.read_bytes()).hexdigest() == before


def test_a_writer_in_the_way_is_waited_for_as_long_as_the_input_allows(shop_path: Path) -> None:
    statement = f"CREATE INDEX {CODE_INDEX} ON shipments (tracking_code)"
    with closing(sqlite3.connect(shop_path, isolation_level=None, check_same_thread=False)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        impatient = MaintenanceInput.model_validate(sqlite_input(build_timeout_s=1, query_timeout_ms=100))
        with opened(impatient) as target:
            with pytest.raises(TrialError, match=r"another process has been writing to the database for 0\.1 s"):
                target.analyze("shipments")
            record = create_index(impatient, "i", statement)
        assert record.status is ItemStatus.FAILED and "another process has been writing" in record.message
        patient = MaintenanceInput.model_validate(sqlite_input(build_timeout_s=60))
        found: list[Applied] = []
        waiting = threading.Thread(target=lambda: found.append(create_index(patient, "i", statement)))
        waiting.start()
        writer.execute("COMMIT")
        waiting.join(60)
    assert [record.status for record in found] == [ItemStatus.CREATED] and indexes(shop_path) == {CODE_INDEX}


def test_names_in_other_case_and_with_blanks(
    tmp_path: Path, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "camel.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            'CREATE TABLE "Order Lines" (Id INTEGER PRIMARY KEY, OrderId INT, "Größe" TEXT);'
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
            'INSERT INTO "Order Lines" SELECT i, i / 3, i % 40 FROM n;'
        )
    monkeypatch.setenv(TARGET_VARIABLE, f"sqlite:///{path}")
    workload = '-- name: lines\nSELECT * FROM "order lines" L WHERE l.orderid = 77 AND L."größe" = \'1\';'
    run = maintenance({**sqlite_input(), "workload": workload}).start()
    assert run.proposal is not None, run.values["report"]
    (item,) = run.proposal["items"]
    assert 'ON "Order Lines" ("OrderId"' in item["statement"]
    assert "to keep" not in item["rationale"]
    run.decide("approve")
    assert indexes(path) == {item["id"]} and run.applied == {item["id"]: "created"}, run.values["report"]
    assert run.values["verdicts"][0]["keep"]


def test_existing_indexes_are_read_with_their_expressions(shop_path: Path) -> None:
    with closing(sqlite3.connect(shop_path)) as connection:
        connection.execute("CREATE INDEX by_mail ON customers (lower(email), country DESC)")
        connection.execute("CREATE TABLE pairs (a int, b int, UNIQUE (a, b))")
    with opened(MaintenanceInput.model_validate(sqlite_input())) as target:
        schema = target.schema()
        definition = read_definition("CREATE INDEX by_mail ON customers (LOWER(email), country DESC)", "sqlite")
        found = target.find_index(definition, schema)
    assert found is not None and found.keys == definition.keys == ["lower(email)", "country desc"]
    assert [index.keys for index in schema.tables["pairs"].indexes] == [["a", "b"]]
    assert schema.tables["orders"].indexes[0].keys == ["id"]


def test_a_missing_file_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TARGET_VARIABLE, f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(TargetError), opened(MaintenanceInput(target="shop")):
        pass
    assert list(tmp_path.iterdir()) == []
    assert path_of("sqlite:////srv/a%20b.db") == Path("/srv/a b.db") and path_of("sqlite:///rel.db") == Path("rel.db")


def test_the_sample_is_made_once_and_remade_for_another_size(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "shop.db"
    create_sample(f"sqlite:///{path}", orders=500)
    first = path.read_bytes()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE INDEX mine ON orders (coupon)")
    create_sample(f"sqlite:///{path}", orders=500)
    assert indexes(path) == {"mine"}
    create_sample(f"sqlite:///{path}", orders=600)
    assert indexes(path) == set()
    create_sample(f"sqlite:///{path}", orders=500)
    assert path.read_bytes() == first, "the same seed makes the same shop"
    assert [file.name for file in path.parent.iterdir()] == ["shop.db"]


def test_the_sample_leaves_other_databases_alone(tmp_path: Path, empty_database_url: str) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id int)")
    with pytest.raises(SampleError, match="orders"):
        create_sample(f"sqlite:///{path}", orders=500)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE customers (id int)")
    with pytest.raises(SampleError, match="customers"):
        create_sample(empty_database_url, orders=500)


def test_the_postgres_sample_is_made_once_and_half_made_ones_never_stay(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("workflows.database_maintenance.sample._MARKER", "CREATE TABLE broken (")
        with pytest.raises(psycopg.errors.SyntaxError):
            create_sample(empty_database_url, orders=500)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        create_sample(empty_database_url, orders=500)
        connection.execute("CREATE INDEX mine ON orders (coupon)")
        create_sample(empty_database_url, orders=500)
        assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'mine'").fetchone() == (1,)
        digest = "SELECT md5(string_agg(o::text, '' ORDER BY id)) FROM orders o"
        first = connection.execute(digest).fetchone()
        create_sample(empty_database_url, orders=500, seed=8)
        assert connection.execute(digest).fetchone() != first
        create_sample(empty_database_url, orders=500)
        assert connection.execute(digest).fetchone() == first


def test_the_workload_fits_the_sample(shop_file: Path, tmp_path: Path) -> None:
    path = sample_workload(tmp_path / "new" / "workload.json", orders=ORDERS)
    queries = json.loads(path.read_text())["queries"]
    assert queries == workload_queries(ORDERS) and len({query["name"] for query in queries}) == len(queries)
    with closing(sqlite3.connect(shop_file)) as connection:
        for query in queries:
            assert connection.execute(query["sql"]).fetchall(), query["name"]
