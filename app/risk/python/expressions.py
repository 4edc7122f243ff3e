"""Expressions other than calls: texts, names, operators, elements, comprehensions."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tree_sitter import Node

from app.risk.effects import DYNAMIC
from app.risk.python import clients, guards
from app.risk.python.decorations import MOCK, unmocked
from app.risk.python.imports import canonical
from app.risk.python.nodes import text
from app.risk.python.values import ANY, LONGEST, Value, held_by, joined, one_of, or_default, percent, text_of
from app.risk.rules import word_set
from app.risk.shell.environment import set_variable
from app.risk.words import FRESH, UNKNOWN

if TYPE_CHECKING:
    from app.risk.python.evaluator import Evaluator

_CREDENTIAL = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|api_?key|private_?key|credential|access_?key", re.IGNORECASE
)
_INTERNALS = word_set("__subclasses__ __globals__ __code__ __builtins__ gi_frame cr_frame __import__")
_CONSTANTS = {
    "os.sep": Value("/"), "os.pathsep": Value(":"), "os.linesep": Value("\n"), "os.devnull": Value("/dev/null"),
    "os.curdir": Value("."), "os.pardir": Value(".."), "os.name": Value("posix"), "os.path.sep": Value("/"),
    "sys.executable": Value("python"), "tempfile.tempdir": Value("/tmp"),  # noqa: S108 - a path to compare with
}  # fmt: skip
_MOST_ITEMS = 200


def _string(evaluator: Evaluator, node: Node) -> Value:
    start = text(node.children[0]).lower() if node.children else ""
    raw, binary = "r" in start, "b" in start
    parts: list[Value] = []
    for part in node.named_children:
        if part.type == "string_content":
            parts.append(Value(_unescaped(text(part), raw, binary)))
        elif part.type == "interpolation":
            inner = [evaluator.visit(child) for child in part.named_children if child.type != "format_specifier"]
            parts.append(inner[0] if inner else ANY)
    return joined(parts) if parts else Value("", empty=True)


def _unescaped(content: str, raw: bool, binary: bool) -> str:
    if raw or "\\" not in content:
        return content
    quoted = content.replace("\\\n", "").replace("\n", "\\n").replace("\r", "\\r")
    quoted = re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', quoted)
    try:
        value = ast.literal_eval(f'{"b" if binary else ""}"{quoted}"')
    except (SyntaxError, ValueError):
        return content
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _concatenated(evaluator: Evaluator, node: Node) -> Value:
    return joined([evaluator.visit(part) for part in node.named_children])


def _number(_evaluator: Evaluator, node: Node) -> Value:
    try:
        return Value(number=int(text(node).replace("_", ""), 0))
    except ValueError:
        return ANY


def _unary(evaluator: Evaluator, node: Node) -> Value:
    value = evaluator.visit(node.child_by_field_name("argument"))
    if value.number is None:
        return ANY
    change = {"-": -value.number, "~": ~value.number, "+": value.number}
    return Value(number=change.get(text(node.child_by_field_name("operator"))))


def _identifier(evaluator: Evaluator, node: Node) -> Value:
    name = text(node)
    if name in ("__builtins__", "__loader__"):
        return Value(name="builtins")
    return evaluator.lookup(name)


def _attribute(evaluator: Evaluator, node: Node) -> Value:
    own = evaluator.lookup(text(node))
    if own is not ANY:
        return own
    base = evaluator.visit(node.child_by_field_name("object"))
    return attribute(evaluator, base, text(node.child_by_field_name("attribute")), int(node.start_point[0]) + 1)


def attribute(evaluator: Evaluator, base: Value, name: str, line: int) -> Value:
    """Return an attribute of a value."""
    if name in _INTERNALS and base.name != "own." and not base.kind.startswith("own."):
        evaluator.reading.add(DYNAMIC, f"This reaches into Python's internals ({name}) to find what it calls.", line)
        return Value(name="builtins") if name in ("__builtins__", "__globals__") else ANY
    if name == "__dict__":
        return base
    if base.name == "builtins.None":
        return ANY
    if base.kind.startswith("own.") and (own := evaluator.own.get(base.kind)) is not None and name in own.attributes:
        return own.attributes[name]
    if name == "name" and (base.text or "").startswith(FRESH) and base.kind != "pathlib.Path":
        return base
    if name == "sorted_tables":
        return Value(kind="sqlalchemy.Table")
    if name == "request" and base.kind.startswith("own.") and _serves(evaluator, base):
        return Value(kind="socket")
    if name == "rfile" and base.kind.startswith("own."):
        return Value(kind="response", marks=frozenset({"download"}))
    if base.kind == "argparse.Namespace":
        return evaluator.options.get(name, Value(kind=base.kind))
    if base.name and f"{base.name}.{name}" in evaluator.mocked:
        return Value(kind=MOCK)
    if base.name:
        qualified = canonical(f"{base.name}.{name}")
        if qualified == "os.environ":
            return Value(name="os.environ", marks=frozenset({"secret"}))
        if qualified.startswith(("flask.request.", "bottle.request.", "streamlit.text_input")):
            return Value(UNKNOWN, marks=frozenset({"download"}))
        return _CONSTANTS.get(qualified, Value(name=qualified))
    if base.kind == "pathlib.Path":
        return _path_attribute(base, name)
    return clients.part(base, name) or Value(kind=base.kind, marks=base.marks)


def _serves(evaluator: Evaluator, value: Value) -> bool:
    own = evaluator.own.get(value.kind)
    return own is not None and any(base.name.startswith("socketserver.") for base in own.bases)


def _path_attribute(base: Value, name: str) -> Value:
    path = text_of(base)
    if name == "parent":
        return Value(posixpath.dirname(path) or ".", kind="pathlib.Path")
    if name == "name":
        return Value(posixpath.basename(path))
    return Value(kind="pathlib.Path") if name == "parents" else Value(UNKNOWN)


def binary(evaluator: Evaluator, node: Node) -> Value:
    """Return the value of an operator with two operands."""
    left = evaluator.visit(node.child_by_field_name("left"))
    right = evaluator.visit(node.child_by_field_name("right"))
    operator = text(node.child_by_field_name("operator")).rstrip("=")
    if operator == "/" and left.kind == "pathlib.Path":
        return replace(joined([left, right], "/"), kind="pathlib.Path")
    if operator == "/" and right.kind == "pathlib.Path":
        return replace(joined([left, right], "/"), kind="pathlib.Path")
    if operator == "+":
        if left.items is not None and right.items is not None:
            return Value(items=(left.items + right.items)[:_MOST_ITEMS])
        if left.text is not None or right.text is not None:
            return joined([left, right])
    if operator == "%" and left.text is not None:
        return percent(left, right)
    if operator == "*" and left.known and right.number is not None:
        return replace(left, text=((left.text or "") * min(right.number, 1000))[:LONGEST])
    if left.number is not None and right.number is not None:
        return Value(number=_computed(operator, left.number, right.number))
    return Value(marks=left.marks | right.marks, kind=left.kind, held=held_by([left, right]))


def _computed(operator: str, left: int, right: int) -> int | None:
    if abs(left) > 1 << 40 or abs(right) > 1 << 40:
        return None
    compute: dict[str, Callable[[], int]] = {
        "+": lambda: left + right, "-": lambda: left - right, "*": lambda: left * right, "^": lambda: left ^ right,
        "&": lambda: left & right, "|": lambda: left | right, "//": lambda: left // right, "%": lambda: left % right,
    }  # fmt: skip
    try:
        return compute[operator]() if operator in compute else None
    except ZeroDivisionError:
        return None


def _subscript(evaluator: Evaluator, node: Node) -> Value:
    base = evaluator.visit(node.child_by_field_name("value"))
    indexes = node.children_by_field_name("subscript")
    if len(indexes) == 1 and indexes[0].type == "slice":
        return _slice(evaluator, base, indexes[0])
    values = [evaluator.visit(index) for index in indexes]
    return element_of(evaluator, base, values[0] if values else ANY)


def element_of(evaluator: Evaluator, base: Value, index: Value) -> Value:
    """Return an element of a value."""
    if is_environment(base):
        return environment(evaluator, index)
    if base.fields is not None and index.known and base not in evaluator.stale:
        return next((value for key, value in base.fields if key == index.text), ANY)
    if base.items is not None and index.number is not None:
        return base.items[index.number] if -len(base.items) <= index.number < len(base.items) else ANY
    if base.name == "sys.argv":
        return Value(UNKNOWN)
    if base.name == "sys.modules" and index.known:
        return Value(name=index.text or "")
    if base.name and index.known and not base.name.startswith("own."):
        return Value(name=canonical(f"{base.name}.{index.text}"))
    if base.known and index.number is not None and -len(base.text or "") <= index.number < len(base.text or ""):
        return replace(base, text=(base.text or "")[index.number])
    return clients.part(base, "[]") or Value(marks=base.marks, kind=base.kind, held=held_by([base]))


def with_element(base: Value, index: Value, value: Value) -> Value:
    """Return a list or dictionary with another element."""
    held = held_by([base, value])
    fields, items = None, None
    if base.fields is not None and index.known and len(base.fields) < _MOST_ITEMS:
        fields = (*(pair for pair in base.fields if pair[0] != index.text), (index.text or "", value))
    if base.items is not None and index.number is not None and -len(base.items) <= index.number < len(base.items):
        place = index.number % len(base.items)
        items = (*base.items[:place], value, *base.items[place + 1 :])
    elif base.items is not None:
        items = tuple(one_of([item, value]) for item in base.items)
    return replace(base, held=held, fields=fields, items=items, empty=False, marks=base.marks | value.marks)


def is_environment(value: Value) -> bool:
    """Return True for the environment, or a copy of it, which programs may be started with."""
    return value.name == "os.environ" or value.kind == "os.environ"


def environment(evaluator: Evaluator, name: Value, default: Value = ANY) -> Value:
    """Return the value of an environment variable."""
    if name.known:
        evaluator.reading.touch(environment=[name.text or ""])
    known = {"HOME": "~", "USERPROFILE": "~", "PWD": ".", "TMPDIR": "/tmp"}  # noqa: S108 - a path to compare with
    if name.text in known:
        return Value(known[name.text])
    value = or_default(default)
    return value.marked("credential") if _CREDENTIAL.search(name.text or "") else value


def _slice(evaluator: Evaluator, base: Value, node: Node) -> Value:
    parts: list[int | None] = [None]
    for part in node.children:
        if part.type == ":":
            parts.append(None)
        elif part.is_named:
            number = evaluator.visit(part).number
            if number is None:
                return Value(marks=base.marks, kind=base.kind)
            parts[-1] = number
    chosen = slice(*(parts + [None] * 3)[:3])
    if chosen.step == 0:
        return ANY
    if base.known:
        return replace(base, text=(base.text or "")[chosen], marks=base.marks)
    if base.items is not None:
        return replace(base, items=base.items[chosen])
    return Value(marks=base.marks, kind=base.kind)


def assign_element(evaluator: Evaluator, base: Value, index: Value, value: Value, line: int) -> None:
    """Note an assignment to an element."""
    if is_environment(base) and index.known:
        set_variable(evaluator.reading, index.text or "", value.word(line))
    elif base.name.startswith(("builtins", "sys.modules")):
        guards.patch(evaluator, "builtins", index.text or "", value, line)


def _list(evaluator: Evaluator, node: Node) -> Value:
    items: list[Value] = []
    for part in node.named_children:
        value = evaluator.visit(part)
        if part.type == "list_splat":
            if value.items is None:
                items.append(Value(UNKNOWN, glob=False))
                continue
            items += value.items
        elif part.type != "comment":
            items.append(value)
    return Value(items=tuple(items[:_MOST_ITEMS]), empty=not items)


def _splat(evaluator: Evaluator, node: Node) -> Value:
    return evaluator.visit(node.named_children[0]) if node.named_children else ANY


def _dictionary(evaluator: Evaluator, node: Node) -> Value:
    marks: frozenset[str] = frozenset()
    held: list[Value] = []
    fields: list[tuple[str, Value]] | None = []
    for part in node.named_children:
        if part.type == "pair":
            key = evaluator.visit(part.child_by_field_name("key"))
            value = evaluator.visit(part.child_by_field_name("value"))
            marks |= value.marks
            held.append(value)
            if fields is not None and len(fields) < _MOST_ITEMS:
                fields.append((text_of(key), value))
        elif part.type == "dictionary_splat":
            values = [evaluator.visit(inner) for inner in part.named_children]
            held += values
            marks |= frozenset().union(*(value.marks for value in values))
            more = values[0].fields if values else None
            fields = None if fields is None or more is None else [*fields, *more][:_MOST_ITEMS]
    pairs = tuple(fields) if fields is not None else None
    return Value(kind="dict", empty=not node.named_children, marks=marks, held=held_by(held), fields=pairs)


def _comprehension(evaluator: Evaluator, node: Node) -> Value:
    from app.risk.python.flow import element

    body = node.child_by_field_name("body")
    clauses = [part for part in node.named_children if part.type == "for_in_clause"]
    conditions = [part for part in node.named_children if part.type == "if_clause"]
    source = evaluator.visit(clauses[0].child_by_field_name("right")) if clauses else ANY
    if source.text is not None and source.known and not source.glob and source.kind != "pathlib.Path":
        source = Value(items=tuple(Value(char, marks=source.marks) for char in (source.text or "")[:_MOST_ITEMS]))
    rounds = (
        source.items if source.items is not None and len(clauses) == 1 and len(source.items) <= _MOST_ITEMS else None
    )
    results: list[Value] = []
    evaluator.loops += 1
    for item in rounds if rounds is not None else [element(source)]:
        for number, clause in enumerate(clauses):
            left = clause.child_by_field_name("left")
            value = item if number == 0 else element(evaluator.visit(clause.child_by_field_name("right")))
            if left is not None:
                evaluator.assign(left, value)
        evaluator.visit_all(conditions)
        results.append(evaluator.visit(body))
    evaluator.loops -= 1
    if rounds is not None and not conditions:
        return Value(items=tuple(results))
    first = results[0] if results else ANY
    marks = first.marks - {"listed"} if conditions else first.marks
    return Value(items=(first,), marks=marks) if first.glob else Value(marks=marks, kind=first.kind)


def _generator(evaluator: Evaluator, node: Node) -> Value:
    with unmocked(evaluator):
        return _comprehension(evaluator, node)


def _conditional(evaluator: Evaluator, node: Node) -> Value:
    values = [evaluator.visit(part) for part in node.named_children]
    ends = [values[0], values[-1]] if len(values) == 3 else values
    return one_of(ends) if ends else ANY


def _lambda(evaluator: Evaluator, node: Node) -> Value:
    name = f"own.lambda{node.start_byte}"
    from app.risk.python.evaluator import Own

    evaluator.own[name] = Own(node)
    evaluator.follow(node, {})
    return Value(name=name)


def _last(evaluator: Evaluator, node: Node) -> Value:
    values = [evaluator.visit(part) for part in node.named_children]
    return values[-1] if values else ANY


def _named(evaluator: Evaluator, node: Node) -> Value:
    value = evaluator.visit(node.child_by_field_name("value"))
    name = node.child_by_field_name("name")
    if name is not None:
        evaluator.assign(name, value)
    return value


def _boolean(evaluator: Evaluator, node: Node) -> Value:
    left = evaluator.visit(node.child_by_field_name("left"))
    right = evaluator.visit(node.child_by_field_name("right"))
    if text(node.child_by_field_name("operator")) == "or" and (left.text is not None or left.choices):
        return left if left.known and left.text else one_of([left, right])
    return left if left == right else Value(marks=left.marks | right.marks, kind=left.kind or right.kind)


def _pair(evaluator: Evaluator, node: Node) -> Value:
    key = evaluator.visit(node.child_by_field_name("key"))
    value = evaluator.visit(node.child_by_field_name("value"))
    return value.marked(*key.marks)


def _constant(_evaluator: Evaluator, node: Node) -> Value:
    return Value(name=f"builtins.{text(node)}")


EXPRESSIONS: dict[str, Callable[[Evaluator, Node], Value]] = {
    "string": _string, "concatenated_string": _concatenated, "integer": _number, "identifier": _identifier,
    "attribute": _attribute, "binary_operator": binary, "subscript": _subscript, "list": _list, "tuple": _list,
    "set": _list, "expression_list": _list, "list_splat": _splat, "dictionary": _dictionary,
    "list_comprehension": _comprehension, "generator_expression": _generator, "set_comprehension": _comprehension,
    "dictionary_comprehension": _comprehension, "conditional_expression": _conditional, "lambda": _lambda,
    "parenthesized_expression": _last, "await": _last, "named_expression": _named, "boolean_operator": _boolean,
    "dictionary_splat": _splat, "unary_operator": _unary, "pair": _pair,
    "true": _constant, "false": _constant, "none": _constant,
}  # fmt: skip
