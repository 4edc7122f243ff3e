"""What programs that a script starts bring into it: files that they download, and secrets that they copy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.commands.table import program_name
from app.risk.effects import DOWNLOADED
from app.risk.powershell.files import came_by
from app.risk.powershell.values import plain_name
from app.risk.registry import registry_path
from app.risk.words import Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script

_ADDRESS = re.compile(r"(?:https?|ftp)://", re.IGNORECASE)


def note_program(words: list[Word], script: Script) -> None:
    """Note what a program downloads or copies, and whether it is one that the script has downloaded itself."""
    name = program_name(words[0].text)
    downloads = any(_ADDRESS.search(word.text) for word in words[1:])
    decodes = name == "certutil" and any(re.match(r"[-/]decode", word.text, re.IGNORECASE) for word in words[1:])
    if (name in ("certutil", "bitsadmin", "curl", "wget", "aria2c") and downloads) or decodes:
        script.downloaded.update(plain_name(word.text) for word in words[1:] if not _is_option(word.text))
    saves = name == "reg" and len(words) > 3 and words[1].text.lower() in ("save", "export")
    if saves and re.match(r"hklm/(?:sam|system|security)$", registry_path(words[2].text)):
        script.secrets.add(words[3].text.lower())
    for word in words:
        if came_by(plain_name(word.text), script.downloaded) and not downloads and not decodes:
            run_downloaded(word, script)
            return


def run_downloaded(word: Word, script: Script) -> None:
    """Note that a file runs which the script has downloaded."""
    script.reading.add(DOWNLOADED, f"This runs {word.display}, which it has downloaded itself.", word.line)


def _is_option(text: str) -> bool:
    return text.startswith(("-", "/")) or bool(_ADDRESS.search(text)) or "." not in text
