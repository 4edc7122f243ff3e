"""Driving a graph until it rests: every node's start, end and failure is noted, with who, what and how long."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Interrupt, StateSnapshot

from app.domain.run_protocol import LostRunError, Step, StepKind
from app.domain.text import storable
from app.runtime.saver import Saver
from app.runtime.step_writer import StepWriter
from assent.breakpoints import Stopped
from assent.contracts import Receipt
from assent.dialects.base import Asked
from assent.dialects.registry import understand
from assent.gate import ARTIFACT_KEY, MAX_ARTIFACT, RECEIPT_KEY
from assent.masking import mask_text
from assent.nodes import node_facts
from assent.reports import receipt_of, reporting_to
from assent.watch import Watch, seen


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
        writer: collects what happens; what is left in its journal when `run` returns has not been written yet.
        control: stops the drive between two steps.
        saver: hands what the steps write to `writer`.
        now: the portal's clock.
    """

    def __init__(
        self,
        graph: CompiledStateGraph[Any],
        config: RunnableConfig,
        facts: dict[str, dict[str, Any]],
        writer: StepWriter,
        control: RunControl,
        saver: Saver,
        now: Callable[[], datetime],
    ) -> None:
        self._graph = graph
        self._config = config
        self._facts = facts
        self._writer = writer
        self._journal = writer.journal
        self._control = control
        self._saver = saver
        self._now = now
        self._began: dict[str, float] = {}
        self._delivering: list[str] = []
        self._reports: deque[Receipt] = deque()
        self._open: set[str] = set()
        self._ended = False

    async def run(
        self, send: Any, delivering: Iterable[str] = (), watched: Collection[str] = (),
        took: Callable[[str], bool] = lambda _: True, before: StateSnapshot | None = None,
        sent: Mapping[str, str] = MappingProxyType({}),
    ) -> Rest:  # fmt: skip
        """Send the input and follow the graph until it suspends, ends, fails or is drained.

        LangGraph keeps an answer only once the node that took it has come to its end. Until that step is stored, or the
        run rests, nothing is written down that says the answer has arrived: after a crash it is sent again.

        Args:
            delivering: ids of the requests whose outcomes `send` carries.
            watched: steps that must take the answer; if one does not, the run stops before its next step.
            took: tells whether a step has.
            before: the thread as it was read; None: nothing is stored of it.
            sent: the interrupts that `send` answers, by request.

        Raises:
            LostRunError: another worker took the run up.
            OvertakenError: somebody else has gone on with the thread.
            psycopg.DatabaseError: what the steps came to cannot be written.
        """
        rest = Rest()
        self._delivering = list(delivering)
        try:
            self._writer.before = lambda step_ended: self._gather(step_ended and not rest.unheard)
            with reporting_to(self._reports.append), self._saver.taking(self._journal.run_id, watched) as passed:
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
            await self._writer.settle()
            self._journal.receipts.extend(_all_of(self._reports))
        if (rest.error is not None or rest.unheard) and self._writer.refused is None:
            # Which outcomes were taken is found out from the thread, so nothing says yet that any was.
            await self._writer.write()
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

    def _gather(self, step_ended: bool) -> None:
        """Add to the journal what is to be written with it.

        What steps have reported is stored with them, so that no step can count as completed without its receipts. Until
        the step that took an outcome is stored, such a receipt does not count as the delivery of it.

        Args:
            step_ended: a step of the graph itself is written, with whatever its tasks have taken.
        """
        self._journal.receipts.extend(_all_of(self._reports))
        self._journal.undelivered = frozenset(self._delivering)
        if step_ended and self._ended:
            self._delivered()

    async def _listen(self, data: Any, watched: Collection[str], took: Callable[[str], bool], rest: Rest) -> None:
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
            self._writer.began("|".join(namespace), data["id"])
            self._step(StepKind.STARTED, namespace, data)
        else:
            self._writer.ended("|".join(namespace), data["id"])
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
                rest.asked.extend(self.asked(data["name"], Interrupt(**interrupt)) for interrupt in interrupts)

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
        self._writer.write_soon()

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
        self._writer.write_soon()

    def _delivered(self) -> None:
        """What was sent has been taken, and LangGraph has stored that."""
        self._journal.delivered.extend(self._delivering)
        self._delivering = []
        self._journal.undelivered = frozenset()


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
