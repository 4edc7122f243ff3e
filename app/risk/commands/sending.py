"""What a command sends to other machines: files, texts, and secrets among them."""

from __future__ import annotations

import re

from app.risk.commands.known_files import holds_secrets
from app.risk.commands.table import Command
from app.risk.effects import SENDS, Act, act_on, connect
from app.risk.people import holds_people
from app.risk.places import Place, keeps_secrets, place_of
from app.risk.reading import Reading
from app.risk.words import Word
from assent.contracts import RiskLevel

_SECRET_TEXT = re.compile(
    r"[`$(|;].*(?:\.ssh\b|id_rsa|id_ed25519|/etc/shadow|\.env\b|\.aws\b|\.kube\b|\.netrc|\.git-credentials|\.npmrc"
    r"|\.pgpass"
    r"|/proc/\S*environ|\bprintenv\b|\benv\s*[|)]|\bexport\s+-p|credentials\b|secrets?\b|keychain"
    r"|gpg\s+--export-secret)"
    r"|\$\{?(?:env:)?\w*(?:SECRET|PASSWORD|PASSWD|PRIVATE_KEY|ACCESS_KEY)\w*",
    re.IGNORECASE,
)


def is_secret(word: Word) -> bool:
    """Return True if a word is the path of a secret, or contains one that is read when the command runs."""
    if word.source == "secret":
        return True
    if word.known:
        return keeps_secrets(word.text)
    return bool(_SECRET_TEXT.search(word.shown or word.text))


def sends_file(word: Word, command: Command, reading: Reading) -> bool:
    """Note that a file, or standard input for ``-``, is sent. Returns True if it is a secret."""
    if word.text in ("-", "/dev/stdin", "."):
        return command.input_from == "secret"
    act_on(reading, Act.READ, word)
    if holds_secrets(reading, word):
        return True
    if (
        word.known
        and place_of(word.text) in (Place.DATA, Place.BACKUP)
        and not word.text.startswith(("backup", "snapshot"))
    ):
        reading.add(SENDS, f"This sends {word.display}, with all data in it, elsewhere.", word.line, RiskLevel.HIGH)
    if word.known and holds_people(word.text):
        reading.add(SENDS, f"This sends {word.display}, the data of many people.", word.line, RiskLevel.HIGH)
    return is_secret(word)


def sends_dump(command: Command, reading: Reading) -> None:
    """Note that standard input is a copy of a database, which is sent as it is."""
    if command.input_from == "dump":
        reading.add(SENDS, "This sends a copy of a database to another machine.", command.line, RiskLevel.HIGH)


def connect_to(target: Word, reading: Reading, *, sends: bool = False, secret: bool = False) -> None:
    """Note a connection. What an unknown part of the address sends counts."""
    if not target.known:
        reading.doubt()
        secret = secret or target.source == "secret" or bool(_SECRET_TEXT.search(target.shown))
    connect(reading, target, sends=sends, secret=secret)
