"""The workflow on a real PostgreSQL database: from health to report, and every way out before something is changed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.workflows.conftest import ORDERS, MaintenanceRun, Shop
from workflows.database_maintenance import constraints
from workflows.database_maintenance.candidates import make_candidate
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.joins import joins_of
from workflows.database_maintenance.measure import milliseconds, times
from workflows.database_maintenance.model import ItemStatus, Query, TrialError
from workflows.database_maintenance.operations import create_index
from workflows.database_maintenance.sample import workload_queries
from workflows.database_maintenance.targets import postgres_copies
from workflows.database_maintenance.targets.base import NeedsCopyError
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.targets.postgres_copies import reading_copies

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]

OF_CUSTOMER, BY_CODE, BY_COUPON = "orders of a customer", "shipment by tracking code", "uses of a coupon"
CUSTOMER_INDEX = "idx_orders_customer_id_created_at"
CODE_INDEX = "idx_shipments_tracking_code"
COUPON_INDEX = "idx_orders_coupon"


def plan_of(shop: Shop, name: str) -> str:
    """The plan of one query of the workload, as text."""
    text = next(query["sql"] for query in workload_queries(ORDERS) if query["name"] == name)
    return "\n".join(row[0] for row in shop.rows(f"EXPLAIN (ANALYZE, BUFFERS) {text}"))


def pages(plan: str) -> int:
    """Pages that a plan touched, of its uppermost node."""
    first = next(line for line in plan.splitlines() if "Buffers:" in line)
    return sum(int(count) for count in re.findall(r"(?:hit|read)=(\d+)", first))


def test_part_of_it_is_approved_one_statement_edited_and_the_gain_is_real(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE, BY_COUPON)).start()
    assert run.proposal is not None
    assert {item["id"] for item in run.proposal["items"]} == {CUSTOMER_INDEX, CODE_INDEX, COUPON_INDEX}
    assert shop.indexes() == {}, "trials leave no trace"
    assert run.proposal["tables"]["orders"]["rows"] == ORDERS
    assert (run.proposal["verb"], run.proposal["noun"], run.proposal["risk_floor"]) == ("create", "index", "medium")
    for item in run.proposal["items"]:
        assert item["statement"].startswith("CREATE INDEX CONCURRENTLY IF NOT EXISTS ")
        assert item["rollback"].startswith("DROP INDEX CONCURRENTLY IF EXISTS ")
        assert item["benefit_factor"] > 1.2 and "×" in item["benefit"] and "B" in item["cost"]
    before = {name: plan_of(shop, name) for name in (OF_CUSTOMER, BY_CODE, BY_COUPON)}

    edited = f"CREATE INDEX CONCURRENTLY {CUSTOMER_INDEX} ON orders (customer_id, created_at DESC) INCLUDE (status)"
    items = [{**run.item(CUSTOMER_INDEX), "statement": edited}, run.item(CODE_INDEX)]
    run.decide("modify", items)

    assert shop.indexes() == {CUSTOMER_INDEX: True, CODE_INDEX: True}
    assert run.applied == {CUSTOMER_INDEX: "created", CODE_INDEX: "created"}
    definition = shop.rows("SELECT pg_get_indexdef(%s::regclass)", CUSTOMER_INDEX)[0][0]
    assert "created_at DESC" in definition and "INCLUDE (status)" in definition
    after = {name: plan_of(shop, name) for name in before}
    for name, index in ((OF_CUSTOMER, CUSTOMER_INDEX), (BY_CODE, CODE_INDEX)):
        assert index not in before[name] and f"using {index}" in after[name]
        assert pages(after[name]) * 10 < pages(before[name])
    assert "Seq Scan on orders" in after[BY_COUPON], "what was not approved was not created"

    (receipt,) = run.receipts
    assert receipt["status"] == "applied" and "2 of 2" in receipt["summary"]
    assert [item["statement"] for item in receipt["detail"]["items"]] == [edited, items[1]["statement"]]
    assert run.values["factor_of_users"] > 1.2
    report = run.artifacts["report.md"]
    assert report["media_type"] == "text/markdown" and report["content"] == run.values["report"]
    assert f"measured factor {times(run.values['factor'])}" in report["content"]
    assert list((shop.folder / "backups").glob("shop-*.dump"))


def test_state_is_json_and_holds_no_address(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    separator = "&" if "?" in shop.address else "?"
    monkeypatch.setenv("ASSENT_TARGET_SHOP", f"{shop.address}{separator}password=correct-horse-battery")
    run = maintenance(shop.input(BY_CODE)).start().decide("approve")
    text = json.dumps([dict(run.values), run.receipts, run.artifacts])
    assert run.applied == {CODE_INDEX: "created"}
    assert "correct-horse-battery" not in text and "postgresql://" not in text and shop.address not in text
    host = conninfo_to_dict(shop.address).get("host")
    assert host and str(host) not in text


@pytest.mark.parametrize("verdict", ["reject", "answer"])
def test_what_is_not_approved_changes_nothing(shop: Shop, maintenance: Maintenance, verdict: str) -> None:
    run = maintenance(shop.input(BY_CODE)).start().decide(verdict, comment="not in the season")
    assert shop.indexes() == {}
    assert [receipt["status"] for receipt in run.receipts] == ["not_applied"]
    assert run.values["status"] == "not_approved"
    assert "No index was created" in run.artifacts["report.md"]["content"]
    assert "apply" not in run.steps


def test_a_remark_makes_a_revision(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    run.decide("request_changes", comment="Leave out the index on shipments.")
    assert run.proposal is not None
    assert [item["id"] for item in run.proposal["items"]] == [CUSTOMER_INDEX]
    assert run.proposal["labels"]["revision"] == "1"
    assert "Leave out the index on shipments." in run.proposal["summary"]
    assert run.receipts[0]["status"] == "not_applied"
    run.decide("approve")
    assert shop.indexes() == {CUSTOMER_INDEX: True}


def test_sent_back_too_often_ends_without_a_change(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(BY_CODE, max_revisions=1)).start()
    run.decide("request_changes", comment="why?").decide("request_changes", comment="why?")
    assert run.proposal is None and shop.indexes() == {}
    assert run.values["status"] == "not_approved" and len(run.receipts) == 2


def test_an_index_that_does_not_help_is_rolled_back(shop: Shop, maintenance: Maintenance) -> None:
    run = maintenance(shop.input(OF_CUSTOMER, BY_CODE)).start()
    useless = f"CREATE INDEX CONCURRENTLY {CUSTOMER_INDEX} ON orders (note)"
    run.decide("modify", [{**run.item(CUSTOMER_INDEX), "statement": useless}, run.item(CODE_INDEX)])
    assert shop.indexes() == {CODE_INDEX: True}
    assert run.applied == {CUSTOMER_INDEX: "rolled back", CODE_INDEX: "created"}
    assert run.receipts[-1]["status"] == "partly_applied"
    assert "No measured query uses it" in run.values["report"]


REFUSED = {
    "DROP TABLE orders": "Only a CREATE INDEX",
    "CREATE INDEX a ON shipments (order_id); DROP TABLE customers": "2 statements",
    "CREATE INDEX a ON pg_catalog.pg_class (relname)": "no table 'pg_class'",
    "CREATE INDEX a ON nowhere (x)": "no table 'nowhere'",
    "CREATE INDEX orders_pkey ON orders (status)": "another definition",
    "CREATE INDEX twin ON orders (created_at)": "orders_created_at is identical",
}


def test_edits_that_are_no_index_creation_are_refused(shop: Shop, maintenance: Maintenance) -> None:
    settings = MaintenanceInput.model_validate(shop.input())
    for statement, reason in REFUSED.items():
        record = create_index(settings, "i", statement)
        assert record.status is ItemStatus.REFUSED and reason in record.message, record
    run = maintenance(shop.input(BY_CODE, backup_required=False)).start()
    run.decide("modify", [{**run.item(CODE_INDEX), "statement": "DROP TABLE orders"}])
    assert run.applied == {CODE_INDEX: "refused"} and "Only a CREATE INDEX" in run.values["report"]
    assert run.receipts[-1]["status"] == "not_applied"
    assert shop.indexes() == {} and shop.rows("SELECT count(*) FROM customers")[0][0] == ORDERS // 10


def test_tables_over_the_row_limit_are_not_modified(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE TABLE small AS SELECT id, note FROM orders LIMIT 3000")
        connection.execute("ANALYZE small")
    limited = shop.input(OF_CUSTOMER, max_table_rows=ORDERS - 1)
    run = maintenance(limited).start()
    assert run.proposal is None and "orders has 40,000 rows" in run.values["report"] and "backup" not in run.steps

    limited["workload"] = "SELECT * FROM small WHERE id = 5;"
    run = maintenance({**limited, "min_duration_ms": 0}).start()
    item = run.item("idx_small_id")
    run.decide("modify", [{**item, "statement": "CREATE INDEX sneaky ON orders (customer_id)"}])
    assert run.applied == {"idx_small_id": "refused"} and shop.indexes() == {}


def test_outside_the_allowed_hours_nobody_is_asked(shop: Shop, maintenance: Maintenance) -> None:
    hour = datetime.now(UTC).hour
    allowed = [(hour + 5) % 24, (hour + 6) % 24]
    run = maintenance(shop.input(BY_CODE, allowed_hours=allowed)).start()
    assert run.proposal is None and shop.indexes() == {} and "backup" not in run.steps
    assert run.values["status"] == "refused"
    assert "indexes may be created only in the hours" in run.artifacts["report.md"]["content"]


def test_hours_that_passed_while_people_decided_refuse_too(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    run = maintenance(shop.input(BY_CODE, allowed_hours=[now.hour, (now.hour + 1) % 24])).start()
    monkeypatch.setattr(constraints, "now", lambda: now + timedelta(hours=5))
    run.decide("approve")
    assert shop.indexes() == {} and run.applied == {CODE_INDEX: "refused"}
    assert [receipt["status"] for receipt in run.receipts] == ["not_applied"]


def test_without_a_proved_backup_nothing_is_proposed(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as connection:
        # A check that looks at another table by an unqualified name cannot be restored, a well-known trap.
        connection.execute("CREATE FUNCTION filled() RETURNS bool LANGUAGE sql AS 'SELECT count(*) > 0 FROM orders'")
        connection.execute("CREATE TABLE checked (v int CHECK (filled()))")
        connection.execute("INSERT INTO checked VALUES (1)")
    run = maintenance(shop.input(BY_CODE)).start()
    assert run.proposal is None and shop.indexes() == {}
    assert run.values["status"] == "refused" and "verified backup is required" in run.values["report"]
    assert not [path for path in (shop.folder / "backups").iterdir() if path.suffix == ".dump"]
    assert shop.rows("SELECT count(*) FROM pg_database WHERE datname LIKE 'assent_restore_%'") == [(0,)]


def test_an_old_backup_is_made_again_before_anything_is_created(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = maintenance(shop.input(BY_CODE, backup_max_age_hours=1)).start()
    first = run.values["backup"]["path"]
    later = datetime.now(UTC) + timedelta(hours=3)
    monkeypatch.setattr(constraints, "now", lambda: later)
    run.decide("approve")
    assert run.values["backup"]["path"] != first and Path(run.values["backup"]["path"]).is_file()
    assert shop.indexes() == {CODE_INDEX: True}


def test_no_slow_queries_means_nobody_is_asked(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as connection:
        connection.execute("UPDATE customers SET country = 'DE'")
        connection.execute("SELECT pg_stat_force_next_flush()")
    run = maintenance(shop.input(min_duration_ms=60_000)).start()
    assert run.proposal is None and run.values["status"] == "nothing_to_do" and not run.receipts
    assert "No slow queries" in run.values["report"]
    assert "backup" not in run.steps and "customers" in run.values["analyzed"]

    run = maintenance(shop.input("revenue by channel")).start()
    assert run.proposal is None and "No index was found that would help enough" in run.values["report"]
    assert "| revenue by channel | none of its conditions can use an index" in run.values["report"]

    run = maintenance({**shop.input(), "workload": ""}).start()
    assert run.proposal is None and "There is no workload" in run.values["report"]


def test_queries_of_pg_stat_statements_get_values_and_are_measured(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as connection:
        connection.execute(
            "CREATE TABLE pg_stat_statements (dbid oid, userid oid, queryid bigint, query text, calls bigint, "
            "total_exec_time float8, mean_exec_time float8, rows bigint)"
        )
        database = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        statements = [
            (1, "SELECT * FROM orders WHERE customer_id = $1 ORDER BY created_at DESC LIMIT $2", 900, 12.0, 0),
            (2, "SELECT count(*) FROM shipments WHERE tracking_code = $1", 50, 9.0, 0),
            (3, "UPDATE orders SET note = $1 WHERE coupon = $2", 800, 20.0, 0),
            (4, "SELECT * FROM orders WHERE note = $1 || $2", 10, 30.0, 0),
            (5, "SELECT * FROM customers WHERE country = $1", 10, 0.01, 0),
            (6, "SELECT * FROM elsewhere WHERE coupon = $1", 99, 99.0, 1),
            (7, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity", 99, 99.0, 0),
        ]
        for queryid, text, calls, mean, other in statements:
            assert database is not None
            connection.execute(
                "INSERT INTO pg_stat_statements VALUES (%s, 10, %s, %s, %s, %s, %s, 1)",
                (1 if other else database[0], queryid, text, calls, calls * mean, mean),
            )
    run = maintenance({**shop.input(), "workload": "", "min_duration_ms": 5}).start()
    assert run.values["source"] == "pg_stat_statements"
    assert {query["name"]: query["weight"] for query in run.values["queries"]} == {
        "statement 1": 900,
        "statement 2": 50,
    }
    skipped = {query["name"]: query["reason"] for query in run.values["skipped"]}
    assert set(skipped) == {"statement 4", "statement 7"} and "calls pg_cancel_backend" in skipped["statement 7"]
    assert run.proposal is not None and "“statement 7”: not run before approval" in run.proposal["summary"]
    assert {item["id"] for item in run.proposal["items"]} >= {CODE_INDEX}

    chosen = maintenance(shop.input(BY_CODE, query_source="workload")).start()
    assert chosen.values["source"] == "workload"


def test_trials_on_sampled_copies_touch_no_table(shop: Shop, maintenance: Maintenance) -> None:
    # A writer that is at work the whole time: a trial on the table itself would have to wait for it.
    with shop.connect() as writer, writer.transaction():
        writer.execute("UPDATE shipments SET shipped_at = shipped_at WHERE id = 1")
        item = maintenance(shop.input(BY_CODE, trial_rows=0, backup_required=False)).start().item(CODE_INDEX)
    assert "copy" in item["rationale"] and item["benefit_factor"] > 1.2
    assert shop.indexes() == {}


def test_a_writer_in_the_way_turns_the_trial_to_a_copy(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as writer, writer.transaction():
        writer.execute("UPDATE shipments SET shipped_at = shipped_at WHERE id = 1")
        run = maintenance(shop.input(BY_CODE, backup_required=False, trials_on="tables")).start()
    assert "copy" in run.item(CODE_INDEX)["rationale"]


LOCKS = """
SELECT mode FROM pg_locks WHERE relation = 'public.shipments'::regclass AND mode NOT IN ('AccessShareLock')
"""


def test_trials_hold_locks_only_where_the_input_says_so_and_as_long_as_it_allows(shop: Shop) -> None:
    def held(**changes: Any) -> tuple[str, list[tuple[str]]]:
        with opened(MaintenanceInput.model_validate(shop.input(**changes))) as target:
            candidate = make_candidate(target.schema().tables["shipments"], ["tracking_code"], "postgres", "q")
            with target.lab(["shipments"], set()) as lab:
                lab.build(candidate)
                locks = shop.rows(LOCKS)
                query = Query(id="q", name="q", sql="SELECT * FROM public.shipments WHERE tracking_code = 'T1'")
                assert lab.measure(query).indexes == [candidate.id]
                return lab.method_for("shipments"), locks

    assert held() == ("measured on a whole copy of the table", [])
    assert held(trials_on="tables", trial_lock_ms=60_000) == (
        "measured on the table itself and rolled back", [("ShareLock",)]
    )  # fmt: skip
    with pytest.raises(NeedsCopyError):
        held(trials_on="tables", trial_lock_ms=1)


def test_samples_keep_joins(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_copies, "_SAMPLE_ROWS", (2_000, 2_000))
    sql = "SELECT o.id FROM shipments s JOIN Orders o ON o.id = s.order_id JOIN customers c ON c.id = o.customer_id"
    with opened(MaintenanceInput.model_validate(shop.input(trial_rows=0))) as target:
        schema = target.schema()
        joins = joins_of([Query(id="q", name="q", sql=sql)], schema, "postgres")
        tables = [schema.tables[name] for name in ("shipments", "orders", "customers")]
        copies = target.copies.of(tables, joins)  # type: ignore[attr-defined]
        rows = {name: target.rows(f"SELECT count(*) FROM {copy.place}")[0][0] for name, copy in copies.items()}  # type: ignore[attr-defined]
        joined = target.rows(f"SELECT count(*) FROM ({reading_copies(sql, schema, copies)}) AS j")[0][0]  # type: ignore[attr-defined]
    assert all(copy.scale > 1 and rows[name] < copy.table.rows for name, copy in copies.items()), copies
    whole = shop.rows(f"SELECT count(*) FROM ({sql}) AS j")[0][0]
    largest = min(copies.values(), key=lambda copy: -copy.table.rows)
    assert joined * largest.scale > whole / 4, "samples that are taken separately have nearly nothing to join"


def test_a_trial_on_a_sample_is_an_estimate_and_now_is_measured(
    shop: Shop, maintenance: Maintenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_copies, "_SAMPLE_ROWS", (20_000, 20_000))
    run = maintenance(shop.input(BY_CODE, trial_rows=0, backup_required=False)).start()
    assert run.proposal is not None
    item, now = run.item(CODE_INDEX), run.values["queries"][0]["measured"]["ms"]
    assert "Estimated on a copy of one row in" in item["rationale"] and item["benefit"].endswith("× (estimated)")
    assert f"| {BY_CODE} | {milliseconds(now)} | " in run.proposal["summary"]
    assert "(estimated) |" in run.proposal["summary"]
    assert "1 of 1 queries were tried on samples" in run.proposal["summary"]


TENANTS = """
CREATE SCHEMA tenant_a; CREATE SCHEMA tenant_b;
CREATE TABLE tenant_a.orders AS SELECT id, customer_id, coupon AS "Coupon" FROM orders;
CREATE TABLE tenant_b.orders AS SELECT id, customer_id AS "CustomerId" FROM orders;
CREATE TABLE "Orders" AS SELECT id, customer_id FROM orders;
ANALYZE;
"""


def test_equal_names_in_several_schemas_and_in_other_case(shop: Shop, maintenance: Maintenance) -> None:
    with shop.connect() as connection:
        connection.execute(TENANTS)
    workload = (
        "-- name: both\nSELECT A.Customer_ID, Tenant_B.Orders.* FROM Tenant_A.Orders A, tenant_b.ORDERS "
        'WHERE a.ID = 77 AND tenant_b.orders."CustomerId" = 78;'
        '-- name: other case\nSELECT * FROM "Orders" WHERE Customer_Id = 5;'
    )
    run = maintenance(shop.input(workload=workload, backup_required=False)).start()
    assert run.proposal is not None, run.values["report"]
    assert {item["statement"].split(" ON ")[1] for item in run.proposal["items"]} == {
        "tenant_a.orders (id)", 'tenant_b.orders ("CustomerId")', '"Orders" (customer_id)',
    }  # fmt: skip
    run.decide("approve")
    assert set(run.applied.values()) == {"created"}
    made = shop.rows("SELECT schemaname, tablename FROM pg_indexes WHERE indexname LIKE 'idx\\_%'")
    assert set(made) == {("tenant_a", "orders"), ("tenant_b", "orders"), ("public", "Orders")}


def test_measured_queries_cannot_write_whatever_they_call(shop: Shop) -> None:
    with shop.connect() as connection:
        connection.execute("CREATE FUNCTION sly() RETURNS int LANGUAGE sql AS 'DELETE FROM orders RETURNING id'")
    settings = MaintenanceInput.model_validate(shop.input())
    with opened(settings) as target:
        for text in ("SELECT sly()", "SELECT 1; DELETE FROM orders", "SELECT 1) ; DELETE FROM orders; --"):
            with pytest.raises(TrialError, match=r"refuses it|not run before approval: it calls public\.sly\(\)"):
                target.measure(Query(id="q", name="q", sql=text))
    assert shop.rows("SELECT count(*) FROM orders")[0][0] == ORDERS


def test_a_query_that_never_ends_is_stopped_and_its_scans_estimated(shop: Shop) -> None:
    settings = MaintenanceInput.model_validate(shop.input(query_timeout_ms=100))
    with opened(settings) as target:
        measured = target.measure(
            Query(id="q", name="q", sql="SELECT count(*) FROM orders a, orders b WHERE a.note <> b.note")
        )
    assert measured.timed_out and measured.ms == 100
    assert {scan.table for scan in measured.scans if scan.read >= ORDERS} == {"orders"}


def test_every_node_says_who_acts() -> None:
    graph = MaintenanceRun({"target": "shop"}).graph
    for name, node in graph.nodes.items():
        if not name.startswith("__"):
            assert set(node.metadata or {}) >= {"title", "agent", "tool"}, name
