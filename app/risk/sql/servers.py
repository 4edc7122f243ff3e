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
    verbs="RESET PURGE FLASHBACK RESTORE ALTER DROP CLONE VACUUM",
)
def backup_lost(statement: SqlStatement) -> Iterator[Hit]:
    keys = statement.keys
    if (statement.verb == "RESET" and keys[1:2] == ["MASTER"]) or statement.starts("RESET", "BINARY"):
        yield Hit("Deletes all binary logs: replicas stop, and the database cannot be brought back to a point in time.")
    elif statement.verb == "PURGE":
        logs = "LOGS" in keys[1:4]
        now = statement.keys[-3:] == ["NOW", "(", ")"] or statement.keys[-1:] in (["CURRENT_TIMESTAMP"], ["SYSDATE"])
        words = "Deletes binary logs, which replicas and recovery to a point in time need."
        bin_words = "Deletes what was dropped for good; it cannot be restored from the recycle bin."
        yield Hit(words if logs else bin_words, severity=RiskLevel.HIGH if logs and not now else None)
    elif statement.verb == "FLASHBACK":
        database = keys[1:2] == ["DATABASE"]
        words = "Sets tables, or the whole database, back to an earlier state; later changes are lost."
        yield Hit(words, severity=None if database else RiskLevel.HIGH)
    elif statement.verb == "RESTORE" and keys[1:2] in (["DATABASE"], ["LOG"]):
        yield Hit("Overwrites the database with a backup; what was written since is lost.")
    elif statement.starts("CLONE", "INSTANCE"):
        yield Hit("Replaces all data of this server by that of another one.")
    elif statement.starts("CLONE", "LOCAL"):
        yield Hit("Copies all data of this server into another folder.", severity=RiskLevel.HIGH)
    elif statement.verb == "VACUUM":
        hours = _hours_kept(statement)
        if hours is not None:
            words = f"Deletes all earlier states that are older than {hours:g} hours; nobody can return to them."
            yield Hit(words, severity=None if hours < _WEEK else RiskLevel.HIGH)
    elif statement.has("FORCE_FAILOVER_ALLOW_DATA_LOSS"):
        yield Hit("Makes a copy the original although it may not have all that was written.")
    elif statement.has("CLEAR", "UNARCHIVED"):
        yield Hit("Empties a log that has not been archived: the database cannot be brought back past this point.")
    elif statement.has("RESETLOGS") or (statement.starts("DROP", "RESTORE", "POINT")):
        yield Hit("Gives up logs or a point to return to.")


_WEEK = 168.0


def _hours_kept(statement: SqlStatement) -> float | None:
    """Return how many hours VACUUM of a lake's table keeps what was deleted; None if it does not say."""
    place = statement.find("RETAIN") + 1
    token = statement.tokens[place] if 0 < place < len(statement.tokens) else None
    if token is None or token.kind != "number" or statement.has("DRY", "RUN"):
        return None
    return float(token.text)


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
    verbs="SHUTDOWN RESTART KILL RECONFIGURE DBCC ALTER BACKUP FLUSH RESTORE CHECKPOINT WAITFOR STARTUP STOP CANCEL "
    "SYSTEM",
)
def server(statement: SqlStatement) -> Iterator[Hit]:
    verb, keys = statement.verb, statement.keys
    if verb in ("SHUTDOWN", "RESTART", "STARTUP"):
        yield Hit("Stops or restarts the server for everybody.")
    elif verb == "RECONFIGURE":
        yield Hit("Makes changed settings of the server effective for everybody.")
    elif verb == "KILL":
        one = keys[1:] and (keys[-1].isdigit() or "QUERY_ID" in keys) and len(keys) < 8
        level = RiskLevel.MEDIUM if one else None
        yield Hit("Ends another session, or what it is doing; that is rolled back.", severity=level)
    elif verb == "CANCEL":
        yield Hit("Cancels what others have started.", severity=RiskLevel.MEDIUM if keys[-1].isdigit() else None)
    elif verb == "RESTORE":
        if keys[1:2] and keys[1] in ("HEADERONLY", "FILELISTONLY", "LABELONLY", "VERIFYONLY"):
            yield Hit("Reads what is in a backup.", severity=RiskLevel.LOW)
    elif verb == "SYSTEM":
        yield from _system(statement)
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


def _system(statement: SqlStatement) -> Iterator[Hit]:
    """Judge SYSTEM of ClickHouse by its first words."""
    words = set(statement.keys[1:4])
    if {"DROP", "REPLICA"} <= words or {"DROP", "DATABASE", "REPLICA"} <= words:
        yield Hit("Deletes a copy of a table, or of all tables, from the records.", severity=RiskLevel.CRITICAL)
    elif words & {"CACHE", "FLUSH", "RELOAD", "SYNC", "WAIT", "START", "CACHES"} or statement.has("CACHE"):
        yield Hit("Writes, reads, or forgets what the server keeps in memory.", severity=RiskLevel.MEDIUM)
    else:
        yield Hit("Stops or restarts the server, or work that it does in the background.")


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


_COMMANDS = word_set(
    "ARCHIVE_COMMAND RESTORE_COMMAND ARCHIVE_CLEANUP_COMMAND RECOVERY_END_COMMAND SSL_PASSPHRASE_COMMAND PROGRAM"
)


def server_commands(statement: SqlStatement) -> Iterator[str]:
    """Yield the shell commands that the server will run because a statement says so."""
    if statement.verb == "COPY" or (statement.verb in ("ALTER", "SET") and "SYSTEM" in statement.keys[1:2]):
        for index, key in enumerate(statement.keys[:-1]):
            following = statement.tokens[index + 1 : index + 3]
            text = next((token.text for token in following if token.kind == "string"), "")
            if key in _COMMANDS and text:
                yield text.strip("'").replace("''", "'")


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
