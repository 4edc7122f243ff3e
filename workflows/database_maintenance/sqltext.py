"""Small helpers for SQL texts: quoting, splitting, and normal forms."""

from __future__ import annotations

import hashlib
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.tokens import TokenType

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED_WORDS = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column concurrently constraint
    create cross current_date current_role current_time current_timestamp current_user default deferrable desc
    distinct do else end except exists false fetch for foreign freeze from full grant group having ilike in index
    initially inner intersect into is isnull join lateral leading left like limit localtime localtimestamp natural
    not notnull null offset on only or order outer overlaps placing primary references returning right select
    session_user set similar some symmetric table tablesample then to trailing transaction true union unique user
    using values variadic verbose when where window with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
MAX_NAME = 63
"""The most bytes of a name in PostgreSQL, which cuts the rest off."""


def quote(name: str) -> str:
    """Return the identifier as SQL, quoted only if necessary."""
    if _PLAIN.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Return the text as an SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def shorten(name: str) -> str:
    """Cut a name to 63 bytes, PostgreSQL's limit; a hash replaces the rest, so that names stay distinct."""
    encoded = name.encode()
    if len(encoded) <= MAX_NAME:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:8]
    return encoded[: MAX_NAME - 9].decode(errors="ignore") + "_" + digest


def split_statements(text: str, dialect: str) -> list[str]:
    """Return the statements of a text as written, without semicolons. Raises ValueError: it cannot be parsed as SQL."""
    try:
        tokens = sqlglot.tokenize(text, read=dialect)
    except SqlglotError as error:
        raise ValueError("the text cannot be parsed as SQL") from error
    pieces, start = [], 0
    for token in tokens:
        if token.token_type is TokenType.SEMICOLON:
            pieces.append(text[start : token.start])
            start = token.end + 1
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if _without_comments(piece).strip()]


def _without_comments(text: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


def parse_one(sql: str, dialect: str) -> exp.Expr:
    """Return the only statement in `sql`. Raises ValueError: there is none, or several, or it cannot be parsed."""
    try:
        trees = [
            tree
            for tree in sqlglot.parse(sql, read=dialect)
            if tree is not None and not isinstance(tree, exp.Semicolon)
        ]
    except (SqlglotError, RecursionError) as error:
        raise ValueError("it cannot be parsed") from error
    if len(trees) != 1:
        raise ValueError(f"it contains {len(trees)} statements, not one")
    return trees[0]


def parse_query(sql: str, dialect: str) -> exp.Expr:
    """As `parse_one`, with all names as the database reads them: unquoted ones in lowercase, long ones cut.

    In SQLite, where case makes no difference, quoted names are in lowercase as well.
    """
    tree = normalize_identifiers(parse_one(sql, dialect), dialect=dialect)
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", folded(identifier, dialect))
    return tree


def folded(identifier: exp.Expr, dialect: str) -> str:
    """Return the name that an identifier stands for."""
    name = identifier.name if identifier.args.get("quoted") else identifier.name.lower()
    return name.encode()[:MAX_NAME].decode(errors="ignore") if dialect == "postgres" else name


def is_read_only(tree: exp.Expr) -> bool:
    """Return True for a query that, judging by its text, only reads."""
    writing = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Command, exp.Into, exp.Lock)
    return isinstance(tree, exp.Query) and tree.find(*writing) is None


def normal(sql: str, dialect: str) -> str:
    """Return an expression's normal form: without casts and extra parentheses, in one case and spacing."""
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except (SqlglotError, RecursionError):
        return " ".join(sql.lower().split())
    return normal_tree(tree, dialect)


def normal_tree(tree: exp.Expr, dialect: str) -> str:
    """As `normal`, for a parsed expression."""

    def simple(node: exp.Expr) -> exp.Expr:
        while isinstance(node, exp.Cast | exp.Paren):
            node = node.this
        if isinstance(node, exp.Column) and node.args.get("table"):
            return exp.column(node.this.copy())
        if isinstance(node, exp.Identifier):
            quoted = node.args.get("quoted") and dialect != "sqlite"
            name = node.name if quoted else node.name.lower()
            return exp.to_identifier(name, quoted=not _PLAIN.fullmatch(name))
        return node

    return tree.copy().transform(simple).sql(dialect=dialect, normalize_functions="lower", comments=False)
