"""Metering: every call of a model is stored before it is made, and again with what it cost.

The portal passes a `Meter` to the steps of a run. It also has the cache, and knows what the run has used so far, and
what people have answered about its budget. Outside of the portal there is none: nothing is cached or limited.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from assent.models.budgets import Budget


class UseStatus(StrEnum):
    """How a call of a model ended."""

    BEGUN = "begun"
    """It is being made, or its worker died; it may have cost what was estimated."""
    OK = "ok"
    CACHED = "cached"
    """The answer came from the cache, and cost nothing."""
    INVALID = "invalid"
    """The answer did not fit what was asked."""
    RATE_LIMITED = "rate_limited"
    TIMED_OUT = "timed_out"
    FAILED = "failed"


@dataclass(frozen=True)
class ModelUse:
    """One call of a model.

    Attributes:
        model: as configured, such as ``anthropic:claude-sonnet-4-5``.
        input_tokens, output_tokens: of the prompt and of the answer.
        cached_tokens: those of the prompt that the provider had cached, and charges less for.
        estimated: the tokens were counted here, because the provider did not say.
        cost: US dollars; None: not known.
        prices: the version of the table of prices; empty if there is no cost.
        error: why it failed, masked.
    """

    use_id: str
    task: str
    tier: int
    model: str
    node: str
    began: datetime
    status: UseStatus = UseStatus.BEGUN
    seconds: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = True
    cost: Decimal | None = None
    prices: str = ""
    error: str = ""


@dataclass(frozen=True)
class BudgetAnswer:
    """What people answered when a budget was used up.

    Attributes:
        step: identifies the execution of the node that asked.
        place: the number of the call of `ask` in the node that asked.
        spent: the budget that was used up.
        answer: the choice; empty if nobody chose one, because the question expired or was rejected.
    """

    step: str
    place: int
    spent: Budget
    answer: str


@dataclass(frozen=True)
class Account:
    """What a run has used so far, what people have answered, and a cached answer.

    Attributes:
        dollars: of the calls whose price is known.
        cached: the text in the cache; None: there is none.
    """

    tokens: int = 0
    dollars: Decimal = Decimal(0)
    answers: list[BudgetAnswer] = field(default_factory=list)
    cached: str | None = None


@dataclass(frozen=True)
class Kept:
    """An answer for the cache: masked text, under a key, for some time."""

    key: str
    text: str
    lifetime: timedelta


class Meter(Protocol):
    """The account of a run. Its methods block, and are never called on an event loop."""

    @property
    def budget(self) -> Budget:
        """The budget of the run, before people enlarged it."""
        ...

    def account(self, key: str) -> Account:
        """Return what the run has used, and the answer that the cache has under this key; empty: do not look."""
        ...

    def begin(self, use: ModelUse) -> None:
        """Store that a call begins, before it is made. Raises an error if the run has been taken over."""
        ...

    def end(self, use: ModelUse, kept: Kept | None = None) -> None:
        """Store what a call has cost, and its answer in the cache."""
        ...


_meter: ContextVar[Meter | None] = ContextVar("assent_model_meter", default=None)


@contextmanager
def metering_with(meter: Meter | None) -> Iterator[None]:
    """Use this meter within the block."""
    token = _meter.set(meter)
    try:
        yield
    finally:
        _meter.reset(token)


def current_meter() -> Meter | None:
    """Return the meter of the running step; None: there is none."""
    return _meter.get()
