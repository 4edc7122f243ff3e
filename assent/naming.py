"""The rules for names of workflows, tools, steps, and agents, and suggestions for names that break them."""

from __future__ import annotations

import re

SNAKE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
"""Names of workflows, tools, and steps."""
KEBAB = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
"""Ids of agents."""
LONGEST_NAME = 100
_AGENT = re.compile(r"[^\W_][\w'’.&+()-]*(?: [\w'’.&+()/-]+)*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_TOOL = re.compile(rf"{SNAKE.pattern}(?:\.[A-Za-z0-9][A-Za-z0-9_.\-/]*)?")


def snake(name: str, otherwise: str = "") -> str:
    """Return a similar name in snake_case; `otherwise` if there is none."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[0][0].isdigit():
        words.append(words.pop(0))
        if all(word[0].isdigit() for word in words):
            return otherwise
    made = "_".join(words)[:LONGEST_NAME].strip("_")
    return made if SNAKE.fullmatch(made) else otherwise


def agent_id(name: str) -> str:
    """Return the id of an agent with this display name: its words in lower case, joined by hyphens."""
    return "-".join(word.lower() for word in _WORD.findall(name))


def name_problem(name: str, what: str) -> str:
    """Return why this is no name of a workflow, tool, or step, with a suggestion; empty if it is one.

    Args:
        what: whose name it is, in words, such as ``workflow``.
    """
    rule = _TOOL if what == "tool" else SNAKE
    if rule.fullmatch(name) and len(name) <= LONGEST_NAME:
        return ""
    near = snake(name)
    suggestion = f" Suggested: {near}." if near and near != name else ""
    return (
        f"{name!r} is not a valid {what} name: use at most {LONGEST_NAME} lowercase letters, digits, and single "
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
