"""Finds indexes that might help a query, by parsing it and reading its plan.

Nothing is proposed for that reason alone: `trials` builds and measures each candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from workflows.database_maintenance.model import Candidate, Query, Schema, Table
from workflows.database_maintenance.names import Names
from workflows.database_maintenance.sqltext import parse_query, quote
from workflows.database_maintenance.statements import covered_by, create_statement, drop_statement

MAX_KEYS = 4
MAX_PER_TABLE = 8
WORTHWHILE_ROWS = 500
"""A plan step that reads fewer rows than this is not worth an index."""

_RANGES = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


@dataclass
class Usage:
    """How a query uses one table: keys as written in a statement, in order of appearance."""

    table: Table
    equal: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    def note(self, kind: str, key: str) -> None:
        """Add a key once."""
        keys: list[str] = getattr(self, kind)
        if key not in keys:
            keys.append(key)


def usages(sql: str, schema: Schema, dialect: str) -> list[Usage]:
    """Return how a query uses each table of the schema, per mention. Raises ValueError: it cannot be parsed."""
    tree = parse_query(sql, dialect)
    try:
        scopes = traverse_scope(tree)
    except SqlglotError as error:
        raise ValueError("its scopes cannot be resolved") from error
    return [usage for scope in scopes for usage in _QueryReader(scope, schema, dialect).read()]


def aliases(sql: str, dialect: str) -> dict[str, str]:
    """Return the table name by alias or name, for every mention of a table in a query."""
    try:
        tables = parse_query(sql, dialect).find_all(exp.Table)
    except ValueError:
        return {}
    return {table.alias_or_name.lower(): table.name.lower() for table in tables}


class _QueryReader:
    """Reads one SELECT."""

    def __init__(self, scope: Scope, schema: Schema, dialect: str) -> None:
        self.select = scope.expression
        self.dialect = dialect
        self.usages: dict[str, Usage] = {}
        for alias, source in scope.sources.items():
            table = schema.find(source.name, source.db) if isinstance(source, exp.Table) else None
            if table:
                self.usages[alias] = Usage(table)

    def read(self) -> list[Usage]:
        if not isinstance(self.select, exp.Select) or not self.usages:
            return []
        for condition in self._conditions():
            self._read_condition(condition)
        for join in self.select.args.get("joins") or []:
            for identifier in join.args.get("using") or []:
                for usage in self.usages.values():
                    if column := usage.table.column(identifier.name):
                        usage.note("joins", quote(column))
        self._read_order()
        return list(self.usages.values())

    def _conditions(self) -> Iterator[exp.Expr]:
        where = self.select.args.get("where")
        roots = [where.this] if where else []
        roots += [join.args["on"] for join in self.select.args.get("joins") or [] if join.args.get("on")]
        for root in roots:
            stack = [root]
            while stack:
                node = stack.pop()
                if isinstance(node, exp.And | exp.Paren):
                    stack.extend(reversed([node.this, node.expression] if isinstance(node, exp.And) else [node.this]))
                else:
                    yield node

    def _read_condition(self, node: exp.Expr) -> None:
        if isinstance(node, exp.EQ | exp.NullSafeEQ):
            self._read_equality(node.this, node.expression)
        elif isinstance(node, exp.In):
            self._note(node.this, "joins" if node.args.get("query") else "listed")
        elif isinstance(node, exp.Or):
            self._read_alternatives(node)
        elif isinstance(node, exp.Is) or (isinstance(node, exp.Not) and isinstance(node.this, exp.Column)):
            self._note(node.this, "equal")
        elif isinstance(node, exp.Column):
            self._note(node, "equal")
        elif isinstance(node, _RANGES):
            for side in (node.this, node.args.get("expression")):
                self._note(side, "ranges")
        elif isinstance(node, exp.Like) and self.dialect == "postgres":
            pattern = node.expression
            if isinstance(pattern, exp.Literal) and not pattern.this.startswith(("%", "_")):
                self._note(node.this, "ranges", " text_pattern_ops")

    def _read_equality(self, left: exp.Expr, right: exp.Expr) -> None:
        for side, other in ((left, right), (right, left)):
            columns = [] if other.find(exp.Query) else list(other.find_all(exp.Column))
            self._note(side, "joins" if columns else "equal")

    def _read_alternatives(self, node: exp.Or) -> None:
        """``a = 1 OR a = 2`` is a list."""
        sides = [side for side in node.flatten() if isinstance(side, exp.EQ) and isinstance(side.this, exp.Column)]
        if len(sides) == len(list(node.flatten())) and len({side.this.sql() for side in sides}) == 1:
            self._note(sides[0].this, "listed")

    def _note(self, side: exp.Expr | None, kind: str, suffix: str = "") -> None:
        found = self._key(side)
        if found:
            usage, key = found
            usage.note(kind, key + suffix)

    def _key(self, node: exp.Expr | None) -> tuple[Usage, str] | None:
        """Return the usage and the key for a column, or for an expression over exactly one column."""
        if node is None or node.find(exp.Query):
            return None
        columns = list(node.find_all(exp.Column))
        if len(columns) != 1:
            return None
        usage = self._usage_of(columns[0])
        if usage is None:
            return None
        if node is columns[0]:
            return usage, quote(usage.table.column(node.name) or node.name)
        if not isinstance(node, exp.Func | exp.Cast) or node.find(exp.AggFunc, exp.Window):
            return None
        bare = node.copy().transform(lambda node: exp.column(node.this) if isinstance(node, exp.Column) else node)
        text = bare.sql(dialect=self.dialect, normalize_functions="lower")
        return usage, text if isinstance(node, exp.Lower | exp.Upper) else f"({text})"

    def _usage_of(self, column: exp.Column) -> Usage | None:
        name = column.name
        if column.table:
            usage = self.usages.get(column.table)
            return usage if usage and usage.table.column(name) else None
        owners = [usage for usage in self.usages.values() if usage.table.column(name)]
        return owners[0] if len(owners) == 1 else None

    def _read_order(self) -> None:
        if self.select.args.get("group") or self.select.args.get("distinct"):
            return
        aliases = [column for column in self.select.expressions if isinstance(column, exp.Alias)]
        named = {alias.alias: alias.this for alias in aliases}
        order = self.select.args.get("order")
        if order is None:
            for extreme in self.select.find_all(exp.Min, exp.Max):
                self._note(extreme.this, "order")
            return
        keys: list[tuple[str, bool]] = []
        tables: set[int] = set()
        for expression in order.expressions:
            by = expression.this
            found = self._key(named.get(by.name, by) if isinstance(by, exp.Column) else by)
            if found is None:
                return
            tables.add(id(found[0]))
            keys.append((found[1], bool(expression.args.get("desc"))))
        if len(tables) == 1 and found:
            # An index can be read backward, so only a change of direction needs to be written.
            backwards = keys[0][1]
            found[0].order = [key + (" desc" if desc != backwards else "") for key, desc in keys]


def key_lists(usage: Usage) -> list[list[str]]:
    """Return the keys worth trying for one use of a table, the most promising first, at most `MAX_KEYS` each."""
    equal, listed, ranges, joins, order = usage.equal, usage.listed, usage.ranges, usage.joins, usage.order
    lists = [
        equal + order if order else [],
        equal + listed + ranges[:1],
        equal + ranges[:1],
        equal + listed,
        joins[:1] + order if order else [],
        joins[:1] + equal + ranges[:1],
        *([key] for key in joins),
        *([key] for key in equal + listed),
        ranges[:1],
    ]
    unique: list[list[str]] = []
    for keys in lists:
        short = list(dict.fromkeys(keys))[:MAX_KEYS]
        if short and short not in unique:
            unique.append(short)
    return unique[:MAX_PER_TABLE]


def candidates_for(
    query: Query, schema: Schema, dialect: str, max_rows: int, names: Names | None = None
) -> list[Candidate]:
    """Return missing indexes that might help a measured query, on tables of at most `max_rows` rows.

    Raises:
        ValueError: the query cannot be parsed.
    """
    names = names or Names.of(schema)
    found: dict[str, Candidate] = {}
    for usage in usages(query.sql, schema, dialect):
        table = usage.table
        if table.rows > max_rows or not _is_busy(table, query):
            continue
        for keys in key_lists(usage):
            if not any(covered_by(keys, index, dialect) for index in table.indexes):
                candidate = make_candidate(table, keys, dialect, query.id, names)
                found.setdefault(candidate.id, candidate)
    return list(found.values())


def _is_busy(table: Table, query: Query) -> bool:
    """Return whether the plan reads a table row by row, or sorts much, which any table may cause."""
    scans = [scan for scan in (query.measured.scans if query.measured else []) if scan.read >= WORTHWHILE_ROWS]
    return any(scan.kind == "sort" or scan.is_of(table) for scan in scans)


def make_candidate(table: Table, keys: list[str], dialect: str, query_id: str, names: Names | None = None) -> Candidate:
    """Return the candidate with its statements. Its name describes its content, and nothing else has it."""
    taken = {index.name for index in table.indexes}
    name = (names or Names({table.schema_name: taken})).name(table, keys)
    prefix = table.schema_name if "." in table.name else ""
    return Candidate(
        id=name,
        table=table.name,
        keys=keys,
        statement=create_statement(dialect, name, table.name, keys),
        rollback=drop_statement(dialect, name, prefix),
        queries=[query_id],
    )
