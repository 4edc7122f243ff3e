"""The states of requests and runs, and the legal ways between them."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)


class RequestState(StrEnum):
    """Where an approval request stands."""

    PENDING = "pending"
    APPROVED = "approved"
    MODIFIED = "modified"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    ANSWERED = "answered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def words(self) -> str:
        """The state as a person would say it."""
        return _REQUEST_WORDS[self]


_REQUEST_WORDS = {
    RequestState.PENDING: "waiting for a decision",
    RequestState.APPROVED: "approved",
    RequestState.MODIFIED: "approved with changes",
    RequestState.CHANGES_REQUESTED: "changes requested",
    RequestState.REJECTED: "rejected",
    RequestState.ANSWERED: "answered",
    RequestState.EXPIRED: "expired",
    RequestState.CANCELLED: "canceled",
    RequestState.SUPERSEDED: "superseded",
}

REQUEST_TRANSITIONS: dict[RequestState, frozenset[RequestState]] = {
    RequestState.PENDING: frozenset(set(RequestState) - {RequestState.PENDING}),
    **{state: frozenset() for state in RequestState if state is not RequestState.PENDING},
}
"""A request leaves `pending` once; every other state is final."""


class RunState(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """True when nothing will happen any more unless a person retries."""
        return self in (RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED)


RUN_TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.PAUSED, RunState.CANCELLED}),
    RunState.RUNNING: frozenset(
        {RunState.QUEUED, RunState.SUSPENDED, RunState.PAUSED, RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED}
    ),
    RunState.SUSPENDED: frozenset({RunState.RUNNING, RunState.QUEUED, RunState.PAUSED, RunState.CANCELLED}),
    RunState.PAUSED: frozenset({RunState.QUEUED, RunState.CANCELLED}),
    RunState.COMPLETED: frozenset(),
    RunState.FAILED: frozenset({RunState.QUEUED}),
    RunState.CANCELLED: frozenset(),
}
"""Every way that a run goes, and no other: a trigger refuses what is not listed (`app.store.runs`)."""


def origins(table: dict[State, frozenset[State]], new: State) -> tuple[State, ...]:
    """The states from which `table` lets a thing go to `new`, in the order of the table."""
    return tuple(old for old, ways in table.items() if new in ways)


def may_move(table: dict, old: StrEnum, new: StrEnum) -> bool:
    """True if `table` lets a thing go from `old` to `new`."""
    return new in table[old]
