"""Graphs of the runtime's tests, driven from here as somebody's own program would drive its own."""

from __future__ import annotations

import asyncio
import queue
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from assent import Approval, Assent, AsyncAssent, Workflow, adrive, drive
from tests.sdk.conftest import Portal, Running
from tests.webprocess import SOON


class Driven:
    """A graph with a thread and an effects file of its own, and drives of it beside the test."""

    def __init__(self, portal: Portal, client: Assent, folder: Path, flow: Workflow, **more: Any) -> None:
        self.portal = portal
        self.client = client
        self.folder = folder
        self.file = folder / "effects0"
        self.file.touch()
        self.graph = flow.build()
        self.saver = InMemorySaver()
        self.graph = (
            self.graph.compile(checkpointer=self.saver)
            if hasattr(self.graph, "compile")
            else self.graph.copy({"checkpointer": self.saver})
        )
        self.config: Any = {"configurable": {"thread_id": folder.name}}
        self.input = flow.state_for({"effects": str(self.file)} | more)
        self._opened: queue.Queue[Approval] = queue.Queue()

    def start(self, given: Any = "the flow's", sync: bool = True, **more: Any) -> Running:
        """Drive it, beside the test."""
        given = self.input if given == "the flow's" else given
        settings = {"on_request": self._opened.put, "workflow": "driven"} | more

        def call() -> Any:
            return drive(self.graph, given, self.config, client=self.client, **settings)

        async def acall() -> Any:
            async with AsyncAssent(self.portal.web.url, self.portal.token) as client:
                return await adrive(self.graph, given, self.config, client=client, **settings)

        return Running(call if sync else lambda: asyncio.run(acall()))

    def next(self) -> dict[str, Any]:
        """The next request that the drive has opened or found, as the API shows it."""
        return self.portal.request(self._opened.get(timeout=SOON).id)

    def several(self, count: int) -> dict[str, dict[str, Any]]:
        """As many requests, by title."""
        found = [self.next() for _ in range(count)]
        return {request["title"]: request for request in found}

    def answer(self, request: dict[str, Any], answer: Any) -> None:
        """Have people answer."""
        self.portal.decide(request["id"], "answer", answer=answer)

    def receipt(self, request: dict[str, Any]) -> tuple[str, str]:
        """What was reported of it."""
        found = self.portal.request(request["id"])["receipt"]
        return (found["status"], found["summary"]) if found else ("", "")

    def taken(self, node: str) -> None:
        """Wait until the step of that node has taken its answer, and what came of that was reported."""
        deadline = time.monotonic() + SOON
        while any(task.name == node and not task.result for task in self.graph.get_state(self.config).tasks):
            assert time.monotonic() < deadline, f"{node} has not taken its answer"
            time.sleep(0.02)

    def effects(self) -> Counter[str]:
        """What the graph did to the outside."""
        return Counter(self.file.read_text().splitlines())

    def aside(self, name: str) -> Path:
        """A file by which the test talks to the graph's nodes."""
        return Path(f"{self.file}.{name}")

    def asks(self) -> dict[str, Any]:
        """What LangGraph itself says is pending: values by interrupt id."""
        return {
            interrupt.id: interrupt.value
            for task in self.graph.get_state(self.config).tasks
            for interrupt in task.interrupts
        }

    def past(self, resume: dict[str, Any]) -> Any:
        """Resume the thread past the driver, as another program might."""
        return self.graph.invoke(Command(resume=resume), self.config)

    def mail(self, to: str, **more: Any) -> dict[str, Any]:
        """A call of the mail tool."""
        return {"name": "send_email", "args": {"effects": str(self.file), "to": to} | more}

    def delete(self, path: str) -> dict[str, Any]:
        """A call of the tool that deletes."""
        return {"name": "delete_file", "args": {"effects": str(self.file), "path": path}}


Drivable = Callable[..., Driven]
