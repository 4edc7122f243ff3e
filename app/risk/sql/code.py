"""Rules for code in the database, and for dynamic SQL."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.access import routine_named
from app.risk.sql.holdings import is_replaced, is_table, is_temporary
from app.risk.sql.routines import HARMLESS_PACKAGES, READING_PROCEDURES
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import TRANSACTION_WORDS, SqlStatement
from assent.contracts import RiskLevel


@sql_rule(
    "sql.dynamic",
    RiskLevel.HIGH,
    "Code or dynamic SQL is run whose effects cannot be known in advance.",
    verbs="DO EXECUTE EXEC CALL PREPARE BEGIN DECLARE",
    unread=True,
)
def dynamic(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "DO":
        if statement.dialect == "mysql":
            return
        untrusted = _untrusted(statement)
        words = "Runs a block of procedural code; its effects can depend on data and cannot be fully determined here."
        yield Hit(words, severity=RiskLevel.CRITICAL if untrusted else None)
    elif statement.verb in ("EXECUTE", "EXEC", "CALL"):
        yield from _runs(statement)
    elif statement.verb == "PREPARE":
        if not statement.starts("PREPARE", "TRANSACTION") and not statement.runs_literal:
            yield Hit("Prepares a statement that is not written here; its effects cannot be determined.")
    elif statement.verb == "DECLARE":
        if statement.dialect not in ("tsql", "bigquery", "snowflake") and statement.keys[1:2] != ["@"]:
            words = "Begins a block of procedural code, or opens a cursor."
            yield Hit(words, severity=RiskLevel.MEDIUM if statement.dialect == "oracle" else None)
    elif statement.verb == "BEGIN" and statement.has("CONVERSATION"):
        yield Hit("Begins a conversation with a service of the database.", severity=RiskLevel.MEDIUM)
    elif statement.verb == "BEGIN" and len(statement.keys) > 1 and not _transaction(statement):
        yield Hit("Begins a block of procedural code; its effects cannot be determined here.")


def _runs(statement: SqlStatement) -> Iterator[Hit]:
    """Judge EXECUTE, EXEC, and CALL by what they run."""
    name = statement.procedure
    if statement.runs_literal or (statement.verb != "CALL" and statement.keys[1:2] == ["AS"]):
        return  # see `Script` and `sql.role`
    if not name or statement.starts("EXECUTE", "IMMEDIATE") or statement.keys[1:2] in (["("], ["''"]):
        yield Hit("Runs a text as SQL; what is not written here cannot be determined.")
    elif name in statement.context.prepared and statement.verb == "EXECUTE":
        return  # it has been judged where it was prepared
    elif not is_known_procedure(name):
        words = "Runs a procedure or prepared statement whose code is not part of this text."
        yield Hit(f"{words} It is {name[:80]}.")


def is_known_procedure(name: str) -> bool:
    """Return whether a procedure has a rule of its own, or only shows something."""
    schema, _, plain = name.rpartition(".")
    harmless = plain in READING_PROCEDURES or schema.rpartition(".")[2] in HARMLESS_PACKAGES
    return harmless or routine_named(schema, plain) is not None


def _untrusted(statement: SqlStatement) -> bool:
    """Return whether code is in a language that can do all that the server's account may do."""
    place = statement.find("LANGUAGE")
    if place < 0 or place + 1 >= len(statement.tokens) or statement.dialect in ("snowflake", "bigquery"):
        return False  # there, such code is kept apart from the server
    language = statement.tokens[place + 1].text.strip("'\"").lower()
    return language in _UNTRUSTED or (language.endswith("u") and language.startswith("pl"))


_UNTRUSTED = word_set("c internal java javascript_u plpython plpythonu plsh plr plrustu plrust python dotnet rust")


@sql_rule(
    "sql.call", RiskLevel.HIGH, "A procedure whose code is not part of the text is called by its name.", unread=True
)
def call(statement: SqlStatement) -> Iterator[Hit]:
    # A statement that is only a name, which PL/SQL and T-SQL allow.
    if statement.verb in ("EXEC", "EXECUTE", "CALL") or statement.dialect not in ("oracle", "tsql", ""):
        return
    name = statement.procedure
    if name and not is_known_procedure(name) and ":" not in statement.keys[:6] and "=" not in statement.keys[:6]:
        yield Hit(f"Calls the procedure {name[:80]}, whose code is not part of this text.")


