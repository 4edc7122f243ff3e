"""Rules for statements about the server as a whole: its logs, backups, replication, jobs, and sessions."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel


@sql_rule(
    "sql.backup.lost",
    RiskLevel.CRITICAL,
    "Logs, backups, or points to return to are deleted.",
    verbs="RESET PURGE FLASHBACK RESTORE ALTER DROP",
)
def backup_lost(statement: SqlStatement) -> Iterator[Hit]:
    keys = statement.keys
    if (statement.verb == "RESET" and keys[1:2] == ["MASTER"]) or statement.starts("RESET", "BINARY"):
        yield Hit("Deletes all binary logs: replicas stop, and the database cannot be brought back to a point in time.")
    elif statement.verb == "PURGE":
        logs = "LOGS" in keys[1:4]
        words = "Deletes binary logs, which replicas and recovery to a point in time need."
        bin_words = "Deletes what was dropped for good; it cannot be restored from the recycle bin."
        yield Hit(words if logs else bin_words, severity=RiskLevel.HIGH if logs else None)
    elif statement.verb == "FLASHBACK":
        database = keys[1:2] == ["DATABASE"]
        words = "Sets tables, or the whole database, back to an earlier state; later changes are lost."
        yield Hit(words, severity=None if database else RiskLevel.HIGH)
    elif statement.verb == "RESTORE" and keys[1:2] in (["DATABASE"], ["LOG"]):
        yield Hit("Overwrites the database with a backup; what was written since is lost.")
    elif statement.has("RESETLOGS") or (statement.starts("DROP", "RESTORE", "POINT")):
        yield Hit("Gives up logs or a point to return to.")


@sql_rule(
    "sql.replication",
    RiskLevel.HIGH,
    "Replication is started, stopped, or changed.",
    verbs="START STOP CHANGE RESET",
)
def replication(statement: SqlStatement) -> Iterator[Hit]:
    named = {"SLAVE", "REPLICA", "GROUP_REPLICATION", "REPLICATION"} & set(statement.keys[1:3])
    if named or (statement.verb == "CHANGE" and statement.keys[1:2] in (["MASTER"], ["REPLICATION"])):
        yield Hit("Changes what this server copies from or to others; copies may fall behind, or be lost.")


@sql_rule(
    "sql.server",
    RiskLevel.HIGH,
    "The server is stopped or configured, or a database is taken away from its users.",
    verbs="SHUTDOWN RESTART KILL RECONFIGURE DBCC ALTER BACKUP FLUSH RESTORE CHECKPOINT WAITFOR STARTUP STOP",
)
def server(statement: SqlStatement) -> Iterator[Hit]:
    verb, keys = statement.verb, statement.keys
    if verb in ("SHUTDOWN", "RESTART", "STARTUP"):
        yield Hit("Stops or restarts the server for everybody.")
    elif verb == "RECONFIGURE":
        yield Hit("Makes changed settings of the server effective for everybody.")
    elif verb == "KILL":
        yield Hit("Ends another session; what it was doing is rolled back.")
    elif verb == "BACKUP":
        yield Hit("Copies the whole database, or its log, to a file or another place.")
    elif verb == "WAITFOR":
        yield Hit("Waits, and holds its locks meanwhile.", severity=RiskLevel.MEDIUM)
    elif verb == "DBCC":
        yield from _dbcc(statement)
    elif verb == "FLUSH" and not statement.has("READ", "LOCK") and not statement.has("FOR", "EXPORT"):
        yield Hit("Empties caches, or closes logs and tables; others wait for a moment.", severity=RiskLevel.MEDIUM)
    elif verb == "ALTER" and keys[1:2] == ["DATABASE"] and statement.has("TRUSTWORTHY", "ON"):
        words = "Lets the owner of the database act as an administrator of the server."
        yield Hit(words, severity=RiskLevel.CRITICAL)
    elif verb == "ALTER" and keys[1:2] == ["DATABASE"] and _takes_away(statement):
        words = "Takes the database offline, drops one of its files, or throws everybody out of it."
        yield Hit(words, severity=RiskLevel.CRITICAL if statement.has("DROP") else None)


def _takes_away(statement: SqlStatement) -> bool:
    return bool({"OFFLINE", "SINGLE_USER", "RESTRICTED_USER", "EMERGENCY", "DATAFILE"} & set(statement.keys))


_READING_CHECKS = word_set(
    "CHECKDB CHECKTABLE CHECKALLOC CHECKCATALOG CHECKCONSTRAINTS CHECKFILEGROUP OPENTRAN SHOW_STATISTICS SQLPERF "
    "USEROPTIONS INPUTBUFFER OUTPUTBUFFER TRACESTATUS PROCCACHE HELP SHOWCONTIG LOGINFO"
)


def _dbcc(statement: SqlStatement) -> Iterator[Hit]:
    command = statement.keys[1] if len(statement.keys) > 1 else ""
    if "REPAIR_ALLOW_DATA_LOSS" in statement.keys or command == "WRITEPAGE":
        yield Hit(
            "Repairs or overwrites pages of the database, and may delete rows for it.", severity=RiskLevel.CRITICAL
        )
    elif command in _READING_CHECKS:
        yield Hit("Reads the database, or facts about it, to check it.", severity=RiskLevel.LOW)
    elif command == "CHECKIDENT":
        sets = {"RESEED"} & set(statement.keys)
        words = "Shows or sets the next number of a table."
        yield Hit(words, severity=RiskLevel.MEDIUM if sets else RiskLevel.LOW)
    else:
        yield Hit("Shrinks files, empties caches, or changes how the server works, for everybody.")


@sql_rule(
    "sql.audit",
    RiskLevel.HIGH,
    "Auditing is turned off or changed.",
    verbs="ALTER DROP NOAUDIT",
)
def audit(statement: SqlStatement) -> Iterator[Hit]:
    names_it = statement.keys[1:2] == ["AUDIT"] or statement.keys[1:3] in (["SERVER", "AUDIT"], ["DATABASE", "AUDIT"])
    if statement.verb == "NOAUDIT" or names_it:
        yield Hit("What is done from now on may leave no trace.")


@sql_rule("sql.vacuum.into", RiskLevel.HIGH, "The whole database is copied into another file.", verbs="VACUUM")
def vacuum_into(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("INTO"):
        yield Hit("Copies the whole database into another file.")
