"""Runs queries before anybody has approved anything: as a view, which is checked first.

The view stores the query's objects by oid, so what runs is what was checked, even if somebody creates a function with
the same name meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import ExecStatus

from workflows.database_maintenance.model import TrialError
from workflows.database_maintenance.targets.postgres_calls import Calls

Connection = psycopg.Connection[Any]

VIEW = "pg_temp.assent_query"
_NAMED = 3
"""How many of the functions that prevent a query from running are named."""

_EVENT_TRIGGERS = """
SELECT t.evtname, t.evtfoid::regprocedure::text FROM pg_event_trigger t
WHERE t.evtevent IN ('ddl_command_start', 'ddl_command_end')
  AND (t.evttags IS NULL OR t.evttags && ARRAY['CREATE VIEW', 'CREATE TABLE', 'CREATE INDEX', 'GRANT'])
  AND t.evtenabled = ANY(CASE current_setting('session_replication_role')
                         WHEN 'replica' THEN '{A,R}' ELSE '{O,A}' END::"char"[])
ORDER BY t.evtname
"""

_TEXTS = re.compile(
    r"""
    (?P<comment> --[^\n]* | /\*(?:(?!/\*).)*?\*/)
    | (?P<other> "(?:[^"]|"")*" | \$\d+)
    | [eE]'(?:\\.|''|[^'\\])*'
    | (?:[nN]|[uU]&|[bBxX])?'(?:''|[^'])*'
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$
    """,
    re.DOTALL | re.VERBOSE,
)


@contextmanager
def trusted_path(connection: Connection) -> Iterator[None]:
    """Begin a transaction for catalog queries, in which names do not resolve to functions of the database's users.

    It is rolled back.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL search_path = pg_catalog")
        yield


def silence_event_triggers(connection: Connection) -> None:
    """Disable event triggers in the current transaction, because each trial would fire them.

    Raises:
        TrialError: there is one that this role cannot disable.
    """
    if not _event_triggers(connection):
        return
    try:
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        pass
    if left := _event_triggers(connection):
        name, function = left[0]
        raise TrialError(f"measuring would fire the event trigger {name}, which calls {function}")


def _event_triggers(connection: Connection) -> list[tuple[str, str]]:
    with trusted_path(connection):
        return connection.execute(_EVENT_TRIGGERS.encode()).fetchall()


@contextmanager
def checked_view(connection: Connection, text: str, timeout_ms: int, role: str = "") -> Iterator[None]:
    """Open a read-only (sub)transaction in which `VIEW` is the query, of which nothing has run; rolled back at the end.

    Args:
        timeout_ms: limit for each statement, including waits for locks.
        role: owns the view and runs the query, so that it reads only what this role may read. Empty: the session's.

    Raises:
        TrialError: it calls something that may do more than compute, or the server does not accept it.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(timeout_ms)))
        silence_event_triggers(connection)
        if role:
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        _require_harmless_texts(connection, text)
        _make_view(connection, text)
        connection.execute("SET LOCAL search_path = pg_catalog")
        # Nobody can change the tables and views that the query reads until it has run.
        connection.execute(f"LOCK TABLE {VIEW} IN ACCESS SHARE MODE".encode())
        _require_known(connection)
        connection.execute("SET LOCAL transaction_read_only = on")
        yield


def _require_known(connection: Connection) -> None:
    row = connection.execute(f"SELECT '{VIEW}'::regclass::oid::bigint".encode()).fetchone()
    assert row is not None
    if problems := Calls(connection).query(row[0]):
        more = f", and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        raise TrialError(f"not run before approval: {'; '.join(problems[:_NAMED])}{more}")


def _make_view(connection: Connection, text: str) -> None:
    names = ", ".join(f"c{number}" for number in range(1, len(_described(connection, text)[0]) + 1))
    columns = f" ({names})" if names else ""
    try:
        with connection.transaction():
            connection.execute(f"CREATE TEMPORARY VIEW assent_query{columns} AS {text}".encode(), binary=True)
    except psycopg.errors.InvalidTableDefinition as error:
        # A view cannot have columns of some types, such as void; the query's calls can be found nevertheless.
        with connection.transaction(force_rollback=True):
            inner = f"CREATE TEMPORARY VIEW assent_query AS SELECT 1 AS one FROM ({text}\n) AS inner_query"  # noqa: S608
            connection.execute(inner.encode(), binary=True)
            connection.execute("SET LOCAL search_path = pg_catalog")
            _require_known(connection)
        raise TrialError(f"the database refuses it: {error.diag.message_primary}") from error


def _described(connection: Connection, text: str) -> tuple[list[int], list[int]]:
    """Return the types of a query's columns and parameters; it is only parsed."""
    wire = connection.pgconn
    for result in (wire.prepare(b"", text.encode(connection.info.encoding)), wire.describe_prepared(b"")):
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result)
    return [result.ftype(number) for number in range(result.nfields)], [
        result.param_type(number) for number in range(result.nparams)
    ]


def _require_harmless_texts(connection: Connection, text: str) -> None:
    """Raise TrialError if parsing the query could run a domain's check.

    Parsing converts strings in the query to the expected type. If that is a row or an array that contains a domain, the
    domain's check runs. So if the database has a domain whose check may be harmful, the query is first parsed without
    its strings, to find the types that they would be converted to.
    """
    with trusted_path(connection):
        unknown = Calls(connection).domains()
    if not unknown:
        return
    without = _without_texts(text)
    if "'" in without or connection.info.parameter_status("standard_conforming_strings") != "on":
        raise TrialError(f"not run before approval: {unknown[0]}, and a text in the query could become such a value")
    if without == text:
        return
    _, types = _described(connection, without)
    with trusted_path(connection):
        problems = [problem for oid in types for problem in Calls(connection).type(oid)]
    if problems:
        raise TrialError(f"not run before approval: {problems[0]}")


def _without_texts(query: str) -> str:
    """Return the query with a parameter in place of every string."""
    count = 0

    def parameter(match: re.Match[str]) -> str:
        nonlocal count
        if match["comment"] is not None or match["other"] is not None:
            return match["other"] or " "
        count += 1
        return f"${count}"

    return _TEXTS.sub(parameter, query)
