"""How many rows of its target a condition matches: all of them, nearly all, some, or none.

A condition that does not depend on the target's rows matches all of them or none, and counts as all of them. What
cannot be determined counts as some.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.alternatives import MIRRORED, OPPOSITES, bare, covers_all, is_number
from app.risk.sql.constants import UNKNOWN, constant, folded, truth
from app.risk.sql.trees import hidden, is_outside, is_query, name_of, query_of


class Reach(IntEnum):
    """The share of rows that a condition matches."""

    NONE = 0
    SOME = 1
    NEARLY_ALL = 2
    ALL = 3


_KEYS = word_set("id _id rowid oid uuid guid pk key rownum rn nr objectid object_id")
_NUMBERED = word_set("rn nr row_num rownumber")
"""What the rows of a query are numbered by, often within groups: `rn > 1` picks all but the first of each."""
_SYSTEM_COLUMNS = word_set("ctid rowid tableoid xmin xmax cmin cmax _rowid_ rownum")
_CREATED = word_set(
    "created created_at created_on creation_date create_time createdat inserted_at insert_time added_at"
)
_NOT_NEGATIVE = (exp.Length, exp.Abs)
_OFTEN_NULL = re.compile(
    r"(?<!created)(?<!updated)(?<!inserted)_(?:at|on|date|time|until|by)$|^(?:parent|deleted|archived|ended|closed|old|error|previous|next)",
    re.IGNORECASE,
)
"""Columns that have a value in some rows only, such as `deleted_at` and `parent_id`."""
_LARGE_NUMBER = 10_000_000


def reach_of(conditions: Iterable[Any], target: Target) -> Reach:
    """Return how many of the target's rows pass all conditions."""
    return _all_of([target.reach(condition) for condition in conditions])


def always_true(condition: Any) -> bool:
    """Return True if a condition holds for any row, as far as can be determined without the data."""
    return Target(set(), everything=True).reach(condition) is Reach.ALL


def _all_of(parts: list[Reach]) -> Reach:
    if not parts:
        return Reach.ALL
    return min(parts)


