"""The sources of a workflow's own functions, and the values of their names, without running them."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

MARK = re.compile(r"#\s*assent:\s*idempotent\b")
GATES = frozenset({"request_approval", "interrupt"})
APPLIES = frozenset({"apply", "aapply"})
"""Functions of `assent.toolbox` that raise an exception unless a call was approved."""
DEPTH = 6
"""The depth of calls up to which the workflow's own functions are checked."""
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class Source:
    """A function with the values of its names."""

    function: Any
    node: Function
    file: str
    lines: Sequence[str]
    names: dict[str, Any]

    @property
    def body(self) -> Sequence[ast.AST]:
        """Its statements; for a lambda, its expression."""
        return [self.node.body] if isinstance(self.node, ast.Lambda) else self.node.body

    @property
    def decorators(self) -> list[str]:
        """The last parts of its decorators' names."""
        made = [] if isinstance(self.node, ast.Lambda) else self.node.decorator_list
        return [last_name(one.func if isinstance(one, ast.Call) else one) for one in made]

    def marked(self, line: int) -> bool:
        """Return True if the author marked this line as idempotent, on the line itself or alone on the one before."""
        before = self.lines[line - 2].strip() if line > 1 else ""
        return bool(MARK.search(self.lines[line - 1]) or (before.startswith("#") and MARK.match(before)))


class Sources:
    """Functions of one workflow.

    Args:
        folder: Folder of the workflow's own sources. Functions from elsewhere are judged by their names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking: dict[Any, bool] = {}

    def of(self, function: Any) -> Source | None:
        """Return the source of a function, method, partial, or callable object; None if it is not the workflow's."""
        function = _plain(function)
        if function is None or not Path(function.__code__.co_filename).is_relative_to(self._folder):
            return None
        file, first = function.__code__.co_filename, function.__code__.co_firstlineno
        tree, lines = _parsed(file)
        found = [node for node in ast.walk(tree) if _is_made_by(node, function.__name__, first)]
        if not found or (len(found) > 1 and isinstance(found[0], ast.Lambda)):
            return None
        names = inspect.getclosurevars(function)
        node = found[0]
        assert isinstance(node, Function)
        return Source(function, node, file, lines, {**names.globals, **names.nonlocals})

    def asks(self, function: Any, depth: int = 0) -> bool:
        """Return True if a function of the workflow's own requests approval."""
        source = self.of(function)
        if source is None or depth > DEPTH:
            return False
        if source.function not in self._asking:
            self._asking[source.function] = "requires_approval" in source.decorators  # it may call itself
            self._asking[source.function] |= any(
                self.is_gate(call, source, depth) for call in ast.walk(source.node) if isinstance(call, ast.Call)
            )
        return self._asking[source.function]

    def is_gate(self, call: ast.Call, source: Source, depth: int = 0) -> bool:
        """Return True if a call requests approval, itself or in a function of the workflow's own."""
        return last_name(call.func) in GATES or self.asks(meaning(call.func, source.names), depth + 1)

    def reached(self, function: Any) -> list[Source]:
        """Return the function and the workflow's own functions that it calls, without duplicates."""
        found: dict[Any, Source] = {}
        wanted = [(function, 0)]
        while wanted:
            one, depth = wanted.pop()
            source = self.of(one)
            if source is None or source.function in found or depth > DEPTH:
                continue
            found[source.function] = source
            called = [meaning(call.func, source.names) for call in ast.walk(source.node) if isinstance(call, ast.Call)]
            wanted += [(source, depth + 1) for source in called if source is not None]
        return list(found.values())

    def mentions(self, file: str, attributes: frozenset[str]) -> bool:
        """Return True if the file or another one in its folder mentions one of these as an attribute or key."""
        return any(_mentions(str(file), attributes) for file in self._files(file))

    def applies(self, file: str) -> bool:
        """Return True if the file or another one in its folder applies proposals of tools, if they are approved."""
        return any(_applies(str(file)) for file in self._files(file))

    def _files(self, file: str) -> list[Path]:
        return [Path(file)] if self._folder.is_file() else sorted(self._folder.rglob("*.py"))


def calls(body: Sequence[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls in these statements in the order of execution, except for those in functions defined in them."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield from calls(list(ast.iter_child_nodes(node)))
        if isinstance(node, ast.Call):
            yield node


def statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield all nodes in these statements, except for those in functions defined in them."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        yield node
        yield from statements(list(ast.iter_child_nodes(node)))


def dotted(node: ast.AST) -> str:
    """Return the name as it is written; ``…`` for anything that is not a name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "…"


def last_name(node: ast.AST) -> str:
    """Return the part of a name after its last dot."""
    return dotted(node).rpartition(".")[2]


def meaning(node: ast.AST, names: dict[str, Any]) -> Any:
    """Return the value of a name where the function is defined; None if it cannot be known without running it."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = meaning(node.value, names)
        return getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
    return None


def _plain(function: Any) -> Any:
    """Return the function behind a method, partial, decorator, or callable object; None if there is none."""
    while isinstance(function, functools.partial):
        function = function.func
    if not callable(function) or isinstance(function, type):
        return None
    function = inspect.unwrap(function)
    if inspect.ismethod(function):
        function = inspect.unwrap(function.__func__)
    if not inspect.isfunction(function):
        function = inspect.unwrap(type(function).__call__)
    return function if inspect.isfunction(function) else None


def _is_made_by(node: ast.AST, name: str, first_line: int) -> bool:
    if isinstance(node, ast.Lambda):
        return name == "<lambda>" and node.lineno == first_line
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name != name:
        return False
    return min([node.lineno, *(one.lineno for one in node.decorator_list)]) <= first_line <= node.lineno


@lru_cache(maxsize=256)
def _parsed(file: str) -> tuple[ast.Module, Sequence[str]]:
    text = Path(file).read_text(encoding="utf-8")
    return ast.parse(text), text.splitlines()


@lru_cache(maxsize=256)
def _mentions(file: str, attributes: frozenset[str]) -> bool:
    try:
        tree, _ = _parsed(file)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return False
    return any(
        (isinstance(node, ast.Attribute) and node.attr in attributes)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in attributes)
        for node in ast.walk(tree)
    )


@lru_cache(maxsize=256)
def _applies(file: str) -> bool:
    try:
        tree, _ = _parsed(file)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return False
    nodes = list(ast.walk(tree))
    return any(isinstance(node, ast.Call) and last_name(node.func) in APPLIES for node in nodes) and any(
        _imports_toolbox(node) for node in nodes
    )


def _imports_toolbox(node: ast.AST) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.startswith("assent.toolbox") for alias in node.names)
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return False
    named = {alias.name for alias in node.names}
    return node.module.startswith("assent.toolbox") or (node.module == "assent" and "toolbox" in named)
