"""Before approval nothing runs that can do anything: what a measured query calls is looked up, not tried."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.workflows.conftest import MaintenanceRun, Shop
from workflows.database_maintenance.candidates import make_candidate
from workflows.database_maintenance.health import checks_for, run_checks
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import Query, TrialError
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.targets.postgres import PostgresTarget
from workflows.database_maintenance.targets.postgres_query import VIEW, checked_view
from workflows.database_maintenance.targets.sqlite import connect, timed

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]
BOOM = """
CREATE SEQUENCE marks;
CREATE FUNCTION boom(v anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM set_config('transaction_read_only', 'off', true); PERFORM nextval('public.marks'); RETURN v; END $$;
CREATE FUNCTION boom_check(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM public.boom(1); RETURN true; END $$;
"""


@pytest.fixture
def target(shop: Shop) -> Iterator[PostgresTarget]:
    """The shop, with a function that leaves a mark although it calls itself immutable."""
    with shop.connect() as connection:
        connection.execute(BOOM)
    settings = MaintenanceInput.model_validate(shop.input(runs_per_measurement=1))
    with opened(settings) as opened_target:
        assert isinstance(opened_target, PostgresTarget)
        yield opened_target


def marked(shop: Shop) -> bool:
    return bool(shop.rows("SELECT is_called FROM marks")[0][0])


def refusal(target: Any, sql: str) -> str:
    """Why a query is not measured."""
    with pytest.raises(TrialError) as caught:
        target.measure(Query(id="q", name="q", sql=sql, weight=1))
    return str(caught.value)


def test_sessions_are_not_ended_before_anybody_is_asked(shop: Shop, maintenance: Maintenance) -> None:
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    workload = [{"name": "ends sessions", "sql": query}, {"name": "waits", "sql": "SELECT pg_sleep(0.01)"}]
    with shop.connect() as victim:
        run = maintenance(shop.input(workload=json.dumps(workload), backup_required=False)).start()
        assert victim.execute("SELECT 1").fetchone() == (1,)
    left_out = {query["name"]: query["reason"] for query in run.values["skipped"]}
    assert "pg_terminate_backend(integer,bigint), which is volatile" in left_out["ends sessions"]
    assert "pg_sleep(double precision), which is volatile" in left_out["waits"]
    assert "Left out: ends sessions: not run before approval" in run.artifacts["report.md"]["content"]


BUILT_IN = {
    "SELECT pg_read_file('PG_VERSION')": "pg_read_file(text)",
    "SELECT set_config('statement_timeout', '0', false)": "set_config(text,text,boolean)",
    "SELECT nextval('marks')": "nextval(regclass)",
    "SELECT pg_try_advisory_lock(1)": "pg_try_advisory_lock(bigint)",
    "SELECT lo_create(0)": "lo_create(oid)",
    "SELECT query_to_xml('SELECT public.boom(1)', true, true, '')": "query_to_xml(",
    "SELECT database_to_xml(true, true, '')": "database_to_xml(boolean,boolean,text)",
    "SELECT pg_input_is_valid('1', 'integer')": "pg_input_is_valid(text,text)",
    "SELECT * FROM pg_stat_activity": "pg_stat_get_activity(integer) through the view pg_catalog.pg_stat_activity",
    "SELECT * FROM generate_series(1, 2) AS g, LATERAL pg_sleep(g / 1000)": "pg_sleep(double precision)",
    "SELECT id FROM orders ORDER BY random() LIMIT 1": "random()",
    "WITH a AS MATERIALIZED (SELECT random() AS r) SELECT r FROM a": "random()",
    "SELECT (SELECT count(*) FROM orders WHERE random() < 0)": "random()",
    "SELECT id FROM orders FOR UPDATE": "it locks rows",
}


@pytest.mark.parametrize("sql", BUILT_IN)
def test_functions_of_the_server_that_do_something_are_named(shop: Shop, target: PostgresTarget, sql: str) -> None:
    said = refusal(target, sql)
    assert BUILT_IN[sql] in said and said.startswith("not run before approval"), said
    assert not marked(shop)


OWN = {
    "itself": ("", "SELECT boom(1)", "public.boom(anyelement)"),
    "view": ("CREATE VIEW calm AS SELECT boom(id) AS id FROM orders", "SELECT * FROM calm", "the view public.calm"),
    "view in a view": (
        "CREATE VIEW calm AS SELECT id FROM orders WHERE boom(true); CREATE VIEW outer_calm AS SELECT * FROM calm",
        "SELECT id FROM outer_calm WHERE id = 1",
        "the view public.calm",
    ),
    "operator": (
        "CREATE FUNCTION boom_equal(a int, b int) RETURNS boolean LANGUAGE sql AS 'SELECT public.boom(true)';"
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = boom_equal)",
        "SELECT 1 === 2",
        "the operator public.===(integer,integer)",
    ),
    "negator of an operator": (
        "CREATE FUNCTION boom_equal(a int, b int) RETURNS boolean LANGUAGE sql AS 'SELECT public.boom(true)';"
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, NEGATOR = !===);"
        "CREATE OPERATOR !=== (LEFTARG = int, RIGHTARG = int, FUNCTION = boom_equal, NEGATOR = ===)",
        "SELECT id FROM orders WHERE NOT (id::int === 2)",
        "the operator public.===(integer,integer)",
    ),
    "cast": (
        "CREATE TYPE mood AS ENUM ('calm');"
        "CREATE FUNCTION boom_cast(mood) RETURNS int LANGUAGE sql AS 'SELECT public.boom(1)';"
        "CREATE CAST (mood AS int) WITH FUNCTION boom_cast(mood)",
        "SELECT 'calm'::mood::int",
        "public.boom_cast(public.mood)",
    ),
    "cast to JSON that is looked up at run time": (
        "CREATE TYPE mood AS ENUM ('calm');"
        "CREATE FUNCTION boom_json(mood) RETURNS json LANGUAGE sql AS 'SELECT public.boom(''{}''::json)';"
        "CREATE CAST (mood AS json) WITH FUNCTION boom_json(mood)",
        "SELECT to_jsonb('calm'::mood)",
        "public.boom_json(public.mood)",
    ),
    "aggregate": (
        "CREATE FUNCTION boom_add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT public.boom(a + b)';"
        "CREATE AGGREGATE total(int) (SFUNC = boom_add, STYPE = int)",
        "SELECT total(1)",
        "public.total(integer)",
    ),
    "domain": (
        "CREATE DOMAIN calm AS text CHECK (boom_check(VALUE))",
        "SELECT lower('a')::calm",
        "public.boom_check(text)",
    ),
    "domain in a row, which is read while parsing": (
        "CREATE DOMAIN calm AS text CHECK (boom_check(VALUE)); CREATE TYPE pair AS (a calm, b int)",
        "SELECT '(x,1)'::pair",
        "public.boom_check(text)",
    ),
    "domain in an array, which is read while parsing": (
        "CREATE DOMAIN calm AS text CHECK (boom_check(VALUE)); CREATE TABLE lists (l calm[])",
        "SELECT * FROM lists WHERE l = '{x}'",
        "public.boom_check(text)",
    ),
    "typed text, which may be anything": (
        "CREATE DOMAIN calm AS text CHECK (boom_check(VALUE)); CREATE TYPE pair AS (a calm, b int)",
        "SELECT pair '(x,1)'",
        "syntax error",
    ),
    "name of a built-in": (
        "CREATE FUNCTION lower(v varchar) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.boom(v::text)'",
        "SELECT lower('a'::varchar)",
        "public.lower(character varying)",
    ),
    "constant part of an index": (
        "CREATE TABLE little (a int); CREATE INDEX ON little ((a + boom(1)))",
        "SELECT * FROM little WHERE a + 1 = 2",
        "an index or constraint of public.little",
    ),
    "domain in a row made of JSON": (
        "CREATE DOMAIN calm AS int CHECK (boom(VALUE > 0)); CREATE TYPE pair AS (a calm, b int)",
        "SELECT * FROM json_populate_record(NULL::pair, '{\"a\": 1}'::json)",
        "public.boom(anyelement)",
    ),
    "domain over a domain": (
        "CREATE DOMAIN inner_calm AS text CHECK (boom_check(VALUE)); CREATE DOMAIN calm AS inner_calm",
        "SELECT lower('a')::calm",
        "public.boom_check(text)",
    ),
    "order by an operator": (
        "CREATE FUNCTION boom_less(a int, b int) RETURNS boolean LANGUAGE sql AS 'SELECT public.boom(a < b)';"
        "CREATE OPERATOR <<<< (LEFTARG = int, RIGHTARG = int, FUNCTION = boom_less);"
        "CREATE OPERATOR FAMILY f USING btree; CREATE OPERATOR CLASS c FOR TYPE int USING btree FAMILY f AS "
        "OPERATOR 1 <<<<, OPERATOR 3 =, FUNCTION 1 btint4cmp(int, int)",
        "SELECT g::int FROM generate_series(1, 2) AS g ORDER BY g::int USING <<<<",
        "the operator public.<<<<(integer,integer)",
    ),
    "row type of a table": (
        "CREATE DOMAIN calm AS text CHECK (boom_check(VALUE)); CREATE TABLE little (a calm)",
        "SELECT l::text::little FROM little AS l",
        "public.boom_check(text)",
    ),
    "range": (
        "CREATE FUNCTION boom_gap(a int, b int) RETURNS float8 LANGUAGE sql IMMUTABLE AS "
        "'SELECT public.boom((a - b)::float8)'; CREATE TYPE span AS RANGE (subtype = int, subtype_diff = boom_gap)",
        "SELECT span(1, 2) && span(2, 3)",
        "public.boom_gap(integer,integer)",
    ),
    "child of a table": (
        "CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);"
        "CREATE INDEX ON child ((b + boom(1)))",
        "SELECT * FROM parent",
        "an index or constraint of public.child",
    ),
    "window, filter, having, limit": (
        "",
        "SELECT count(*) FILTER (WHERE true) FROM orders GROUP BY status HAVING boom(true) LIMIT 1",
        "public.boom(anyelement)",
    ),
    "function of a row set": (
        "CREATE FUNCTION booms() RETURNS SETOF int LANGUAGE sql AS 'SELECT public.boom(1)'",
        "SELECT * FROM ROWS FROM (booms(), generate_series(1, 2)) AS t",
        "public.booms()",
    ),
    "virtual column": (
        "CREATE TABLE little (a int, b int GENERATED ALWAYS AS (boom(1)) VIRTUAL)",
        "SELECT b FROM little",
        "",
    ),
}


@pytest.mark.parametrize("way", OWN)
def test_functions_of_somebodys_own_are_named_and_not_run(shop: Shop, target: PostgresTarget, way: str) -> None:
    setup, sql, named = OWN[way]
    with shop.connect() as connection:
        try:
            connection.execute(setup.encode())
        except (psycopg.errors.FeatureNotSupported, psycopg.errors.SyntaxError):
            assert way == "virtual column"  # PostgreSQL 18 refuses functions of somebody's own there, older ones all
            return
        connection.execute("ALTER SEQUENCE marks RESTART")
    said = refusal(target, sql)
    assert named in said, said
    assert not marked(shop)


def test_what_only_computes_is_measured(shop: Shop, target: PostgresTarget) -> None:
    with shop.connect() as connection:
        connection.execute(
            "CREATE TYPE mood AS ENUM ('calm'); CREATE DOMAIN calm AS text CHECK (boom_check(VALUE));"
            "CREATE VIEW recent AS SELECT id, lower(status) AS status FROM orders WHERE created_at > now()"
        )
        connection.execute(
            "CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders LIMIT 5;"
            "CREATE VIEW over_kept AS SELECT * FROM kept;"
            "CREATE TABLE parts (a int, at date) PARTITION BY RANGE (at);"
            "CREATE TABLE part PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"
        )
    for sql in (
        "SELECT * FROM over_kept JOIN parts ON a = id WHERE at > '2026-02-01' AND at < now()",
        "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname ~ '^pg' LIMIT 1",
        "SELECT * FROM recent WHERE status LIKE 'p%' ORDER BY id",
        "SELECT a.id, b.id FROM orders a JOIN orders b USING (id) WHERE a.status IN ('pending', 'it''s') LIMIT 3",
        "SELECT 1 || 'a', 'calm'::mood, to_jsonb('calm'::mood), row_to_json(o) FROM orders o LIMIT 1",
        "SELECT status, count(*), max(id) OVER (PARTITION BY status) FROM orders GROUP BY status, id LIMIT 1",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r",
        "SELECT count(*) FROM orders TABLESAMPLE SYSTEM (10) -- a part",
        "SELECT date_trunc('month', created_at), string_agg(status, ',' ORDER BY id) FROM orders GROUP BY 1 LIMIT 2",
        "SELECT E'\\'', $tag$it's$tag$, \"id\" /* ' */ FROM orders LIMIT 1",
        "VALUES (1), (2)",
    ):
        assert target.measure(Query(id="q", name="q", sql=sql, weight=1)).ms >= 0
    assert not marked(shop)


def test_a_query_that_waits_for_a_lock_is_given_up(shop: Shop) -> None:
    settings = MaintenanceInput.model_validate(shop.input(query_timeout_ms=200))
    with opened(settings) as target, shop.connect() as other, other.transaction():
        other.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        assert "waits for a lock" in refusal(target, "SELECT count(*) FROM orders")


def test_queries_run_as_the_role_that_is_configured_for_measuring(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    role = f"measuring_{secrets.token_hex(6)}"
    settings = MaintenanceInput.model_validate(shop.input(runs_per_measurement=1, workload="SELECT 1"))
    monkeypatch.setenv("ASSENT_MEASURING_ROLE_SHOP", role)
    assert f"role {role} does not exist" in health_of(settings)["measuring_role"]
    with shop.connect() as connection:
        connection.execute(f"CREATE ROLE {role}; GRANT SELECT ON shipments TO {role}")
        try:
            with opened(settings) as target:
                assert isinstance(target, PostgresTarget)
                mine = "SELECT count(*) FROM shipments WHERE current_user = session_user"
                assert target.measure(Query(id="q", name="q", sql=mine)).ms >= 0
                assert "permission denied for table orders" in refusal(target, "SELECT count(*) FROM orders")
                with target.lab(["shipments"], {"shipments"}) as lab:
                    lab.build(make_candidate(target.schema().tables["shipments"], ["tracking_code"], "postgres", "q"))
                    of_code = Query(id="q", name="q", sql="SELECT * FROM shipments WHERE tracking_code = 'T1'")
                    assert lab.measure(of_code).indexes, "the copy can be read as well"
                assert target.rows("SELECT current_user = session_user") == [(True,)], "only while a query is measured"
            assert health_of(settings)["measuring_role"] == role
            connection.execute(f"ALTER ROLE {role} SUPERUSER")
            assert "is a superuser" in health_of(settings)["measuring_role"]
        finally:
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def health_of(settings: MaintenanceInput) -> dict[str, str]:
    """What each health check found."""
    return {result.name: result.message for result in run_checks(checks_for(settings), deadline_s=30.0)}


def test_what_was_looked_through_is_what_runs(shop: Shop, target: PostgresTarget) -> None:
    """A better fitting function of the same name that comes to be meanwhile is not taken."""
    with (
        checked_view(target.connection, "SELECT lower(status::varchar) FROM orders LIMIT 1", 60_000),
        shop.connect() as other,
    ):
        other.execute(
            "CREATE FUNCTION lower(v varchar) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.boom(v::text)'"
        )
        assert target.connection.execute(f"SELECT * FROM {VIEW}".encode()).fetchone()
    assert not marked(shop)


def test_candidates_and_copies_do_not_run_what_the_query_does_not_call(shop: Shop, target: PostgresTarget) -> None:
    with shop.connect() as connection:
        connection.execute(
            "CREATE FUNCTION lower(v varchar) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT public.boom(v::text)';"
            "ALTER TABLE customers ALTER email TYPE varchar;"
            "CREATE INDEX ON shipments (boom(tracking_code)); ALTER SEQUENCE marks RESTART"
        )
    schema = target.schema()
    candidate = make_candidate(schema.tables["customers"], ["lower(email)"], "postgres", "q")
    with target.lab(["customers"], set()) as lab, lab.attempt():
        assert lab.build(candidate) > 0
    said = r"shipments is neither copied nor analyzed: it calls public\.boom"
    with pytest.raises(TrialError, match=said), target.lab(["shipments"], {"shipments"}):
        pass
    with pytest.raises(TrialError, match=r"shipments is neither copied nor analyzed"):
        target.analyze("shipments")
    assert not marked(shop)


def test_policies_and_event_triggers_are_not_set_off(shop: Shop, target: PostgresTarget) -> None:
    role = f"analyst_{secrets.token_hex(6)}"
    with shop.connect() as connection:
        connection.execute(
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON orders USING (boom(true));"
            "CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM public.boom(1); END $$;"
            f"CREATE ROLE {role}; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role};"
            "CREATE EVENT TRIGGER on_ddl ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION on_ddl()"
        )
        try:
            # An administrator's trials run without event triggers, anybody else's do not run at all.
            assert target.measure(Query(id="q", name="q", sql="SELECT count(*) FROM customers", weight=1)).ms >= 0
            target.connection.execute(f"SET ROLE {role}")
            assert "the event trigger on_ddl, which calls public.on_ddl()" in refusal(target, "SELECT 1")
            connection.execute("DROP EVENT TRIGGER on_ddl")
            assert "row-level security policy" in refusal(target, "SELECT count(*) FROM orders")
            assert not marked(shop)
        finally:
            target.connection.execute("RESET ROLE")
            connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_our_own_questions_find_no_function_of_somebody_elses(shop: Shop, target: PostgresTarget) -> None:
    with shop.connect() as connection:
        connection.execute(
            "CREATE FUNCTION like_name(a name, b name) RETURNS boolean LANGUAGE sql AS 'SELECT public.boom(true)';"
            "CREATE OPERATOR ~~ (LEFTARG = name, RIGHTARG = name, FUNCTION = like_name);"
            "CREATE OPERATOR !~~ (LEFTARG = name, RIGHTARG = name, FUNCTION = like_name)"
        )
    assert "orders" in target.schema().tables and target.stale_tables(target.schema()) is not None
    assert not marked(shop)


def test_sqlite_compiles_what_reads_and_names_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as made:
        made.executescript(
            "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2);"
            "CREATE VIEW calm AS SELECT load_extension(a) AS a FROM t; CREATE VIEW plain AS SELECT lower(b) AS b FROM t"
        )
    connection = connect(path, "shop")
    ran: list[Any] = []
    connection.create_function("boom", 1, ran.append)
    refused = {
        "SELECT load_extension('x')": r"load_extension\(\)",
        "SELECT * FROM calm": "load_extension",
        "SELECT boom(a) FROM t": r"boom\(\)",
        "ATTACH 'other.sqlite' AS other": "attaches another file",
        "PRAGMA user_version = 3": "uses a PRAGMA",
        "SELECT * FROM pragma_table_list": "not a table of the database",
        "SELECT random()": r"random\(\)",
        "DELETE FROM t": "does more than read",
        "UPDATE sqlite_master SET sql = ''": "may not be modified",
    }
    for sql, said in refused.items():
        with pytest.raises(TrialError, match=said):
            timed(connection, sql, 1000, {})
    assert not ran
    for sql in ("SELECT b FROM plain", "SELECT value FROM json_each('[1]')", "SELECT max(a), upper(b) || 1 FROM t"):
        assert timed(connection, sql, 1000, {}).ms >= 0
