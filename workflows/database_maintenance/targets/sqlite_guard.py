"""The actions that measured queries may take in SQLite, which asks for each one while it compiles a query."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from workflows.database_maintenance.model import TrialError

_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_NAMES = """
    abs avg ceil ceiling char coalesce concat concat_ws count cume_dist current_date current_time current_timestamp
    date datetime degrees dense_rank exp first_value floor format glob group_concat hex ifnull iif if instr json
    json_array json_array_length json_each json_error_position json_extract json_group_array json_group_object
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_tree json_type
    json_valid jsonb jsonb_array jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object
    jsonb_patch jsonb_remove jsonb_replace jsonb_set julianday lag last_value lead length like likelihood likely ln
    log log10 log2 lower ltrim match max median min mod nth_value ntile nullif octet_length percent_rank percentile
    percentile_cont percentile_disc pi pow power printf quote radians rank replace round row_number rtrim sign
    soundex sqrt strftime string_agg substr substring subtype sum time timediff total trim trunc typeof unhex
    unicode unistr unixepoch unlikely upper acos acosh asin asinh atan atan2 atanh cos cosh sin sinh tan tanh -> ->>
"""
_FUNCTIONS = frozenset(_NAMES.split())
"""SQLite's own functions that only compute, without ``load_extension``, nondeterministic ones, and those that an
application or extension has added."""
_MADE_UP = ("pragma_", "sqlite_dbpage", "dbstat", "fsdir", "sqlite_stmt", "sqlite_memstat", "bytecode", "tables_used")
"""Virtual tables of SQLite that do more than read rows."""
_HARMLESS = {
    (
        sqlite3.SQLITE_UPDATE,
        "sqlite_master",
    ),  # requested by virtual tables; as a statement it is refused
    (sqlite3.SQLITE_PRAGMA, "data_version"),  # requested by full-text tables
}
_WHAT = {
    sqlite3.SQLITE_ATTACH: "attaches another file",
    sqlite3.SQLITE_PRAGMA: "uses a PRAGMA",
    sqlite3.SQLITE_TRANSACTION: "begins or ends a transaction",
}


def harden(connection: sqlite3.Connection) -> None:
    """Allow views and indexes only functions that SQLite considers harmless."""
    connection.execute("PRAGMA trusted_schema = OFF")


@contextmanager
def only_reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Allow statements that are compiled inside to read rows and compute.

    Raises:
        TrialError: a statement would do something else, which the message names.
    """
    refused: list[str] = []

    def decide(action: int, first: str | None, second: str | None, _database: str | None, view: str | None) -> int:
        via = f" through {view}" if view else ""
        if action == sqlite3.SQLITE_FUNCTION:
            if str(second).lower() in _FUNCTIONS:
                return sqlite3.SQLITE_OK
            refused.append(f"it calls {second}(){via}, which may do more than compute")
        elif action == sqlite3.SQLITE_READ and str(first).lower().startswith(_MADE_UP):
            refused.append(f"it reads {first}{via}, which is not a table of the database")
        elif action in _ALLOWED or (action, first) in _HARMLESS:
            return sqlite3.SQLITE_OK
        else:
            refused.append(f"it {_WHAT.get(action, 'does more than read')}{via}")
        return sqlite3.SQLITE_DENY

    connection.set_authorizer(decide)
    try:
        yield
    except TrialError as error:
        if refused:
            raise TrialError(f"not run before approval: {'; '.join(dict.fromkeys(refused))}") from error
        raise
    finally:
        connection.set_authorizer(None)
