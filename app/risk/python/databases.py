"""Databases in Python: drivers, SQLAlchemy, Django, pandas, MongoDB, Redis."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.risk.effects import Act, act_on, run_dynamic
from app.risk.places import Place, place_of
from app.risk.python import tables
from app.risk.python.values import ANY, Value, text_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

ALL_ROWS = declare(
    "python.all_rows", RiskLevel.CRITICAL, "Deletes or changes all rows of a table, or all documents of a collection.",
    "User.objects.all().delete()", "User.objects.all().count()", language="python",
)  # fmt: skip
MANY_ROWS = declare(
    "python.many_rows", RiskLevel.HIGH, "Deletes or changes the rows that a filter matches.",
    "User.objects.filter(old=True).delete()", "User.objects.filter(old=True).count()", language="python",
)  # fmt: skip
ONE_ROW = declare(
    "python.one_row", RiskLevel.MEDIUM, "Deletes or changes one row or document.",
    "User.objects.get(id=5).delete()", "User.objects.get(id=5)", language="python",
)  # fmt: skip
DROPS = declare(
    "python.drops", RiskLevel.CRITICAL, "Drops tables, collections, or a whole database.",
    "Base.metadata.drop_all(engine)", "Base.metadata.tables", language="python",
)  # fmt: skip
DYNAMIC_SQL = declare(
    "python.dynamic_sql", RiskLevel.HIGH, "Runs SQL that is only partly known before it runs.",
    "cursor.execute(f'DELETE FROM {table}')", "cursor.execute('SELECT 1')", language="python", unread=True,
)  # fmt: skip
ACCOUNTS = declare(
    "python.accounts", RiskLevel.HIGH, "Creates an administrator, or sets a password.",
    "User.objects.create_superuser('a', password='b')", "User.objects.count()", language="python",
)  # fmt: skip

SQL_CALLS = word_set(
    "execute query sql query_and_wait run_query execute_statement batch_execute_statement start_query_execution "
    "execute_sql execute_query execute_update"
)
"""Methods of clouds' clients that run SQL."""
ROWS = ("sqlalchemy.orm.", "sqlmodel.")
"""Objects whose attributes are columns of a row, which are written at the next commit."""
_FRAMES = word_set("pandas polars numpy")
_SQL = re.compile(
    r"\s*(?:\(|--|/\*|select|with|insert|update|delete|merge|truncate|drop|alter|create|grant|revoke|copy|do|call|vacuum|explain"
    r"|set|begin|commit|pragma|attach|lock|replace|exec|show|use|analyze)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"(?<!%)%(?:\(\w{1,60}\))?s\b")
_LEAVES_MEMORY = re.compile(r"\b(?:attach|vacuum|copy|load|install|export)\b|\ufffc", re.IGNORECASE)
"""Statements of a database in memory that reach files."""
_ALWAYS_SQL = word_set("execute executemany executescript exec_driver_sql read_sql fetchrow fetchval")
_MANY = word_set("filter filter_by where exclude query find in_bulk")
_ONE = word_set("get first one one_or_none get_or_404 first_or_404 latest earliest last")
_DROPS = word_set(
    "drop_all drop_database drop_collection dropDatabase flushall flushdb drop_table drop_tables drop_schema "
    "drop_column drop_db reset_database wipe_database truncate_table drop_keyspace drop_namespace delete_database"
)


def looks_like_sql(text: str) -> bool:
    """Return True if a text begins like SQL."""
    return bool(_SQL.match(text)) or text.startswith(UNKNOWN)


def call_database(made: Call) -> Value | None:
    """Find out what a method does if it is one of a database; None if it is not."""
    method = made.method
    if method in tables.SQL_METHODS and made.arguments:
        done = _run_sql(made)
        if done is not None:
            return done
    values = (made.base, *made.arguments, *made.keywords.values())
    if any(value.kind.startswith("memory.") for value in values) and method not in tables.SQL_METHODS:
        return Value(kind=made.base.kind)
    if method in _DROPS:
        made.reading.add(DROPS, f"This calls {method}: tables, collections, or a whole database are gone.", made.line)
        return ANY
    engine = {"engine", "bind", "conn", "connection", "op"} & set(re.findall(r"\w+", made.shown.partition("(")[2]))
    if method == "drop" and (made.base.kind.startswith("sqlalchemy") or "__table__" in made.chain or engine):
        made.reading.add(DROPS, "This drops a table.", made.line)
        return ANY
    if method == "drop" and not made.arguments and not made.keywords and made.base.kind.split(".")[0] not in _FRAMES:
        made.reading.add(DROPS, "This drops a table or collection.", made.line)
        return ANY
    if method in ("create_superuser", "set_password", "createsuperuser"):
        made.reading.add(ACCOUNTS, f"This calls {method}: it changes who may sign in.", made.line)
        return ANY
    if method in ("delete_many", "update_many", "remove", "deleteMany") and made.arguments and made.arguments[0].empty:
        made.reading.add(ALL_ROWS, f"This calls {method} without a condition: it affects all documents.", made.line)
        return ANY
    if method in (
        "delete_many",
        "update_many",
        "bulk_write",
        "find_one_and_delete",
        "delete_one",
        "update_one",
        "replace_one",
    ):
        rule = MANY_ROWS if method in ("delete_many", "update_many", "bulk_write") else ONE_ROW
        made.reading.add(rule, f"This calls {method}: it changes the documents that match.", made.line)
        return ANY
    if method in ("create", "get_or_create", "acreate") and "objects" in made.chain:
        made.reading.add(ONE_ROW, "This adds a row.", made.line, RiskLevel.MEDIUM if made.many else RiskLevel.LOW)
        return ANY
    if made.base.kind.startswith(ROWS) and method in _OF_SESSION and not {"query", "select"} & set(made.chain):
        return _of_session(made)
    if method == "execute" and not made.arguments and {"delete", "update", "insert"} & set(made.chain):
        return _bulk(made)
    if method in ("insert_one", "insert_many", "bulk_create", "save", "add_all", "bulk_insert_mappings"):
        if method == "save" and made.arguments:
            return None
        made.reading.add(ONE_ROW, "This writes rows or documents to a database.", made.line)
        return ANY
    sets = {"objects", "query", "all", "filter", "filter_by", "where", "exclude"} & set(made.chain[:-1])
    if method in ("delete", "update", "adelete", "aupdate", "_raw_delete") and sets:
        return _bulk(made)
    if (value := _listed(made)) is not None:
        return value
    if made.base.kind in tables.CONNECTS_DATABASE and method in (
        "commit",
        "rollback",
        "begin",
        "connect",
        "dispose",
        "flush",
    ):
        return Value(kind=made.base.kind)
    if made.base.kind.startswith("sqlalchemy."):
        return _sqlalchemy(made)
    return None


def note_changed_row(reading: Reading, line: int, *, many: bool) -> None:
    """Note that a column of a row is set through an object of a mapper."""
    if many:
        reading.add(MANY_ROWS, "This changes every row that the loop goes through.", line)
    else:
        reading.add(ONE_ROW, "This changes a row of a database.", line)


_CHOOSES = word_set("filter filter_by where exclude limit")
_OF_SESSION = word_set("add add_all delete merge bulk_save_objects bulk_update_mappings refresh expunge")
_BY_KEY = re.compile(
    r"(?:filter|filter_by|where|get|exclude|objects)\(\s*(?:[\w.]+\.)?(?:pk|id|uuid|guid|slug|\w+_id|email)\s*={1,2}\s*"
    r"[^,()&|]+\)"
)
"""A condition that only one row fulfills, as far as names tell."""


def _listed(made: Call) -> Value | None:
    """Return all rows of a table, or those that a filter matches; None for other methods."""
    names = set(made.chain)
    if made.method not in ("all", "scalars", "iterator", "query"):
        return None
    if not {"objects", "query", "select", "scalars"} & names or (made.method == "scalars" and not made.arguments):
        return None
    chosen = names & _CHOOSES or re.search(r"\.(?:where|filter)", made.shown)
    kind = made.base.kind if made.base.kind.startswith(ROWS) else ""
    return Value(kind=kind, marks=frozenset() if chosen else frozenset({"listed"}))


def _of_session(made: Call) -> Value:
    """Note what a session of a mapper does with rows."""
    listed = any("listed" in value.marks for value in made.arguments)
    if made.method in ("refresh", "expunge"):
        return Value(kind=made.base.kind)
    if made.method == "delete" and made.many:
        rule = ALL_ROWS if listed and not made.filtered else MANY_ROWS
        made.reading.add(rule, "This deletes every row that the loop goes through.", made.line)
    elif made.method in ("add", "merge"):
        level = RiskLevel.MEDIUM if made.many or made.method == "merge" else RiskLevel.LOW
        made.reading.add(ONE_ROW, "This adds a row.", made.line, level)
    else:
        made.reading.add(ONE_ROW, f"This calls {made.method}: it changes rows.", made.line)
    return Value(kind=made.base.kind)


def _bulk(made: Call) -> Value:
    names = set(made.chain[:-1])
    what = "deletes" if "delete" in made.method or "delete" in names else "changes"
    if _BY_KEY.search(made.shown) and not made.many:
        made.reading.add(ONE_ROW, f"This {what} one row.", made.line)
    elif "objects" in names and re.search(r"\bobjects\(\s*\w", made.shown):
        made.reading.add(MANY_ROWS, f"This {what} all rows that match the filter.", made.line)
    elif names & _ONE and not names & (_MANY - {"query"}):
        made.reading.add(ONE_ROW, f"This {what} one row.", made.line)
    elif names & (_MANY - {"query"}):
        made.reading.add(MANY_ROWS, f"This {what} all rows that match the filter.", made.line)
    else:
        made.reading.add(ALL_ROWS, f"This {what} all rows.", made.line)
    return ANY


def _sqlalchemy(made: Call) -> Value | None:
    base = made.base.kind
    if base == "sqlalchemy.Table" and made.method in ("delete", "update", "insert", "select"):
        return Value(kind=f"sqlalchemy.{made.method}")
    if base in ("sqlalchemy.delete", "sqlalchemy.update"):
        return Value(kind=f"{base}.where" if made.method in ("where", "filter", "filter_by") else base)
    if base.startswith(
        ("sqlalchemy.select", "sqlalchemy.delete", "sqlalchemy.update", "sqlalchemy.insert", "sqlalchemy.text")
    ):
        return Value(made.base.text, kind=base)
    return None


def _run_sql(made: Call) -> Value | None:
    first = made.arguments[0]
    if made.base.kind.startswith("memory.") and not _LEAVES_MEMORY.search(text_of(first)):
        return Value(kind=made.base.kind)
    dialect = tables.CONNECTS_DATABASE.get(made.base.kind, "") or made.evaluator.dialect
    if first.kind.startswith(("sqlalchemy.delete", "sqlalchemy.update")):
        if first.kind.endswith(".where") and _BY_KEY.search(made.shown) and not made.many:
            made.reading.add(ONE_ROW, "This changes one row.", made.line)
        elif first.kind.endswith(".where"):
            made.reading.add(MANY_ROWS, "This changes all rows that match the condition.", made.line)
        else:
            made.reading.add(ALL_ROWS, "This changes all rows, because there is no condition.", made.line)
        return Value(kind=made.base.kind)
    if first.kind.startswith("sqlalchemy.insert"):
        made.reading.add(ONE_ROW, "This writes rows to a database.", made.line)
        return Value(kind=made.base.kind)
    if first.kind.startswith("sqlalchemy.") and first.text is None:
        return Value(kind=made.base.kind)
    if first.text is None:
        if made.method in _ALWAYS_SQL and made.base.kind.split(".")[0] not in ("docker", "subprocess"):
            run_dynamic(made.reading, made.word(Value()), made.line)
            return Value(kind=made.base.kind)
        return None
    if made.method not in _ALWAYS_SQL and not _SQL.match(first.text):
        return None
    read_sql(made, first, dialect)
    return Value(kind=made.base.kind, marks=made.base.marks)


def read_sql(made: Call, value: Value, dialect: str) -> None:
    """Read the SQL that a call runs."""
    text = value.text or ""
    if UNKNOWN in text:
        reads = bool(re.match(r"\s*(?:select|with|show|explain)\b", text, re.IGNORECASE))
        level = RiskLevel.MEDIUM if reads else RiskLevel.HIGH
        made.reading.add(DYNAMIC_SQL, "A part of this SQL is known only when it runs.", made.line, level)
    first = made.node.child_by_field_name("arguments")
    line = int(first.named_children[0].start_point[0]) + 1 if first is not None and first.named_children else made.line
    fixed = UNKNOWN in text or "\n" not in text
    text = _PLACEHOLDER.sub("?", text.replace(UNKNOWN, "assent_unknown"))
    made.reading.read("sql", text, line, fixed=fixed, within="In its SQL: ", dialect=dialect)


_IN_MEMORY = re.compile(
    r":memory:|file:[^?]*:memory:(?:\?.*)?|file:[^?]*\?(?:.*&)?mode=memory(?:&.*)?"
    r"|(?:sqlite(?:\+\w+)?|duckdb)://(?:/:memory:)?(?:\?.*)?"
)
"""Names of databases that are gone when the program ends."""


def connect_database(made: Call, name: str) -> Value:
    """Note the database that a call opens."""
    made.evaluator.dialect = tables.CONNECTS_DATABASE[name]
    given = made.argument(0, "database", "path", "url", "bind")
    memory = bool(given.known and _IN_MEMORY.fullmatch(given.text or "")) or given.kind.startswith("memory.")
    if memory or (name == "duckdb.connect" and not made.arguments):
        return Value(kind="memory.database")
    if name == "sqlite3.connect" and made.argument(0, "database").text:
        act_on(made.reading, Act.READ, made.word(made.argument(0, "database")))
        path = made.argument(0, "database").text or ""
        if place_of(path) is Place.SECRET or path in made.evaluator.secret_copies:
            return Value(kind=name, marks=frozenset({"secret"}))
    target = made.argument(0, "dsn", "conninfo", "database", "url", "host")
    if target.known and target.text:
        _touch(made, target.text)
    for keyword in ("dbname", "database", "db"):
        if made.keywords.get(keyword, ANY).known:
            made.reading.touch(databases=[made.keywords[keyword].text or ""])
    host = made.keywords.get("host", ANY)
    if host.known:
        made.reading.touch(hosts=[host.text or ""])
    return Value(kind=name)


def _touch(made: Call, target: str) -> None:
    if "://" in target:
        try:
            parts = urlsplit(target)
        except ValueError:
            return
        made.evaluator.dialect = parts.scheme.split("+")[0] or made.evaluator.dialect
        made.reading.touch(databases=[parts.path.strip("/")], hosts=[parts.hostname or ""])
        return
    name = re.search(r"dbname=(\S+)", target)
    made.reading.touch(databases=[name[1] if name else target])
