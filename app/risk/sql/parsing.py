"""Parsing by sqlglot: what it is given, and in which dialect."""

from __future__ import annotations

import logging

import sqlglot
from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.lexer import SqlToken

# sqlglot's warnings contain the statement's text, which must not appear in a log.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

QUERY_VERBS = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "(", "FROM", "PIVOT", "UNPIVOT"})
WRITE_VERBS = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"})
SQLGLOT_NAMES = {
    "postgres": "postgres", "sqlite": "sqlite", "mysql": "mysql", "bigquery": "bigquery", "duckdb": "duckdb",
    "oracle": "oracle", "redshift": "redshift", "snowflake": "snowflake", "tsql": "tsql", "clickhouse": "clickhouse",
    "spark": "spark", "databricks": "databricks", "hive": "hive", "trino": "trino", "presto": "presto",
}  # fmt: skip
_PRIORITIES = word_set("LOW_PRIORITY HIGH_PRIORITY DELAYED QUICK IGNORE")
_GUESSES = ("postgres", "mysql", "tsql", "oracle", "sqlite")
"""Tried in turn where the dialect is unknown, and the text is not what all of them have in common."""
_MOST_GUESSED = 2_000
"""Longer statements are parsed once only."""


def parsed(code: str, dialect: str, size: int) -> tuple[exp.Expression | None, str]:
    """Return the syntax tree of a statement, and the dialect in which it was parsed.

    Args:
        code: The statement.
        dialect: Our name of its dialect; empty if it is unknown.
        size: The number of its tokens.

    The tree is None if sqlglot cannot parse the statement, or finds more than one.
    """
    guesses = _GUESSES if not dialect and size <= _MOST_GUESSED else ()
    for name in (dialect, *guesses):
        tree = _tree(code, name)
        if tree is not None:
            return tree, name
    return None, dialect


def _tree(code: str, dialect: str) -> exp.Expression | None:
    try:
        trees = sqlglot.parse(code, read=SQLGLOT_NAMES.get(dialect))
    except Exception:  # whatever the parser fails on, including deep nesting: the statement is not parsed
        return None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Expression) or isinstance(tree, exp.Command) or tree.find(exp.Command):
        return None
    return tree


def parseable(code: str, tokens: list[SqlToken], keys: list[str], dialect: str) -> str:
    """Return a statement in a form that sqlglot knows, at the same offsets apart from what REPLACE adds.

    Words that say how a write is done, such as TOP (10), are blanked out.
    """
    verb, index = keys[0], 1
    if verb in WRITE_VERBS and keys[1:2] == ["TOP"]:
        index = (keys.index(")") + 1) if keys[2:3] == ["("] and ")" in keys else 3
        index += keys[index : index + 1] == ["PERCENT"]
    elif verb == "UPDATE" and keys[1:2] == ["OR"] and len(keys) > 2:
        index = 3
    elif verb in ("UPDATE", "DELETE", "INSERT", "REPLACE") and dialect in ("mysql", ""):
        while keys[index : index + 1] and keys[index] in _PRIORITIES and len(keys) > index + 1:
            index += 1
    begin = tokens[0].start
    if 1 < index < len(tokens):
        code = _blanked(code, tokens[1].start - begin, tokens[index].start - begin)
    for place in range(len(keys) - 2):
        if keys[place] == "CURRENT" and keys[place + 1] == "OF":
            code = _blanked(code, tokens[place].start - begin, tokens[place + 1].start + len("OF") - begin)
    if verb == "CREATE":
        code = _without_ends(code, tokens, keys)
    return "INSERT " + code[len("REPLACE") :] if verb == "REPLACE" else code


_ENDS = (
    ("ON", "COMMIT", "DROP"), ("ON", "COMMIT", "DELETE", "ROWS"), ("ON", "COMMIT", "PRESERVE", "ROWS"),
    ("WITH", "NO", "DATA"), ("WITH", "DATA"),
)  # fmt: skip


def _without_ends(code: str, tokens: list[SqlToken], keys: list[str]) -> str:
    """Blank out what says when a new table is emptied or filled."""
    for words in _ENDS:
        for place in range(len(keys) - len(words) + 1):
            if tuple(keys[place : place + len(words)]) == words:
                last = tokens[place + len(words) - 1]
                code = _blanked(
                    code, tokens[place].start - tokens[0].start, last.start + len(last.text) - tokens[0].start
                )
    return code


def _blanked(code: str, start: int, end: int) -> str:
    return code[:start] + "".join(char if char == "\n" else " " for char in code[start:end]) + code[end:]
