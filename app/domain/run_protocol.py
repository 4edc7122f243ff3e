"""The interface between the runtime and the use cases for advancing a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from app.domain.errors import ConflictError
from assent.contracts import Receipt
from assent.dialects.base import Asked, OutcomeDelivery
from assent.models.metering import Account, Kept, ModelUse
from assent.progress import Progress
from assent.toolbox.uses import ToolUse


class LostRunError(ConflictError):
    """Another worker has acquired this run; this one's writes are refused."""

    code = "lost_run"


class RunBusyError(ConflictError):
    """Another live worker is advancing this run; try again a little later."""

    code = "run_busy"


class JobNotTakenError(ConflictError):
    """The job is gone, belongs to another worker, or waits for another job of its run."""

    code = "job_not_taken"


class Statement(NamedTuple):
    """A database statement of the runtime that a use case executes together with its own.

    Attributes:
        binary: its rows are returned in PostgreSQL's binary format.
        place: statements with the same place are executed one after the other. Empty: in any order, or at once.
    """

    text: str
    parameters: Mapping[str, Any]
    binary: bool = False
    place: str = ""


@dataclass(frozen=True)
class Job:
    """A job in the queue for advancing a run.

    Attributes:
        worker: id of the queue's worker that takes it together with the run; None: it has been taken already.
    """

    id: int
    worker: int | None = None


@dataclass(frozen=True)
class RunSnapshot:
    """A run at the moment when a worker began to advance it.

    Attributes:
        attempt: the fencing token: writes of an older attempt are refused.
        deliveries: outcomes that are not proven to have reached the run, oldest first.
        open: interrupt ids of the pending requests.
        reported: ids of requests among the deliveries for which the run has already reported a receipt.
        started_by: id of the account for which it was started; empty if it has none.
        read: the row that was read in the same trip, if the caller asked for one.
        ask_next: who wants the run to ask before its next step; empty: nobody.
    """

    id: str
    workflow: str
    version: str
    input: dict[str, Any]
    attempt: int
    deliveries: list[OutcomeDelivery] = field(default_factory=list)
    open: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    started_by: str = ""
    read: dict[str, Any] | None = None
    ask_next: str = ""


class StepKind(StrEnum):
    """What happened to one execution of a node."""

    STARTED = "started"
    ENDED = "ended"
    FAILED = "failed"


@dataclass(frozen=True)
class Step:
    """The start or the end of one execution of a node.

    Attributes:
        task: LangGraph's id of the execution; it stays the same when the node runs again after a suspension.
        node: the node's name, in subgraphs with its parents' names (``parent/child``).
        ms: how long it took, in milliseconds; None at the start.
        suspended: it ended with an approval request.
        error: why it failed, masked.
    """

    kind: StepKind
    at: datetime
    task: str
    node: str
    title: str
    agent: str
    tool: str
    ms: int | None = None
    suspended: bool = False
    error: str = ""


