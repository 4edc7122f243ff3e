"""What the runtime and the use cases say to each other about a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from app.domain.errors import ConflictError
from assent.contracts import Receipt
from assent.dialects.base import Asked, Delivery


class LostRunError(ConflictError):
    """Another worker has taken this run up; whatever this one was about to write is void."""

    code = "lost_run"


class RunBusyError(ConflictError):
    """A worker that lives is advancing this run; whoever wanted to is to try again a little later."""

    code = "run_busy"


class JobNotTakenError(ConflictError):
    """The job is gone, somebody else's, or waits for another job of its run."""

    code = "job_not_taken"


class Statement(NamedTuple):
    """A statement for the database that the runtime has made and a use case carries out with its own.

    Attributes:
        binary: its rows are to come in PostgreSQL's binary format.
        place: statements of one place have to be carried out one after the other. Empty: in any order, or at once.
    """

    text: str
    parameters: Mapping[str, Any]
    binary: bool = False
    place: str = ""


@dataclass(frozen=True)
class Job:
    """A job of the queue, which asks for a run to be advanced.

    Attributes:
        worker: id of the queue's worker that is to take it together with the run; None: it was taken before.
    """

    id: int
    worker: int | None = None


@dataclass(frozen=True)
class RunSnapshot:
    """A run as a worker took it up.

    Attributes:
        attempt: the fence: writes of an older attempt are refused.
        deliveries: outcomes nothing proves to have reached the run, oldest first.
        open: interrupt ids of the requests that wait for a decision.
        reported: ids of requests among the deliveries for which the run has already reported a receipt.
        read: the row that was read with it, if the caller had one read.
    """

    id: str
    workflow: str
    version: str
    input: dict[str, Any]
    attempt: int
    deliveries: list[Delivery] = field(default_factory=list)
    open: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    read: dict[str, Any] | None = None


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
        node: the node's name, with its parents' for nodes of subgraphs (``parent/child``).
        ms: how long it took, in milliseconds; None at the start.
        suspended: it ended by asking for a person.
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
    """What is to be written about a run.

    Attributes:
        run_id: which run.
        steps: in the order they happened.
        receipts: what the workflow reported of outcomes.
        artifacts: texts it published: ``name``, ``content``, ``media_type``.
        delivered: ids of requests whose outcome the run has taken.
        unseen: ids of those whose outcome it took while nobody watched, so that what it said of them may be lost.
        undelivered: ids of those on which it reported before it surely kept the outcome, which may be sent again.
        reported: ids of those with a stored receipt that the run reported; their delivery is noted on that receipt.
        doubtful: a step failed and the run went on without it, so that nothing can be concluded from its completion.
        job: id of the job that ends when this is written; None when it goes on.
        stored: what LangGraph stores of these steps. It is written in the same transaction as the rest, or not at all.
    """

    run_id: str
    steps: list[Step] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    artifacts: list[dict[str, str]] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    unseen: frozenset[str] = frozenset()
    undelivered: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    doubtful: bool = False
    job: int | None = None
    stored: list[Statement] = field(default_factory=list)

    def take(self) -> Journal:
        """Everything so far, leaving this one empty. The job goes on."""
        taken = Journal(
            self.run_id, self.steps, self.receipts, self.artifacts, self.delivered, self.unseen, self.undelivered,
            self.reported, stored=self.stored,
        )  # fmt: skip
        self.steps, self.receipts, self.artifacts, self.delivered, self.stored = [], [], [], [], []
        return taken

    def put_back(self, earlier: Journal) -> None:
        """Undo `take` when the writing failed."""
        self.steps[:0], self.receipts[:0] = earlier.steps, earlier.receipts
        self.artifacts[:0], self.delivered[:0] = earlier.artifacts, earlier.delivered
        self.stored[:0] = earlier.stored

    @property
    def empty(self) -> bool:
        """True when there is nothing to write."""
        return not (self.steps or self.receipts or self.artifacts or self.delivered or self.stored)


class RunStore(Protocol):
    """What the runtime needs of the use cases; every method is one short transaction.

    Writes raise LostRunError when the run was taken up elsewhere since `attempt`.
    """

    @property
    def now(self) -> Callable[[], datetime]:
        """The portal's clock, by which all its processes go."""
        ...

    async def begin(
        self, run_id: str, holder: int, job: Job | None = None, read: Statement | None = None
    ) -> RunSnapshot | None:
        """Take the run up if there is something to do, for the process that is known to live by the lock `holder`.

        Args:
            read: gives one row or none, which is read in the same trip once the run is taken up.

        Raises:
            RunBusyError: another process that lives is advancing it.
            JobNotTakenError: the job was not there to be taken, and so the run was left as it is.
        """
        ...

    async def note(self, attempt: int, journal: Journal) -> None:
        """Write what happened so far, while the run goes on."""
        ...

    async def refuse(self, run_id: str, attempt: int, request_id: str, reason: str) -> None:
        """An outcome does not fit what the run asks now and will not be delivered."""
        ...

    async def doubt(self, run_id: str, attempt: int) -> None:
        """A step that failed is to be skipped: nothing can be concluded of the outcomes that the run took before."""
        ...

    async def hold(self, run_id: str, attempt: int, until: Mapping[str, datetime]) -> None:
        """Outcomes wait for their change windows, by request; the run is told of them when these open."""
        ...

    async def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open requests and let the run rest; False if somebody wants it paused or cancelled instead."""
        ...

    async def complete(self, attempt: int, journal: Journal, result: Any) -> None:
        """The run has come to its end."""
        ...

    async def fail(self, attempt: int, journal: Journal, problem: str) -> None:
        """The run cannot go on."""
        ...

    async def drained(self, attempt: int, journal: Journal) -> None:
        """The run stopped between two steps because somebody asked for it."""
        ...
