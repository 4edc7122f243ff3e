"""Driving a graph until it rests: every node's start, end and failure is noted, with who, what and how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import Interrupt
from pydantic import ValidationError

from app.domain.running import Asked, Journal, LostRunError, Step, StepKind
from app.runtime.dialects.registry import understand
from app.runtime.library import node_facts
from assent.contracts import Receipt
from assent.gate import ARTIFACT_KEY, RECEIPT_KEY
from assent.masking import mask, mask_text

log = structlog.get_logger(__name__)
NOTE_AFTER_SECONDS = 0.1
"""Steps are written this long after they happen, together with what else has happened by then."""
MAX_ARTIFACT = 5_000_000

Writer = Callable[[Journal], Awaitable[None]]


@dataclass
class Rest:
    """How a drive came to rest.

    Attributes:
        asked: what the run asks of people, from interrupts of this drive.
        error: what a node raised; None when none did.
        drained: it stopped between steps because it was told to.
    """

    asked: list[Asked] = field(default_factory=list)
    error: Exception | None = None
    drained: bool = False


class Driver:
    """One drive of one thread.

    Args:
        graph: compiled with the portal's checkpointer.
        facts: title, agent and tool of each node.
        journal: collects what happens; what is left in it when `run` returns has not been written yet.
        note: writes a journal while the drive goes on.
        control: stops the drive between two steps.
    """

    def __init__(
        self,
        graph: CompiledStateGraph[Any],
        config: RunnableConfig,
        facts: dict[str, dict[str, Any]],
        journal: Journal,
        note: Writer,
        control: RunControl,
    ) -> None:
        self._graph = graph
        self._config = config
        self._facts = facts
        self._journal = journal
        self._note = note
        self._control = control
        self._began: dict[str, float] = {}
        self._writing: asyncio.Task[None] | None = None
        self._rested = asyncio.Event()

    async def run(self, send: Any) -> Rest:
        """Send the input and follow the graph until it suspends, ends, fails or is drained.

        Raises:
            LostRunError: another worker took the run up.
        """
        rest = Rest()
        try:
            stream = self._graph.astream(
                send,
                self._config,
                stream_mode=["tasks", "custom"],
                durability="sync",
                subgraphs=True,
                control=self._control,
                version="v2",
            )
            async for part in stream:
                self._take(part["type"], part["ns"], part["data"], rest)
        except GraphDrained:
            rest.drained = True
        except LostRunError:
            raise
        except Exception as error:
            rest.error = error
        finally:
            await self._settle()
        return rest

    def _take(self, kind: str, namespace: tuple[str, ...], data: Any, rest: Rest) -> None:
        if kind == "custom":
            self._custom(data)
        elif "triggers" in data:
            self._step(StepKind.STARTED, namespace, data)
        else:
            interrupts = data["interrupts"]
            failed = data["error"] is not None
            self._step(
                StepKind.FAILED if failed else StepKind.ENDED,
                namespace,
                data,
                suspended=bool(interrupts),
                error=mask_text(str(data["error"]))[:2000] if failed else "",
            )
            if not namespace:
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
        self._journal.steps.append(
            Step(
                kind, datetime.now(UTC), task, "/".join([*parents, name]), facts["title"], facts["agent"], facts["tool"],
                ms, suspended, error,
            )
        )  # fmt: skip
        self._write_soon()

    def _custom(self, data: Any) -> None:
        if not isinstance(data, dict):
            return
        if RECEIPT_KEY in data:
            try:
                self._journal.receipts.append(Receipt.model_validate(mask(data[RECEIPT_KEY])[0]))
            except ValidationError:
                log.warning("receipt.unusable", exc_info=True)
        elif ARTIFACT_KEY in data:
            artifact = data[ARTIFACT_KEY]
            content = mask_text(str(artifact["content"])[:MAX_ARTIFACT])
            self._journal.artifacts.append({**artifact, "name": str(artifact["name"])[:200], "content": content})
        else:
            return
        self._write_soon()

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
