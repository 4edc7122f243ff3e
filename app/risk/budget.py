"""The limit on how much code of a proposal is read."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

DEPTH = 12
"""How deep code may be nested in code."""
SECONDS = 0.7
"""How much of the processor's time reading the code of one proposal may take."""


class OverBudgetError(Exception):
    """Reading the rest would take too long."""


@dataclass
class Budget:
    """What may still be read, shared by all texts of a proposal, so that an assessment takes a second at most."""

    characters: int = 256_000
    statements: int = 20_000
    until: float = field(default_factory=lambda: time.thread_time() + SECONDS)

    @property
    def late(self) -> bool:
        """True if there is no time left. Counted is this thread's own, so that a busy machine changes no result."""
        return time.thread_time() > self.until

    def step(self) -> None:
        """Count a statement, command, or call that is about to be read. Raises OverBudgetError."""
        self.statements -= 1
        if self.statements < 0 or (self.statements % 64 == 0 and self.late):
            raise OverBudgetError

    def fits(self, text: str) -> bool:
        """Take a text from what may still be read. Returns False if it is too large."""
        if len(text) > self.characters or self.late:
            return False
        self.characters -= len(text)
        return True
