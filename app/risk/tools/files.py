"""Tools that read, write, move, or delete files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from app.risk.effects import READS_SECRET, WRITES_CODE, Act, act_on
from app.risk.places import Place, is_loaded, place_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools.call import ToolCall, words_in
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

WRITES_DANGER = declare(
    "tool.writes_dangerous_code", RiskLevel.HIGH, "Writes code that would do something dangerous when it runs.",
    '{"tool": "Write", "args": {"file_path": "a.sh", "content": "rm -rf /"}}',
    '{"tool": "Write", "args": {"file_path": "a.sh", "content": "ls"}}', language="tool_call", unread=True,
)  # fmt: skip
READS_FILE = declare(
    "tool.reads_file", RiskLevel.LOW, "Reads or lists files.",
    '{"tool": "Read", "args": {"file_path": "a.txt"}}', '{"tool": "Write", "args": {"file_path": "a.txt"}}',
    language="tool_call",
)  # fmt: skip

_PATHS = word_set(
    "path paths file files filename filepath filenames uri target destination source src dest dst directory folder "
    "dir notebook output"
)
_FILE_TOOLS = word_set(
    "fs filesystem file files directory directories folder folders notebook path dir document documents text"
)
_READING = word_set(
    "read view cat open get show head tail list ls glob grep find search tree stat info exists inspect load "
    "multiple many"
)
_WRITING = word_set(
    "write create edit multi update insert append save str replace put patch touch mkdir overwrite set modify new make"
)
_LISTING = word_set("list ls glob find grep search tree stat exists")
_DELETING = word_set("delete remove rm unlink rmdir rmtree trash erase")
_RIGHTS = word_set("chmod chown chgrp")
_MOVING = word_set("move mv rename")
_COPYING = word_set("copy cp")
_KNOWN = word_set(
    "read write edit multiedit notebookedit notebookread glob grep ls view strreplace strreplaceeditor "
    "strreplacebasededittool create listdir filesearch codebasesearch grepsearch listdirectory readfile writefile "
    "editfile replace searchfiletext rm rmtree rmdir unlink mv cp chmod chown chgrp"
)
"""Names of coding agents' own tools for files, and of programs and functions for them."""
_LOOKS_LIKE_PATH = re.compile(r"(?:[~./]|[A-Za-z]:[\\/]|[\w.-]+/)[^\s;|&<>]{1,300}")
_HOMES = (Place.HOME, Place.HOMES, Place.EVERYTHING, Place.SECRET)
_SCRIPTS = {
    "sh": "shell", "bash": "shell", "zsh": "shell", "ps1": "powershell", "psm1": "powershell", "py": "python",
    "sql": "sql", "ipynb": "python", "bat": "shell", "cmd": "shell",
}  # fmt: skip
_CONTENT = (
    "content", "contents", "text", "newstring", "newsource", "newstr", "filetext", "code", "insertline", "inserttext",
    "data", "body",
)  # fmt: skip


def read_files(call: ToolCall, reading: Reading) -> bool:
    """Read a call of a tool for files. Returns False if it is not one."""
    words = set(call.words)
    paths = _paths(call.args) or (_unnamed(call.args) if words & _FILE_TOOLS else [])
    if call.text("kind", "type", "itemtype") in ("file", "folder", "directory"):
        paths = paths or _unnamed(call.args)
        words.add("file")
    known = call.plain in _KNOWN
    if not (known or (words & _FILE_TOOLS and paths)):
        return False
    act = _act(call, words)
    if act is None:
        return False
    if any(re.search(r"[/\\.]", path) for _, path in paths):
        # Another text may be the number that a service gives to a file.
        call.judged = "paths"
    if act in (Act.READ, Act.LIST):
        reading.add(READS_FILE, "This reads or lists files. The agent receives what it reads.")
    for key, path in paths:
        role = act
        if act is Act.MOVE and ({"destination", "dest", "dst", "target", "new", "to"} & set(words_in(key))):
            role = Act.CREATE
        with reading.at_item(key):
            act_on(reading, role, Word(_plain(path), 1, path))
            if act is Act.LIST and words & {"grep", "search"} and place_of(_plain(path)) in _HOMES:
                reading.add(READS_SECRET, f"This searches the content of {path}, which holds secrets, too.")
            if role in (Act.WRITE, Act.CREATE, Act.APPEND):
                if (
                    is_loaded(_plain(path)) or call.text("content", "filetext").startswith("#!")
                ) and act is not Act.CREATE:
                    reading.add(WRITES_CODE, f"This changes {path}, which programs load or run.")
                _read_content(call, path, reading)
    # What changes something that has no path is judged by its name.
    return bool(paths) or act in (Act.READ, Act.LIST)


