"""Tools that a policy registers as ones that only read. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]*\*?")
_REST = re.compile(r"[A-Za-z0-9_.-]+")
_LEAST = 3
"""How many letters and digits a pattern must have besides its wildcard."""
_ACTING = (
    "Bash", "KillShell", "Write", "Edit", "MultiEdit", "NotebookEdit", "apply_patch", "shell",
    "exec_command", "local_shell", "run_shell_command", "run_terminal_cmd", "run_command", "execute_command",
    "write_file", "write_to_file", "edit_file", "replace", "replace_in_file", "delete_file", "str_replace_editor",
    "str_replace_based_edit_tool", "create_file", "computer", "python", "code_interpreter",
)  # fmt: skip
"""Tools of coding agents that act; a pattern that covers one is a mistake."""


@dataclass(frozen=True)
class RegisteredTool:
    """What a policy says about a tool: the pattern that covers it, and why it only reads."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class ReadingTools:
    """The tools that a policy registers as reading.

    Attributes:
        tools: the patterns with their reasons, in the order of the file.
        policy_version: the version that registers them.
    """

    tools: tuple[RegisteredTool, ...] = ()
    policy_version: int | None = None

    def registered(self, tool: str) -> RegisteredTool | None:
        """What is registered about a tool; None if it is not. Names must be equal, including their case."""
        return next((known for known in self.tools if covers(known.pattern, tool)), None)


NO_TOOLS = ReadingTools()
"""No tool is registered."""


def covers(pattern: str, tool: str) -> bool:
    """True if the pattern covers a tool. A ``*`` at its end stands for letters, digits, ``_``, ``-``, and ``.``."""
    if not pattern.endswith("*"):
        return tool == pattern
    begin = pattern[:-1]
    return tool.startswith(begin) and _REST.fullmatch(tool, len(begin)) is not None


def includes(pattern: str, other: str) -> bool:
    """True if the pattern covers every tool that the other one covers."""
    return pattern == other or (pattern.endswith("*") and other.startswith(pattern[:-1]))


def pattern_problem(pattern: str) -> str:
    """What is wrong with a pattern, and what to do; empty if nothing is."""
    example = "as in mcp__docs__search or mcp__docs__*"
    if "*" in pattern[:-1]:
        return f"{pattern!r} has a * before its end: give the beginning of the tools' names, {example}"
    if not _PATTERN.fullmatch(pattern):
        return f"{pattern!r} is not a tool's name: use the name that agents call it by, {example}"
    named = re.sub(r"[^A-Za-z0-9]", "", pattern.removeprefix("mcp__") if pattern.endswith("*") else pattern)
    if pattern.endswith("*") and len(named) < _LEAST:
        return f"{pattern!r} is too short and would cover many servers: name the server or the tool, {example}"
    acting = next((tool for tool in _ACTING if covers(pattern.lower(), tool.lower())), "")
    if acting:
        return f"{pattern!r} covers {acting}, which acts: only tools that merely read can be registered"
    return ""
