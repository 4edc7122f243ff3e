"""Files that are encrypted and then deleted, one after the other, as those do who want a ransom."""

from __future__ import annotations

import re

from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

RANSOM = declare(
    "shell.encrypts_files",
    RiskLevel.CRITICAL,
    "Encrypts many files with a password, and deletes the originals.",
    'for f in /srv/share/*; do openssl enc -aes-256-cbc -in "$f" -out "$f.enc" -pass "pass:$K" && rm "$f"; done',
    'for f in *.enc; do openssl enc -d -aes-256-cbc -in "$f" -out "${f%.enc}" -pass "pass:$K" && rm "$f"; done',
    language="shell",
)

_ENCRYPTS = re.compile(
    r"\bopenssl\s+(?:enc|aes|smime|cms)\b(?![^\n;|]{0,200}\s-d(?:ecrypt)?\b)"
    r"|\bgpg2?\b[^\n;|]{0,200}?\s(?:-c|--symmetric)\b|\b(?:age|rage)\b[^\n;|]{0,100}\s(?:-p|--passphrase)\b"
    r"|\b7z[ar]?\s+a\b[^\n;|]{0,200}\s-p|\bzip\b[^\n;|]{0,100}\s-(?:\w*e\w*|P)\b|\b(?:ccrypt|ccencrypt|mcrypt)\b"
)
_MANY = re.compile(r"\b(?:for|while|until|find|xargs|parallel)\b")
_DELETES = frozenset(("file.deletes", "file.deletes_many", "file.deletes_all", "file.shreds"))
_LONGEST = 100_000


def note_ransom(text: str, reading: Reading, first: int) -> None:
    """Note that code encrypts files in a loop and deletes them.

    Args:
        text: The code.
        reading: What has been found.
        first: The number of findings before those of the code.
    """
    if len(text) > _LONGEST or not any(found.rule in _DELETES for found in reading.findings[first:]):
        return
    found = _ENCRYPTS.search(text)
    if found and _MANY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        reading.add(RANSOM, "This encrypts files one after the other and deletes them, as for a ransom.", line)
