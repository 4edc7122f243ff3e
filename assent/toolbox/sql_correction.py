"""Corrected statements: what a database did not understand, read in other dialects, and written in its own.

A correction is accepted only if all dialects that understand the statement agree on it, and if it is the same kind of
statement on the same tables and columns. This needs sqlglot, which is imported on first use.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from assent.toolbox.errors import ToolError

_READ_AS = {
    "tsql": "SQL Server", "mysql": "MySQL", "postgres": "PostgreSQL", "sqlite": "SQLite", "oracle": "Oracle",
    "bigquery": "BigQuery", "snowflake": "Snowflake",
}  # fmt: skip
_LONGEST = 20_000
_MOST_TOKENS = 300
"""Most tokens of a statement in which the place of a missing parenthesis is looked for."""


class MissingParserError(ToolError):
    """sqlglot is not installed, so that no statement can be corrected."""

    final = True


@dataclass(frozen=True)
class SqlCorrection:
    """A corrected statement.

    Attributes:
        before: as the database did not understand it.
        reason: what was corrected, in words.
    """

    before: str
    after: str
    reason: str

    @property
    def difference(self) -> str:
        """Both statements, line by line, with what was removed and added marked by - and +."""
        lines = difflib.ndiff(self.before.splitlines(), self.after.splitlines())
        return "\n".join(line for line in lines if not line.startswith("?"))


def corrected_sql(statement: str, dialect: str) -> SqlCorrection | None:
    """Return a statement as its database understands it; None if there is no correction, or more than one.

    Args:
        statement: what the database refused.
        dialect: of the database, such as ``postgres``, ``sqlite``, or ``mysql``.

    Raises:
        MissingParserError: sqlglot is not installed.
    """
    try:
        import sqlglot  # noqa: F401 - whether it is there
    except ImportError as error:
        raise MissingParserError(
            "Correcting SQL needs sqlglot, which is not installed: install assent-sdk[sql], or write "
            "recover: {sql_syntax: on_error}."
        ) from error
    if dialect not in _READ_AS or not statement.strip() or len(statement) > _LONGEST:
        return None
    try:
        return _from_another_dialect(statement, dialect) or _with_parenthesis(statement, dialect)
    except RecursionError:
        return None


def only_reads(statement: str, dialect: str) -> bool:
    """Return whether a statement is a query that neither writes nor locks, as far as its syntax tells."""
    from sqlglot import exp

    tree = _parsed(statement, dialect)
    writing = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Into, exp.Lock, exp.Command, exp.DDL, exp.Drop)
    if not isinstance(tree, exp.Query):
        return False
    return all(isinstance(node, exp.Query) or not isinstance(node, writing) for node in tree.walk())


def _from_another_dialect(statement: str, dialect: str) -> SqlCorrection | None:
    own = _written(_parsed(statement, dialect), dialect)
    found: dict[str, list[str]] = {}
    for source in _READ_AS:
        tree = _parsed(statement, source)
        text = _written(tree, dialect)
        if "nulls" not in statement.lower():
            # Dialects differ in where they sort nulls; what was not written is not added.
            text = re.sub(r" NULLS (FIRST|LAST)", "", text)
        if text and _is_new(text, statement) and _is_same(tree, _parsed(text, dialect)):
            found.setdefault(text, []).append(source)
    # The database has refused its own reading. Another one is meant, unless there is none.
    others = {text: sources for text, sources in found.items() if text != own} or found
    if len(others) != 1:
        return None
    [(text, sources)] = others.items()
    named = _READ_AS[sources[0]] if len(sources) == 1 and sources[0] != dialect else "another database"
    reason = f"It was written in the syntax of {named}."
    return SqlCorrection(statement, text, reason)


def _with_parenthesis(statement: str, dialect: str) -> SqlCorrection | None:
    """Return the statement with the one parenthesis that is missing, if all places for it mean the same."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    try:
        tokens = sqlglot.tokenize(statement, read=dialect)
    except SqlglotError:
        return None
    counts = Counter(token.token_type.name for token in tokens)
    if counts["L_PAREN"] != counts["R_PAREN"] + 1 or len(tokens) > _MOST_TOKENS:
        return None
    texts: dict[str, str] = {}
    for token in tokens:
        text = f"{statement[: token.end + 1]}){statement[token.end + 1 :]}"
        tree = _parsed(text, dialect)
        if tree is not None and _written(tree, dialect):
            texts[_without_parentheses(tree)] = text  # the last place, which is usually meant
    if len(texts) != 1:
        return None
    return SqlCorrection(statement, next(iter(texts.values())), "A closing parenthesis was missing.")


def _without_parentheses(tree: Any) -> str:
    """Return the structure of a statement, in which parentheses without a meaning leave no trace."""
    from sqlglot import exp

    return repr(tree.copy().transform(lambda node: node.unnest() if isinstance(node, exp.Paren) else node))


def _parsed(statement: str, dialect: str) -> Any:
    """Return the tree of the one statement in a text; None if it is none, or not understood."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = sqlglot.parse(statement, read=dialect)
    except SqlglotError:
        return None
    tree = trees[0] if len(trees) == 1 else None
    # A command is a statement that sqlglot only passes through.
    return None if tree is None or isinstance(tree, exp.Command) else tree


def _written(tree: Any, dialect: str) -> str:
    """Return a tree as text in a dialect; empty if the dialect has no way to say it."""
    from sqlglot import ErrorLevel
    from sqlglot.errors import SqlglotError

    if tree is None:
        return ""
    try:
        # Some databases execute what stands in comments, so that none is kept.
        text = tree.sql(dialect=dialect, comments=False, unsupported_level=ErrorLevel.RAISE)
    except (SqlglotError, ValueError):
        return ""
    return text if _parsed(text, dialect) is not None else ""


def _is_new(text: str, statement: str) -> bool:
    return "".join(text.split()).rstrip(";").lower() != "".join(statement.split()).rstrip(";").lower()


def _is_same(before: Any, after: Any) -> bool:
    """Return whether two trees are the same kind of statement on the same tables and columns, with the same parts."""
    return after is not None and type(before) is type(after) and _content(before) == _content(after)


def _content(tree: Any) -> Any:
    from sqlglot import exp

    tables = set()
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            return object()  # something else in the place of a table: never the same
        tables.add((table.catalog, table.db, table.name))
    columns = Counter(column.name for column in tree.find_all(exp.Column))
    kinds = (exp.Where, exp.Join, exp.Group, exp.Having, exp.Limit, exp.Placeholder, exp.Parameter, exp.Select)
    return tables, columns, Counter(type(node).__name__ for node in tree.find_all(*kinds))
