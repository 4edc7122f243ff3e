"""Alternatives of a condition that cover everything together, such as `a IS NULL OR a IS NOT NULL`."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from app.risk.sql.constants import UNKNOWN, constant, folded

OPPOSITES = {exp.EQ: exp.NEQ, exp.GT: exp.LTE, exp.LT: exp.GTE, exp.GTE: exp.LT, exp.LTE: exp.GT}
MIRRORED = {exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE}
_MOST_ALTERNATIVES = 100


def is_number(value: Any) -> bool:
    """Return whether a constant is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def bare(node: Any) -> Any:
    """Return an expression without the brackets around it."""
    return node.unnest() if isinstance(node, exp.Expression) else node


def covers_all(parts: list[Any]) -> bool:
    """Return True for alternatives that cover everything, such as `a IS NULL OR a IS NOT NULL`."""
    if len(parts) > _MOST_ALTERNATIVES:
        return False
    texts = {_text(part) for part in parts}
    return any(_opposite_text(part) in texts for part in parts) or _covers_numbers(parts)


def _covers_numbers(parts: list[Any]) -> bool:
    """Return True for comparisons of one value with numbers that cover all numbers, such as `a > 5 OR a < 10`."""
    bounds: dict[str, list[tuple[Any, float]]] = {}
    for part in parts:
        value = constant(part.expression) if type(part) in (*MIRRORED, exp.NEQ) else UNKNOWN
        if is_number(value):
            bounds.setdefault(folded(part.this).sql(), []).append((type(part), value))
    for found in bounds.values():
        above = [value for kind, value in found if kind in (exp.GT, exp.GTE)]
        below = [value for kind, value in found if kind in (exp.LT, exp.LTE)]
        others = {value for kind, value in found if kind is exp.NEQ}
        if (above and below and min(above) < max(below)) or len(others) > 1:
            return True
    return False


def _text(part: Any) -> str:
    if isinstance(part, exp.Not):
        return _opposite_text(bare(part.this))
    negated = "NOT " if isinstance(part, exp.Is) and part.args.get("negate") else ""
    if isinstance(part, (exp.Is, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
        return f"{type(part).__name__} {negated}{folded(part.this).sql()} {folded(part.expression).sql()}"
    return str(part.sql())


def _opposite_text(part: Any) -> str:
    if isinstance(part, exp.Not):
        return _text(bare(part.this))
    if isinstance(part, exp.Is):
        negated = "" if part.args.get("negate") else "NOT "
        return f"Is {negated}{folded(part.this).sql()} {folded(part.expression).sql()}"
    kind: Any = {**OPPOSITES, exp.NEQ: exp.EQ}.get(type(part))
    if kind is not None:
        return f"{kind.__name__} {folded(part.this).sql()} {folded(part.expression).sql()}"
    return f"NOT {part.sql()}"
