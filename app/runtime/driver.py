"""Driving a graph until it stops. Every node's start, end, and failure is logged with its agent, tool, and duration."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Interrupt, StateSnapshot

from app.domain.run_protocol import LostRunError, Step, StepKind
from app.domain.text import storable
from app.runtime.progress import ProgressDesk
from app.runtime.saver import Saver
from app.runtime.step_writer import StepWriter
from app.runtime.threads import LoopWork
from assent.breakpoints import Stopped
from assent.contracts import Receipt
from assent.dialects.base import Asked
from assent.dialects.registry import understand
from assent.files import RunFiles, using_files
from assent.gate import ARTIFACT_KEY, MAX_ARTIFACT, RECEIPT_KEY
from assent.lessons import Recaller, recalling_with
from assent.masking import mask_text
from assent.models.metering import Meter, metering_with
from assent.nodes import node_facts
from assent.reports import receipt_of, reporting_to
from assent.toolbox.ledger import keeping_in
from assent.toolbox.uses import ToolUse, recording_to
from assent.watch import Watch, seen

T = TypeVar("T")


@dataclass
class RunRest:
    """The state in which a drive stopped.

    Attributes:
        asked: Questions to people, from interrupts of this drive.
        error: The exception that a node raised; None if none did.
        drained: The drive stopped between steps because of a drain request.
        values: The graph's values at the end of its last step.
        stopped: Breakpoints at which the drive stopped.
        unheard: Steps that should have read an outcome but apparently have not. The run stopped after them.
        passed: Steps of which nothing was stored because they have not read their outcome.
        failed: A step raised an exception, whether or not the run continued without it.
    """

    asked: list[Asked] = field(default_factory=list)
    error: Exception | None = None
    drained: bool = False
    values: Any = None
    stopped: list[Stopped] = field(default_factory=list)
    unaccepted: list[str] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    failed: bool = False


class Driver:
    """One drive of one thread.

    Args:
        graph: Compiled with the portal's checkpointer.
        facts: Title, agent, and tool of each node.
        writer: Collects what happens. Whatever is in its journal when `run` returns has not been written yet.
        control: Stops the drive between two steps.
        saver: Passes what the steps write to `writer`.
        now: The portal's clock.
        begin_call: Stores durably that an approved call begins; False if it had begun before.
        files: Opens and saves the run's files; None: as outside of the portal.
        recall: Finds lessons for what steps are about to propose; None: there are none.
        meter: Stores what the steps use of models; None: nobody counts.
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
        begin_call: Callable[[str], Coroutine[Any, Any, bool]],
        files: RunFiles | None = None,
        recall: Recaller | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._graph = graph
        self._config = config
        self._facts = facts
        self._writer = writer
        self._journal = writer.journal
        self._control = control
        self._saver = saver
        self._now = now
        self._begin_call = begin_call
        self._files = files
        self._recall = recall
        self._meter = meter
        self._began: dict[str, float] = {}
        self._delivering: list[str] = []
        self._reports: deque[Receipt] = deque()
        self._uses: deque[ToolUse] = deque()
        self._progress = ProgressDesk(control, writer, writer.runs_one_step)
        self._open: set[str] = set()
        self._ended = False
        self.only_this_step = False
        """Whether the drive stops as soon as a step of the outermost graph has ended."""

    async def run(
        self, send: Any, delivering: Iterable[str] = (), watched: Collection[str] = (),
        took: Callable[[str], bool] = lambda _: True, before: StateSnapshot | None = None,
        sent: Mapping[str, str] = MappingProxyType({}),
    ) -> RunRest:  # fmt: skip
        """Send the input and follow the graph until it is suspended, ends, fails, or is drained.

        LangGraph stores an answer only when the node that read it has ended. Until that step is stored, or the run
        stops, nothing records that the answer was delivered, so that it is sent again after a crash.

        Args:
            delivering: IDs of the requests whose outcomes `send` carries.
            watched: Steps that must read their outcome; if one does not, the run stops before its next step.
            took: Returns whether a step has read its outcome.
            before: The thread as it was read; None if nothing is stored of it.
            sent: The interrupts that `send` answers, by request.

        Raises:
            LostRunError: Another worker took over the run.
            OvertakenError: Something else has continued the thread.
            psycopg.DatabaseError: The results of the steps cannot be written.
        """
        rest = RunRest()
        self._delivering = list(delivering)
        try:
            self._writer.before = lambda step_ended: self._gather(step_ended and not rest.unaccepted)
            with self._heard(), self._saver.taking(self._journal.run_id, watched) as passed:
                rest.passed = passed
                await self._follow(send, Watch(self._graph, before, rest.stopped.append, sent), watched, took, rest)
        except GraphDrained:
            rest.drained = True
        except LostRunError:
            raise
        except Exception as error:
            rest.error = seen(error)
            rest.unaccepted.extend(rest.passed.difference(rest.unaccepted))
        finally:
            await self._writer.settle()
            self._journal.receipts.extend(_all_of(self._reports))
            self._journal.tool_uses.extend(_all_of(self._uses))
            self._journal.progress.extend(self._progress.take())
        if (rest.error is not None or rest.unaccepted) and self._writer.refused is None:
            # The thread shows which outcomes were read, so nothing is recorded as delivered yet.
            await self._writer.write()
        if self._ended or not rest.drained:
            self._delivered()
        return rest

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Hear what steps report, and which tools and models they call; open and save files, recall lessons."""
        begin = ledger_of(self._begin_call)
        contexts = (
            reporting_to(self._reports.append), recording_to(self._uses.append), keeping_in(begin),
            using_files(self._files), recalling_with(self._recall), metering_with(self._meter), self._progress.open(),
        )  # fmt: skip
        with ExitStack() as stack:
            for context in contexts:
                stack.enter_context(context)
            yield

    async def _follow(
        self, send: Any, watch: Watch, watched: Collection[str], took: Callable[[str], bool], rest: RunRest
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
        """Add everything to the journal that must be written with it.

        The receipts of a step are stored together with it, so that no step can be completed without its receipts. Until
        the step that read an outcome is stored, such a receipt does not count as delivery of the outcome.

        Args:
            step_ended: A step of the graph itself is being written, with the outcomes that its tasks have read.
        """
        self._journal.receipts.extend(_all_of(self._reports))
        self._journal.tool_uses.extend(_all_of(self._uses))
        self._journal.progress.extend(self._progress.take())
        self._journal.undelivered = frozenset(self._delivering)
        if step_ended and self._ended:
            self._delivered()

    async def _listen(self, data: Any, watched: Collection[str], took: Callable[[str], bool], rest: RunRest) -> None:
        """Stop before the next step if a step has ended without reading its outcome."""
        if data["id"] not in watched or "triggers" in data or data["error"] is not None:
            return
        await asyncio.sleep(0)  # its writes are just being passed to the saver
        if not took(data["id"]):
            rest.unaccepted.append(data["id"])
            self._control.request_drain("unheard")

    def _take(self, kind: str, namespace: tuple[str, ...], data: Any, rest: RunRest) -> None:
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
                if self.only_this_step:
                    self._control.request_drain("asks before the next step")
                self._open.discard(data["id"])
                rest.asked.extend(self.asked(data["name"], Interrupt(**interrupt)) for interrupt in interrupts)

    def asked(self, node: str, interrupt: Interrupt) -> Asked:
        """Return the question of a node's interrupt."""
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
            # From a graph that a step runs itself, or from another SDK.
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
        """Record that the outcomes were read, and that LangGraph has stored this."""
        self._journal.delivered.extend(self._delivering)
        self._delivering = []
        self._journal.undelivered = frozenset()


def _artifact(said: dict[str, Any]) -> dict[str, str]:
    """Return an artifact that can be stored, whatever the workflow has passed."""
    return {
        "name": storable(mask_text(str(said["name"])))[:200],
        "content": storable(mask_text(str(said["content"])[:MAX_ARTIFACT])),
        "media_type": storable(str(said["media_type"]))[:200],
    }


def ledger_of(begin_call: Callable[[str], Coroutine[Any, Any, bool]]) -> Callable[[str], bool]:
    """Return a ledger for steps, which call it from threads."""
    work = LoopWork()

    def begin(key: str) -> bool:
        return work.wait(begin_call(key), "apply")

    return begin


def _all_of(reports: deque[T]) -> Iterator[T]:
    """Remove and yield all reports; steps in threads may add more meanwhile."""
    while reports:
        yield reports.popleft()
