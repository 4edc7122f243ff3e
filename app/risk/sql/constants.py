"""Expressions whose value does not depend on data: constants, and expressions that are the same as a simpler one."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

UNKNOWN: Any = object()
"""The value of an expression that is not a constant. SQL's NULL is None."""

_TRUE = ("true", "t", "yes", "on", "y")
_FALSE = ("false", "f", "no", "off", "n")
_DEEPEST = 40


def constant(node: Any, depth: int = 0) -> Any:
    """Return the value of a constant expression (a number, text, bool, or None for NULL); otherwise `UNKNOWN`."""
    if depth > _DEEPEST or not isinstance(node, exp.Expression):
        return UNKNOWN
    node = node.unnest()
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Null):
        return None
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else _number(node.name)
    if isinstance(node, exp.Cast):
        return _cast(node, constant(node.this, depth + 1))
    if isinstance(node, exp.Neg):
        value = constant(node.this, depth + 1)
        return -value if isinstance(value, (int, float)) else UNKNOWN
    if isinstance(node, exp.Not):
        value = truth(constant(node.this, depth + 1))
        return value if value is UNKNOWN or value is None else not value
    if isinstance(node, exp.Coalesce):
        return _coalesce([node.this, *node.expressions], depth)
    if isinstance(node, exp.Nullif):
        return None if folded(node.this) == folded(node.expression) else UNKNOWN
    if isinstance(node, exp.Length):
        value = constant(node.this, depth + 1)
        return len(value) if isinstance(value, str) else UNKNOWN
    if isinstance(node, exp.Is):
        return _is(node, depth)
    if isinstance(node, exp.Between):
        return _between(node, depth)
    if isinstance(node, exp.Binary) and not isinstance(node, exp.Connector):
        return _binary(node, depth)
    return UNKNOWN


def truth(value: Any) -> Any:
    """Return a constant as a condition: True, False, None for NULL, or `UNKNOWN`."""
    if value is UNKNOWN or value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return value != 0
    text = value.strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    number = _number(text)
    return UNKNOWN if number is UNKNOWN else number != 0


def folded(node: Any) -> Any:
    """Return a simpler expression of the same value, such as `id` for `(id + 0)`."""
    while isinstance(node, exp.Expression):
        node = node.unnest()
        if isinstance(node, (exp.Cast, exp.Collate)):
            node = node.this
        elif isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Div)) and constant(node.expression) == _neutral(node):
            node = node.left
        elif isinstance(node, (exp.DPipe, exp.Concat)) and _appends_nothing(node):
            node = node.left if isinstance(node, exp.Binary) else node.expressions[0]
        elif isinstance(node, exp.Coalesce) and all(folded(other) == folded(node.this) for other in node.expressions):
            node = node.this
        else:
            return node
    return node


def _neutral(node: Any) -> int:
    return 0 if isinstance(node, (exp.Add, exp.Sub)) else 1


def _appends_nothing(node: Any) -> bool:
    others = [node.expression] if isinstance(node, exp.Binary) else node.expressions[1:]
    return bool(others) and all(constant(other) == "" for other in others)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return UNKNOWN


def _cast(node: exp.Cast, value: Any) -> Any:
    if node.is_type("boolean"):
        return truth(value)
    if isinstance(value, str) and node.to.is_type(*exp.DataType.NUMERIC_TYPES):
        return _number(value)
    return value


def _coalesce(options: list[Any], depth: int) -> Any:
    for option in options:
        value = constant(option, depth + 1)
        if value is not None:
            return value
    return None


def _is(node: exp.Is, depth: int) -> Any:
    value, wanted = constant(node.this, depth + 1), node.expression
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(wanted, exp.Null):
        found = value is None
    elif isinstance(wanted, exp.Boolean):
        found = truth(value) is bool(wanted.this)
    else:
        return UNKNOWN
    return found is not bool(node.args.get("negate"))


def _between(node: exp.Between, depth: int) -> Any:
    value, low, high = (constant(node.args[part], depth + 1) for part in ("this", "low", "high"))
    if not all(isinstance(number, (int, float)) for number in (value, low, high)):
        return UNKNOWN
    return low <= value <= high


def _binary(node: exp.Binary, depth: int) -> Any:
    left, right = folded(node.left), folded(node.right)
    if left == right and isinstance(node, exp.Sub):
        return 0.0
    one, other = constant(left, depth + 1), constant(right, depth + 1)
    if isinstance(node, exp.Mul) and 0 in (one, other) and UNKNOWN in (one, other):
        return 0.0
    if isinstance(node, exp.Mod) and other == 1:
        return 0.0
    if one is UNKNOWN or other is UNKNOWN:
        return UNKNOWN
    if isinstance(node, (exp.NullSafeEQ, exp.NullSafeNEQ)):
        return (one == other) is isinstance(node, exp.NullSafeEQ)
    if one is None or other is None:
        return None
    if isinstance(node, exp.EQ):
        return _same(one, other)
    if isinstance(node, exp.NEQ):
        same = _same(one, other)
        return same if same is UNKNOWN else not same
    if isinstance(node, exp.DPipe) and isinstance(one, str) and isinstance(other, str):
        return one + other
    return _arithmetic(node, one, other)


def _same(one: Any, other: Any) -> Any:
    if isinstance(one, str) is not isinstance(other, str):
        one, other = (_number(value) if isinstance(value, str) else value for value in (one, other))
        if one is UNKNOWN or other is UNKNOWN:
            return UNKNOWN  # to MySQL it is 0; others refuse it, or take both as texts
    return bool(one == other)


def _arithmetic(node: exp.Binary, one: Any, other: Any) -> Any:
    if isinstance(one, str) or isinstance(other, str):
        if isinstance(node, (exp.GT, exp.GTE, exp.LT, exp.LTE)):
            one, other = _number(str(one)), _number(str(other))
        if UNKNOWN in (one, other) or isinstance(one, str):
            return UNKNOWN
    kinds: dict[Any, Any] = {
        exp.GT: lambda: one > other, exp.GTE: lambda: one >= other, exp.LT: lambda: one < other,
        exp.LTE: lambda: one <= other, exp.Add: lambda: one + other, exp.Sub: lambda: one - other,
        exp.Mul: lambda: one * other,
    }  # fmt: skip
    kind = kinds.get(type(node))
    return kind() if kind is not None else UNKNOWN
