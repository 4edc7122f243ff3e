"""A PowerShell script as the portal reads it: its structure, and its literals."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from app.risk.powershell.nodes import Block, Command, Node, Text, all_below
from app.risk.powershell.parser import Parser
from app.risk.powershell.scanner import _AS_ASCII


def parsed(script: str) -> Block:
    """Return the parsed script; a line that cannot be parsed fails."""
    parser = Parser(script, lambda: None)
    block = parser.script()
    assert parser.problems == [], [script.splitlines()[line - 1] for line in parser.problems]
    return block


def structure_of(node: Any) -> Any:
    """Return everything of a node except what its quoted texts say, and where it stands."""
    if isinstance(node, Text) and not node.bare and all(isinstance(part, str) for part in node.parts):
        return "text"
    if isinstance(node, Node):
        shape = [
            (one.name, structure_of(getattr(node, one.name)))
            for one in fields(node) if one.name not in {"line", "shown"}
        ]  # fmt: skip
        return (type(node).__name__, shape)
    if isinstance(node, (list, tuple)):
        return [structure_of(item) for item in node]
    return node


def as_read(text: str) -> str:
    """Return a text as the parser gives it: quotes, dashes, and spaces of typography as those of ASCII."""
    return text.translate(_AS_ASCII)


def literals_of(script: str) -> list[str]:
    """Return all quoted texts."""
    return [
        "".join(str(part) for part in node.parts)
        for node in all_below([parsed(script)]) if isinstance(node, Text) and not node.bare
    ]  # fmt: skip


def commands_of(script: str) -> set[str]:
    """Return the names of all commands."""
    return {
        "".join(str(part) for part in node.name.parts)
        for node in all_below([parsed(script)]) if isinstance(node, Command) and isinstance(node.name, Text)
    }  # fmt: skip
