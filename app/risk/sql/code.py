"""Rules for code in the database, and for dynamic SQL."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel


@sql_rule(
    "sql.dynamic",
    RiskLevel.HIGH,
    "Code or dynamic SQL is run whose effects cannot be known in advance.",
    verbs="DO EXECUTE EXEC CALL PREPARE BEGIN DECLARE",
)
def dynamic(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "DO":
        yield Hit(
            "Runs a block of procedural code; its effects can depend on data and cannot be fully determined here."
        )
    elif statement.verb in ("EXECUTE", "EXEC", "PREPARE"):
        yield Hit("Runs a prepared statement or dynamic SQL; its effects cannot be determined here.")
    elif statement.verb == "CALL":
        yield Hit("Calls a procedure whose code is not part of this text.")
    elif statement.verb == "DECLARE" or (
        statement.verb == "BEGIN" and len(statement.keys) > 1 and not _transaction(statement)
    ):
        yield Hit("Begins a block of procedural code; its effects cannot be determined here.")


def _transaction(statement: SqlStatement) -> bool:
    return statement.keys[1] in _TRANSACTION_WORDS


_TRANSACTION_WORDS = word_set(
    "TRANSACTION WORK TRAN ISOLATION READ NOT DEFERRABLE DEFERRED IMMEDIATE EXCLUSIVE CONCURRENT"
)


@sql_rule("sql.create.function", RiskLevel.MEDIUM, "A function or procedure is created or replaced.", verbs="CREATE")
def create_function(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in ("FUNCTION", "PROCEDURE", "PACKAGE"):
        replaces = " or replaces" if statement.has("OR", "REPLACE") else ""
        yield Hit(f"Creates{replaces} the code of {statement.object_name}, which everything that calls it will run.")


@sql_rule(
    "sql.create.trigger",
    RiskLevel.HIGH,
    "A trigger, rule, or event is created: code that runs automatically.",
    verbs="CREATE",
)
def create_trigger(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in ("TRIGGER", "RULE", "EVENT"):
        yield Hit("Creates code that runs automatically from then on, on every write to its table or on a schedule.")


@sql_rule("sql.create", RiskLevel.LOW, "Something new is created.", verbs="CREATE SELECT WITH")
def create(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "CREATE":
        if statement.object in _HARMLESS_OBJECTS:
            replaces = statement.has("OR", "REPLACE")
            words = f"Creates the {statement.object.lower()} {statement.object_name}."
            if replaces:
                words += " An existing one of that name is replaced."
            yield Hit(words, severity=RiskLevel.MEDIUM if replaces else None)
    elif statement.has("INTO") and statement.tree is not None and statement.tree.args.get("into") is not None:
        yield Hit("Creates a table and fills it with the result.")


_HARMLESS_OBJECTS = word_set("TABLE VIEW MATERIALIZED SEQUENCE TYPE DOMAIN SCHEMA DATABASE STATISTICS COLLATION")


@sql_rule("sql.create.other", RiskLevel.MEDIUM, "An object of an uncommon kind is created.", verbs="CREATE")
def create_other(statement: SqlStatement) -> Iterator[Hit]:
    kind = statement.object
    if kind in _UNCOMMON_OBJECTS:
        yield Hit(f"Creates an object of kind {kind.lower()}, which changes how the database behaves.")


_UNCOMMON_OBJECTS = word_set("OPERATOR CAST TRANSFORM CONVERSION TEXT TABLESPACE ACCESS DEFAULT")


@sql_rule("sql.setting", RiskLevel.LOW, "A setting of this session is changed.", verbs="SET RESET DISCARD")
def setting(statement: SqlStatement) -> Iterator[Hit]:
    yield Hit("Changes a setting for the rest of this session.")


_READING_PRAGMAS = word_set(
    "table_info table_xinfo table_list index_list index_info index_xinfo database_list foreign_key_list "
    "foreign_key_check integrity_check quick_check compile_options function_list collation_list module_list "
    "pragma_list page_count freelist_count data_version"
)


@sql_rule("sql.pragma", RiskLevel.MEDIUM, "A PRAGMA changes how SQLite works.", verbs="PRAGMA")
def pragma(statement: SqlStatement) -> Iterator[Hit]:
    name = statement.name_after(1).rsplit(".", 1)[-1].lower()
    sets = statement.has("=") or statement.has("(")
    if name not in _READING_PRAGMAS and (sets or name not in _SIMPLE_PRAGMAS):
        yield Hit(f"PRAGMA {name} changes how SQLite works with this file.")


_SIMPLE_PRAGMAS = word_set(
    "user_version schema_version application_id encoding page_size journal_mode synchronous foreign_keys cache_size "
    "auto_vacuum busy_timeout locking_mode wal_autocheckpoint"
)


@sql_rule(
    "sql.other", RiskLevel.LOW, "A comment, a notification, or something similar.", verbs="COMMENT SECURITY NOTIFY USE"
)
def other(statement: SqlStatement) -> Iterator[Hit]:
    yield Hit(f"{statement.verb} changes neither rows nor tables.")