def _transaction(statement: SqlStatement) -> bool:
    return statement.keys[1] in TRANSACTION_WORDS


@sql_rule(
    "sql.create.function", RiskLevel.MEDIUM, "A function or procedure is created or replaced.", verbs="CREATE ALTER"
)
def create_function(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in ("FUNCTION", "PROCEDURE", "PROC", "PACKAGE"):
        if _untrusted(statement) or statement.has("SONAME") or statement.has("EXTERNAL", "NAME"):
            words = "code that can do everything that the database server may do on its machine"
            yield Hit(f"Creates {statement.object_name}: {words}.", severity=RiskLevel.CRITICAL)
            return
        replaces = " or replaces" if statement.has("OR", "REPLACE") or statement.verb == "ALTER" else ""
        yield Hit(f"Creates{replaces} the code of {statement.object_name}, which everything that calls it will run.")


@sql_rule(
    "sql.create.trigger",
    RiskLevel.HIGH,
    "A trigger, rule, or event is created: code that runs automatically.",
    verbs="CREATE",
)
def create_trigger(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in ("TRIGGER", "RULE", "EVENT", "TASK", "ALERT", "PIPE") and not statement.has(
        "EVENT", "SESSION"
    ):
        yield Hit("Creates code that runs automatically from then on, on every write to its table or on a schedule.")


@sql_rule("sql.create", RiskLevel.LOW, "Something new is created.", verbs="CREATE SELECT WITH REPLACE")
def create(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "CREATE" or statement.starts("REPLACE", "TABLE"):
        if statement.object in _HARMLESS_OBJECTS or is_table(statement):
            yield _created(statement)
    elif statement.has("INTO") and statement.tree is not None and statement.tree.args.get("into") is not None:
        yield Hit("Creates a table and fills it with the result.")


def _created(statement: SqlStatement) -> Hit:
    kind = "TABLE" if is_table(statement) else statement.object
    words = f"Creates the {kind.lower()} {statement.object_name}."
    if not is_replaced(statement) or is_temporary(statement):
        return Hit(words)
    if kind in ("TABLE", "DATABASE", "SCHEMA"):
        return Hit(f"{words} An existing one of that name is lost with its data.", severity=RiskLevel.CRITICAL)
    level = RiskLevel.HIGH if kind in _KEEP_THEIR_PLACE else RiskLevel.MEDIUM
    return Hit(f"{words} An existing one of that name is replaced.", severity=level)


_KEEP_THEIR_PLACE = frozenset({"STAGE", "STREAM", "MODEL", "SEQUENCE"})
"""What has a state of its own besides its definition."""
_HARMLESS_OBJECTS = word_set(
    "TABLE VIEW MATERIALIZED SEQUENCE TYPE DOMAIN SCHEMA DATABASE STATISTICS COLLATION STAGE STREAM MODEL KEYSPACE "
    "FILE TAG CATALOG VOLUME"
)


@sql_rule("sql.create.other", RiskLevel.MEDIUM, "An object of an uncommon kind is created.", verbs="CREATE")
def create_other(statement: SqlStatement) -> Iterator[Hit]:
    kind = statement.object
    if kind in _UNCOMMON_OBJECTS:
        yield Hit(f"Creates an object of kind {kind.lower()}, which changes how the database behaves.")


_UNCOMMON_OBJECTS = word_set(
    "OPERATOR CAST TRANSFORM CONVERSION TEXT TABLESPACE ACCESS DEFAULT SYNONYM PUBLIC DIRECTORY CERTIFICATE SYMMETRIC "
    "ASYMMETRIC MASTER PARTITION QUEUE SERVICE MESSAGE CONTRACT PROFILE CLUSTER DIMENSION CONTEXT PFILE SPFILE RESTORE "
    "LOGFILE RESOURCE WORKLOAD WAREHOUSE MACRO MASKING VECTOR XML SEARCH COLUMN EDITION OUTLINE ROLLBACK"
)


@sql_rule(
    "sql.other",
    RiskLevel.LOW,
    "A comment, a notification, or something similar.",
    verbs="COMMENT SECURITY NOTIFY USE UNLOCK PRINT",
)
def other(statement: SqlStatement) -> Iterator[Hit]:
    level = RiskLevel.SAFE if statement.verb in ("USE", "PRINT") else None
    yield Hit(f"{statement.verb} changes neither rows nor tables.", severity=level)
