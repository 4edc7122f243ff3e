"""Driving a graph until it rests: every node's start, end and failure is noted, with who, what and how long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

import psycopg
import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Interrupt, StateSnapshot

from app.domain.running import Journal, LostRunError, Step, StepKind
from app.domain.text import storable
from app.runtime.saver import Saver
from assent.breakpoints import Stopped
from assent.contracts import Receipt
from assent.dialects.base import Asked
from assent.dialects.registry import understand
from assent.gate import ARTIFACT_KEY, MAX_ARTIFACT, RECEIPT_KEY
from assent.masking import mask_text
from assent.nodes import node_facts
from assent.reports import receipt_of, reporting_to
from assent.watch import Watch, seen

log = structlog.get_logger(__name__)
NOTE_AFTER_SECONDS = 0.1
"""Steps are written this long after they happen, together with what else has happened by then."""
WRITE_AGAIN_SECONDS = (0.1, 0.3, 1.0, 2.0)
"""Pauses after which the writing of what cannot be found out again is tried once more without the database."""

Writer = Callable[[Journal], Awaitable[None]]


@dataclass
class Rest:
    """How a drive came to rest.

    Attributes:
        asked: what the run asks of people, from interrupts of this drive.
        error: what a node raised; None when none did.
        drained: it stopped between steps because it was told to.
        values: the graph's values at the end of its last step.
        stopped: where it stopped at breakpoints.
        unheard: steps that were to take an answer and, as far as was seen, have not. The run stopped after them.
        passed: steps of which nothing was stored, because they have not taken their answer.
        failed: a step raised, whether or not the run went on without it.
    """

    asked: list[Asked] = field(default_factory=list)
    error: Exception | None = None
    drained: bool = False
    values: Any = None
    stopped: list[Stopped] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    failed: bool = False


class Driver:
    """One drive of one thread.

    Args:
        graph: compiled with the portal's checkpointer.
        facts: title, agent and tool of each node.
        journal: collects what happens; what is left in it when `run` returns has not been written yet.
        note: writes a journal while the drive goes on.
        control: stops the drive between two steps.
        saver: stores what the steps write.
        now: the portal's clock.
    """

    def __init__(
        self,
        graph: CompiledStateGraph[Any],
        config: RunnableConfig,
        facts: dict[str, dict[str, Any]],
        journal: Journal,
        note: Writer,
        control: RunControl,
        saver: Saver,
        now: Callable[[], datetime],
    ) -> None:
        self._graph = graph
        self._config = config
        self._facts = facts
        self._journal = journal
        self._note = note
        self._control = control
        self._saver = saver
        self._now = now
        self._began: dict[str, float] = {}
        self._delivering: list[str] = []
        self._reports: deque[Receipt] = deque()
        self._storing = asyncio.Lock()
        self._open: set[str] = set()
        self._ended = False
        self._writing: asyncio.Task[None] | None = None
        self._rested = asyncio.Event()

    async def run(
        self, send: Any, delivering: Iterable[str] = (), watched: Collection[str] = (),
        took: Callable[[str], bool] = lambda _: True, before: StateSnapshot | None = None,
        sent: Mapping[str, str] = MappingProxyType({}),
    ) -> Rest:  # fmt: skip
        """Send the input and follow the graph until it suspends, ends, fails or is drained.

        LangGraph keeps an answer only once the node that took it has come to its end. Until the next step begins or
        the run rests, nothing is written down that says the answer has arrived: after a crash it is sent again.

        Args:
            delivering: ids of the requests whose outcomes `send` carries.
            watched: steps that must take the answer; if one does not, the run stops before its next step.
            took: tells whether a step has.
            before: the thread as it was read; None: nothing is stored of it.
            sent: the interrupts that `send` answers, by request.

        Raises:
            LostRunError: another worker took the run up.
        """
        rest = Rest()
        self._delivering = list(delivering)
        try:
            run_id = self._journal.run_id
            first, taking = self._saver.writing_first(run_id, self._store_reports), self._saver.taking(run_id, watched)
            with reporting_to(self._reports.append), first, taking as passed:
                rest.passed = passed
                await self._follow(send, Watch(self._graph, before, rest.stopped.append, sent), watched, took, rest)
        except GraphDrained:
            rest.drained = True
        except LostRunError:
            raise
        except Exception as error:
            rest.error = seen(error)
            rest.unheard.extend(rest.passed.difference(rest.unheard))
        finally:
            self._journal.receipts.extend(_all_of(self._reports))
            await self._settle()
        if self._ended or not rest.drained:
            self._delivered()
        return rest

    async def _follow(
        self, send: Any, watch: Watch, watched: Collection[str], took: Callable[[str], bool], rest: Rest
    ) -> None:
        stream = self._graph.astream(
            send,
            watch.config(self._config),
            stream_mode=["tasks", "custom", "values"],
            durability="sync",
            subgraphs=True,
            control=self._control,
            version="v2",
        )
        async for part in stream:
            self._take(part["type"], part["ns"], part["data"], rest)
            if watched and part["type"] == "tasks" and not part["ns"]:
                await self._listen(part["data"], watched, took, rest)

    async def _store_reports(self) -> None:
        """Store what steps have reported; the step that did counts as completed only after that.

        Until the run is certain to keep an outcome, the receipt does not count as its delivery.
        """
        if not self._reports and not self._storing.locked():
            return
        async with self._storing:
            if not self._reports:
                return
            self._journal.receipts.extend(_all_of(self._reports))
            self._journal.undelivered = frozenset(self._delivering)
            taken = self._journal.take()
            try:
                await written(self._note, taken)
            except BaseException:
                self._journal.put_back(taken)
                raise
            self._journal.reported |= {receipt.request_id for receipt in taken.receipts}

    async def _listen(
        self, data: Any, watched: Collection[str], took: Callable[[str], bool], rest: Rest
    ) -> None:
        """Stop before the next step if one that was to take an answer has ended without."""
        if data["id"] not in watched or "triggers" in data or data["error"] is not None:
            return
        await asyncio.sleep(0)  # what it wrote is on its way to be stored
        if not took(data["id"]):
            rest.unheard.append(data["id"])
            self._control.request_drain("unheard")

    def _take(self, kind: str, namespace: tuple[str, ...], data: Any, rest: Rest) -> None:
        if kind == "custom":
            self._custom(data)
        elif kind == "values":
            if not namespace:
                rest.values = data
        elif "triggers" in data:
            if not namespace:
                if self._ended and not self._open:
                    self._delivered()
                self._open.add(data["id"])
            self._step(StepKind.STARTED, namespace, data)
        else:
            interrupts = data["interrupts"]
            failed = data["error"] is not None
            rest.failed |= failed
            self._step(
                StepKind.FAILED if failed else StepKind.ENDED,
                namespace,
                data,
                suspended=bool(interrupts),
                error=mask_text(str(data["error"]))[:2000] if failed else "",
            )
            if not namespace:
                self._ended = True
                self._open.discard(data["id"])
                rest.asked.extend(self.asked(data["name"], Interrupt(**each)) for each in interrupts)

    def asked(self, node: str, interrupt: Interrupt) -> Asked:
        """What an interrupt of a node asks."""
        agent = self._facts.get(node, {}).get("agent", "")
        return understand(interrupt.id, interrupt.value, interrupt.response_schema, node, agent)

    def _step(
        self, kind: StepKind, namespace: tuple[str, ...], data: Any, suspended: bool = False, error: str = ""
    ) -> None:
        task, name = data["id"], data["name"]
        parents = [part.split(":")[0] for part in namespace]
        facts = node_facts(name, data.get("metadata")) if parents or name not in self._facts else self._facts[name]
        ms = None
        if kind is StepKind.STARTED:
            self._began[task] = time.perf_counter()
        elif task in self._began:
            ms = round((time.perf_counter() - self._began.pop(task)) * 1000)
        node = "/".join([*parents, name])
        who = (facts["title"], facts["agent"], facts["tool"])
        self._journal.steps.append(Step(kind, self._now(), task, node, *who, ms, suspended, error))
        self._write_soon()

    def _custom(self, data: Any) -> None:
        if not isinstance(data, dict):
            return
        if RECEIPT_KEY in data:
            # Of a graph that a step runs by itself, or of an SDK of its own.
            said = data[RECEIPT_KEY] if isinstance(data[RECEIPT_KEY], dict) else {}
            receipt = receipt_of(said, said.get("status"), said.get("summary"), said.get("detail"))
            if receipt is None:
                return
            self._reports.append(receipt)
        elif ARTIFACT_KEY in data:
            self._journal.artifacts.append(_artifact(data[ARTIFACT_KEY]))
        else:
            return
        self._write_soon()

    def _delivered(self) -> None:
        """What was sent has been taken, and LangGraph has stored that."""
        self._journal.delivered.extend(self._delivering)
        self._delivering = []
        self._journal.undelivered = frozenset()

    def _write_soon(self) -> None:
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_later(), name="note steps")

    async def _write_later(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rested.wait(), NOTE_AFTER_SECONDS)
        while not self._journal.empty and not self._rested.is_set():
            taken = self._journal.take()
            try:
                await self._note(taken)
            except LostRunError:
                return
            except Exception:
                # The steps stay in the journal and are written when the run rests.
                self._journal.put_back(taken)
                log.warning("steps.not_noted", exc_info=True)
                return

    async def _settle(self) -> None:
        """Leave no writing in flight; what is not written yet stays in the journal for the one who rests the run."""
        self._rested.set()
        if self._writing is not None:
            await self._writing


def _artifact(said: dict[str, Any]) -> dict[str, str]:
    """An artifact fit to store, whatever the workflow has said."""
    return {
        "name": storable(mask_text(str(said["name"])))[:200],
        "content": storable(mask_text(str(said["content"])[:MAX_ARTIFACT])),
        "media_type": storable(str(said["media_type"]))[:200],
    }


def _all_of(reports: deque[Receipt]) -> Iterator[Receipt]:
    """Take everything that is there; steps in threads may add to it meanwhile."""
    while reports:
        yield reports.popleft()


async def written(method: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """Write what cannot be found out again: a moment without the database must not lose it."""
    for pause in WRITE_AGAIN_SECONDS:
        try:
            return await method(*arguments)
        except Exception as error:
            # SQLAlchemy wraps what the driver raised; deadlocks are among these, too.
            if not isinstance(getattr(error, "orig", error), psycopg.OperationalError):
                raise
            log.warning("run.not_written", exc_info=True)
        await asyncio.sleep(pause)
    return await method(*arguments)
