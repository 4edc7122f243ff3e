"""Rules for what an ALTER or a similar statement switches off, takes out of use, or empties."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.conditions import Reach
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_OFF = word_set("DISABLE OFFLINE SUSPEND STOP CLOSE UNPLUG DETACH NOLOGGING")
_ELSEWHERE = word_set("SESSION WAREHOUSE INDEX ROLE USER LOGIN SYSTEM DATABASE RESOURCE")
"""Objects that other rules judge, or that come back by themselves."""


@sql_rule(
    "sql.switched_off",
    RiskLevel.HIGH,
    "Something that others rely on is switched off, or taken out of use.",
    verbs="ALTER DETACH",
)
def switched_off(statement: SqlStatement) -> Iterator[Hit]:
    keys = statement.keys
    if statement.verb == "DETACH":
        if statement.keys[1:2] in (["RLS"], ["MASKING"]):
            yield Hit("Takes a policy away that hides rows or values from users.")
        elif statement.dialect == "clickhouse":
            yield Hit("Takes a table or database out of use; its rows stay on the disk.")
    elif statement.object == "RESOURCE" and "GOVERNOR" in keys and "DISABLE" in keys:
        yield Hit("Takes limits away that keep some from using the whole server.")
    elif statement.object not in _ELSEWHERE and _says_off(statement):
        yield Hit(f"Switches {statement.object_name or 'something'} off, or takes it out of use, for everybody.")
    elif _moves_all(statement):
        yield Hit(f"Moves all rows or objects of {statement.object_name} elsewhere, or exchanges them.")


_STATES = frozenset({"STATE", "STATUS", "ENABLED", "AUTOVACUUM_ENABLED"})


def _says_off(statement: SqlStatement) -> bool:
    keys = statement.keys
    if "NO" in keys and statement.has("NO", "FLASHBACK", "ARCHIVE"):
        return True
    if statement.object == "TABLE":
        last = keys[-2:]
        policy = statement.has("DROP") and statement.has("ACCESS") and bool({"POLICY", "POLICIES"} & set(keys))
        masked = policy or statement.has("DROP", "MASKED") or statement.has("UNSET", "MASKING", "POLICY")
        triggers = statement.has("DISABLE", "ALL", "TRIGGERS") or statement.has("SECURITY", "OFF")
        quiet = statement.has("REPLICA", "IDENTITY", "NOTHING") or statement.has("AUTOVACUUM_ENABLED", "=", "FALSE")
        return masked or triggers or quiet or last == ["READ", "ONLY"] or keys[-1:] == ["NOLOGGING"]
    if statement.object in ("SEQUENCE", "TYPE", "VIEW", "SCHEMA", "FUNCTION", "PROCEDURE"):
        return False
    off = any(
        keys[index + 1 : index + 3] in (["=", "OFF"], ["=", "STOP"], ["=", "FALSE"], ["=", "STOPPED"])
        for index, key in enumerate(keys)
        if key in _STATES
    )
    named = bool(_OFF & set(keys[2:8])) or keys[-2:] == ["READ", "ONLY"]
    unlimited = statement.object == "PROFILE" and "UNLIMITED" in keys
    gone = statement.object in ("DISKGROUP", "TABLESPACE") and "DROP" in keys
    return off or named or unlimited or gone or _changes_server(statement)


_OF_SERVER = word_set("INSTANCE AVAILABILITY MASTER SHARE DATASHARE KEYSPACE FAILOVER REPLICATION TASK ACCOUNT")


def _changes_server(statement: SqlStatement) -> bool:
    """Return whether a statement changes what keeps the whole server, its keys, or its copies working."""
    policy = "POLICY" in statement.keys[2:4] and statement.keys[1] != "POLICY"
    return (
        policy
        or statement.object in _OF_SERVER
        or (statement.object == "COLUMN" and statement.has("ENCRYPTION", "KEY"))
    )


def _moves_all(statement: SqlStatement) -> bool:
    moves = statement.has("SWAP", "WITH") or statement.has("APPEND", "FROM")
    return moves or (statement.object == "SCHEMA" and statement.has("TRANSFER"))


@sql_rule(
    "sql.column.emptied",
    RiskLevel.CRITICAL,
    "A column gets new values that do not come from its old ones.",
    verbs="ALTER",
)
def column_emptied(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object != "TABLE":
        return
    for index, keys in statement.actions():
        line = statement.line_at(index)
        where = index + keys.index("WHERE") if keys[0] == "UPDATE" and "WHERE" in keys else -1
        if where > 0 and statement.reach_of_condition(where) is Reach.ALL:
            yield Hit(f"Changes every row of {statement.object_name}; the old values are lost.", line)
        if keys[:2] == ["CLEAR", "COLUMN"]:
            yield Hit(f"Empties a column of {statement.object_name}. Only a backup can restore it.", line)
        if keys[0] != "ALTER" or "USING" not in keys or "TYPE" not in keys[2:6]:
            continue
        place = 2 if keys[1:2] == ["COLUMN"] else 1
        column = statement.tokens[index + place].text.strip('"').lower()
        used = statement.tokens[index + keys.index("USING") + 1 : index + len(keys)]
        if column not in {token.text.strip('"').lower() for token in used}:
            words = f"The new values of {column} do not come from the old ones, which are lost."
            yield Hit(f"{words} Only a backup can restore them.", line)


@sql_rule(
    "sql.files.removed",
    RiskLevel.HIGH,
    "Files that are kept for loading are deleted, or brought here.",
    verbs="REMOVE RM PUT GET",
)
def files_removed(statement: SqlStatement) -> Iterator[Hit]:
    if statement.keys[1:2] not in (["@"], ["''"], ["FILE"]):
        return
    if statement.verb in ("PUT", "GET"):
        yield Hit("Copies files between a stage and the client's machine.")
    else:
        within = "/" in statement.keys
        yield Hit("Deletes files of a stage.", severity=None if within else RiskLevel.CRITICAL)


_QUIET = {
    "HANDLER": "Reads rows of a table one after the other.",
    "XA": "Begins, ends, or lists a part of a transaction over several databases.",
    "CACHE": "Says in which cache an index is kept.",
    "REVERT": "Gives back the rights of another user.",
    "LIST": "Lists files of a stage.",
    "LS": "Lists files of a stage.",
    "UNSET": "Forgets a variable of this session.",
    "EXISTS": "Says whether a table exists.",
    "SUMMARIZE": "Computes statistics of a table.",
    "ASSERT": "Checks a condition.",
}


@sql_rule(
    "sql.quiet",
    RiskLevel.SAFE,
    "A statement of one database that reads, or changes only this session.",
    verbs=" ".join(_QUIET),
)
def quiet(statement: SqlStatement) -> Iterator[Hit]:
    keys = statement.keys
    if statement.verb == "XA" and not {"COMMIT", "ROLLBACK", "PREPARE"}.isdisjoint(keys[1:2]):
        words = "Ends a part of a transaction over several databases, or readies it for that."
        yield Hit(words, severity=RiskLevel.MEDIUM)
    elif statement.verb != "EXISTS" or keys[1:2] != ["("]:
        yield Hit(_QUIET[statement.verb])


@sql_rule(
    "sql.brought_back",
    RiskLevel.MEDIUM,
    "Something that was dropped is brought back, or a message is sent.",
    verbs="UNDROP SEND",
)
def brought_back(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "UNDROP":
        yield Hit("Brings something back that was dropped.")
    elif statement.verb == "SEND" and "CONVERSATION" in statement.keys:
        yield Hit("Sends a message to a service of the database.")
