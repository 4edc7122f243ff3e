"""How hooks are set up: each agent's settings for a project, and what they do not cover.

The documentation, the portal's page, and `assent hook install` all say what is written here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assent.hooks.agents import AGENTS
from assent.hooks.calls import CodingAgent

RECEIPT_SECONDS = 30
"""How long an agent waits for a hook that only notes what was done."""


@dataclass(frozen=True)
class Setup:
    """An agent's settings.

    Attributes:
        file: the settings file, below the project's folder.
        hooks: the file's content with these hooks alone, for the command as it is to be called.
        closed: what makes a call fail if its hook does.
        gaps: what does not; to be said first.
        unverified: what is known from documents only.
    """

    agent: CodingAgent
    file: str
    hooks: Callable[[str], dict[str, Any]]
    closed: str
    gaps: tuple[str, ...]
    unverified: str

    def text(self, command: str = "assent hook") -> str:
        """The file's content with these hooks alone."""
        return json.dumps(self.hooks(command), indent=2) + "\n"


def before(command: str, agent: str) -> str:
    """The command line of a hook that precedes a call. If it fails or cannot be run, the exit code denies the call."""
    return f"{command} {agent} || {{ echo 'Assent: the hook failed, so the call is not made.' >&2; exit 2; }}"


def after(command: str, agent: str) -> str:
    """The command line of a hook that follows a call; there is nothing left to prevent."""
    return f"{command} {agent} --limit {RECEIPT_SECONDS}"


def _claude_code(command: str) -> dict[str, Any]:
    line = before(command, "claude-code")
    noted = [{"matcher": "*", "hooks": [_noted(command, "claude-code")]}]
    limit = int(AGENTS["claude-code"].limit)
    asked = {"type": "command", "command": line, "timeout": limit, "onFailure": "block"}
    return {
        "hooks": {
            "PreToolUse": [{"matcher": "*", "hooks": [asked]}], "PostToolUse": noted, "PostToolUseFailure": noted,
        }
    }  # fmt: skip


def _codex(command: str) -> dict[str, Any]:
    asked = {"type": "command", "command": before(command, "codex"), "timeout": int(AGENTS["codex"].limit)}
    return {"hooks": {"PreToolUse": [{"hooks": [asked]}], "PostToolUse": [{"hooks": [_noted(command, "codex")]}]}}


def _gemini_cli(command: str) -> dict[str, Any]:
    asked = {
        "name": "assent", "type": "command", "command": before(command, "gemini-cli"),
        "timeout": int(AGENTS["gemini-cli"].limit) * 1000,
    }  # fmt: skip
    return {"hooks": {"BeforeTool": [{"hooks": [asked]}]}}


def _cursor(command: str) -> dict[str, Any]:
    asked = {"command": before(command, "cursor"), "timeout": int(AGENTS["cursor"].limit), "failClosed": True}
    noted = {"command": after(command, "cursor"), "timeout": RECEIPT_SECONDS}
    return {"version": 1, "hooks": {"preToolUse": [asked], "postToolUse": [noted], "postToolUseFailure": [noted]}}


def _noted(command: str, agent: str) -> dict[str, Any]:
    return {"type": "command", "command": after(command, agent), "timeout": RECEIPT_SECONDS}


SETUPS = {
    setup.agent.name: setup
    for setup in (
        Setup(
            AGENTS["claude-code"], ".claude/settings.json", _claude_code,
            "`onFailure: block` makes a hook that cannot start, crashes, or takes too long deny the call.",
            (
                "Versions of Claude Code before 2.1.295 ignore `onFailure` and make the call if the hook takes longer "
                "than its timeout. A missing or crashed command denies the call in any version.",
                "Anybody who can edit the settings can remove the hook. Claude Code's managed settings prevent that.",
            ),
            "The formats and `onFailure` were taken from public documents, and not tried with Claude Code itself.",
        ),
        Setup(
            AGENTS["codex"], ".codex/hooks.json", _codex,
            "A missing or crashed command denies the call.",
            (
                "Codex has no setting that denies a call if its hook takes longer than the timeout: it then makes the "
                "call. The command answers 15 seconds before that.",
                "Codex skips hooks that nobody has trusted yet, and hooks of projects that are not trusted: open "
                "/hooks and trust these, and again after each change.",
                "An approval does not replace Codex's own sandbox and approval prompts, which come after it.",
            ),
            "The formats were taken from public documents and schemas; they were not tried with Codex itself.",
        ),
        Setup(
            AGENTS["gemini-cli"], ".gemini/settings.json", _gemini_cli,
            "A missing or crashed command denies the call.",
            (
                "Gemini CLI has no setting that denies a call if its hook takes longer than the timeout: it then makes "
                "the call. The command answers 15 seconds before that.",
                "Calls have no ids in Gemini CLI's hooks, so what was done is not recorded.",
                "An approval does not replace Gemini CLI's own confirmation, which comes after it.",
            ),
            "The formats were taken from public documents; they were not tried with Gemini CLI itself.",
        ),
        Setup(
            AGENTS["cursor"], ".cursor/hooks.json", _cursor,
            "`failClosed` makes a hook that cannot start, crashes, or takes too long deny the call.",
            ("Cursor does not enforce `ask` in this hook, so `unanswered: ask` denies the call there.",),
            "The formats and `failClosed` were taken from public documents; they were not tried with Cursor itself.",
        ),
    )
}  # fmt: skip
"""By the agents' names."""
