"""PowerShell's drives and paths, and the folder in which a script works."""

from __future__ import annotations

import re

from app.risk.effects import connect
from app.risk.powershell.call import Call
from app.risk.powershell.code import run_text
from app.risk.powershell.evaluation import property_of
from app.risk.powershell.rules import LOCAL
from app.risk.powershell.table import cmdlet
from app.risk.powershell.values import NOTHING, Value
from app.risk.registry import registry_path
from app.risk.words import UNKNOWN, Word

_DRIVE = re.compile(r"(?:microsoft\.powershell\.\w+\\)?([a-z][a-z0-9]+)::?[\\/]?", re.IGNORECASE)


def drive_of(path: str) -> str:
    """Return the drive of a path that is none of the file system's: ``registry``, ``env``, ``cert`` and the like."""
    if registry_path(path):
        return "registry"
    found = _DRIVE.match(path)
    if not found:
        return ""
    name = found[1].lower()
    return "" if name == "filesystem" else {"certificate": "cert", "environment": "env"}.get(name, name)


def plain(word: Word) -> Word:
    """Return a path without the file system's name before it."""
    found = re.match(r"(?:microsoft\.powershell\.core\\)?filesystem::", word.text, re.IGNORECASE)
    return word.with_text(word.text[found.end() :]) if found else word


def located(call: Call, word: Word) -> Word:
    """Return a path as it is from the folder in which the script began, after ``cd`` and the like."""
    drive, colon, rest = word.text.partition(":")
    root = call.script.drives.get(drive.lower()) if colon else None
    if root is not None:
        return plain(word.with_text(f"{root.rstrip(chr(92))}\\{rest.lstrip(':/' + chr(92))}".rstrip("\\")))
    where = call.script.location
    if not where or drive_of(word.text) or re.match(rf"[A-Za-z]:|[\\/~{UNKNOWN}]", word.text):
        return word
    return word.with_text(f"{where.rstrip(chr(92))}\\{word.text}")


@cmdlet("new-psdrive")
def _drive(call: Call) -> Value:
    name, provider, root = call.bound("name", "psprovider", "root")
    if name.known:
        call.script.drives[name.text.lower()] = UNKNOWN if len(root.texts) > 1 else root.text
    call.reading.add(LOCAL, f"This makes the drive {name.text.replace(UNKNOWN, '…')} for the session.", call.line)
    if root.text.startswith(("\\\\", "//")):
        connect(call.reading, Word(root.text.replace("/", "\\").strip("\\").partition("\\")[0], call.line))
    return Value(many=provider.many)


@cmdlet("set-location", "push-location", "pop-location")
def _move_to(call: Call) -> Value:
    if call.name == "pop-location":
        call.script.location = call.script.locations.pop() if call.script.locations else UNKNOWN
        return NOTHING
    if call.name == "push-location":
        call.script.locations.append(call.script.location)
    words = paths_of(call)
    if words:
        call.script.location = "" if words[0].text == "." else words[0].text
    return NOTHING


def define(call: Call, word: Word, value: Value) -> bool:
    """Set a function, an alias, or a variable through its drive."""
    drive, _, name = word.text.lower().partition(":")
    if drive == "function":
        if value.block is not None:
            call.script.functions[name.strip("\\/")] = value.block
        else:
            run_text(value, call.line, call.shown, call.script)
    elif drive == "alias" and value.known:
        call.script.aliases[name.strip("\\/")] = value.text.lower()
    elif drive == "variable":
        call.script.scopes[-1][name.strip("\\/")] = value
    else:
        return False
    return True


def paths_of(call: Call, *more: str, place: int = 0, piped: bool = True) -> list[Word]:
    """Return the paths that a cmdlet is given or the pipeline brings; `more` are its next positional parameters."""
    words = call.words("path|literalpath|filepath", *more, place=place, piped=False)
    if not words and piped and call.input is not None and call.input is not NOTHING:
        held = call.input
        if held.kind == "file" or held.known or held.items is not None or not held.kind:
            words = files_in(held).words(call.line)
        else:
            words = [Word(UNKNOWN, call.line, f"what {call.shown} is given", several=held.many)]
    return [located(call, plain(word)) for word in words if word.text]


def files_in(value: Value) -> Value:
    """Return the paths of files that cmdlets such as ``Get-ChildItem`` give; other values as they are."""
    return property_of(value, "fullname") if value.kind == "file" else value
