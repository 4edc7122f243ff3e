"""Stores of data that are files: shelves, key-value stores, mailboxes, tables of data lakes."""

from __future__ import annotations

import re

from app.risk.python import databases
from app.risk.python.clients import Use, library
from app.risk.python.dynamic_code import LOADS
from app.risk.python.known_calls import Row, known_by_calls
from app.risk.python.store_clients import STORE_CHANGES, STORE_GONE
from app.risk.python.values import Value
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

known_by_calls(
    "shelve dbm lmdb plyvel tinydb leveldb rocksdb diskcache sqlitedict pickledb zodb ZODB",
    Row(r"^(?:dbm\S*|shelve) open .*\"n\"|^shelve\S* shelf .*--flag \"n\"", STORE_GONE, "empties what is kept there"),
    Row(r"^shelve (?:open|shelf)\b", LOADS, "runs whatever code its data contains"),
    Row(r"^diskcache\S* (?:clear|evict|cull|expire)", STORE_CHANGES, "empties a cache"),
    Row(r" (?:clear|truncate|drop_tables|drop_table|purge_tables|purge|destroy_db|deldb|drop|delete_db"
        r"|erase_all)\b(?! .*false)",
        STORE_GONE, "deletes everything that is kept there"),
    Row(r" (?:remove|delete|pop|del)\b", STORE_CHANGES, "deletes entries", MEDIUM, CRITICAL),
    Row(r" (?:put|insert\w*|set|update|upsert\w*|write|rewrite)\b", STORE_CHANGES, "writes entries", LOW),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "mailbox",
    Row(r" clear\b", STORE_GONE, "deletes all mails of a mailbox"),
    Row(r" (?:remove|discard|pop|__delitem__|popitem|remove_folder)\b", STORE_CHANGES, "deletes mails", MEDIUM,
        CRITICAL),
    Row(r" (?:add|update|add_folder)\b", STORE_CHANGES, "adds mails", LOW),
    Row(r" keys\b"),
    Row(r""),
)  # fmt: skip


@library("delta", "deltalake", "pyiceberg")
def call_lake(use: Use) -> Value | None:
    """Judge a call on a table of a data lake."""
    made, method = use.made, use.method
    if method == "delete":
        whole = not made.arguments and not made.keywords
        rule = databases.ALL_ROWS if whole else databases.MANY_ROWS
        made.reading.add(rule, "This deletes rows of a table.", made.line)
    elif method == "vacuum":
        soon = re.search(r"\b0\b", use.given)
        words = "This deletes the files of older versions of a table."
        made.reading.add(STORE_CHANGES, words, made.line, HIGH if soon else MEDIUM)
    elif method in ("drop_table", "purge_table", "drop_namespace"):
        made.reading.add(databases.DROPS, f"This calls {method}: what is in it is gone.", made.line)
    elif method in ("update", "merge", "restoreToVersion", "restore", "overwrite") or (
        method == "write_deltalake" and "overwrite" in use.given
    ):
        made.reading.add(databases.MANY_ROWS, f"This calls {method}, which changes or replaces rows.", made.line)
    return use.result()


_WRITES = ("saveAsTable", "insertInto", "save", "parquet", "csv", "json", "orc", "text", "overwritePartitions", "jdbc")


@library("pyspark", "databricks", "snowpark")
def call_spark(use: Use) -> Value | None:
    """Judge a call of Spark."""
    made, method = use.made, use.method
    if method in ("sql", "execute", "executeSql") and made.argument(0).text is not None:
        databases.read_sql(made, made.argument(0), "spark")
        return use.result()
    if (method in _WRITES and "write" in made.chain) or method == "createOrReplace":
        replaces = "overwrite" in made.shown.lower() or method == "createOrReplace"
        table = method in ("saveAsTable", "insertInto", "createOrReplace", "overwritePartitions", "jdbc")
        rule = databases.ALL_ROWS if replaces and table else databases.MANY_ROWS
        level = CRITICAL if replaces and table else HIGH if replaces else MEDIUM
        words = "This replaces what is in a table or folder." if replaces else "This writes rows."
        made.reading.add(rule, words, made.line, level)
    elif method in ("dropDatabase", "dropTable", "drop_table", "delete_catalog", "delete_schema"):
        made.reading.add(databases.DROPS, f"This calls {method}: what is in it is gone.", made.line)
    elif use.path[0] == "databricks":
        return None
    return use.result()
