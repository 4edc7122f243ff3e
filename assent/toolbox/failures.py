"""Kinds of failures: what an exception of a tool means for what can be done about it.

Exceptions are recognized by what they carry: their class, a SQLSTATE, an error number, an HTTP status. Only SQLite
gives all mistakes in statements the same number, so that its few fixed sentences are read.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from assent.toolbox.errors import ToolError, ToolTimeoutError, ToolUnavailableError


class FailureKind(StrEnum):
    """What has gone wrong: each kind has its own way to recover."""

    TIMEOUT = "timeout"
    """Too late, or the connection was lost: it may work a moment later."""
    SQL_SYNTAX = "sql_syntax"
    """The database does not understand the statement."""
    PERMISSION_DENIED = "permission_denied"
    """The account may not do this. Repeating it is of no use until somebody grants it."""
    OTHER = "other"


@dataclass(frozen=True)
class ToolFailure:
    """What is known of a failure.

    Attributes:
        dialect: of the database that did not understand the statement, by its name in sqlglot; empty: not known.
    """

    kind: FailureKind
    dialect: str = ""


_OTHER = ToolFailure(FailureKind.OTHER)
_MOST_CAUSES = 10
_SYNTAX_STATES = {"42601", "42883"}  # a function that does not exist is often one of another dialect
_TIMEOUT_STATES = {"57014", "57P01", "57P02", "57P03", "55P03"}
_MYSQL = {
    FailureKind.SQL_SYNTAX: {1064, 1149, 1305},
    FailureKind.PERMISSION_DENIED: {1044, 1045, 1142, 1143, 1227, 1370, 1698},
    FailureKind.TIMEOUT: {1205, 2002, 2003, 2006, 2013, 2055, 3024},
}
_MYSQL_MODULES = {"pymysql", "MySQLdb", "mysql", "aiomysql", "asyncmy", "mariadb"}
_HTTP = {401: FailureKind.PERMISSION_DENIED, 403: FailureKind.PERMISSION_DENIED} | dict.fromkeys(
    (408, 429, 502, 503, 504), FailureKind.TIMEOUT
)
_SQLITE_SENTENCES = re.compile(
    r'near ".*": syntax error|incomplete input|unrecognized token: .*|no such function: .*', re.DOTALL
)
_SQLITE_MISTAKES = {1, 17}  # SQLITE_ERROR, and SQLITE_SCHEMA if the schema had to be read first
_SQLITE_NUMBERS = {
    3: FailureKind.PERMISSION_DENIED, 8: FailureKind.PERMISSION_DENIED, 23: FailureKind.PERMISSION_DENIED,
    5: FailureKind.TIMEOUT, 6: FailureKind.TIMEOUT,
}  # fmt: skip
_LOST = {("httpx", "TransportError"), ("requests", "ConnectionError"), ("requests", "Timeout")}


def failure_of(error: BaseException) -> ToolFailure:
    """Return what is known of an exception and its causes; the first that says something counts."""
    for cause in _causes(error):
        found = _one(cause)
        if found.kind is not FailureKind.OTHER:
            return found
    return _OTHER


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and what it was raised from: explicitly, or as SQLAlchemy's `orig`."""
    current: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if current is None:
            return
        yield current
        inner = getattr(current, "orig", None)
        current = inner if isinstance(inner, BaseException) else current.__cause__


def _one(error: BaseException) -> ToolFailure:
    if isinstance(error, ToolTimeoutError | ToolUnavailableError):
        return ToolFailure(FailureKind.TIMEOUT)
    if isinstance(error, ToolError):
        return _OTHER
    if isinstance(error, PermissionError):
        return ToolFailure(FailureKind.PERMISSION_DENIED)
    if isinstance(error, TimeoutError | ConnectionError):
        return ToolFailure(FailureKind.TIMEOUT)
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is not None and isinstance(error, sqlite3.Error):
        return _of_sqlite(error)
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    if modules & _MYSQL_MODULES:
        return _of_mysql(error)
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if isinstance(state, str):
        return _of_state(state)
    if _is_lost_connection(error):
        return ToolFailure(FailureKind.TIMEOUT)
    return ToolFailure(_HTTP.get(_http_status(error), FailureKind.OTHER))


def _of_sqlite(error: BaseException) -> ToolFailure:
    number = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if number in _SQLITE_MISTAKES and _SQLITE_SENTENCES.fullmatch(str(error)):
        return ToolFailure(FailureKind.SQL_SYNTAX, "sqlite")
    return ToolFailure(_SQLITE_NUMBERS.get(number, FailureKind.OTHER))


def _of_mysql(error: BaseException) -> ToolFailure:
    number = getattr(error, "errno", None) or (error.args[0] if error.args else None)
    for kind, numbers in _MYSQL.items():
        if number in numbers:
            return ToolFailure(kind, "mysql" if kind is FailureKind.SQL_SYNTAX else "")
    return _OTHER


def _of_state(state: str) -> ToolFailure:
    if state in _SYNTAX_STATES:
        return ToolFailure(FailureKind.SQL_SYNTAX, "postgres")
    if state == "42501" or state.startswith("28"):
        return ToolFailure(FailureKind.PERMISSION_DENIED)
    if state in _TIMEOUT_STATES or state.startswith("08"):
        return ToolFailure(FailureKind.TIMEOUT)
    return _OTHER


def _is_lost_connection(error: BaseException) -> bool:
    """Return whether the connection was lost, which psycopg reports as an OperationalError without a SQLSTATE."""
    names = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    return bool(names & _LOST) or names >= {("psycopg", "OperationalError")}


def _http_status(error: BaseException) -> int:
    """Return the status of an HTTP error of requests, httpx, urllib, aiohttp, or botocore; 0: it is none."""
    answer: Any = getattr(error, "response", None)
    if isinstance(answer, dict):
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(answer, "status_code", None)
        if status is None and any(kind.__module__.startswith(("urllib.", "aiohttp.")) for kind in type(error).__mro__):
            status = getattr(error, "code", None) or getattr(error, "status", None)
    return status if isinstance(status, int) else 0
