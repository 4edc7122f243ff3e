"""Programs that are known by rows of patterns, which are looked for in the line of their arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.risk.commands.table import Command, program
from app.risk.places import is_trial
from app.risk.reading import Reading
from app.risk.rules import RiskRule, word_set
from assent.contracts import RiskLevel

_NOTHING_DONE = re.compile(r"(?:^| )--?(?:help|version|dry-?run(?:=(?:true|client|server))?|simulate|what-?if)(?= |$)")
_LONGEST = 2_000
_SHOWN = 80


@dataclass(frozen=True)
class Row:
    """What a program does if a pattern is found in its arguments.

    Attributes:
        pattern: A regular expression for the arguments in lower case, joined by single spaces.
        rule: None if nothing is changed.
        words: What it does, as in "This deletes a topic".
        level: How bad it is, if that is not what the rule says.
        unread: What is given to the program is not known, such as a file with commands.
    """

    pattern: str
    rule: RiskRule | None = None
    words: str = ""
    level: RiskLevel | None = None
    unread: bool = False


def known_by_lines(names: str, *rows: Row) -> None:
    """Add programs to the table of programs.

    Args:
        names: The programs' names, separated by spaces.
        rows: The first row whose pattern is found counts. If there is none, the effect is unknown.
    """
    compiled = [(re.compile(row.pattern), row) for row in rows]

    def handle(command: Command, reading: Reading) -> None:
        line = " ".join(word.text for word in command.arguments)[:_LONGEST].lower()
        if _NOTHING_DONE.search(line):
            return
        for pattern, row in compiled:
            if pattern.search(line):
                _note(row, command, line, reading)
                return
        from app.risk.effects import UNKNOWN

        shown = f"{command.name} {line}"[:_SHOWN].strip()
        reading.add(UNKNOWN, f"What {shown} does is not known.", command.line)

    program(*word_set(names))(handle)


def _note(row: Row, command: Command, line: str, reading: Reading) -> None:
    if not all(word.known for word in command.arguments) or row.unread:
        reading.doubt()
    if row.rule is not None:
        shown = " ".join(word.display for word in command.arguments)[:_SHOWN]
        level = row.level
        if level is None and row.rule.severity is RiskLevel.HIGH and row.rule.id in _LESS_IN_TESTS and _is_trial(line):
            level = RiskLevel.MEDIUM
        reading.add(row.rule, f"This {row.words}: {command.name} {shown}".strip() + ".", command.line, level)


_LESS_IN_TESTS = frozenset(("queue.changes", "data.rebuilds", "mail.changes", "names.changes", "release.publishes"))
"""Rules for changes that others notice; in an environment for tests, nobody relies on it."""
_WHERE = re.compile(
    r"(?:--?[a-z-]*(?:server|host|broker|target|env|environment|context|cluster"
    r"|profile)[a-z-]*[ =]|@|//)(\S+)"
)


def _is_trial(line: str) -> bool:
    where = _WHERE.findall(line)
    return bool(where) and all(is_trial(text) for text in where)
