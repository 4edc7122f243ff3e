"""The limit on how much code of a proposal is read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

DEPTH = 12
"""How deep code may be nested in code."""
SECONDS = 0.8
"""How long the code of one proposal may be read."""


class OverBudgetError(Exception):
    """Reading the rest would take too long."""


@dataclass
class Budget:
    """What may still be read, shared by all texts of a proposal, so that an assessment takes a second at most."""

    characters: int = 256_000
    statements: int = 20_000
    until: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    def step(self) -> None:
        """Count a statement, command, or call that is about to be read. Raises OverBudgetError."""
        self.statements -= 1
        if self.statements < 0 or (self.statements % 64 == 0 and time.monotonic() > self.until):
            raise OverBudgetError

    def fits(self, text: str) -> bool:
        """Take a text from what may still be read. Returns False if it is too large."""
        if len(text) > self.characters or time.monotonic() > self.until:
            return False
        self.characters -= len(text)
        return True
