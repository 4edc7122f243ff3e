"""Starting PowerShell: commands, encoded commands, and scripts."""

from __future__ import annotations

import base64
import binascii
import re

from app.risk.commands.table import Command, program
from app.risk.effects import DOWNLOADED, HIDDEN, run_dynamic, run_unread
from app.risk.reading import Reading
from app.risk.words import UNKNOWN, Word

_SWITCHES = (
    "noprofile",
    "nologo",
    "noninteractive",
    "noexit",
    "sta",
    "mta",
    "login",
    "l",
    "i",
    "interactive",
    "sshservermode",
)
_VALUED = (
    "windowstyle", "executionpolicy", "version", "inputformat", "outputformat", "configurationname", "workingdirectory",
    "psconsolefile", "settingsfile", "custompipename", "configurationfile", "encodedarguments",
)  # fmt: skip
_EXACT = {
    "c": "command", "f": "file", "e": "encodedcommand", "ec": "encodedcommand", "ep": "executionpolicy",
    "ex": "executionpolicy", "w": "windowstyle", "nop": "noprofile", "noni": "noninteractive", "v": "version",
    "wd": "workingdirectory", "if": "inputformat", "of": "outputformat", "o": "outputformat", "i": "interactive",
    "h": "help", "?": "help", "help": "help", "nol": "nologo", "noe": "noexit", "lp": "login", "l": "login",
    "cwa": "commandwithargs", "commandwithargs": "commandwithargs", "psc": "psconsolefile", "s": "sshservermode",
}  # fmt: skip
_ALL = ("command", "file", "encodedcommand", *_VALUED, *_SWITCHES, "help")


def _option(text: str) -> str:
    """Return the full name of an option; empty if it is none."""
    found = re.fullmatch(r"(?:[-–—―/]|--)([A-Za-z?]+)", text)
    if not found:
        return ""
    name = found[1].lower()
    return _EXACT.get(name) or next((option for option in _ALL if option.startswith(name)), "")


@program("powershell", "pwsh", "powershell_ise")
def _powershell(command: Command, reading: Reading) -> None:
    words = list(command.arguments)
    place = 0
    while place < len(words):
        word = words[place]
        option = _option(word.text)
        rest = words[place + 1 :]
        if option in ("command", "commandwithargs"):
            _run(rest, command, reading)
            return
        if option == "file":
            _file(rest, command, reading)
            return
        if option == "encodedcommand":
            _encoded(rest[0] if rest else word, reading)
            return
        if option == "help" or (word.text.lower() in ("--version", "-version") and not rest):
            return
        if option in _VALUED:
            place += 2
        elif option:
            place += 1
        elif command.name == "pwsh" or re.search(r"\.ps1$", word.text, re.IGNORECASE):
            _file(words[place:], command, reading)
            return
        else:
            _run(words[place:], command, reading)
            return
    _standard_input(command, reading)


def _file(words: list[Word], command: Command, reading: Reading) -> None:
    if words and words[0].text == "-":
        _standard_input(command, reading)
    elif words:
        run_unread(reading, words[0])


def _run(words: list[Word], command: Command, reading: Reading) -> None:
    if not words or words[0].text == "-":
        _standard_input(command, reading)
        return
    text = " ".join(word.text for word in words).strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    if not text.replace(UNKNOWN, "").strip():
        run_dynamic(reading, words[0])
        return
    if UNKNOWN in text:
        reading.doubt()
        text = text.replace(UNKNOWN, "$unknown")
    reading.read("powershell", text, words[0].line, fixed=True, within="In PowerShell: ")


def _encoded(word: Word, reading: Reading) -> None:
    reading.add(HIDDEN, "This decodes a hidden command and runs it.", word.line)
    text = decoded_command(word.text)
    if text is None:
        run_dynamic(reading, word)
    else:
        reading.read("powershell", text, word.line, fixed=True, within="In the hidden command: ")


def decoded_command(text: str) -> str | None:
    """Return what an encoded command says; None if it cannot be decoded."""
    if UNKNOWN in text:
        return None
    plain = re.sub(r"[^A-Za-z0-9+/]", "", text)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-16-le")
    except (binascii.Error, ValueError):
        return None


def _standard_input(command: Command, reading: Reading) -> None:
    if command.input is not None and command.input.known:
        reading.read("powershell", command.input.text, command.input.line, within="In PowerShell: ")
    elif command.input_from == "download":
        reading.add(DOWNLOADED, "This runs code as it is downloaded.", command.line)
    elif command.input_from == "decoded":
        reading.add(HIDDEN, "This decodes hidden code and runs it.", command.line)
    elif command.input_from or command.input is not None:
        run_dynamic(reading, "what PowerShell is given", command.line)
    else:
        reading.doubt()
