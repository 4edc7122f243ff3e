"""The formats of coding agents' hooks, as their public documents describe them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from assent.hooks.agents import AGENTS
from assent.hooks.calls import CallFormatError, Moment, Permission, Ruling
from assent.hooks.limits import LIMITS

ALLOW, DENY, ASK = (Ruling(permission, "Because.") for permission in Permission)
CHANGED = Ruling(Permission.ALLOW, "Because.", {"command": "ls"})
CLAUDE = {
    "session_id": "s", "transcript_path": "/t.jsonl", "cwd": "/home/dev/shop", "permission_mode": "default",
    "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls -l"}, "tool_use_id": "toolu_1",
}  # fmt: skip
CODEX = CLAUDE | {"turn_id": "t", "model": "m", "transcript_path": None, "tool_use_id": "call_1"}
GEMINI = {
    "session_id": "s", "transcript_path": "/t.json", "cwd": "/home/dev/shop", "timestamp": "2026-11-29T10:00:00.000Z",
    "hook_event_name": "BeforeTool", "tool_name": "run_shell_command", "tool_input": {"command": "ls -l"},
}  # fmt: skip
CURSOR = {
    "conversation_id": "s", "generation_id": "g", "model": "default", "hook_event_name": "preToolUse",
    "cursor_version": "3.9.16", "workspace_roots": ["/home/dev/shop"], "user_email": None, "transcript_path": None,
    "tool_name": "Shell", "tool_input": {"command": "ls -l", "cwd": "", "timeout": 30000}, "tool_use_id": "u",
    "cwd": "",
}  # fmt: skip
CALLS: dict[str, dict[str, Any]] = {"claude-code": CLAUDE, "codex": CODEX, "gemini-cli": GEMINI, "cursor": CURSOR}


def claude_before(permission: str, **more: Any) -> dict[str, Any]:
    said = {"permissionDecision": permission, "permissionDecisionReason": "Because."}
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", **said, **more}}


def prompt(**decision: Any) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": decision}}


def test_every_agent_has_a_limit_and_an_example() -> None:
    assert AGENTS.keys() == LIMITS.keys() == CALLS.keys()
    assert all(agent.name == name and agent.limit == LIMITS[name] for name, agent in AGENTS.items())


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_read(name: str) -> None:
    call = AGENTS[name].parse(CALLS[name])
    assert (call.moment, call.session, call.folder) == (Moment.BEFORE, "s", "/home/dev/shop")
    assert (call.tool, call.args) == (CALLS[name]["tool_name"], CALLS[name]["tool_input"])
    assert call.use_id == CALLS[name].get("tool_use_id", "")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"hook_event_name": "Stop"}, {"hook_event_name": None}, {"hook_event_name": 3}, {"tool_name": ""},
        {"tool_name": None}, {"tool_name": ["Bash"]}, {"tool_input": None}, {"tool_input": "ls"}, {"tool_input": []},
        {"cwd": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_in_the_format_is_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(CallFormatError):
        AGENTS[name].parse(CALLS[name] | wrong)


@pytest.mark.parametrize(
    ("name", "event", "ruling", "expected"),
    [
        ("claude-code", "PreToolUse", ALLOW, claude_before("allow")),
        ("claude-code", "PreToolUse", DENY, claude_before("deny")),
        ("claude-code", "PreToolUse", ASK, claude_before("ask")),
        ("claude-code", "PreToolUse", CHANGED, claude_before("allow", updatedInput={"command": "ls"})),
        ("claude-code", "PermissionRequest", ALLOW, prompt(behavior="allow")),
        ("claude-code", "PermissionRequest", DENY, prompt(behavior="deny", message="Because.")),
        ("claude-code", "PermissionRequest", ASK, {}),
        ("claude-code", "PermissionRequest", CHANGED, prompt(behavior="allow", updatedInput={"command": "ls"})),
        ("claude-code", "PostToolUse", ALLOW, {}),
        ("claude-code", "PostToolUseFailure", ALLOW, {}),
        ("codex", "PreToolUse", ALLOW, {}),
        ("codex", "PreToolUse", DENY, claude_before("deny")),
        ("codex", "PreToolUse", ASK, claude_before("deny")),
        (
            "codex", "PreToolUse", CHANGED,
            {
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse", "permissionDecision": "allow", "updatedInput": {"command": "ls"},
                }
            },
        ),
        ("codex", "PermissionRequest", ALLOW, prompt(behavior="allow")),
        ("codex", "PermissionRequest", DENY, prompt(behavior="deny", message="Because.")),
        ("codex", "PermissionRequest", ASK, {}),
        ("codex", "PostToolUse", ALLOW, {}),
        ("gemini-cli", "BeforeTool", ALLOW, {"decision": "allow"}),
        ("gemini-cli", "BeforeTool", DENY, {"decision": "deny", "reason": "Because."}),
        ("gemini-cli", "BeforeTool", ASK, {"decision": "deny", "reason": "Because."}),
        ("cursor", "preToolUse", ALLOW, {"permission": "allow"}),
        (
            "cursor", "preToolUse", DENY,
            {"permission": "deny", "user_message": "Because.", "agent_message": "Because."},
        ),
        (
            "cursor", "preToolUse", ASK,
            {"permission": "deny", "user_message": "Because.", "agent_message": "Because."},
        ),
        ("cursor", "preToolUse", CHANGED, {"permission": "allow", "updated_input": {"command": "ls"}}),
        ("cursor", "postToolUse", ALLOW, {}),
        ("cursor", "postToolUseFailure", ALLOW, {}),
    ],
)  # fmt: skip
def test_the_answer_is_what_the_agent_documents(
    name: str, event: str, ruling: Ruling, expected: dict[str, Any]
) -> None:
    agent = AGENTS[name]
    assert agent.answer(agent.parse(CALLS[name] | {"hook_event_name": event}), ruling) == expected


def test_a_call_that_cursor_denied_was_not_made() -> None:
    failed = CURSOR | {"hook_event_name": "postToolUseFailure", "failure_type": "permission_denied"}
    assert not AGENTS["cursor"].parse(failed).made
    assert AGENTS["cursor"].parse(failed | {"failure_type": "error"}).failed


def test_the_command_loads_nothing_that_is_slow() -> None:
    """Modules of `assent.hooks` that precede each call name no others than these at the top."""
    folder = Path(__file__).parents[2] / "assent"
    for name in ("hooks/__init__.py", "hooks/limits.py", "hooks/command.py"):
        found = re.findall(r"(?m)^(?:from|import) ([\w.]+)", (folder / name).read_text())
        assert set(found) <= {"__future__", "os", "sys", "time", "assent.hooks.limits"}, name
