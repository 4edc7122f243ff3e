"""Programs that change the registry of Windows."""

from __future__ import annotations

from app.risk.commands.table import Command, program
from app.risk.commands.windows import MEMORY, has_help, line_of
from app.risk.effects import Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.registry import (
    delete_registry,
    holds_accounts,
    read_registry,
    registry_path,
    write_registry,
)  # fmt: skip
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

REGISTRY = declare(
    "windows.registry", RiskLevel.HIGH, "Puts a file into the registry of Windows, or what this does there is unknown.",
    "reg import settings.reg", "reg query 'HKLM\\Software\\Acme'", language="shell", unread=True,
)  # fmt: skip


@program("reg")
def _registry(command: Command, reading: Reading) -> None:
    if has_help(line_of(command)):
        return
    verb, *rest = command.arguments
    names = verb.text.lower()
    options = {word.text.lower() for word in rest if word.text.startswith("/")}
    keys = [word for word in rest if registry_path(word.text)]
    if not keys and names in ("add", "delete", "copy"):
        keys = rest[:1] or [verb]
        reading.doubt()
    if names == "add":
        write_registry(reading, keys[0], _value(rest))
    elif names == "delete":
        delete_registry(reading, keys[0], key=not options & {"/v", "/ve", "/va"}, many="/va" in options)
    elif names == "copy":
        read_registry(reading, keys[0])
        write_registry(reading, keys[-1])
    elif names in ("query", "compare"):
        for key in keys:
            read_registry(reading, key)
    elif names in ("save", "export"):
        _copies(command, keys, rest, reading)
    else:
        reading.add(REGISTRY, f"This changes the registry: {line_of(command)[:100]}.", command.line)


def _value(words: list[Word]) -> str:
    """Return the name of the value that ``/v`` names; empty if it is not known."""
    places = [number for number, word in enumerate(words[:-1]) if word.text.lower() == "/v"]
    return words[places[0] + 1].text if places and words[places[0] + 1].known else ""


def _copies(command: Command, keys: list[Word], rest: list[Word], reading: Reading) -> None:
    if any(holds_accounts(key.text) for key in keys):
        reading.add(MEMORY, "This copies the account database of Windows.", command.line)
    for word in [word for word in rest if word not in keys and not word.text.startswith("/")][:1]:
        act_on(reading, Act.WRITE, word)


@program("regedit", "regini", "regedt32")
def _editor(command: Command, reading: Reading) -> None:
    line = line_of(command)
    if has_help(line):
        return
    if "/e" in line.split():
        reading.doubt()
    else:
        run_unread(reading, "the changes to the registry in a file", command.line)
