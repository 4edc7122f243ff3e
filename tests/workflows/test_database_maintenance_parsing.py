"""What is read from texts: queries, statements, workloads, parameters, remarks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest
from pydantic import ValidationError

from workflows.database_maintenance.candidates import MAX_KEYS, candidates_for, key_lists, make_candidate, usages
from workflows.database_maintenance.comments import left_out
from workflows.database_maintenance.constraints import outside_hours
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.measure import effect_on, gain_in_words, milliseconds, repeat, size, times
from workflows.database_maintenance.model import (
    Applied,
    Index,
    ItemStatus,
    Measurement,
    Query,
    Scan,
    Schema,
    StatementRefused,
    Table,
)
from workflows.database_maintenance.names import Names
from workflows.database_maintenance.parameters import fill_parameters
from workflows.database_maintenance.sqltext import normal, quote, shorten, split_statements
from workflows.database_maintenance.statements import covered_by, locate, read_definition, same
from workflows.database_maintenance.targets.plans import read_postgres, read_sqlite
from workflows.database_maintenance.validation import judge
from workflows.database_maintenance.workload import WorkloadError, load_workload

ORDERS = Table(
    name="orders",
    schema_name="public",
    bare="orders",
    rows=300_000,
    columns=dict.fromkeys(("id", "customer_id", "status", "created_at", "coupon", "paid"), "text"),
    indexes=[Index(name="orders_pkey", table="orders", keys=["id"], unique=True)],
)
CUSTOMERS = Table(
    name="customers",
    schema_name="public",
    bare="customers",
    rows=30_000,
    columns=dict.fromkeys(("id", "email", "country"), "text"),
)
SCHEMA = Schema(tables={"orders": ORDERS, "customers": CUSTOMERS})


def of_table(sql: str, table: str, dialect: str = "postgres") -> list[list[str]]:
    return [keys for usage in usages(sql, SCHEMA, dialect) if usage.table.bare == table for keys in key_lists(usage)]


@pytest.mark.parametrize(
    ("sql", "table", "first"),
    [
        ("SELECT * FROM orders WHERE customer_id = 5", "orders", ["customer_id"]),
        ("SELECT * FROM orders WHERE 5 = customer_id", "orders", ["customer_id"]),
        ("SELECT * FROM orders o WHERE o.status = 'x' AND o.created_at > now()", "orders", ["status", "created_at"]),
        ("SELECT * FROM orders WHERE status='x' ORDER BY created_at DESC LIMIT 5", "orders", ["status", "created_at"]),
        ("SELECT * FROM orders WHERE status = 'a' OR status = 'b'", "orders", ["status"]),
        ("SELECT * FROM orders WHERE status IN ('a', 'b') AND customer_id = 1", "orders", ["customer_id", "status"]),
        ("SELECT * FROM orders WHERE coupon IS NULL", "orders", ["coupon"]),
        ("SELECT * FROM orders WHERE paid", "orders", ["paid"]),
        ("SELECT * FROM orders WHERE created_at BETWEEN '2024' AND '2025'", "orders", ["created_at"]),
        ("SELECT * FROM orders WHERE coupon LIKE 'SPRING%'", "orders", ["coupon text_pattern_ops"]),
        ("SELECT max(created_at) FROM orders", "orders", ["created_at"]),
        ("SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id", "orders", ["customer_id"]),
        ("SELECT * FROM customers c, orders o WHERE o.customer_id = c.id", "orders", ["customer_id"]),
        ("SELECT * FROM customers WHERE lower(email) = 'x'", "customers", ["lower(email)"]),
        ("SELECT O.Total FROM Public.Orders o WHERE o.Customer_ID = 5", "orders", ["customer_id"]),
        ("SELECT * FROM CUSTOMERS WHERE Lower(CUSTOMERS.Email) = 'x'", "customers", ["lower(email)"]),
        ('SELECT * FROM "orders" JOIN Customers c ON "customer_id" = C.ID', "orders", ["customer_id"]),
        ("SELECT * FROM orders WHERE created_at::date = '2024-01-01'", "orders", ["(CAST(created_at AS DATE))"]),
        ("WITH recent AS (SELECT * FROM orders WHERE status = 'x') SELECT * FROM recent", "orders", ["status"]),
        (
            "SELECT * FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
            "orders",
            ["customer_id"],
        ),
        (
            "SELECT * FROM orders WHERE customer_id = 1 ORDER BY created_at DESC, id",
            "orders",
            ["customer_id", "created_at", "id desc"],
        ),
    ],
)  # fmt: skip
def test_keys_that_are_tried_first(sql: str, table: str, first: list[str]) -> None:
    assert of_table(sql, table)[0] == first


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM orders",
        "SELECT * FROM orders WHERE status LIKE '%x'",
        "SELECT status, count(*) FROM orders GROUP BY status ORDER BY count(*)",
        "SELECT * FROM elsewhere WHERE a = 1",
    ],
)
def test_queries_that_no_index_is_tried_for(sql: str) -> None:
    assert of_table(sql, "orders") == []


def test_using_joins_both_sides_and_keys_stay_few() -> None:
    one = Table(name="a", bare="a", columns=dict.fromkeys("vwxyz", "int"))
    schema = Schema(tables={"a": one, "b": Table(name="b", bare="b", columns={"v": "int"})})
    found = usages("SELECT * FROM a JOIN b USING (v) WHERE w=1 AND x=1 AND y=1 AND z=1", schema, "postgres")
    assert [usage.joins for usage in found] == [["v"], ["v"]]
    assert all(len(keys) <= MAX_KEYS for usage in found for keys in key_lists(usage))


def scanned(sql: str, *tables: str) -> Query:
    scans = [Scan(table=table, kind="seq scan", read=300_000, kept=1) for table in tables]
    return Query(id="q1", name="q1", sql=sql, measured=Measurement(ms=10, scans=scans))


def test_candidates_need_a_plan_that_reads_much_and_a_table_within_the_limit() -> None:
    sql = "SELECT * FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.country = 'DE'"

    def tables(query: Query, limit: int) -> set[str]:
        return {candidate.table for candidate in candidates_for(query, SCHEMA, "postgres", limit)}

    assert tables(scanned(sql, "orders", "customers"), 5_000_000) == {"orders", "customers"}
    assert tables(scanned(sql, "orders"), 5_000_000) == {"orders"}
    assert tables(scanned(sql, "orders", "customers"), 299_999) == {"customers"}


def test_candidates_that_an_index_covers_already_are_left_out() -> None:
    query = scanned("SELECT * FROM orders WHERE customer_id = 1 AND created_at > '2024'", "orders")
    existing = Index(name="i", table="orders", keys=["customer_id", "created_at", "status"])
    schema = Schema(tables={"orders": ORDERS.model_copy(update={"indexes": [existing]})})
    keys = [candidate.keys for candidate in candidates_for(query, schema, "postgres", 10**9)]
    assert ["customer_id", "created_at"] not in keys and ["customer_id"] not in keys
    assert keys == [["created_at"]]


@pytest.mark.parametrize(
    ("keys", "existing", "covered"),
    [
        (["a"], ["a", "b"], True),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["b"], ["a", "b"], False),
        (["a"], ["a desc"], True),
        (["a", "b desc"], ["a desc", "b"], True),
        (["a", "b desc"], ["a", "b"], False),
        (["lower(email)"], ["lower(email)"], True),
    ],
)
def test_prefix_duplicates(keys: list[str], existing: list[str], covered: bool) -> None:
    index = Index(name="i", table="t", keys=existing)
    assert covered_by(keys, index, "postgres") is covered
    for change in ({"valid": False}, {"where": "a = 1"}, {"method": "hash"}):
        assert not covered_by(keys, index.model_copy(update=change), "postgres")


def test_names_fit_the_server_and_are_quoted_where_needed() -> None:
    table = Table(name='"Order Lines"', schema_name="public", bare="Order Lines", columns={})
    candidate = make_candidate(table, ["x" * 80, '"User"'], "postgres", "q1")
    assert len(candidate.id.encode()) <= 63
    assert candidate.statement.startswith("CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_order_lines_")
    assert read_definition(candidate.statement, "postgres").bare_table == "Order Lines"
    assert (quote("order"), quote("orders"), quote('a"b')) == ('"order"', "orders", '"a""b"')
    assert shorten("é" * 60) != shorten("é" * 61)


def test_case_makes_no_difference_in_sqlite_and_keys_are_spelled_as_in_the_table() -> None:
    lines = Table(name='"OrderLines"', bare="OrderLines", columns={"OrderId": "int", "Größe": "text"}, any_case=True)
    schema = Schema(tables={lines.name: lines}, any_case=True)
    query = Query(id="q", name="q", sql='SELECT * FROM main.orderlines WHERE ORDERID = 3 AND "größe" = 1')
    query.measured = read_sqlite(["SCAN orderlines"], {"orderlines": "orderlines"}, {"orderlines": 9_000}, 1.0)
    (first, *_) = candidates_for(query, schema, "sqlite", 10**9)
    assert first.keys == ['"OrderId"', '"Größe"']
    assert first.statement.endswith(' "idx_orderlines_orderid_größe" ON "OrderLines" ("OrderId", "Größe")')
    existing = read_definition('CREATE INDEX i ON orderlines (orderid, "größe")', "sqlite")
    assert locate(existing, schema, 10**9) is lines and covered_by(first.keys, existing, "sqlite")


def test_names_of_indexes_never_collide() -> None:
    here = Table(name="orders", schema_name="public", bare="orders")
    tenant, other_case = (Table(name=name, schema_name=place, bare=bare) for name, place, bare in (
        ("tenant.orders", "tenant", "orders"), ('"Orders"', "public", "Orders")
    ))  # fmt: skip
    names = Names.of(Schema(relations={"public": {"idx_orders_status", "idx_orders_" + "x" * 52}}))
    contents = [
        (here, ["status"]), (here, ["a_b", "c"]), (here, ["a", "b_c"]), (other_case, ["a_b", "c"]), (here, ["x" * 52]),
        (here, ["x" * 90]), (here, ["x" * 91]), (tenant, ["status"]), (tenant, ["a_b", "c"]),
    ]  # fmt: skip
    given = [names.name(table, keys) for table, keys in contents]
    assert len(set(given)) == len(given) and not set(given) & names.taken["public"]
    assert all(len(name.encode()) <= 63 and quote(name) == name for name in given)
    assert (given[1], given[7]) == ("idx_orders_a_b_c", "idx_tenant_orders_status")
    assert given == [names.name(table, keys) for table, keys in contents], "the same index has the same name again"


def test_names_that_are_too_long_are_cut_as_the_server_does() -> None:
    definition = read_definition(f"CREATE INDEX {'é' * 40} ON orders (status)", "postgres")
    assert definition.name == "é" * 31
    assert read_definition(f"CREATE INDEX {'é' * 40} ON orders (status)", "sqlite").name == "é" * 40


def test_a_scan_is_of_the_table_in_its_own_schema() -> None:
    one, other = (Table(name=f"{place}.orders", schema_name=place, bare="orders", rows=9_000) for place in ("a", "b"))
    one.columns = other.columns = {"id": "int", "status": "text"}
    query = Query(id="q", name="q", sql="SELECT * FROM a.orders JOIN b.orders o USING (id) WHERE o.status = 'x'")
    query.measured = Measurement(ms=9, scans=[Scan(table="orders", schema_name="b", kind="seq scan", read=9_000)])
    schema = Schema(tables={table.name: table for table in (one, other)})
    assert {candidate.table for candidate in candidates_for(query, schema, "postgres", 10**9)} == {"b.orders"}


@pytest.mark.parametrize("dialect", ["postgres", "sqlite"])
@pytest.mark.parametrize(
    "statement",
    [
        "",
        "-- nothing",
        "DROP TABLE orders",
        "DROP INDEX orders_pkey",
        "DELETE FROM orders",
        "SELECT 1",
        "CREATE TABLE x (a int)",
        "CREATE INDEX i ON orders (status); DROP TABLE orders",
        "CREATE INDEX i ON orders (status); CREATE INDEX j ON orders (id)",
        "CREATE INDEX ON orders (status)",
        "CREATE INDEX i ON orders ((SELECT 1))",
        "CREATE INDEX i ON other.public.orders (status)",
        "create view v as select 1",
        "ALTER TABLE orders ADD COLUMN x int",
        "CREATE INDEX i ON orders (status",
        "'; DROP TABLE orders; --",
        "VACUUM",
    ],
)
def test_everything_but_one_create_index_is_refused(statement: str, dialect: str) -> None:
    with pytest.raises(StatementRefused):
        read_definition(statement, dialect)


def test_a_definition_is_read_and_located() -> None:
    text = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS Idx_A ON public.Orders (Status, created_at DESC) WHERE paid;"
    definition = read_definition(text, "postgres")
    assert (definition.name, definition.bare_table, definition.schema_name) == ("idx_a", "orders", "public")
    assert definition.keys == ["status", "created_at desc"]
    assert definition.unique and definition.concurrently and definition.where == "paid"
    assert locate(definition, SCHEMA, 5_000_000).name == "orders"
    with pytest.raises(StatementRefused, match="300,000 rows"):
        locate(definition, SCHEMA, 299_999)
    with pytest.raises(StatementRefused, match="no table"):
        locate(read_definition("CREATE INDEX i ON pg_catalog.pg_class (relname)", "postgres"), SCHEMA, 10**9)


def test_the_same_definition_is_recognised_in_other_words() -> None:
    one = read_definition("create index a on orders using btree (lower((coupon)::text), status)", "postgres")
    assert same(one, read_definition("CREATE INDEX b ON orders (LOWER(coupon), status ASC)", "postgres"))
    assert not same(one, read_definition("CREATE INDEX b ON orders (lower(coupon), status DESC)", "postgres"))
    assert not same(one, read_definition("CREATE INDEX b ON orders (lower(coupon))", "postgres"))
    assert not same(one, read_definition("CREATE INDEX b ON orders (lower(coupon), status) WHERE paid", "postgres"))
    assert normal("lower((email)::text)", "postgres") == "lower(email)"


def test_workload_texts_and_files(tmp_path: Path) -> None:
    as_json = json.dumps({"queries": [{"name": "one", "sql": "SELECT 1", "weight": 3}, "SELECT 2"]})
    queries, skipped = load_workload(as_json, "postgres")
    assert [(query.name, query.weight) for query in queries] == [("one", 3.0), ("query 2", 1.0)] and not skipped
    path = tmp_path / "slow.sql"
    path.write_text(
        "-- name: of a customer\n-- weight: 7\nSELECT ';' FROM orders;\nUPDATE orders SET id = 1;\n;", "utf-8"
    )
    queries, skipped = load_workload("slow.sql", "postgres")
    assert [(query.name, query.weight, query.sql) for query in queries] == [
        ("of a customer", 7.0, "SELECT ';' FROM orders")
    ]
    assert [(query.name, "change data" in query.reason) for query in skipped] == [("query 2", True)]
    assert split_statements("SELECT 1; -- end", "postgres") == ["SELECT 1"]


@pytest.mark.parametrize(
    "workload",
    ["", "   ", "{", "[1]", "/etc/hostname", "missing.sql", '{"queries": {}}', '[{"sql": "SELECT 1", "weight": -1}]',
     '[{"sql": "SELECT 1", "weight": "NaN"}]', "[" * 100_000],
)  # fmt: skip
def test_workloads_that_cannot_be_used(workload: str) -> None:
    with pytest.raises(WorkloadError):
        load_workload(workload, "postgres")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders SET id = 1",
        "WITH gone AS (DELETE FROM orders RETURNING *) SELECT * FROM gone",
        "VACUUM",
        "SELECT 1; COMMIT; DROP TABLE orders",
        "SELECT * INTO copy FROM orders",
        "SELECT * FROM orders FOR UPDATE",
        "CALL x()",
    ],
)
def test_queries_that_may_change_data_are_not_run(sql: str) -> None:
    queries, skipped = load_workload(json.dumps([sql]), "postgres")
    assert not queries and len(skipped) == 1


def test_parameters_get_typical_values() -> None:
    asked: list[tuple[str, str, float]] = []

    def value_at(table: str, column: str, position: float) -> str | None:
        asked.append((table, column, position))
        return None if column == "coupon" else f"{column}'s"

    sql = "SELECT * FROM orders o WHERE o.customer_id = $1 AND created_at > $2 AND status IN ($3 /*, ... */) LIMIT $4"
    filled = fill_parameters(sql, SCHEMA, "postgres", value_at)
    assert filled == (
        "SELECT * FROM orders o WHERE o.customer_id = 'customer_id''s' AND created_at > 'created_at''s' "
        "AND status IN ('status''s') LIMIT 20"
    )
    assert set(asked) == {("orders", "customer_id", 0.5), ("orders", "created_at", 0.95), ("orders", "status", 0.5)}
    assert fill_parameters("SELECT * FROM orders WHERE coupon = $1", SCHEMA, "postgres", value_at) is None
    assert fill_parameters("SELECT $1 FROM orders", SCHEMA, "postgres", value_at) is None
    assert fill_parameters("SELECT 1", SCHEMA, "postgres", value_at) == "SELECT 1"


@pytest.mark.parametrize(
    ("remark", "out"),
    [
        ("DBA on call: please leave out idx_orders_status", True),
        ("Not on orders, it is too busy.", True),
        ("orders.status is not selective enough, remove it", True),
        ("Leave out idx_orders_customer_id", False),
        ("Only the index on customers, please", True),
        ("Only idx_orders_status.", False),
        ("Looks fine, but why so many?", False),
        ("Without customers. The one on orders is good.", False),
    ],
)
def test_remarks(remark: str, out: bool) -> None:
    candidate = make_candidate(ORDERS, ["status"], "postgres", "q1")
    assert left_out(remark, candidate) is out


def settings(**changes: object) -> MaintenanceInput:
    return MaintenanceInput.model_validate({"target": "shop", **changes})


def test_allowed_hours_are_of_the_given_time_zone() -> None:
    midnight_utc = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert outside_hours(settings(), midnight_utc) == ""
    assert outside_hours(settings(allowed_hours=[1], time_zone="Europe/Berlin"), midnight_utc) == ""
    assert "23:30 (UTC)" in outside_hours(settings(allowed_hours=[1]), midnight_utc)
    assert outside_hours(settings(allowed_hours=[]), midnight_utc)


@pytest.mark.parametrize(
    "bad",
    [{"target": "postgresql://user:secret@host/db"}, {"allowed_hours": [24]}, {"time_zone": "Mars/Olympus"},
     {"min_improvement": 0}, {"unknown": 1}, {"max_table_rows": 0}],
)  # fmt: skip
def test_inputs_that_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**bad)


def test_every_input_field_draws_itself() -> None:
    schema = MaintenanceInput.model_json_schema()
    for name, field in schema["properties"].items():
        assert field.get("title") or "$ref" in field, name
        assert field.get("description") and field.get("examples"), name
        assert "default" in field or name in schema["required"], name


def record(name: str, status: ItemStatus = ItemStatus.CREATED) -> Applied:
    return Applied(id=name, statement="…", status=status, index=name)


def test_indexes_are_judged_by_the_queries_that_use_them() -> None:
    queries = [Query(id=f"q{i}", name=f"q{i}", sql="…", weight=weight) for i, weight in enumerate((1, 10, 1))]
    before = {"q0": Measurement(ms=100), "q1": Measurement(ms=10), "q2": Measurement(ms=50)}
    after = {
        "q0": Measurement(ms=50, indexes=["good", "mixed"]),
        "q1": Measurement(ms=40, indexes=["mixed"]),
        "q2": Measurement(ms=49, indexes=["weak"]),
    }
    names = ["good", "mixed", "weak", "unused"]
    verdicts = {
        verdict.index: verdict for verdict in judge([record(name) for name in names], queries, before, after, 0.15)
    }
    assert {name: verdict.keep for name, verdict in verdicts.items()} == {
        "good": True, "mixed": False, "weak": False, "unused": False,
    }  # fmt: skip
    assert verdicts["good"].factor == 2.0
    assert verdicts["mixed"].reason.startswith("Slower") and verdicts["weak"].reason.startswith("Not enough")
    assert judge([record("good", ItemStatus.ALREADY_THERE)], queries, before, after, 0.15) == []


def measured(*spent: float, buffers: int | None = None, index: str = "") -> Measurement:
    return Measurement(
        ms=median(spent), runs=len(spent), times=list(spent), buffers=buffers, indexes=[index] if index else []
    )


def test_noise_neither_drops_a_good_index_nor_keeps_a_useless_one() -> None:
    queries = [Query(id=f"q{i}", name=f"q{i}", sql="…", weight=weight) for i, weight in enumerate((1, 50, 1, 1, 1))]
    before = {
        "q0": measured(68.1, 68.4, 68.9), "q1": measured(9.0, 10.0, 14.0), "q2": measured(10.0, 12.0, 20.0),
        "q3": measured(50.0, 51.0, 52.0, buffers=900), "q4": measured(10.0, 10.5, 11.0, buffers=900),
    }  # fmt: skip
    after = {
        "q0": measured(0.1, 0.1, 0.11, index="good"),
        "q1": measured(9.5, 12.5, 13.0, index="good"),  # another query's noise, which weighs more
        "q2": measured(9.0, 9.5, 19.0, index="useless"),  # the median fell by a fifth, by chance
        "q3": measured(50.0, 51.5, 52.0, buffers=20, index="thrifty"),
        "q4": measured(20.0, 20.5, 21.0, buffers=20, index="slow"),
    }
    records = [record(name) for name in ("good", "useless", "thrifty", "slow")]
    verdicts = {verdict.index: verdict for verdict in judge(records, queries, before, after, 0.15)}
    assert {name: verdict.keep for name, verdict in verdicts.items()} == {
        "good": True, "useless": False, "thrifty": True, "slow": False,
    }  # fmt: skip
    assert "reads 900 → 20 pages" in verdicts["thrifty"].reason and verdicts["slow"].reason.startswith("Slower")
    again = judge(records, queries, before, after, 0.15)
    assert list(verdicts.values()) == again, "the same runs are judged in the same way"


def test_an_estimate_says_between_what_the_gain_lies() -> None:
    query = Query(id="q", name="q", sql="…", measured=Measurement(ms=784))
    sampled = effect_on(query, Measurement(ms=59), Measurement(ms=28), scale=20.0)
    assert gain_in_words(sampled) == "1.4× to 28.0× (estimated)"
    whole = effect_on(query, Measurement(ms=1500), Measurement(ms=2))
    assert gain_in_words(whole) == "392×", "a copy that is slower than the table is no gain"


def test_measuring_takes_the_median_of_warm_runs_and_stops_on_a_time_out() -> None:
    spent = iter([500.0, 9.0, 1.0, 3.0])
    assert repeat(lambda: Measurement(ms=next(spent)), 3).ms == 3.0
    late = iter([Measurement(ms=1), Measurement(ms=100, timed_out=True)])
    assert repeat(lambda: next(late), 3).timed_out
    assert (times(14.23), times(1234.5)) == ("14.2×", "1,234×")
    assert (milliseconds(0.123), milliseconds(14.23), milliseconds(12_345)) == ("0.12 ms", "14.2 ms", "12.3 s")
    assert (size(500), size(39_845_888)) == ("500 B", "38 MB")


def test_plans_are_read() -> None:
    scan = {"Node Type": "Seq Scan", "Relation Name": "orders", "Actual Rows": 5, "Actual Loops": 2}
    by_index = {"Node Type": "Index Scan", "Index Name": "i", "Relation Name": "t"}
    plan = {
        "Node Type": "Sort",
        "Actual Rows": 10,
        "Shared Hit Blocks": 7,
        "Plans": [{**scan, "Rows Removed by Filter": 995}, by_index],
    }
    measured = read_postgres([{"Plan": plan, "Execution Time": 1.5}])
    assert (measured.ms, measured.buffers, measured.indexes) == (1.5, 7, ["i"])
    assert [(scan.table, scan.read, scan.kept) for scan in measured.scans][:2] == [("", 10, 10), ("orders", 2000, 10)]
    details = [
        "SCAN o",
        "SEARCH c USING INDEX idx (id=?)",
        "SEARCH o USING INDEX by_time (created_at>?)",
        "USE TEMP B-TREE FOR ORDER BY",
    ]
    read = read_sqlite(details, {"o": "orders", "c": "customers"}, {"orders": 900, "customers": 5}, 2.0)
    assert [(scan.table, scan.kind) for scan in read.scans] == [("orders", "scan"), ("orders", "scan"), ("", "sort")]
    assert read.indexes == ["by_time", "idx"]
