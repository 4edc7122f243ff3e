"""Reading Python scripts, and cells of notebooks with their lines for the shell."""

from __future__ import annotations

import re
from functools import cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Tree

from app.risk.budget import OverBudgetError
from app.risk.effects import UNPARSED
from app.risk.python import listeners, nodes
from app.risk.python.calls import call
from app.risk.python.decorations import mocks_hold
from app.risk.python.evaluator import Evaluator
from app.risk.reading import Reading
from app.risk.rules import word_set

_MAGIC = re.compile(r"^[ \t]*(?:\w+[ \t]*=[ \t]*)?(!)(.+)$|^(?:\w+[ \t]*=[ \t]*)?(%)([a-z].*)$")
_CELL = re.compile(r"\s*%%(bash|sh|shell|script|cmd|powershell|sql|writefile|python\d?|time|timeit|capture)\b[^\n]*\n")
_HARMLESS_MAGIC = word_set(
    "matplotlib time timeit load_ext autoreload config pwd ls who whos history env precision pylab prun pinfo "
    "reload_ext"
)
_CODING = re.compile(r"(?:[^\n]*\n)?[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_CALLED = re.compile(r"(?<!\bdef )(?<!\w)(\w{1,80})\(")
_MOST_ERRORS = 5
_PIECE = 512
"""Bytes that the parser gets at once."""


def read(text: str, reading: Reading) -> None:
    """Read Python code."""
    cell = _CELL.match(text)
    if cell and cell[1] not in ("time", "timeit", "capture") and not cell[1].startswith("python"):
        language = {"sql": "sql", "powershell": "powershell"}.get(cell[1], "shell")
        reading.read(language, text[cell.end() :], cell[0].count("\n") + 1)
        return
    if cell:
        text = "\n" * cell[0].count("\n") + text[cell.end() :]
    if (cookie := _CODING.match(text)) and cookie[1].lower() not in ("utf-8", "utf8", "ascii", "latin-1", "iso-8859-1"):
        reading.add(UNPARSED, f"The encoding {cookie[1][:40]} makes other code of this text than what is shown.", 1)
    tree = _parsed(text, reading)
    if tree.root_node.has_error:
        plain = _without_magic(text, reading)
        tree = _parsed(plain, reading) if plain != text else tree
        text = plain
        _note_errors(tree.root_node, reading)
    with nodes.of_source(text.encode(errors="replace")):
        evaluator = Evaluator(reading, call, mocks_hold=mocks_hold(text), called=frozenset(_CALLED.findall(text)))
        evaluator.visit(tree.root_node)
        evaluator.finish()
        listeners.conclude(evaluator)


def _parsed(text: str, reading: Reading) -> Tree:
    """Return the tree of a text. Raises OverBudgetError.

    The parser takes a time that grows with the square of what it cannot read, and cannot be stopped; but it gets the
    text in pieces, and is done soon after the last one.
    """
    code = text.encode(errors="replace")
    tree = _parser().parse(lambda at, _: b"" if reading.budget.late else code[at : at + _PIECE])
    if reading.budget.late:
        raise OverBudgetError
    return tree


def _without_magic(text: str, reading: Reading) -> str:
    """Read a notebook's lines for the shell, and return the text with ``pass`` instead of them."""
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        found = _MAGIC.match(line)
        if found and not _in_text(lines, number):
            lines[number - 1] = line[: len(line) - len(line.lstrip())] + "pass"
            _read_magic(found[1] or found[3], found[2] or found[4], number, reading)
    return "\n".join(lines)


def _read_magic(mark: str, rest: str, number: int, reading: Reading) -> None:
    name, _, after = rest.strip().partition(" ")
    if mark == "!":
        reading.read("shell", rest.lstrip("!"), number, fixed=True)
    elif name in ("sx", "system", "sc", "bash"):
        reading.read("shell", after, number, fixed=True)
    elif name in ("pip", "conda", "rm", "mv", "cp", "mkdir", "cat", "uv"):
        reading.read("shell", rest, number, fixed=True)
    elif name in ("sql",):
        reading.read("sql", after, number, fixed=True)
    elif name not in _HARMLESS_MAGIC:
        reading.doubt()


def _in_text(lines: list[str], number: int) -> bool:
    """Return True if a line is inside a text of several lines, as far as counting quotes tells."""
    before = "\n".join(lines[: number - 1])
    return before.count('"""') % 2 == 1 or before.count("'''") % 2 == 1


def _note_errors(root: Node, reading: Reading) -> None:
    pending, found = [root], 0
    while pending and found < _MOST_ERRORS:
        node = pending.pop()
        if node.type == "ERROR" or node.is_missing:
            found += 1
            reading.add(
                UNPARSED, "This is not valid Python, so what it does is not known.", int(node.start_point[0]) + 1
            )
        elif node.has_error:
            pending.extend(reversed(node.children))


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_python.language()))