@dataclass
class Journal:
    """Changes to a run that have yet to be written.

    Attributes:
        run_id: which run.
        steps: in the order they happened.
        receipts: what the workflow reported about outcomes.
        artifacts: texts that it published: ``name``, ``content``, ``media_type``.
        tool_uses: calls of tools.
        progress: what its steps reported of their progress; the last report of a step counts.
        delivered: ids of requests whose outcome the run has accepted.
        unseen: ids of requests whose outcome it accepted unobserved, so that its reports about them may be lost.
        undelivered: ids of requests on which it reported before the outcome was certainly stored; it may be sent again.
        reported: ids of requests with a stored receipt from the run; their delivery is noted on that receipt.
        doubtful: a step failed and the run continued without it, so its completion proves nothing.
        job: id of the job that ends when this is written; None if it continues.
        began: when the worker acquired the run, until that was written.
        stored: what LangGraph stores for these steps. It is written in the same transaction as the rest, or not at all.
    """

    run_id: str
    steps: list[Step] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    artifacts: list[dict[str, str]] = field(default_factory=list)
    tool_uses: list[ToolUse] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    unseen: frozenset[str] = frozenset()
    undelivered: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    doubtful: bool = False
    job: int | None = None
    began: datetime | None = None
    stored: list[Statement] = field(default_factory=list)

    def take(self) -> Journal:
        """Return everything so far and leave this journal empty. The job continues."""
        taken = Journal(
            self.run_id, self.steps, self.receipts, self.artifacts, self.tool_uses, self.progress, self.delivered,
            self.unseen, self.undelivered, self.reported, began=self.began, stored=self.stored,
        )  # fmt: skip
        self.began = None
        self.steps, self.receipts, self.artifacts, self.delivered, self.stored = [], [], [], [], []
        self.tool_uses, self.progress = [], []
        return taken

    def put_back(self, earlier: Journal) -> None:
        """Undo `take` after a failed write."""
        self.steps[:0], self.receipts[:0] = earlier.steps, earlier.receipts
        self.artifacts[:0], self.delivered[:0] = earlier.artifacts, earlier.delivered
        self.tool_uses[:0] = earlier.tool_uses
        self.progress[:0] = earlier.progress
        self.stored[:0] = earlier.stored
        self.began = self.began or earlier.began

    @property
    def empty(self) -> bool:
        """True when there is nothing to write."""
        return not (
            self.steps or self.receipts or self.artifacts or self.tool_uses or self.progress or self.delivered
            or self.stored
        )  # fmt: skip


class RunStore(Protocol):
    """What the runtime needs from the use cases; every method is one short transaction.

    Writes raise LostRunError if another worker has acquired the run since `attempt`.
    """

    @property
    def now(self) -> Callable[[], datetime]:
        """The portal's clock, which all its processes share."""
        ...

    async def begin(
        self, run_id: str, holder: int, job: Job | None = None, read: Statement | None = None
    ) -> RunSnapshot | None:
        """Acquire the run, if there is something to do, for the process whose lock `holder` shows that it is alive.

        Args:
            read: a statement for at most one row, which is read in the same trip after the run is acquired.

        Raises:
            RunBusyError: another live process is advancing it.
            JobNotTakenError: the job could not be taken, and so the run was left unchanged.
        """
        ...

    async def begin_call(self, run_id: str, attempt: int, key: str) -> bool:
        """Store durably that an approved call begins; False if it had begun before."""
        ...

    async def model_account(self, run_id: str, key: str) -> Account:
        """Return what the run has used of models, and the cached answer with this key."""
        ...

    async def begin_model(self, run_id: str, attempt: int, agent: str, use: ModelUse) -> None:
        """Store durably that a call of a model begins."""
        ...

    async def end_model(self, use: ModelUse, kept: Kept | None) -> None:
        """Store what a call of a model has cost, and its answer in the cache."""
        ...

    async def note(self, attempt: int, journal: Journal) -> None:
        """Write what happened so far, while the run continues."""
        ...

    async def refuse(self, run_id: str, attempt: int, request_id: str, reason: str) -> None:
        """Refuse to deliver an outcome that does not fit what the run is asking now."""
        ...

    async def doubt(self, run_id: str, attempt: int) -> None:
        """Note that a failed step will be skipped: completion proves nothing about earlier outcomes."""
        ...

    async def hold(self, run_id: str, attempt: int, until: Mapping[str, datetime]) -> None:
        """Hold outcomes, by request, until their change windows open."""
        ...

    async def passed_on_request(self, run_id: str, attempt: int) -> None:
        """Note that people agreed to the step before which somebody wanted the run to ask."""
        ...

    async def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open requests and suspend the run; False if somebody wants it paused or canceled instead."""
        ...

    async def complete(self, attempt: int, journal: Journal, result: Any) -> None:
        """Complete the run."""
        ...

    async def fail(self, attempt: int, journal: Journal, problem: str) -> None:
        """Fail the run, which cannot continue."""
        ...

    async def drained(self, attempt: int, journal: Journal) -> None:
        """Note that the run stopped between two steps because somebody asked for that."""
        ...
