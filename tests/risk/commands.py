"""Reading a command from its words, as a tool call with a list of arguments would have it read."""

from __future__ import annotations

import shlex

from app.risk.commands.table import Command, read_command
from app.risk.reading import Reading
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel


def reading_of(text: str, *, given: str | None = None, given_from: str = "") -> Reading:
    """Read a command; ``$X`` stands for what is not known.

    Args:
        given: What it gets as standard input.
        given_from: Where its input comes from; see `Command`.
    """
    words = [Word(part.replace("$X", UNKNOWN)) for part in shlex.split(text)]
    reading = Reading()
    read_command(Command(words, None if given is None else Word(given), given_from), reading)
    return reading


def level_of(reading: Reading) -> RiskLevel:
    """Return the worst level of what is found."""
    return max((found.severity for found in reading.findings), key=lambda level: level.rank, default=RiskLevel.SAFE)


def table(text: str) -> list[tuple[str, bool, str]]:
    """Return level, whether it is understood, and command of each line: ``low? make test`` is low, not understood."""
    rows = []
    for line in text.strip().splitlines():
        level, _, command = line.strip().partition(" ")
        rows.append((level.rstrip("?"), not level.endswith("?"), command.strip()))
    return rows
