"""The rules for names of workflows, tools, steps, and agents, and suggestions for names that break them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
"""Names of workflows, tools, and steps."""
KEBAB = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""Ids of agents."""
LONGEST_NAME = 100
TOOL = re.compile(rf"{SNAKE.pattern}(?:\.[A-Za-z0-9][A-Za-z0-9_.\-/]*)?")
"""Names of tools; those of an MCP server have the server's name in front: ``github.create_issue``."""
LONGEST_TOOL_NAME = 150
_AGENT = re.compile(r"[^\W_][\w'’.&+()-]*(?: [\w'’.&+()/-]+)*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most like this one; empty if none is."""
    names = list(known)
    near = get_close_matches(word, names, n=1) or get_close_matches(word.lower(), names, n=1)
    return near[0] if near else ""


def snake(name: str) -> str:
    """Return a similar name in snake_case; empty if there is none."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[0][0].isdigit():
        words.append(words.pop(0))
        if all(word[0].isdigit() for word in words):
            return ""
    made = "_".join(words)[:LONGEST_NAME].strip("_")
    return made if SNAKE.fullmatch(made) else ""


def agent_id(name: str) -> str:
    """Return the id of an agent with this display name: its words in lower case, joined by hyphens."""
    return "-".join(word.lower() for word in _WORD.findall(name))


def name_problem(name: str, what: str) -> str:
    """Return why this is no name of a workflow, tool, or step, with a suggestion; empty if it is one.

    Args:
        what: whose name it is, in words, such as ``workflow``.
    """
    rule, longest = (TOOL, LONGEST_TOOL_NAME) if what == "tool" else (SNAKE, LONGEST_NAME)
    if rule.fullmatch(name) and len(name) <= longest:
        return ""
    near = snake(name)
    suggestion = f" Suggested: {near}." if near and near != name else ""
    return (
        f"{name!r} is not a valid {what} name: use at most {longest} lowercase letters, digits, and single "
        f"underscores, starting with a letter.{suggestion}"
    )


def agent_problem(name: str) -> str:
    """Return why this is no display name of an agent, with a suggestion; empty if it is one."""
    if len(name) <= LONGEST_NAME and _AGENT.fullmatch(name) and "_" not in name and KEBAB.fullmatch(agent_id(name)):
        return ""
    words = " ".join(_WORD.findall(name))
    near = words[:1].upper() + words[1:].lower() if KEBAB.fullmatch(agent_id(words)) else ""
    suggestion = f" Suggested: {near[:LONGEST_NAME]}, with the id {agent_id(near)}." if near else ""
    return (
        f"{name!r} is not a valid agent name: use words with single spaces, starting with a letter, so that its id can "
        f"be made in kebab-case.{suggestion}"
    )
