"""PowerShell as one of the languages that are read."""

from __future__ import annotations

from collections.abc import Callable

from app.risk.budget import Budget, OverBudgetError
from app.risk.effects import UNPARSED
from app.risk.powershell.parser import Parser
from app.risk.powershell.scanner import TooDeep
from app.risk.powershell.script import Script
from app.risk.reading import TOO_DEEP, Reading


def _clock(budget: Budget) -> Callable[[], None]:
    """Return a function that the parser calls for each small part: only the time counts there."""
    count = 0

    def tick() -> None:
        nonlocal count
        count += 1
        if count % 256 == 0 and budget.late:
            raise OverBudgetError

    return tick


def read(text: str, reading: Reading) -> None:
    """Read a script."""
    parser = Parser(text.replace("\0", ""), _clock(reading.budget))
    try:
        block = parser.script()
    except TooDeep:
        reading.add(TOO_DEEP, "This script is nested too deep to be read.", 1)
        return
    for line in dict.fromkeys(parser.problems):
        reading.add(UNPARSED, "This line cannot be parsed.", line)
    reading.options.setdefault("files", {})
    Script(reading).read(block, parser.in_attributes)
