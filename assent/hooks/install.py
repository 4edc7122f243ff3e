"""`assent hook install`: writes an agent's hooks into the settings of a project, and nothing secret."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from assent.hooks.command import settings_file
from assent.hooks.setup import SETUPS, Setup

COMMANDS = ("assent hook", "assent-hook")


class SettingsError(Exception):
    """The project's settings cannot be changed; the message says why."""


def install(arguments: list[str]) -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(prog="assent hook install", description="Set up a coding agent's hooks.")
    parser.add_argument("agent", choices=SETUPS)
    parser.add_argument("--project", required=True, type=Path, metavar="DIR", help="The project's folder.")
    given = parser.parse_args(arguments)
    setup = SETUPS[given.agent]
    print(f"{setup.agent.title}: {setup.closed}")
    for gap in setup.gaps:
        print(f"  Not covered: {gap}")
    print(f"  {setup.unverified}")
    command = _command()
    try:
        path = write(setup, given.project, command)
    except SettingsError as error:
        print(f"assent: {error}", file=sys.stderr)
        return 1
    print(f"\nWritten: {path}")
    if shutil.which(command.split()[0]) is None:
        print(f"{command.split()[0]} is not in the PATH: until it is, every tool call is denied.")
    print(
        f"Create an agent's token with the scope approvals:request alone, and put it, with the portal's address, into\n"
        f"{settings_file()} (chmod 600), never into the project:\n"
        "  ASSENT_URL=https://assent.example.com\n  ASSENT_TOKEN=assent_agent_…"
    )
    return 0


def write(setup: Setup, project: Path, command: str) -> Path:
    """Write the hooks in place of earlier ones of ours, and keep everything else. Raises SettingsError."""
    if not project.is_dir():
        raise SettingsError(f"{project} is not a folder.")
    folder = project.resolve()
    path = folder / setup.file
    if not path.resolve().is_relative_to(folder):
        raise SettingsError(f"{setup.file} leads out of the project.")
    settings = _read(path)
    merged = merge(settings, setup.hooks(command), setup.agent.name)
    path.parent.mkdir(exist_ok=True)
    _replace(path, json.dumps(merged, indent=2, ensure_ascii=False) + "\n")
    return path


def merge(settings: dict[str, Any], ours: dict[str, Any], agent: str) -> dict[str, Any]:
    """The settings with our hooks after those of others. Raises SettingsError."""
    merged = ours | settings
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict) or not all(isinstance(entries, list) for entries in hooks.values()):
        raise SettingsError("The settings have hooks in a form that is not documented.")
    kept = {event: [rest for entry in entries if (rest := _without(entry, agent))] for event, entries in hooks.items()}
    for event, entries in ours["hooks"].items():
        kept[event] = [*kept.get(event, []), *entries]
    merged["hooks"] = {event: entries for event, entries in kept.items() if entries}
    return merged


def _without(entry: Any, agent: str) -> Any:
    """A hook of the settings without what we wrote earlier; None if nothing is left."""
    if not isinstance(entry, dict):
        return entry
    if _is_ours(entry, agent):
        return None
    inner = entry.get("hooks")
    if not isinstance(inner, list):
        return entry
    rest = [hook for hook in inner if not (isinstance(hook, dict) and _is_ours(hook, agent))]
    return entry | {"hooks": rest} if rest else None


def _is_ours(hook: dict[str, Any], agent: str) -> bool:
    line = hook.get("command")
    return isinstance(line, str) and any(
        line == f"{command} {agent}" or line.startswith(f"{command} {agent} ") for command in COMMANDS
    )


def _command() -> str:
    """How the hook is called: by the SDK's command if this is it, or if there is no other."""
    called = Path(sys.argv[0]).name
    if called == "assent-hook" or (called != "assent" and shutil.which("assent") is None):
        return "assent-hook"
    return "assent hook"


def _read(path: Path) -> dict[str, Any]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} is not plain JSON, so it is not changed: {error}") from None
    if not isinstance(settings, dict):
        raise SettingsError(f"{path} is not an object, so it is not changed.")
    return settings


def _replace(path: Path, text: str) -> None:
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".assent-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(mode)
        Path(name).replace(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error}") from None
