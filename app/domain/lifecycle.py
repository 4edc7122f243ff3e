"""The states of requests and runs, and the allowed transitions between them."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from assent.contracts import Verdict

State = TypeVar("State", bound=StrEnum)


class RequestState(StrEnum):
    """The state of an approval request."""

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
        """The state in words."""
        return _REQUEST_WORDS[self]


VERDICT_WORDS: dict[str, str] = {
    Verdict.APPROVE: "approved",
    Verdict.MODIFY: "approved with changes",
    Verdict.REQUEST_CHANGES: "requested changes",
    Verdict.REJECT: "rejected",
    Verdict.ANSWER: "answered",
}
"""What a person did, by the value of their verdict."""
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
"""The transitions of requests. A request leaves `pending` once; every other state is final."""


class RunState(StrEnum):
    """The state of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        """True when nothing more will happen unless a person retries the run."""
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
"""The transitions of runs. A database trigger refuses all others (`app.store.runs`)."""


def origins(table: dict[State, frozenset[State]], new: State) -> tuple[State, ...]:
    """The states from which `table` allows a transition to `new`, in the order of the table."""
    return tuple(old for old, ways in table.items() if new in ways)


def may_move(table: dict, old: StrEnum, new: StrEnum) -> bool:
    """True if `table` allows a transition from `old` to `new`."""
    return new in table[old]
