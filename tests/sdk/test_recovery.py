"""Recovery from failures of tools: what real databases raise, corrected statements, and what is never repeated."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import BaseModel

from assent.contracts import CORRECTS_LABEL, NextAction, Outcome, Question, ToolCall, Verdict
from assent.digests import digest_of
from assent.toolbox import Limits, Tool, apply, call, call_healing, permission_question, propose, propose_correction
from assent.toolbox import tool as declared
from assent.toolbox.errors import ToolFailedError
from assent.toolbox.failures import FailureKind, failure_of
from assent.toolbox.sql_correction import MissingParserError, corrected_sql
from assent.toolbox.uses import CallStatus, ToolUse, recording_to

QUICK = Limits(backoff=0.01)


class Statement(BaseModel):
    sql: str


class Rows(BaseModel):
    rows: list[list[Any]]


@pytest.fixture
def uses() -> Iterator[list[ToolUse]]:
    found: list[ToolUse] = []
    with recording_to(found.append):
        yield found


@pytest.fixture(scope="module")
def address(postgres_server: Any) -> Iterator[str]:
    """A database with a table of three rows, and a role without rights."""
    made = postgres_server.create("recovery_test")
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute("create table items (id int, name text)")
        connection.execute("insert into items values (1, 'a'), (2, 'b'), (3, 'c')")
        connection.execute("drop role if exists recovery_nobody")
        connection.execute("create role recovery_nobody")
    yield made
    postgres_server.drop("recovery_test")


def postgres_tool(address: str, effect: str = "read", role: str = "") -> Tool:
    """A tool that executes a statement in PostgreSQL."""

    @declared(name="run_sql", description="Executes a statement.", effect=effect)
    def run_sql(inputs: Statement) -> Rows:
        with psycopg.connect(address) as connection:
            if role:
                connection.execute(f"set role {role}")
            cursor = connection.execute(inputs.sql)
            return Rows(rows=[list(row) for row in cursor] if cursor.description else [])

    return run_sql


def sqlite_tool(file: Path, effect: str = "read") -> Tool:
    """A tool that executes a statement in SQLite."""

    @declared(name="run_sql", description="Executes a statement.", effect=effect)
    def run_sql(inputs: Statement) -> Rows:
        with closing(sqlite3.connect(file)) as connection, connection:
            return Rows(rows=[list(row) for row in connection.execute(inputs.sql)])

    return run_sql


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    file = tmp_path / "items.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("create table items (id int, name text)")
        connection.executemany("insert into items values (?, ?)", [(1, "a"), (2, "b"), (3, "c")])
    return file


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT TOP 2 id FROM items ORDER BY id", [[1], [2]]),
        ("SELECT [name] FROM [items] WHERE id != 1 ORDER BY id", [["b"], ["c"]]),
        ("SELECT `name` FROM `items` WHERE `id` = 3", [["c"]]),
        ("SELECT id FROM items ORDER BY id LIMIT 1, 1", [[2]]),
        ("SELECT id FROM items WHERE (id = 2", [[2]]),
        ("SELECT IFNULL(name, 'x') FROM items WHERE id = 1", [["a"]]),
    ],
)
def test_postgres_gets_the_statement_of_another_dialect_in_its_own(
    address: str, uses: list[ToolUse], statement: str, rows: list[Any]
) -> None:
    assert call_healing(postgres_tool(address), {"sql": statement}).document == {"rows": rows}
    assert [(use.status, use.attempts) for use in uses] == [(CallStatus.FAILED, 1), (CallStatus.OK, 1)]
    assert f"- {statement}" in uses[1].warnings[0]


@pytest.mark.parametrize(
    ("statement", "rows"),
    [
        ("SELECT TOP 2 id FROM items ORDER BY id", [[1], [2]]),
        ("SELECT id FROM items WHERE name ILIKE 'B'", [[2]]),
        ("SELECT id FROM items WHERE (id = 2", [[2]]),
    ],
)
def test_sqlite_gets_the_statement_of_another_dialect_in_its_own(
    sqlite_file: Path, uses: list[ToolUse], statement: str, rows: list[Any]
) -> None:
    assert call_healing(sqlite_tool(sqlite_file), {"sql": statement}).document == {"rows": rows}
    assert [use.status for use in uses] == [CallStatus.FAILED, CallStatus.OK]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FRM items",
        "SELECT id FROM items WHERE (id = 1 OR id = 2 AND name = 'b'",
        "SELECT TOP 2 id FROM items; DROP TABLE items",
        "DELETE FROM `items` WHERE `id` = 1",
        "SELECT `id` INTO `copies` FROM `items`",
        "SELECT missing FROM items",
    ],
)
def test_what_is_unclear_or_more_than_a_query_is_not_called_again(
    address: str, uses: list[ToolUse], statement: str
) -> None:
    with pytest.raises(ToolFailedError):
        call_healing(postgres_tool(address), {"sql": statement}, limits=QUICK)
    assert [use.status for use in uses] == [CallStatus.FAILED]
    with psycopg.connect(address) as connection:
        assert connection.execute("select count(*), to_regclass('copies') from items").fetchone() == (3, None)


def approved(proposal: ToolCall) -> Outcome:
    """The outcome of a proposal that people approved."""
    payload = proposal.model_dump(mode="json")
    return Outcome(
        request_id="request-1", verdict=Verdict.APPROVE, payload=payload, digest=digest_of(payload),
        proposed_digest=digest_of(payload), decided_at=datetime.now(UTC), next_action=NextAction.CONTINUE,
    )  # fmt: skip


def test_the_corrected_call_of_a_tool_that_changes_something_is_only_proposed(
    address: str, uses: list[ToolUse]
) -> None:
    tool = postgres_tool(address, effect="write")
    outcome = approved(propose(tool, {"sql": "UPDATE [items] SET [name] = 'z' WHERE id = 1"}))
    with pytest.raises(ToolFailedError) as raised:
        apply(tool, outcome)
    made = propose_correction(tool, outcome, raised.value)
    assert made is not None
    assert made.args == {"sql": """UPDATE "items" SET "name" = 'z' WHERE id = 1"""}
    assert made.labels[CORRECTS_LABEL] == "request-1"
    assert "- UPDATE [items]" in made.summary
    assert '+ UPDATE "items"' in made.summary
    assert len(uses) == 1
    with psycopg.connect(address) as connection:
        assert connection.execute("select name from items where id = 1").fetchone() == ("a",)


def test_a_denied_permission_is_asked_about_and_never_repeated(address: str, uses: list[ToolUse]) -> None:
    tool = postgres_tool(address, role="recovery_nobody")
    with pytest.raises(ToolFailedError) as raised:
        call_healing(tool, {"sql": "select * from items"}, limits=QUICK)
    assert failure_of(raised.value).kind is FailureKind.PERMISSION_DENIED
    assert [use.attempts for use in uses] == [1]
    asked = permission_question(tool, raised.value, action="“Read the items”")
    assert isinstance(asked, Question)
    assert asked.title == "Need elevated permissions for “Read the items”"


def test_a_cut_connection_is_repeated_unless_the_policy_says_no(address: str, uses: list[ToolUse]) -> None:
    def cut(inputs: Statement) -> Rows:
        with psycopg.connect(address) as connection, psycopg.connect(address, autocommit=True) as other:
            if len(attempts) < 1:
                attempts.append(threading.get_ident())
                other.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
            return Rows(rows=[list(row) for row in connection.execute(inputs.sql)])

    attempts: list[int] = []
    tool = declared(name="cut", description="Loses its connection once.", effect="read")(cut)
    assert call(tool, {"sql": "select 1"}, limits=QUICK).attempts == 2
    attempts.clear()
    with pytest.raises(ToolFailedError) as raised:
        call(tool, {"sql": "select 1"}, limits=Limits(after_timeouts=False))
    assert failure_of(raised.value).kind is FailureKind.TIMEOUT
    assert [use.attempts for use in uses] == [2, 1]


def test_a_read_only_database_and_a_locked_one_are_told_apart(sqlite_file: Path) -> None:
    reading = closing(sqlite3.connect(f"file:{sqlite_file}?mode=ro", uri=True))
    with reading as connection, pytest.raises(sqlite3.OperationalError) as raised:
        connection.execute("delete from items")
    assert failure_of(raised.value).kind is FailureKind.PERMISSION_DENIED
    with closing(sqlite3.connect(sqlite_file)) as one, closing(sqlite3.connect(sqlite_file, timeout=0)) as two:
        one.execute("begin exclusive")
        with pytest.raises(sqlite3.OperationalError) as raised:
            two.execute("select * from items")
    assert failure_of(raised.value).kind is FailureKind.TIMEOUT


def test_the_words_of_an_exception_do_not_count() -> None:
    for words in ("syntax error", "permission denied", "timed out", 'near "x": syntax error', "HTTP 403"):
        assert failure_of(RuntimeError(words)).kind is FailureKind.OTHER


def test_comments_are_not_kept_because_some_databases_execute_them() -> None:
    found = corrected_sql("SELECT TOP 1 id FROM items /*!50000 INTO OUTFILE '/tmp/x' */ -- note", "mysql")
    assert found is not None
    assert found.after == "SELECT id FROM items LIMIT 1"


def test_without_sqlglot_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sqlglot", None)
    with pytest.raises(MissingParserError, match=r"assent-sdk\[sql\]"):
        corrected_sql("SELECT TOP 1 id FROM items", "postgres")
