"""Text that is run as code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.risk.effects import DOWNLOADED, HIDDEN, UNREAD, run_dynamic
from app.risk.powershell.rules import SHELL_FOR_OTHERS
from app.risk.powershell.values import Value
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script


def run_text(value: Value, line: int, shown: str, script: Script, language: str = "powershell") -> Value:
    """Note that a text is run as code, and read it if it is known."""
    reading, origin = script.reading, value.origin
    shown = " ".join(shown.split())[:80]
    if "download" in origin:
        reading.add(DOWNLOADED, "This runs code as it is downloaded.", line)
    if "network" in origin:
        reading.add(SHELL_FOR_OTHERS, "This runs what somebody else sends over a connection.", line)
    if "decoded" in origin:
        reading.add(HIDDEN, "This decodes hidden code and runs it.", line)
    for item in value.each():
        if item.block is not None:
            script.run_block(item.block)
            continue
        for text in item.texts:
            if UNKNOWN not in text:
                reading.read(language, text, line, fixed=True)
            elif text != UNKNOWN and not origin & {"download", "network"}:
                reading.read(language, text.replace(UNKNOWN, "$unknown"), line, fixed=True)
                run_dynamic(reading, Word(text, line, shown))
            elif "decoded" in origin or "download" in origin:
                reading.add(UNREAD, f"What {shown} says has not been read.", line)
            else:
                run_dynamic(reading, Word(text, line, shown))
    return Value(origin=origin)
