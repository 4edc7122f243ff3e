"""`assent hook install`: hooks in a project's settings, beside those of others, and no secrets."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assent.hooks.command import main
from assent.hooks.install import SettingsError, write
from assent.hooks.setup import SETUPS

OTHERS: dict[str, dict[str, Any]] = {
    "claude-code": {
        "permissions": {"deny": ["WebFetch"]},
        "hooks": {
            "PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command", "command": "./own.sh"}]}],
            "Stop": [{"hooks": [{"type": "command", "command": "./stop.sh"}]}],
        },
    },
    "codex": {"hooks": {"PreToolUse": [{"hooks": [{"type": "command", "command": "./own.sh"}]}]}},
    "gemini-cli": {
        "ui": {"theme": "Default"},
        "hooks": {"BeforeTool": [{"hooks": [{"type": "command", "command": "./own.sh"}]}]},
    },
    "cursor": {"version": 1, "hooks": {"preToolUse": [{"command": "./own.sh"}]}},
}


def commands(settings: Any) -> list[str]:
    """All commands in settings."""
    if isinstance(settings, dict):
        own = [settings["command"]] if isinstance(settings.get("command"), str) else []
        return own + [line for value in settings.values() for line in commands(value)]
    return [line for value in settings for line in commands(value)] if isinstance(settings, list) else []


@pytest.mark.parametrize("name", SETUPS)
def test_hooks_are_added_once_and_others_are_kept(name: str, tmp_path: Path) -> None:
    setup = SETUPS[name]
    path = tmp_path / setup.file
    path.parent.mkdir()
    path.write_text(json.dumps(OTHERS[name]))
    path.chmod(0o640)
    assert write(setup, tmp_path, "assent hook") == path
    first = path.read_text()
    assert "./own.sh" in commands(json.loads(first))
    assert {key: value for key, value in json.loads(first).items() if key != "hooks"} == {
        key: value for key, value in OTHERS[name].items() if key != "hooks"
    }
    assert path.stat().st_mode & 0o777 == 0o640
    write(setup, tmp_path, "assent-hook")
    write(setup, tmp_path, "assent hook")
    assert path.read_text() == first
    ours = [line for line in commands(json.loads(first)) if line.startswith("assent")]
    assert sorted(ours) == sorted(commands(setup.hooks("assent hook")))
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", SETUPS)
def test_what_is_not_covered_is_said_first_and_no_token_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSENT_TOKEN", "assent_agent_secret")
    monkeypatch.setenv("ASSENT_URL", "https://assent.example.com")
    assert main(["install", name, "--project", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert all(told.index(gap) < told.index("Written:") for gap in SETUPS[name].gaps)
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert written and not any("assent_agent" in text or "example.com" in text for text in written)


@pytest.mark.parametrize("text", ["// mine\n{}", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}'])
def test_settings_that_are_not_understood_are_left_alone(text: str, tmp_path: Path) -> None:
    setup = SETUPS["claude-code"]
    path = tmp_path / setup.file
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(SettingsError):
        write(setup, tmp_path, "assent hook")
    assert path.read_text() == text


def test_nothing_is_written_outside_the_project(tmp_path: Path) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (project / ".claude").symlink_to(elsewhere)
    with pytest.raises(SettingsError, match="out of the project"):
        write(SETUPS["claude-code"], project, "assent hook")
    assert not list(elsewhere.iterdir())


def test_failures_block_where_the_agent_can() -> None:
    [before] = SETUPS["claude-code"].hooks("assent hook")["hooks"]["PreToolUse"][0]["hooks"]
    assert before["onFailure"] == "block"
    [before] = SETUPS["cursor"].hooks("assent hook")["hooks"]["preToolUse"]
    assert before["failClosed"] is True


@pytest.mark.parametrize("name", SETUPS)
@pytest.mark.parametrize("broken", ["missing", "exit 1", "kill -9 $$"])
def test_a_command_that_is_missing_or_crashes_blocks_the_call(name: str, broken: str, tmp_path: Path) -> None:
    """As the agents' shells run it: exit code 2, and a reason on standard error, without which Codex does not block."""
    if broken != "missing":
        command = tmp_path / "assent"
        command.write_text(f"#!/bin/sh\n{broken}\n")
        command.chmod(0o755)
    for line in commands(SETUPS[name].hooks("assent hook")):
        if "exit 2" not in line:
            continue
        done = subprocess.run(
            ["/bin/sh", "-c", line], env={"PATH": os.fspath(tmp_path)}, input="{}", capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert "the call is not made" in done.stderr
