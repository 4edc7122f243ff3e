"""Budgets: how many tokens, and how much money, the models of a run may cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from assent.models.errors import ModelBudgetError

Limit = TypeVar("Limit", int, Decimal)


@dataclass(frozen=True)
class Budget:
    """What the models of a run may cost together.

    Attributes:
        tokens: of prompts and answers; None: any number.
        dollars: US dollars; None: any amount.
    """

    tokens: int | None = None
    dollars: Decimal | None = None

    def __post_init__(self) -> None:
        if self.dollars is not None and not isinstance(self.dollars, Decimal):
            object.__setattr__(self, "dollars", _decimal(self.dollars))
        if (self.tokens is not None and self.tokens < 0) or (self.dollars is not None and self.dollars < 0):
            raise ModelBudgetError("A budget cannot be negative.")

    def within(self, other: Budget) -> Budget:
        """Return the smaller limits of the two."""
        return Budget(_smaller(self.tokens, other.tokens), _smaller(self.dollars, other.dollars))

    def doubled(self) -> Budget:
        """Return twice as much; at least 1,000 tokens and 10 cents, so that it is never nothing."""
        return Budget(
            None if self.tokens is None else max(2 * self.tokens, 1_000),
            None if self.dollars is None else max(2 * self.dollars, Decimal("0.10")),
        )

    def covers(self, other: Budget) -> bool:
        """Return whether no limit is smaller than the other's."""
        return self.within(other) == other

    def __str__(self) -> str:
        parts = [] if self.tokens is None else [f"{self.tokens:,} tokens"]
        parts += [] if self.dollars is None else [f"${self.dollars:f}"]
        return " and ".join(parts) or "no limit"


def _decimal(value: object) -> Decimal:
    try:
        found = Decimal(str(value))
    except InvalidOperation as error:
        raise ModelBudgetError(f"{value!r} is not an amount of US dollars.") from error
    if not found.is_finite():
        raise ModelBudgetError(f"{value!r} is not an amount of US dollars.")
    return found


def _smaller(one: Limit | None, other: Limit | None) -> Limit | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
