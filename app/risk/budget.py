"""The limit on how much SQL of a proposal is analyzed, and deferred loading of the analyzer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.risk import Finding


@dataclass
class Budget:
    """What may still be analyzed, shared by all texts of a proposal, so that an assessment takes seconds at most."""

    characters: int = 256_000
    statements: int = 2_000


def sql_findings(text: str, dialect: str, rows: Mapping[str, int], budget: Budget) -> list[Finding]:
    """Call `app.risk.sql.script.sql_findings`. The module is imported on first use, because its parser takes 8 MiB."""
    from app.risk.sql import script

    return script.sql_findings(text, dialect, rows, budget)
