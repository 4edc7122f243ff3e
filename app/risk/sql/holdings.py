"""What kinds of objects hold data, so that it is lost with them when they are dropped or replaced."""

from __future__ import annotations

from app.risk.rules import word_set
from app.risk.sql.statement import SqlStatement

_TABLES = word_set("DYNAMIC ICEBERG HYBRID TRANSIENT EVENT SNAPSHOT DELTA COLUMNAR LIVE STREAMING MANAGED SHADOW")
"""What may stand before TABLE where it holds rows of its own; those of an external table stay where they are."""
_WHOLE = {
    "KEYSPACE": "all tables in it", "DISKGROUP": "all files in it", "BACKUP": "what it could bring back",
    "SNAPSHOT": "what it could bring back", "COLLECTION": "all documents in it", "BUCKET": "all objects in it",
    "VOLUME": "all files in it", "DATASET": "all tables in it", "NAMESPACE": "everything in it",
    "MEASUREMENT": "all points in it", "GRAPH": "all nodes in it", "WORKSPACE": "everything in it",
    "RETENTION": "all points that it keeps", "SHARD": "all points in it", "TENANT": "everything in it",
}  # fmt: skip
_WITH_WORDS = (
    ("PLUGGABLE", ("DATABASE",), "everything in it"),
    ("ACCESS", ("METHOD", "CASCADE"), "all tables that are stored that way"),
    ("COLLATION", ("CASCADE",), "all columns that use it"),
    ("CATALOG", ("CASCADE",), "all schemas in it"),
    ("CLUSTER", ("INCLUDING", "TABLES"), "all tables in it"),
    ("STREAM", ("DELETE", "TOPIC"), "all messages in it"),
    ("TYPE", ("FORCE",), "every column of that type"),
    ("TABLESPACE", ("INCLUDING", "CONTENTS"), "all tables in it"),
    ("STORAGE", ("POOL",), "everything in it"),
    ("REPLICA", ("FROM",), "its copy of the data"),
)
"""An object, the words that the statement has besides, and what is lost."""


def lost_with(statement: SqlStatement) -> str:
    """Return what is lost with the object that a statement drops; empty if it holds no data."""
    keys = statement.keys
    place = next((index for index, key in enumerate(keys) if key == statement.object), 0)
    if statement.object in _TABLES and keys[place + 1 : place + 2] == ["TABLE"]:
        return "all its rows"
    if statement.object == "RETENTION" and "POLICY" not in keys[:4]:
        return ""
    if found := _WHOLE.get(statement.object):
        # A policy or an integration for backups is not the backup.
        about = {"POLICY", "SCHEDULE", "INTEGRATION", "LINK"} & set(keys[place + 1 : place + 3])
        return "" if about and statement.object != "RETENTION" else found
    return next(
        (
            lost
            for kind, words, lost in _WITH_WORDS
            if statement.object == kind and all(word in keys[place + 1 :] for word in words)
        ),
        "",
    )


def is_table(statement: SqlStatement) -> bool:
    """Return whether the object of a statement is a table with rows of its own, of whatever kind."""
    if statement.object == "TABLE":
        return "FOREIGN" not in statement.keys[1:4]
    place = statement.find(statement.object) if statement.object in _TABLES else -1
    return place >= 0 and statement.keys[place + 1 : place + 2] == ["TABLE"]


def is_replaced(statement: SqlStatement) -> bool:
    """Return whether a statement puts something new where an object may already be."""
    return statement.has("OR", "REPLACE") or statement.has("OR", "ALTER") or statement.verb == "REPLACE"


def is_temporary(statement: SqlStatement) -> bool:
    """Return whether a statement makes an object that only this session sees."""
    return not {"TEMP", "TEMPORARY", "VOLATILE"}.isdisjoint(statement.keys[1:5])
