"""How much SQL of a proposal is looked into, and the way to what looks into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.risk import Finding


@dataclass
class Budget:
    """What may still be looked into, shared by all texts of a proposal: each proposal gets its answer in seconds."""

    characters: int = 256_000
    statements: int = 2_000


def sql_findings(text: str, dialect: str, rows: Mapping[str, int], budget: Budget) -> list[Finding]:
    """As `app.risk.sql.sql_findings`, which is loaded now at the latest: its parser takes 8 MiB."""
    from app.risk import sql

    return sql.sql_findings(text, dialect, rows, budget)