class Target:
    """The table whose rows a condition selects.

    Args:
        names: Its name and alias, in lower case, without the schema.
        everything: True if every column counts as one of the target.
        twins: Other names for rows of the same table, such as the variable of a loop over all of it, in lower case.
        repeated: True if the write is done again and again, so that a number of rows restricts only each turn.
    """

    def __init__(
        self,
        names: set[str],
        everything: bool = False,
        twins: frozenset[str] = frozenset(),
        repeated: bool = False,
    ) -> None:
        self._names = names
        self._everything = everything
        self._twins = twins
        self._repeated = repeated

    def reach(self, condition: Any) -> Reach:
        """Return how many rows a condition matches."""
        condition = bare(condition)
        if isinstance(condition, exp.Or):
            return self._either([bare(part) for part in condition.flatten()])
        if isinstance(condition, exp.And):
            return _all_of([self.reach(part) for part in condition.flatten()])
        if isinstance(condition, exp.Not):
            return self._denied(condition.this)
        value = truth(constant(condition))
        if value is not UNKNOWN:
            return Reach.ALL if value else Reach.NONE
        found = self._by_kind(condition)
        if found is not None:
            return found
        return self._dependent(condition)

    def _either(self, parts: list[Any]) -> Reach:
        if covers_all(parts):
            return Reach.ALL
        return max((self.reach(part) for part in parts), default=Reach.SOME)

    def _denied(self, condition: Any) -> Reach:
        condition = bare(condition)
        if isinstance(condition, exp.Not):
            return self.reach(condition.this)
        if isinstance(condition, exp.Is):
            return self._is(condition, not condition.args.get("negate"))
        if type(condition) in OPPOSITES:
            return self.reach(OPPOSITES[type(condition)](this=condition.this, expression=condition.expression))
        reach = self.reach(condition)
        if reach is Reach.ALL and not self._bound(condition) and truth(constant(condition)) is UNKNOWN:
            return Reach.ALL  # all or none, and nobody knows which
        if reach in (Reach.NONE, Reach.ALL):
            return Reach.ALL if reach is Reach.NONE else Reach.NONE
        if isinstance(condition, exp.In) and condition.expressions and self._is_key(condition.this):
            return Reach.NEARLY_ALL
        return Reach.SOME

    def _by_kind(self, condition: Any) -> Reach | None:
        """Return the reach if the kind of condition alone tells, independently of which columns are in it."""
        if isinstance(condition, exp.Is):
            return self._is(condition, bool(condition.args.get("negate")))
        if isinstance(condition, exp.In):
            return self._in(condition)
        if isinstance(condition, exp.Exists):
            return self._exists(condition.this)
        if isinstance(condition, exp.Coalesce):
            return None
        if isinstance(condition, (exp.Case, exp.If)):
            return self._case(condition)
        if isinstance(condition, exp.Between):
            return self._between(condition)
        if isinstance(condition, exp.Column):
            return Reach.ALL if self._is_key(condition) else None  # every key but 0 is true
        pattern = _pattern_of(condition)
        if pattern is not None:
            return Reach.ALL if pattern else None
        if isinstance(condition, exp.Binary):
            return self._comparison(condition)
        return None

    def _is(self, condition: Any, negated: bool) -> Reach:
        column = bare(condition.this)
        if isinstance(condition.expression, exp.Null) and isinstance(column, exp.Column):
            if column.name.lower() in _SYSTEM_COLUMNS:
                return Reach.ALL if negated else Reach.NONE
            if negated and not _OFTEN_NULL.search(column.name):
                return Reach.NEARLY_ALL
            return self._dependent(condition)
        if isinstance(column, (exp.Binary, exp.Predicate)) and negated and isinstance(condition.expression, exp.Null):
            return Reach.NEARLY_ALL
        if isinstance(condition.expression, exp.Boolean):
            wanted = bool(condition.expression.this) is not negated
            return self.reach(column) if wanted else self._denied(column)
        return self._dependent(condition)

    def _in(self, condition: Any) -> Reach | None:
        left = folded(condition.this)
        if any(folded(expression) == left for expression in condition.expressions):
            return Reach.ALL
        query = condition.args.get("query")
        if query is None:
            return None
        return self._chosen(left, query_of(query))

    def _chosen(self, left: Any, query: Any) -> Reach | None:
        """Return the reach of `left IN (query)`; None if the query does not read the target's own keys."""
        if isinstance(query, exp.Union) and not query.args.get("limit"):
            sides = [self._chosen(left, query_of(side)) for side in (query.left, query.right)]
            return Reach.ALL if Reach.ALL in sides else None
        if not isinstance(query, exp.Select) or not isinstance(left, (exp.Column, exp.Tuple)):
            return None
        source: Any = query.args.get("from_")
        if source is None or any((join.side or "").upper() != "LEFT" for join in query.args.get("joins") or []):
            return None
        if isinstance(source.this, exp.Subquery) and not query.args.get("where") and not query.args.get("joins"):
            return self._chosen(left, query_of(source.this))
        if not isinstance(source.this, exp.Table):
            return None
        limits = () if self._repeated else ("limit", "fetch")
        if any(query.args.get(part) for part in (*limits, "group", "having", "offset", "qualify")):
            return None
        wanted = [name_of(column) for column in (left.expressions if isinstance(left, exp.Tuple) else [left])]
        table = source.this.name.lower()
        where: Any = query.args.get("where")
        if table in self._names and wanted == [name_of(column) for column in query.expressions]:
            inner = Target({table, source.this.alias_or_name.lower()}, twins=frozenset(self._names))
            return inner.reach(where.this) if where is not None else Reach.ALL
        if where is None and wanted[0].endswith("_id") and table.startswith(wanted[0][:-3]):
            return Reach.NEARLY_ALL  # every reference has what it refers to
        return None

    def _exists(self, query: Any) -> Reach | None:
        query = query_of(query)
        if not isinstance(query, exp.Select):
            return None
        source: Any = query.args.get("from_")
        where: Any = query.args.get("where")
        if source is None:
            return self.reach(where.this) if where is not None else Reach.ALL
        if isinstance(source.this, exp.Table) and source.this.name.lower() in self._names and where is not None:
            inner = source.this.alias_or_name.lower()
            condition = bare(where.this)
            if isinstance(condition, exp.EQ) and name_of(condition.left) == name_of(condition.right):
                sides = {bare(condition.left).args.get("table"), bare(condition.right).args.get("table")}
                names = {side.name.lower() for side in sides if side is not None}
                if inner in names and len(sides) == 2:
                    return Reach.ALL  # every row has itself
        return None

    def _case(self, condition: Any) -> Reach | None:
        branches = condition.args.get("ifs") or [condition]
        results = [self.reach(branch.args["true"]) for branch in branches if branch.args.get("true") is not None]
        default = condition.args.get("default") or condition.args.get("false")
        if condition.this is None or isinstance(condition, exp.If):
            for branch in branches:
                decided = truth(constant(branch.this))
                if decided is UNKNOWN:
                    break
                if decided:
                    return self.reach(branch.args["true"])
        if default is not None:
            results.append(self.reach(default))
        elif isinstance(condition, exp.Case):
            results.append(Reach.NONE)
        return Reach.ALL if results and all(result is Reach.ALL for result in results) else None

    def _between(self, condition: Any) -> Reach | None:
        value, low, high = (folded(condition.args[part]) for part in ("this", "low", "high"))
        if value == low and value == high:
            return Reach.ALL
        least, most = constant(low), constant(high)
        if self._is_key(value) and is_number(least) and is_number(most) and least <= 1 and most >= _LARGE_NUMBER:
            return Reach.NEARLY_ALL
        return None

    def _comparison(self, condition: exp.Binary) -> Reach | None:
        kind: Any = type(condition)
        left, right = folded(condition.left), folded(condition.right)
        if left == right and isinstance(condition, exp.Predicate):
            same = kind in (exp.EQ, exp.GTE, exp.LTE, exp.NullSafeEQ)
            return Reach.ALL if same else Reach.NONE if kind in (exp.NEQ, exp.GT, exp.LT, exp.NullSafeNEQ) else None
        if isinstance(right, exp.Any) and kind is exp.EQ:
            chosen = bare(right.this)
            if isinstance(chosen, exp.Array) and len(chosen.expressions) == 1:
                chosen = query_of(chosen.expressions[0]) if is_query(chosen.expressions[0]) else chosen
            if isinstance(chosen, exp.Array) and any(folded(item) == left for item in chosen.expressions):
                return Reach.ALL
            return self._chosen(left, query_of(chosen))
        query = query_of(right)
        if (
            kind is exp.EQ
            and isinstance(left, exp.Column)
            and isinstance(query, exp.Select)
            and not query.find(exp.AggFunc)
        ):
            return self._chosen(left, query)
        if kind is exp.EQ and self._is_twin(left, right):
            return Reach.ALL
        if kind is exp.EQ and name_of(left) == "tableoid" and isinstance(right, exp.Literal):
            return Reach.ALL  # as long as it is the table's own name
        if constant(left) is not UNKNOWN:
            left, right, kind = right, left, MIRRORED.get(kind, kind)
        return self._bounded(kind, left, constant(right), right)

    def _is_twin(self, left: Any, right: Any) -> bool:
        """Return whether a column of the target is compared with itself: every row finds at least itself."""
        if not isinstance(left, exp.Column) or not isinstance(right, exp.Column) or name_of(left) != name_of(right):
            return False
        one, other = sorted((left.table.lower(), right.table.lower()))
        if one == other:
            return False
        return other in self._twins | self._names and (not one or one in self._twins | self._names)

    def _bounded(self, kind: Any, left: Any, value: Any, right: Any) -> Reach | None:
        if isinstance(left, exp.Column) and left.name.lower() in _CREATED:
            present = isinstance(right, (exp.CurrentTimestamp, exp.CurrentDate)) or name_of(right) in (
                "now",
                "getdate",
                "sysdate",
            )
            past = isinstance(value, str) and value[:2] in ("00", "10", "18", "19")
            if (present and kind in (exp.LT, exp.LTE)) or (past and kind in (exp.GT, exp.GTE)):
                return Reach.NEARLY_ALL
        if not is_number(value):
            return Reach.NEARLY_ALL if kind is exp.NEQ and value is not UNKNOWN and self._is_key(left) else None
        holds = (kind is exp.GTE and value <= 0) or (kind is exp.GT and value < 0)
        if holds and (isinstance(left, _NOT_NEGATIVE) or _is_square(left)):
            return Reach.ALL
        if kind in (exp.GT, exp.GTE) and _is_numbered(left) and value <= (0 if kind is exp.GT else 1):
            return Reach.ALL
        if kind in (exp.GT, exp.GTE):
            numbered = isinstance(left, exp.Column) and left.name.lower() in _NUMBERED
            limit = 1 if self._is_key(left) and not numbered else 0 if kind is exp.GTE else -1
            return Reach.NEARLY_ALL if isinstance(left, exp.Column) and value <= limit else None
        if self._is_key(left) and (kind is exp.NEQ or (kind in (exp.LT, exp.LTE) and value >= _LARGE_NUMBER)):
            return Reach.NEARLY_ALL
        return None

    def _is_key(self, value: Any) -> bool:
        value = bare(value)
        if not isinstance(value, exp.Column):
            return False
        name = value.name.lower()
        singular = {table.rstrip("s") for table in self._names} | self._names
        return name in _KEYS or name in _SYSTEM_COLUMNS or name.removesuffix("_id").rstrip("s") in singular

    def _dependent(self, condition: Any) -> Reach:
        if not self._bound(condition):
            unknown = condition.find(exp.Parameter, exp.Placeholder)
            return Reach.NEARLY_ALL if unknown is not None else Reach.ALL
        columns = list(condition.find_all(exp.Column))
        if any(is_outside(column, condition) or column.table.lower() in self._names for column in columns):
            return Reach.SOME
        return Reach.NEARLY_ALL  # only unqualified columns in a subquery may be the target's

    def _bound(self, condition: Any) -> bool:
        """Return whether a condition may depend on the target's row."""
        return any(self._is_own(column, condition) for column in condition.find_all(exp.Column))

    def _is_own(self, column: exp.Column, condition: Any) -> bool:
        if self._everything:
            return True
        table = column.table.lower()
        if is_outside(column, condition):
            return not table or table in self._names
        if table:
            return table in self._names and not hidden(column, condition, table)
        # An unqualified column in a subquery is the subquery's, unless two of them are compared.
        comparison = column.find_ancestor(exp.Predicate)
        if comparison is None or comparison is condition or not isinstance(comparison, exp.Binary):
            return False
        sides = [bare(comparison.left), bare(comparison.right)]
        return all(isinstance(side, exp.Column) for side in sides) and not all(side.table for side in sides)


def _is_numbered(node: Any) -> bool:
    return isinstance(node, exp.Expression) and node.name.lower() in ("rownum", "rowid", "_rowid_", "oid")


def _is_square(node: Any) -> bool:
    return isinstance(node, exp.Mul) and folded(node.left) == folded(node.right)


def _pattern_of(condition: Any) -> bool | None:
    """Return whether a pattern matches every text; None for conditions without a pattern."""
    if not isinstance(condition, (exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.RegexpILike, exp.Glob)):
        return None
    pattern = constant(condition.expression)
    if not isinstance(pattern, str):
        return folded(condition.this) == folded(condition.expression)
    if isinstance(condition, (exp.RegexpLike, exp.RegexpILike)):
        return pattern.strip("^$") in ("", ".*", ".*?", ".?", "(.*)", "[\\s\\S]*")
    return bool(pattern) and set(pattern) <= ({"*"} if isinstance(condition, exp.Glob) else {"%"})
