"""Renames what a checkout calls `app`, `workflows`, `migrations`, and `wsgi` to modules inside one package.

The names are common ones: installed under them, the portal would hide everybody else's. So the wheel holds the same
folders inside `assent_portal`, and each reference to one of them gets that prefix. References are found in the syntax
tree, not by pattern: imports, texts that are nothing but a dotted name (`"app.cli.serve:serve"`), and the names that
docstrings and comments mention. Whatever else looks like a reference stops the build, because a reference that was
overlooked would reach a stranger's module.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "assent_portal"
ROOTS = ("app", "workflows", "migrations", "wsgi")
"""The modules and packages of a checkout that move into the package."""
_DOTTED = re.compile(rf"(?:{'|'.join(ROOTS)})(?:\.\w+)+(?::\w+)?")
_BEGINS = re.compile(rf"(?:{'|'.join(ROOTS)})\.")
_MENTIONED = re.compile(rf"(?<![\w./\"'])(?:{'|'.join(ROOTS)})(?:\.[a-z_]\w*)+")
_IMPORTERS = ("import_module", "find_spec", "__import__", "run_module", "files", "get_data", "resolve_name")


class UnknownReferenceError(Exception):
    """Something refers to a module that moves, in a way that cannot be renamed with certainty."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")


@dataclass(frozen=True)
class _Change:
    """A prefix to be put at a place in the source: its line, from 1, and its column in characters."""

    line: int
    column: int
    text: str = f"{PACKAGE}."


class Renamer:
    """Renames the modules of one source tree.

    Args:
        top: the folder that holds the modules, by which a text is told from the name of a module.
    """

    def __init__(self, top: Path) -> None:
        self._top = top

    def renamed(self, source: str, file: str) -> str:
        """The source with all references renamed. Lines stay what they are.

        Args:
            source: of a module.
            file: its name, for messages.

        Raises:
            UnknownReferenceError: a reference cannot be renamed.
        """
        tree = ast.parse(source, file)
        changes = {*self._in_tree(tree, source, file), *self._in_comments(source)}
        lines = _lines(source)
        for change in sorted(changes, key=lambda change: (change.line, change.column), reverse=True):
            line = lines[change.line - 1]
            lines[change.line - 1] = line[: change.column] + change.text + line[change.column :]
        made = "".join(lines)
        ast.parse(made, file)
        return made

    def is_module(self, name: str) -> bool:
        """True for a dotted name of a module that moves, or of something that it holds."""
        parts = name.partition(":")[0].split(".")
        if parts[0] not in ROOTS or len(parts) < 2:
            return False
        place = self._top / parts[0] / parts[1]
        return place.is_dir() or place.with_suffix(".py").is_file()

    def _in_tree(self, tree: ast.Module, source: str, file: str) -> Iterator[_Change]:
        lines = _lines(source)
        docstrings = {id(text) for text in _docstrings(tree)}
        inside_f_strings = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from self._import(node, lines, file)
            elif isinstance(node, ast.ImportFrom):
                if node.level == 0 and node.module and node.module.partition(".")[0] in ROOTS:
                    yield _Change(node.lineno, _after_from(lines, node, file))
            elif isinstance(node, ast.Call):
                self._refuse_bare_import(node, file)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) in docstrings:
                    yield from self._mentions(node, lines)
                else:
                    yield from self._text(node, lines, file, id(node) in inside_f_strings)

    def _import(self, node: ast.Import, lines: list[str], file: str) -> Iterator[_Change]:
        for alias in node.names:
            if alias.name.partition(".")[0] not in ROOTS:
                continue
            if alias.asname is None:
                raise UnknownReferenceError(
                    file, node.lineno, f"`import {alias.name}` binds a name that is another one in the wheel: "
                    "write `from … import …`, or give it a name with `as`.",
                )  # fmt: skip
            yield _Change(alias.lineno, _characters(lines, alias.lineno, alias.col_offset))

    def _refuse_bare_import(self, node: ast.Call, file: str) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        if called in _IMPORTERS and isinstance(first, ast.Constant) and first.value in ROOTS:
            raise UnknownReferenceError(file, node.lineno, f"{called}({first.value!r}) may mean ours or another's.")

    def _text(self, node: ast.Constant, lines: list[str], file: str, inside: bool) -> Iterator[_Change]:
        text = node.value
        assert isinstance(text, str)
        if not inside and _DOTTED.fullmatch(text):
            if self.is_module(text):
                column = _characters(lines, node.lineno, node.col_offset) + _quotes(lines, node, file)
                yield _Change(node.lineno, column)
            return
        root = _BEGINS.match(text)
        if root and (root.end() == len(text) or self.is_module(text.split()[0])):
            raise UnknownReferenceError(file, node.lineno, f"the text {text[:60]!r} begins like the name of a module.")
        for found in _MENTIONED.finditer(text):
            if self.is_module(found[0]):
                raise UnknownReferenceError(file, node.lineno, f"a text names the module {found[0]}.")
        if any(re.search(rf"-m\s+{root}\b", text) for root in ROOTS):
            raise UnknownReferenceError(file, node.lineno, f"the text {text[:60]!r} runs a module.")

    def _mentions(self, node: ast.Constant, lines: list[str]) -> Iterator[_Change]:
        assert node.end_lineno is not None
        for number in range(node.lineno, node.end_lineno + 1):
            for found in _MENTIONED.finditer(lines[number - 1]):
                if self.is_module(found[0]):
                    yield _Change(number, found.start())

    def _in_comments(self, source: str) -> Iterator[_Change]:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                for found in _MENTIONED.finditer(token.string):
                    if self.is_module(found[0]):
                        yield _Change(token.start[0], token.start[1] + found.start())


def _lines(source: str) -> list[str]:
    """The lines as Python counts them; `splitlines` would end some at other characters too."""
    return list(io.StringIO(source))


def _docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Texts that stand alone: docstrings, and what is said below a constant or a field."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _characters(lines: list[str], line: int, offset: int) -> int:
    """A column in characters, of one in bytes as the syntax tree has it."""
    return len(lines[line - 1].encode()[:offset].decode())


def _after_from(lines: list[str], node: ast.ImportFrom, file: str) -> int:
    """The column of the module's name in a `from … import`."""
    assert node.module is not None
    found = re.compile(r"from[ \t]+").match(lines[node.lineno - 1], _characters(lines, node.lineno, node.col_offset))
    if found is None or not lines[node.lineno - 1].startswith(node.module, found.end()):
        raise UnknownReferenceError(file, node.lineno, "the module's name is not in the line of its `from`.")
    return found.end()


def _quotes(lines: list[str], node: ast.Constant, file: str) -> int:
    """How many characters stand before the text itself."""
    start = _characters(lines, node.lineno, node.col_offset)
    found = re.compile(r"[rRuU]?(\"\"\"|'''|\"|')").match(lines[node.lineno - 1], start)
    if found is None or not lines[node.lineno - 1].startswith(str(node.value), found.end()):
        raise UnknownReferenceError(file, node.lineno, f"the text {str(node.value)[:60]!r} is not in one piece.")
    return found.end() - start
