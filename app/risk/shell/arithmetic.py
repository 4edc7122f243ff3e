"""Values of arithmetic expressions of the shell, where they are simple."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

from app.risk.shell.state import SOME, Value
from app.risk.words import UNKNOWN

_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip
NAME = re.compile(r"[A-Za-z_]\w*")


def value_of(expression: str, variable: Callable[[str], Value]) -> str:
    """Return an expression's value; an unknown one if it is not simple.

    Args:
        variable: Returns a variable's value.
    """
    text = expression.strip()[:200]
    if UNKNOWN in text:
        return SOME
    text = re.sub(r"(?<![\w$])(\d{1,2})#([0-9A-Za-z]{1,12})", _based, text)
    try:
        tree = ast.parse(NAME.sub(lambda match: _number(match.group(), variable), text).replace("/", "//"), mode="eval")
        return str(_evaluate(tree.body))
    except (SyntaxError, ValueError, ArithmeticError, KeyError, RecursionError, MemoryError):
        return SOME


def _based(match: re.Match[str]) -> str:
    base = int(match.group(1))
    return str(int(match.group(2), base)) if 2 <= base <= 36 else match.group()


def _number(name: str, variable: Callable[[str], Value]) -> str:
    value = variable(name)
    text = value[0].text.strip() if value else "0"
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise ValueError
    return text


def _evaluate(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int) and abs(node.value) < 10**12:
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_evaluate(node.operand)
    if isinstance(node, ast.BinOp):
        result = _BINARY[type(node.op)](_evaluate(node.left), _evaluate(node.right))
        if abs(result) < 10**15:
            return result
    raise ValueError
