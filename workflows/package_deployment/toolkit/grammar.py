"""A second opinion about syntax: the grammar ``tree-sitter-powershell``, where it is known to be reliable.

It takes valid code for wrong: numbers with units in comparisons, lists of bare words, a ``switch`` in one line, and so
on. What it is known to misread is replaced before it reads, or makes the place where it stumbles count for nothing. So
what is left is worth a look, but never an error: the portal's own parser decides whether a script can be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

MOST_CHARACTERS = 100_000
"""Longer scripts get no second opinion: the recovery of the grammar takes long where much is wrong."""
_MOST_LINES = 12
"""A place that spans more lines says only that the grammar gave up."""
_MOST_DOUBTS = 20
REPLACED: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("a number with a unit", re.compile(r"(?<=[\d.])[kmgtp]b(?![\w-])", re.IGNORECASE), "00"),
    ("a number with a type", re.compile(r"(?<=\d)(?:ul|us|uy|[lduysn])(?![\w-])", re.IGNORECASE), "0"),
    ("a nested type", re.compile(r"(?<=[\w\]])\+(?=[A-Z]\w*\])"), "."),
    ("a variable that is added to", re.compile(r"(?<=Variable )\+(?=\w)", re.IGNORECASE), "_"),
    ("a switch with a value", re.compile(r"(?<=[\s(]-)(\w+):(?=\$)"), r"\1 "),
    ("dashes of typography", re.compile("[–—―]"), "-"),
    ("quotes of typography", re.compile("[‘’‚‛]"), "'"),
    ("double quotes of typography", re.compile("[“”„]"), '"'),
)
"""What the grammar misreads, and what it reads instead, with the same number of characters or nearly."""
MISREAD: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a list of bare words", re.compile(r"[\w.*\\:]+\s*,\s*[A-Za-z_*][\w.*\\:-]*")),
    ("a list over several lines", re.compile(r",\s*$", re.MULTILINE)),
    ("a switch in one line", re.compile(r"\bswitch\b.*\{.*\}", re.IGNORECASE)),
    ("the default of a switch", re.compile(r"\bdefault\s*\{", re.IGNORECASE)),
    ("a keyword as a parameter", re.compile(
        r"-(?:begin|process|end|data|class|filter|function|if|in|param|return|switch|throw|trap|try|using|var|while)\b",
        re.IGNORECASE)),
    ("a statement as a value", re.compile(
        r"(?:=|\bthrow|\breturn|\()\s*(?:if|switch|try|foreach|for|while|do|else)\b", re.IGNORECASE)),
    ("a computed property", re.compile(r"\.\(|\.\$|\.['\"]")),
    ("an attribute", re.compile(r"^\s*\[\w[\w.]*\(", re.MULTILINE)),
    ("a parameter block", re.compile(r"\bparam\b", re.IGNORECASE)),
    ("a label", re.compile(r"(?:^|\s):\w+\s|\b(?:break|continue)\s+\w", re.MULTILINE)),
    ("an operator of PowerShell 7", re.compile(r"\?\?|\?\.|\s\?\s.*:|&&|\|\|")),
    ("words after a sign", re.compile(r"\s[+*]\w|--%|\s-\w+:\S")),
    ("a here-string", re.compile(r"@['\"]")),
    ("a type with parameters", re.compile(r"\[[\w.]+\[|\[[\w.]+,")),
    ("an apostrophe in a text", re.compile(r"\"[^\"\n]*'[^\"\n]*\"")),
    ("a bare word with signs", re.compile(r"\s[\w$]*[\\/~%#@][\w\\/~%#@.$*-]*")),
    ("a block after a pipe", re.compile(r"\|\s*[&.]\s*\{")),
    ("a static member in an operation", re.compile(r"\]::\w+\s+-\w")),
    ("an operator at the end of a line", re.compile(r"(?:[-+*/%|=(]|-\w+)\s*$", re.MULTILINE)),
    ("a parameter with digits", re.compile(r"\s-\w*\d")),
    ("a block that begins at the end of a line", re.compile(r"\{\s*$", re.MULTILINE)),
    ("a block as an argument of a method", re.compile(r"\(\{|\}\)")),
    ("an else", re.compile(r"^\s*\}?\s*else", re.MULTILINE | re.IGNORECASE)),
    ("a static member at the end of a line", re.compile(r"\]::\w+\s*$", re.MULTILINE)),
    ("a variable with a scope", re.compile(r"\$\w+:\w")),
    ("a question mark or percent sign as a command", re.compile(r"\|\s*[?%]")),
)  # fmt: skip
"""What makes a place unreliable where the grammar stumbles."""


@cache
def _parser() -> Any:
    import tree_sitter_powershell
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_powershell.language()))


def doubtful_lines(text: str) -> list[int]:
    """Return the lines, from 1, that the grammar does not accept although it is known to be reliable there."""
    if len(text) > MOST_CHARACTERS:
        return []
    replaced = text
    for _, pattern, instead in REPLACED:
        replaced = pattern.sub(instead, replaced)
    lines = replaced.splitlines()
    found: list[int] = []
    for first, last in stumbles(replaced):
        if last - first >= _MOST_LINES:
            continue
        around = "\n".join(lines[first : last + 1])
        if not any(pattern.search(around) for _, pattern in MISREAD):
            found.append(first + 1)
    return sorted(dict.fromkeys(found))[:_MOST_DOUBTS]


def stumbles(text: str) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line, from 0, of each place that the grammar does not accept."""
    tree = _parser().parse(text.encode("utf-8", "replace"))
    pending = [tree.root_node]
    while pending:
        node = pending.pop()
        if node.is_error or node.is_missing:
            yield node.start_point[0], max(node.end_point[0], node.start_point[0])
        elif node.has_error:
            pending += node.children
