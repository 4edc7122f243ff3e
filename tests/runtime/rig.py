"""Advancers in this process, on a real database with LangGraph's own saver: each advance is one call."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from langgraph.types import Command
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import text

from app.domain.ballot import Ballot
from app.domain.people import Actor, Role, Via
from app.runtime.advance import Advancer
from app.runtime.leases import Leases
from app.runtime.library import Library, find_workflows
from app.runtime.saver import Saver
from app.services.bundle import build_services
from app.services.reading.pages import RequestView
from app.services.runs.catalog import publish_catalog
from app.store.engine import make_engine
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from app.worker.adapter import worker_store
from app.worker.files import FilesOfRun
from app.worker.lessons import recaller_of
from assent.contracts import Verdict
from tests import flows
from tests.factories import make_person
from tests.runtime import (
    agent_flows,
    breakpoint_flows,
    caching_flows,
    file_flows,
    guard_flows,
    lesson_flows,
    progress_flows,
    swallowing_flows,
    tool_flows,
)

_FLOWS = (flows, guard_flows, agent_flows, swallowing_flows, caching_flows, breakpoint_flows, tool_flows, file_flows,
          lesson_flows, progress_flows)  # fmt: skip
WRITTEN = sorted(map(str, Path(__file__).parent.glob("written/*/workflow.yaml")))
WORKFLOWS = [*",".join(module.ALL for module in _FLOWS).split(","), "workflows.coordinator:WORKFLOW", *WRITTEN]


async def until(condition: Callable[[], Any]) -> Any:
    """Wait for what another thread, task or process brings about; gives what the condition gave."""
    while not (found := await asyncio.to_thread(condition)):  # noqa: ASYNC110 - it may happen in another process
        await asyncio.sleep(0.005)
    return found


class Rig:
    """Services, a library, and as many advancers as a test wants, all on one event loop that only runs inside calls."""

    def __init__(self, database_url: str, workflows: Sequence[str] = WORKFLOWS) -> None:
        self.url = database_url
        self._workflows = workflows
        self.loop = asyncio.new_event_loop()
        self.services = build_services(make_engine(database_url, application_name="assent tests"), secret_key="k" * 40)
        self.checkpoints, self.runs, self.views = self.services.checkpoints, self.services.runs, self.services.views
        self.starter = make_person(self.services.sessions, "Release engineer", [Role.REVIEWER]).as_actor(Via.PAGE)
        self.reviewer = make_person(self.services.sessions, "DBA on call", [Role.REVIEWER]).as_actor(Via.PAGE)
        self.second = make_person(self.services.sessions, "SRE", [Role.REVIEWER]).as_actor(Via.PAGE)
        self.lost: list[str] = []
        self._leases: dict[str, Leases] = {}
        self._stores: dict[str, AsyncExitStack] = {}
        self._stack = AsyncExitStack()
        self.folder = Path()

    def __enter__(self) -> Self:
        self.do(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.do(self._stack.aclose())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.services.engine.dispose()

    def do(self, work: Any) -> Any:
        """Run something asynchronous to its end."""
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    async def _open(self) -> None:
        self.pool = AsyncConnectionPool(
            self.url, min_size=1, max_size=6, open=False, connection_class=psycopg.AsyncConnection,
            kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        )  # fmt: skip
        await self._stack.enter_async_context(self.pool)
        self.advancer = await self.another("first")
        self.library = self.advancer.library
        publish_catalog(self.services.sessions, self.library.describe())

    async def another(self, name: str) -> Advancer:
        """An advancer with a lease connection of its own, as another worker would be."""
        leases = Leases(self.url, lambda: self.lost.append(name))
        self._leases[name] = await self._stack.enter_async_context(leases)
        self._stores[name] = await self._stack.enter_async_context(AsyncExitStack())
        store = await self._stores[name].enter_async_context(worker_store(self.url, self.pool, self.services.clock))
        library = Library(find_workflows(self._workflows).workflows, Saver(self.pool))
        return Advancer(
            library, store, leases,
            partial(FilesOfRun, self.services.files, self.services.saved_files, self.services.file_access),
            partial(recaller_of, self.services.recalling),
        )  # fmt: skip

    async def died(self) -> None:
        """What the end of its process does after a canceled advance.

        Its locks and its connections are gone, and a new worker comes.
        """
        connection = self._leases["first"]._connection
        assert connection is not None
        backend = connection.info.backend_pid
        await self._leases["first"].__aexit__(None, None, None)
        await self._stores["first"].aclose()
        await until(lambda: not self.sql("select 1 from pg_stat_activity where pid = :pid", pid=backend))
        self.advancer = await self.another("first")
        self.library = self.advancer.library

    # A run, step by step

    def begin(self, workflow: str, advance: bool = True, **run_input: Any) -> str:
        """Start a run with an effects file of its own; by default advance it to where it rests."""
        number = len(list(self.folder.glob("effects*")))
        effects = self.folder / f"effects{number}"
        effects.touch()
        run_id = self.runs.start(self.starter, workflow, {"effects": str(effects)} | run_input).id
        if advance:
            self.advance(run_id)
        return run_id

    def begin_approved(self, workflow: str, **run_input: Any) -> tuple[str, ApprovalRequest]:
        """Start a run and approve the one request that it waits for; the next advance delivers the approval."""
        run_id = self.begin(workflow, **run_input)
        request = self.only(run_id)
        self.decide(request)
        return run_id, request

    def advance(self, run_id: str) -> None:
        """What the worker's job does."""
        self.do(self.advancer.advance(run_id))

    def pending(self, run_id: str) -> list[ApprovalRequest]:
        """What the run waits for."""
        return self.checkpoints.pending(run_id)

    def only(self, run_id: str) -> ApprovalRequest:
        """The one request the run waits for."""
        [request] = self.pending(run_id)
        return request

    def decide(
        self, request: ApprovalRequest, verdict: Verdict = Verdict.APPROVE, by: Actor | None = None, **values: Any
    ) -> None:
        """Decide on what is shown; does not advance the run. Where two are needed, both agree."""
        result = self.checkpoints.decide(request.id, by or self.reviewer, Ballot(verdict, request.digest, **values))
        if not result.resolved:
            now = self.request(request)
            self.checkpoints.decide(request.id, self.second, Ballot(Verdict.APPROVE, now.digest))

    def answer(self, request: ApprovalRequest, answer: Any) -> None:
        """Answer a question; does not advance the run."""
        self.decide(request, Verdict.ANSWER, answer=answer)

    # Looking

    def run(self, run_id: str) -> Run:
        """The run as stored."""
        return self.views.run(run_id, self.reviewer).run

    def state(self, run_id: str) -> str:
        """The run's state."""
        return self.run(run_id).state

    def request(self, request: ApprovalRequest) -> ApprovalRequest:
        """The request as stored now."""
        return self.view(request).request

    def view(self, request: ApprovalRequest) -> RequestView:
        """The request's page."""
        return self.views.request(request.id, self.reviewer)

    def requests(self, run_id: str) -> list[ApprovalRequest]:
        """All requests of the run, oldest first."""
        return self.views.run(run_id, self.reviewer).requests

    def effects(self, run_id: str) -> Counter[str]:
        """What the run has done to the outside."""
        return Counter(Path(self.run(run_id).input["effects"]).read_text().splitlines())

    def aside(self, run_id: str, name: str) -> Path:
        """The file by which the test talks to the run's nodes."""
        return Path(f"{self.run(run_id).input['effects']}.{name}")

    def release(self, run_id: str) -> None:
        """Let the run's slow step go on."""
        flows.released(self.run(run_id).input["effects"]).set()

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Something a test does behind everybody's back."""
        with self.services.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    # The thread itself

    def thread(self, run_id: str) -> Any:
        """LangGraph's own state of the run."""
        graph = self.library.graph(self.run(run_id).workflow)
        return self.do(graph.aget_state({"configurable": {"thread_id": run_id}}))

    def asks(self, run_id: str) -> dict[str, Any]:
        """What LangGraph itself says is pending: values by interrupt id."""
        return {interrupt.id: interrupt.value for task in self.thread(run_id).tasks for interrupt in task.interrupts}

    def invoke(self, run_id: str, resume: dict[str, Any]) -> Any:
        """Resume the thread past the portal, as somebody else's program might."""
        graph = self.library.graph(self.run(run_id).workflow)
        return self.do(graph.ainvoke(Command(resume=resume), {"configurable": {"thread_id": run_id}}))

    def finish(self, run_id: str) -> dict[str, Any]:
        """Make sure that the run has completed, and return its final state."""
        run = self.run(run_id)
        assert (run.state, run.error) == ("completed", None), (run.state, run.error)
        return run.result
