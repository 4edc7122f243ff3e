"""Reading lines of cron: the command of each, which runs by the clock."""

from __future__ import annotations

import re

from app.risk.effects import UNPARSED
from app.risk.reading import Reading
from app.risk.rules import declare
from assent.contracts import RiskLevel

RUNS_BY_CLOCK = declare(
    "cron.runs", RiskLevel.MEDIUM, "A command runs by the clock, unattended.", "0 3 * * * date", "# 0 3 * * * date",
    language="crontab",
)  # fmt: skip
_FIELD = r"[\d*,/\-A-Za-z?#L]+"
_LINE = re.compile(rf"\s*(?:@\w+|{_FIELD}\s+{_FIELD}\s+{_FIELD}\s+{_FIELD}\s+{_FIELD})\s+(.+)")
_SETTING = re.compile(r"\s*[A-Za-z_]\w*\s*=")
_USER = re.compile(r"(root|[a-z_][a-z0-9_-]{0,31})\s+(?=\S)")


def read(text: str, reading: Reading) -> None:
    """Read a crontab, or one line of it. Lines of ``/etc/cron.d`` have an account before the command."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#") or _SETTING.match(line):
            continue
        reading.budget.step()
        found = _LINE.match(line)
        if found is None:
            reading.add(UNPARSED, "This is not a line of cron.", number)
            continue
        command = found[1].split("%")[0] if "\\%" not in found[1] else found[1]
        account = _USER.match(command)
        if account and _is_account(account[1], command):
            command = command[account.end() :]
        reading.add(RUNS_BY_CLOCK, "This runs by the clock, when nobody watches.", number)
        reading.read("shell", command, number, fixed=True)


def _is_account(word: str, command: str) -> bool:
    from app.risk.commands.table import handlers

    return word == "root" or (word not in handlers() and word not in _SHELL_WORDS and len(command.split()) > 1)


_SHELL_WORDS = frozenset(["if", "for", "while", "cd", "test", "export", "source", "exec", "eval", "set", "then", "do"])
