"""Advancing one run: claim it, check its thread, drive its graph, and store the state in which it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import psycopg
import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.constants import START
from langgraph.errors import is_invalid_resume
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import RunControl
from langgraph.types import StateSnapshot

from app.domain.errors import InvalidInputError
from app.domain.misfits import check_schemas
from app.domain.run_protocol import Job, JobNotTakenError, Journal, LostRunError, RunBusyError, RunSnapshot, RunStore
from app.runtime.driver import Driver, RunRest
from app.runtime.leases import Leases
from app.runtime.library import Library, WorkflowError
from app.runtime.loading import told
from app.runtime.metering import RunMeter
from app.runtime.saver import OvertakenError
from app.runtime.step_writer import StepWriter, written
from assent.contracts import Receipt, ReceiptStatus
from assent.dialects.base import Asked, jsonable
from assent.dialects.breakpoint import Stop, is_on_request
from assent.dialects.failure import failure_document, failure_schema
from assent.dialects.registry import value_digest
from assent.errors import SwallowedGateError
from assent.files import RunFiles
from assent.guard import PASSED_OVER, failed_tasks, plan, waiting_interrupts, watched_requests
from assent.lessons import Recaller
from assent.masking import mask, mask_text
from assent.models.budgets import Budget
from assent.models.errors import StoppedByPeopleError
from assent.thread import aread, missing_nodes, read_thread, unaccepted
from assent.toolbox.context import FOR_WHOM

log = structlog.get_logger(__name__)
_NO_LIMIT = Budget()
OTHER_VERSION = (
    "This run was started with version {1} of “{0}”, but version {2} is installed. Nothing was done. "
    "Retry it where version {1} is installed, or cancel it and start a new run."
)
MISSING_NODES = (
    "This run has reached {0}, which the installed workflow does not have. Nothing was done. "
    "Retry it where the workflow has it, or cancel it and start a new run."
)

RETRY_ASKS = (
    "Retrying runs that step again from its start, and it requests approval again. What it has done so far may be done "
    "twice."
)


class Advancer:
    """Advances runs that this process holds as far as they go without a person.

    Args:
        files: Returns what opens and saves the files of a run in an attempt; None: no run has any.
        recaller: Returns what finds lessons for a run; None: there are none.
        budget: What the models of a run may cost; a workflow can set a smaller limit.
    """

    def __init__(
        self, library: Library, store: RunStore, leases: Leases, files: Callable[[str, int], RunFiles] | None = None,
        recaller: Callable[[str], Recaller] | None = None, budget: Budget = _NO_LIMIT,
    ) -> None:  # fmt: skip
        self.library = library
        self._files = files
        self._recaller = recaller
        self.budget = budget
        self._store = store
        self._leases = leases
        self._controls: dict[str, RunControl] = {}
        self._cut_short: set[str] = set()

    async def advance(self, run_id: str, job: Job | None = None) -> bool:
        """Advance the run until it waits for a person, ends, or is paused.

        Args:
            job: The job that this serves. It is finished in the transaction that stores where the run stopped.

        Returns:
            True if the run was advanced; False if there was nothing to do, or another worker took over the run.

        Raises:
            RunBusyError: The run is already being advanced, here or by another process.
            JobNotTakenError: The job could not be claimed, and nothing was done.
        """
        if run_id in self._controls or run_id in self._cut_short:
            if job is not None and job.worker is not None:
                raise JobNotTakenError("This run is being advanced here.", run_id=run_id)
            raise RunBusyError("This run is being advanced here.", run_id=run_id)
        with structlog.contextvars.bound_contextvars(run_id=run_id):
            try:
                return await self._once(run_id, job)
            except LostRunError:
                log.warning("run.lost")
                return False
            except asyncio.CancelledError:
                # Code in a thread cannot be canceled and keeps running: nobody may repeat it while this process lives.
                self._cut_short.add(run_id)
                raise

    def steer(self, run_id: str, act: str = "") -> None:
        """Stop the run before its next step if it is being advanced here, because somebody wants that.

        Args:
            act: ``pause`` or ``cancel``, with which a step may also end early (`app.runtime.progress`); or empty.
        """
        if control := self._controls.get(run_id):
            control.request_drain(act or "steered")

    def drain(self) -> None:
        """Stop all runs before their next step, because this process is about to end."""
        for control in self._controls.values():
            control.request_drain("shutdown")

    @property
    def active(self) -> list[str]:
        """IDs of the runs that are being advanced here."""
        return list(self._controls)

    async def _once(self, run_id: str, job: Job | None) -> bool:
        # Registered before the run is claimed, so that a request to pause it is noticed from then on.
        self._controls[run_id] = RunControl()
        try:
            snapshot = await self._store.begin(run_id, self._leases.key, job, self.library.saver.newest(run_id))
            if snapshot is not None:
                journal = Journal(run_id, job=job.id if job else None, began=self._store.now())
                await self._advance_claimed(snapshot, journal)
            return snapshot is not None
        finally:
            del self._controls[run_id]

    async def _advance_claimed(self, snapshot: RunSnapshot, journal: Journal) -> None:
        try:
            graph = self.library.graph(snapshot.workflow)
            workflow = self.library.workflow(snapshot.workflow)
            initial = workflow.state_for(snapshot.input) if snapshot.attempt == 1 else None
        except (WorkflowError, ValueError) as error:
            await written(self._store.fail, snapshot.attempt, journal, mask_text(str(error)))
            return
        except Exception as error:
            log.warning("run.no_state", exc_info=True)
            problem = f"The input cannot be turned into a state: {told(error)}"
            await written(self._store.fail, snapshot.attempt, journal, problem)
            return
        if snapshot.version != workflow.version:
            # The other graph may lack the node that requested approval, and the run would then seem to be completed.
            problem = OTHER_VERSION.format(workflow.title, snapshot.version, workflow.version)
            await written(self._store.fail, snapshot.attempt, journal, problem)
            return
        saver = self.library.saver
        writer = StepWriter(graph, journal, partial(self._store.note, snapshot.attempt))
        # A run that was never claimed before cannot have stored anything.
        reading = saver.reading_once(snapshot.id, new=initial is not None, row=snapshot.read)
        with reading, saver.kept_by(snapshot.id, writer):
            try:
                await self._drive(snapshot, graph, initial, writer)
            except (OvertakenError, psycopg.DatabaseError) as error:
                if not await _is_refused(writer, error):
                    raise
                log.error("run.broken", exc_info=True)
                config: RunnableConfig = {"configurable": {"thread_id": snapshot.id}}
                self._not_taken(snapshot, await aread(graph, read_thread(config)), journal)
                await written(self._store.fail, snapshot.attempt, journal, mask_text(f"{writer.refused}"))

    async def _drive(
        self, snapshot: RunSnapshot, graph: CompiledStateGraph[Any], initial: Any, writer: StepWriter
    ) -> None:
        config: RunnableConfig = {"configurable": {"thread_id": snapshot.id, FOR_WHOM: snapshot.started_by}}
        if initial is not None and snapshot.ask_next:
            # Stored without a step having run: there is a next step to ask about.
            await graph.aupdate_state(config, initial, as_node=START)
            await writer.settle()
            initial = None
        if initial is None:
            await self._go_on(snapshot, graph, config, writer)
        else:
            driver = self._driver(snapshot, graph, config, writer)
            await self._rest(snapshot, graph, config, driver, writer, await driver.run(initial))

    def _driver(
        self, snapshot: RunSnapshot, graph: CompiledStateGraph[Any], config: RunnableConfig, writer: StepWriter
    ) -> Driver:
        facts = self.library.node_facts(snapshot.workflow)
        budget = self.budget.within(self.library.workflow(snapshot.workflow).model_budget or _NO_LIMIT)
        return Driver(
            graph, config, facts, writer, self._controls[snapshot.id], self.library.saver, self._store.now,
            partial(self._store.begin_call, snapshot.id, snapshot.attempt),
            self._files(snapshot.id, snapshot.attempt) if self._files else None,
            self._recaller(snapshot.id) if self._recaller else None,
            RunMeter(self._store, snapshot.id, snapshot.attempt, budget, facts),
        )  # fmt: skip

    async def _go_on(
        self, snapshot: RunSnapshot, graph: CompiledStateGraph[Any], config: RunnableConfig, writer: StepWriter
    ) -> None:
        """Continue a stored thread with the outcomes that fit it, and repeat while outcomes wait for their turn."""
        facts, journal = self.library.node_facts(snapshot.workflow), writer.journal
        driver = self._driver(snapshot, graph, config, writer)
        state = await aread(graph, read_thread(config))
        breakpoints = self.library.breakpoints(snapshot.workflow)
        asked = {*snapshot.open, *(delivery.interrupt_id for delivery in snapshot.deliveries)}
        stops = [*await aread(graph, breakpoints.stops(state)), *breakpoints.known_inside(state, asked)]
        stops = stops or await self._on_request(snapshot, graph, state, asked)
        todo = plan(state, snapshot.deliveries, snapshot.open, self._first_input(snapshot, state), stops)
        # The graph omits tasks whose node it lacks: a thread that seems answered or finished may be at such a node.
        if (todo.finished or todo.unseen) and (missing := await aread(graph, missing_nodes(graph.nodes, config))):
            problem = MISSING_NODES.format(", ".join(f"“{node}”" for node in missing))
            await written(self._store.fail, snapshot.attempt, journal, problem)
            return
        journal.unseen |= frozenset(todo.unseen)
        journal.reported |= snapshot.reported
        for request_id, reason in todo.refused.items():
            await self._store.refuse(snapshot.id, snapshot.attempt, request_id, reason)
        if todo.held:
            await self._store.hold(snapshot.id, snapshot.attempt, todo.held)
        if todo.end or todo.finished or todo.wait:
            journal.delivered.extend(todo.delivered)
        if todo.end:
            if todo.start_over:
                await graph.aupdate_state(config, None)
            await written(self._store.fail, snapshot.attempt, journal, mask_text(todo.end))
        elif todo.finished:
            await written(self._store.complete, snapshot.attempt, journal, _result(state.values))
        elif todo.wait:
            # LangGraph keeps the error of a step that was retried since; the question about it is closed then.
            failed = not failed_tasks(state).keys().isdisjoint(snapshot.open)
            await self._suspend(snapshot, [*self._pending(state, driver, facts, failed), *_asked(stops)], journal)
        else:
            if snapshot.ask_next and stops:
                await self._store.passed_on_request(snapshot.id, snapshot.attempt)
            # With no stop here, a step is under way, and the next one is behind it.
            driver.only_this_step = bool(snapshot.ask_next and not stops)
            if todo.skip:
                await self._store.doubt(snapshot.id, snapshot.attempt)
                for node in todo.skip:
                    await graph.aupdate_state(config, {}, as_node=node)
                await writer.settle()
                # The graph has not stopped here itself; if it continued now, it would pass the breakpoint.
                state = await aread(graph, read_thread(config))
                stops = await aread(graph, breakpoints.stops(state))
                if stops := stops or await self._on_request(snapshot, graph, state, ()):
                    journal.delivered.extend(todo.delivered)
                    await self._suspend(snapshot, _asked(stops), journal)
                    return
            watched = watched_requests(state, todo, snapshot.deliveries)
            took = partial(self.library.saver.took, snapshot.id)
            sent = {delivery.request_id: delivery.interrupt_id for delivery in snapshot.deliveries}
            rest = await driver.run(todo.send, todo.delivered, watched, took, state, sent)
            if rest.unaccepted and (lost := await aread(graph, unaccepted(state, rest.unaccepted))):
                await self._passed_over(snapshot, [watched[task_id] for task_id in lost], journal)
                return
            later = replace(snapshot, deliveries=list(todo.later))
            if rest.error is not None and is_invalid_resume(rest.error):
                now = await aread(graph, read_thread(config))
                await self._not_accepted(snapshot, now, todo.delivered, rest, journal)
                await self._go_on(later, graph, config, writer)
            elif todo.later and rest.asked and rest.error is None and not rest.drained:
                await self._go_on(later, graph, config, writer)
            else:
                await self._rest(snapshot, graph, config, driver, writer, rest)

    async def _on_request(
        self, snapshot: RunSnapshot, graph: CompiledStateGraph[Any], state: StateSnapshot, asked: Collection[str]
    ) -> list[Stop]:
        """Return the stop before the next step if somebody wants one, or if people have been asked about it."""
        if not snapshot.ask_next and not any(map(is_on_request, asked)):
            return []
        found = await aread(
            graph, self.library.breakpoints(snapshot.workflow).before_next_step(state, snapshot.ask_next)
        )
        return [found] if found and (snapshot.ask_next or found.id in asked) else []

    def _first_input(self, snapshot: RunSnapshot, state: StateSnapshot) -> Any:
        if state.created_at is not None:
            return None
        return self.library.workflow(snapshot.workflow).state_for(snapshot.input)

    async def _rest(
        self,
        snapshot: RunSnapshot,
        graph: CompiledStateGraph[Any],
        config: RunnableConfig,
        driver: Driver,
        writer: StepWriter,
        rest: RunRest,
    ) -> None:
        """Store the state in which a drive stopped."""
        journal = writer.journal
        journal.doubtful |= rest.failed and rest.error is None
        if rest.drained:
            if journal.doubtful:
                await self._store.doubt(snapshot.id, snapshot.attempt)
            await written(self._store.drained, snapshot.attempt, journal)
            return
        if rest.asked and rest.error is None and not rest.stopped:
            await self._suspend(snapshot, rest.asked, journal)
            return
        if rest.error is None and not rest.stopped:
            await written(self._store.complete, snapshot.attempt, journal, _result(rest.values))
            return
        state = await aread(graph, read_thread(config))
        stops = await self._stops(snapshot, graph, state, rest)
        facts = self.library.node_facts(snapshot.workflow)
        if rest.error is None:
            if asked := [*self._pending(state, driver, facts, failed=False), *_asked(stops)]:
                await self._suspend(snapshot, asked, journal)
            else:
                await written(self._store.complete, snapshot.attempt, journal, _result(rest.values))
            return
        self._not_taken(snapshot, state, journal)
        if isinstance(rest.error, SwallowedGateError | StoppedByPeopleError):
            await written(self._store.fail, snapshot.attempt, journal, mask_text(str(rest.error)))
        elif not any(task.error for task in state.tasks):
            if isinstance(rest.error, psycopg.OperationalError):
                # The database was unreachable for a while. That is not the run's fault, and its job is retried.
                raise rest.error
            # No node failed, but the graph itself, its input, or our own store did.
            log.error("run.broken", exc_info=rest.error)
            await written(self._store.fail, snapshot.attempt, journal, mask_text(f"{rest.error}"))
        else:
            asked = [*self._pending(state, driver, facts, True, rest.error), *_asked(stops)]
            await self._suspend(snapshot, asked, journal)

    async def _stops(
        self, snapshot: RunSnapshot, graph: CompiledStateGraph[Any], state: StateSnapshot, rest: RunRest
    ) -> list[Stop]:
        """Return the breakpoints at which the thread is after a drive."""
        breakpoints = self.library.breakpoints(snapshot.workflow)
        found = await aread(graph, breakpoints.stops(state))
        return [*found, *breakpoints.hidden(state, rest.stopped, found)]

    async def _suspend(self, snapshot: RunSnapshot, asked: list[Asked], journal: Journal) -> None:
        """Suspend the run for decisions. If somebody paused it meanwhile, it requests them when resumed."""
        if fault := _unusable_schema(asked):
            await written(self._store.fail, snapshot.attempt, journal, fault)
            return
        if not await written(self._store.suspend, snapshot.id, snapshot.attempt, asked, journal):
            await written(self._store.drained, snapshot.attempt, journal)

    async def _passed_over(self, snapshot: RunSnapshot, lost: list[str], journal: Journal) -> None:
        """Fail the run: its step continued without reading the outcome, and may have done what people rejected."""
        journal.delivered = [request_id for request_id in journal.delivered if request_id not in lost]
        journal.receipts = [receipt for receipt in journal.receipts if receipt.request_id not in lost]
        journal.receipts += [
            Receipt(request_id=request_id, status=ReceiptStatus.FAILED, summary=PASSED_OVER) for request_id in lost
        ]
        await written(self._store.fail, snapshot.attempt, journal, f"{PASSED_OVER} {RETRY_ASKS}")

    async def _not_accepted(
        self, snapshot: RunSnapshot, state: StateSnapshot, sent: tuple[str, ...], rest: RunRest, journal: Journal
    ) -> None:
        """Request a decision again, because the step rejected the outcome for a reason that only its own code knows."""
        self._not_taken(snapshot, state, journal)
        waiting = waiting_interrupts(state)
        reason = mask_text(f"The answer does not fit the question of the run: {rest.error}")[:2000]
        for delivery in snapshot.deliveries:
            if delivery.request_id in sent and delivery.interrupt_id in waiting:
                await self._store.refuse(snapshot.id, snapshot.attempt, delivery.request_id, reason)

    @staticmethod
    def _not_taken(snapshot: RunSnapshot, state: StateSnapshot, journal: Journal) -> None:
        """Keep outcomes pending whose steps could not read them because of a failure."""
        waiting = waiting_interrupts(state)
        lost = {delivery.request_id for delivery in snapshot.deliveries if delivery.interrupt_id in waiting}
        journal.delivered = [request_id for request_id in journal.delivered if request_id not in lost]
        journal.receipts = [receipt for receipt in journal.receipts if receipt.request_id not in lost]

    @staticmethod
    def _pending(
        state: StateSnapshot, driver: Driver, facts: dict[str, dict[str, Any]], failed: bool,
        error: Exception | None = None,
    ) -> list[Asked]:  # fmt: skip
        """Return everything for which the stored thread waits: interrupts and, if `failed`, steps that failed."""
        waiting = waiting_interrupts(state)
        asked = [
            driver.asked(task.name, interrupt)
            for task in state.tasks
            for interrupt in task.interrupts
            if interrupt.id in waiting
        ]
        for name, task in failed_tasks(state).items() if failed else ():
            said = facts.get(task.name, {"title": task.name, "skippable": False, "agent": ""})
            # The stored error is a text; the exception has the traceback, if it is the same error.
            cause = error if error is not None and repr(error) == str(task.error) else str(task.error)
            document = failure_document(task.name, said["title"], cause, said["skippable"])
            digest, schema = value_digest(str(task.error), None), failure_schema(document)
            asked.append(Asked(name, "error", document, digest, schema, task.name, said["agent"]))
        return asked


async def _is_refused(writer: StepWriter, error: Exception) -> bool:
    """Return True if a run cannot be stored because of LangGraph's data, not a fault of the portal."""
    if writer.refused is None and writer.journal.stored and not isinstance(error, psycopg.OperationalError):
        # The data was to be written with the run's state. Writing it alone shows which of the two is at fault.
        with suppress(OvertakenError, psycopg.DatabaseError):
            await writer.write()
    return writer.refused is not None


def _asked(stops: Iterable[Stop]) -> list[Asked]:
    return [stop.asked() for stop in stops]


def _unusable_schema(asked: list[Asked]) -> str:
    """Return why nobody can answer with a JSON Schema of the run's questions; empty if all of them are usable."""
    for request in asked:
        try:
            check_schemas(request.document, request.response_schema)
        except InvalidInputError as error:
            words = "; ".join(f"{field}: {fault}" for field, fault in error.extra.get("fields", {}).items())
            return mask_text(f"The question of step {request.node} has an unusable JSON Schema. {words}")[:2000]
    return ""


def _result(final: Any) -> Any:
    """Return the final values, masked and ready for JSON; values that are too large are replaced by a note."""
    values = mask(jsonable(final))[0]
    if len(str(values)) > 1_000_000:
        return {"note": "The result is too large to be stored here."}
    return values
