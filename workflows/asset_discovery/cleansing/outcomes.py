"""What becomes of one cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from workflows.asset_discovery.cleansing.rules import Rule

Value = str | float | date | tuple[str, ...] | None
"""The value of a cell: text, a number, a date, or a list of texts; None for nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of the text of a cell.

    Attributes:
        value: The value; None for nothing.
        rule: By which rule it differs from the text; None if it does not.
        problem: Why the cell cannot be right; empty if it can.
        moved: What of the cell belongs to another field, as text: the domain name in a cell for names.
    """

    value: Value
    rule: Rule | None = None
    problem: str = ""
    moved: str = ""


def invalid(why: str) -> Outcome:
    """A cell that cannot be right."""
    return Outcome(None, Rule.INVALID, why)


def written(value: Value) -> str | None:
    """A value as text, for the list of changes."""
    if value is None:
        return None
    if isinstance(value, tuple):
        return " | ".join(value) if value else None
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