def _act(call: ToolCall, words: set[str]) -> Act | None:
    if call.reads:
        return Act.LIST if words & _LISTING else Act.READ
    if words & _DELETING:
        folders = bool(words & {"directory", "folder", "directories", "rmdir", "rmtree", "tree"})
        recursive = folders or call.value("recursive", "force") is True
        return Act.DELETE_ALL if recursive else Act.DELETE
    if words & _RIGHTS:
        return Act.CHANGE_RIGHTS_ALL if call.value("recursive") is True else Act.CHANGE_RIGHTS
    if words & _MOVING:
        return Act.MOVE
    command = call.text("command")
    if command in ("view", "create", "str_replace", "insert", "undo_edit"):
        return Act.READ if command == "view" else Act.WRITE
    if words & {"directory", "folder", "mkdir"} and words & _WRITING:
        return Act.CREATE
    if words & _WRITING or words & _COPYING:
        return Act.WRITE
    if words & _LISTING:
        return Act.LIST
    return Act.READ if words & _READING else None


def _paths(args: Any) -> list[tuple[str, str]]:
    """Return the arguments that are paths, with their keys."""
    found: list[tuple[str, str]] = []
    for key, value in args.items() if isinstance(args, Mapping) else ():
        if not set(words_in(str(key))) & _PATHS or "text" in words_in(str(key)):
            continue
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, Mapping):
                found += _paths(entry)
            elif isinstance(entry, str) and entry and "\n" not in entry:
                found.append((str(key), entry))
    return found[:200]


def _unnamed(args: Any) -> list[tuple[str, str]]:
    """Return the arguments that look like paths, whatever their names are."""
    return [
        (str(key), value)
        for key, value in (args.items() if isinstance(args, Mapping) else ())
        if isinstance(value, str) and _LOOKS_LIKE_PATH.fullmatch(value)
    ]


def _plain(path: str) -> str:
    """Return a path without ``file://``, escapes, and variables for the home and working folders."""
    text = path
    if text.startswith("file:"):
        text = unquote(re.sub(r"^file:(?://(?:localhost)?)?", "", text))
    text = re.sub(r"^(?:\$HOME|\$\{HOME\}|%USERPROFILE%|\$env:USERPROFILE|\$\{userHome\})", "~", text)
    text = re.sub(r"^(?:\$PWD|\$\{PWD\}|\$\{workspaceFolder\})", ".", text)
    return re.sub(r"\$\{?\w+\}?|%\w+%", UNKNOWN, text)


def _read_content(call: ToolCall, path: str, reading: Reading) -> None:
    """Read what is written if it is a script, or a file that takes effect by itself."""
    content = "\n".join(part for part in (call.text(name) for name in _CONTENT) if part)
    ending = path.rpartition(".")[2].lower()
    place = place_of(_plain(path))
    by_itself = place in (Place.SCHEDULE, Place.STARTUP, Place.HOOK, Place.ACCESS)
    language = _SCRIPTS.get(ending, "")
    if content.startswith("#!"):
        language = "python" if "python" in content.split("\n", 1)[0] else "shell"
    if place is Place.SCHEDULE:
        language = "crontab"
    elif by_itself and not language:
        language = "shell"
    if not content.strip() or not language:
        return
    inner = Reading(reading.budget)
    inner.read(language, content)
    worst = max((found.severity for found in inner.findings), key=lambda one: one.rank, default=RiskLevel.SAFE)
    # What a script in Python does with files is ordinary; shell scripts are run as they are.
    shell = language in ("shell", "powershell", "crontab") and not all(found.unread for found in inner.findings)
    if worst is RiskLevel.CRITICAL or (worst is RiskLevel.HIGH and shell):
        first = max(inner.findings, key=lambda found: found.severity.rank)
        level = worst if place is Place.SCHEDULE else RiskLevel.HIGH
        reading.add(WRITES_DANGER, f"When it runs: {first.message}", None, level)


def read_patch(call: ToolCall, reading: Reading) -> bool:
    """Read a patch, which may add, change, move, and delete files. Returns False if the call has none."""
    text = call.text("input", "patch", "diff", "content", "patchtext", "unifieddiff")
    if "patch" not in call.words and "diff" not in call.words:
        return False
    acts = {"Add": Act.CREATE, "Update": Act.WRITE, "Delete": Act.DELETE}
    found = False
    for match in re.finditer(r"(?m)^\*\*\* (Add|Update|Delete) File: (.+)$", text[:500_000]):
        found = True
        act_on(reading, acts[match[1]], Word(match[2].strip(), text.count("\n", 0, match.start()) + 1))
    for match in re.finditer(r"(?m)^(?:--- (?:a/)?(\S+).*\n)\+\+\+ (?:b/)?(\S+)", text[:500_000]):
        found = True
        gone = match[2] == "/dev/null"
        path = match[1] if gone else match[2]
        act_on(reading, Act.DELETE if gone else Act.WRITE, Word(path, text.count("\n", 0, match.start()) + 1))
    if found and re.search(r"(?m)^\*\*\* Delete File:|^\+\+\+ /dev/null", text):
        reading.add(DELETES_BY_PATCH, "This patch deletes files as a whole.")
    return found


DELETES_BY_PATCH = declare(
    "tool.patch_deletes", RiskLevel.HIGH, "A patch deletes whole files.",
    '{"tool": "apply_patch", "args": {"input": "*** Delete File: a.py"}}',
    '{"tool": "apply_patch", "args": {"input": "*** Update File: a.py"}}', language="tool_call",
)  # fmt: skip
