"""The worker process: advances runs and keeps deadlines."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import structlog
from procrastinate.manager import JobManager
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from app.garbage import spare_loaded
from app.notify.channels import senders
from app.runtime.advance import Advancer
from app.runtime.leases import Leases
from app.runtime.library import Library, find_workflows
from app.runtime.saver import Saver
from app.runtime.toolbox import opened_toolbox
from app.services.bundle import build_services
from app.services.clock import Clock, DatabaseClock, system_clock
from app.services.files.rules import file_rules
from app.services.notifications.callback_messages import RunEnded
from app.services.notifications.shortage_notices import Shortages
from app.services.record.search_index import AuditIndex
from app.services.requests.search_documents import SearchDocuments
from app.services.retention import kept_of
from app.services.routing.answers import RouterDesk
from app.services.runs.control import CONTROL_CHANNEL
from app.services.vault.ring import KeyRing, key_ring
from app.settings import Settings, doubts
from app.store.engine import make_engine, make_sessions
from app.store.jobs import JOBS_CHANNEL
from app.store.routing import ROUTING_CHANNEL
from app.worker.adapter import worker_store
from app.worker.connector import QueueConnector
from app.worker.courier import AT_ONCE, Courier
from app.worker.files import FilesOfRun, keep_sweeping
from app.worker.grant_expiry import keep_lapsing
from app.worker.indexing import keep_documenting, keep_indexing
from app.worker.lessons import keep_learning, recaller_of
from app.worker.next_interrupts import NextInterrupts
from app.worker.notices import follow, listen
from app.worker.offers import Offering
from app.worker.post import Post
from app.worker.queue import RunQueue
from app.worker.routing import keep_routing
from app.worker.shortages import keep_matching
from app.worker.timekeeper import CONNECTION, THREADS, Timekeeper
from app.worker.toolbox import ToolOffering, worker_facts
from assent.installed_workflows import use_workflows
from assent.models.budgets import Budget
from assent.routing.suggestions import suggest

log = structlog.get_logger(__name__)

UNFINISHED_EXIT = 75
"""Exit code if steps may still have been running: the lease's connection was lost, or stopping took too long.

The supervisor restarts the process."""
TOOLS_SECONDS = 5.0
"""How long a start waits for MCP servers; the tools of slower ones are there as soon as they are."""
SHUTDOWN_SECONDS = 20.0
"""How long running steps may take to end after SIGTERM."""
UNSYNCED = ("-c synchronous_commit=off",)
"""For connections whose last commits may be lost in a crash of the *database*: see docs/decisions/0008."""


def run(settings: Settings, clock: Clock | None = None) -> None:
    """Run until SIGTERM or SIGINT. The database must be migrated, and `settings.database_url` set.

    Args:
        clock: A clock that tests can move. Default: the database's.
    """
    asyncio.run(_work(settings, clock))


async def _work(settings: Settings, given: Clock | None) -> None:
    # Node functions that are not async run in threads.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.worker_concurrency + 4))
    async with AsyncExitStack() as stack:
        leases = await stack.enter_async_context(Leases(settings.database_url, _stop_at_once))
        pool = await stack.enter_async_context(_pool(settings, settings.worker_concurrency, "checkpoints"))
        quick = await stack.enter_async_context(_pool(settings, settings.worker_concurrency // 2, "jobs", *UNSYNCED))
        toolbox = await asyncio.to_thread(stack.enter_context, opened_toolbox(settings.tool_servers, TOOLS_SECONDS))
        found = await asyncio.to_thread(find_workflows, settings.workflows)
        library = Library(found.workflows, Saver(pool), found.broken)
        await asyncio.to_thread(library.load)
        use_workflows(library.usable)
        stack.callback(use_workflows, None)
        engine = make_engine(settings.database_url, pool_size=2, application_name="assent worker")
        clock = given or stack.enter_context(DatabaseClock(engine).followed())
        ring = key_ring(settings)
        services = build_services(engine, clock, files=file_rules(settings), ring=ring)
        stack.callback(services.engine.dispose)
        offering = Offering(services.sessions, library, leases.key)
        offering.publish()
        store = await stack.enter_async_context(worker_store(settings.database_url, pool, clock))
        files = partial(FilesOfRun, services.files, services.saved_files, services.file_access)
        lessons = partial(recaller_of, services.recalling)
        budget = Budget(settings.model_budget_tokens, settings.model_budget_dollars)
        advancer = Advancer(library, store, leases, files, lessons, budget)
        connector = QueueConnector(quick)
        stack.push_async_callback(connector.give_back)
        jobs = JobManager(connector)
        post = stack.enter_context(_post(settings, clock, ring, NextInterrupts(services).ask))
        courier = Courier(jobs, post, lambda: bool(advancer.active), clock)
        queue = RunQueue(jobs, leases, advancer, settings.worker_concurrency, clock, courier)
        stack.enter_context(_timekeeper(settings, clock))
        tools = ToolOffering(services.sessions, toolbox, leases.key)
        log.info("tools.found", **worker_facts(toolbox))
        text_waits = asyncio.Event()
        chores = (
            keep_lapsing(services.grants),
            keep_sweeping(
                services.files, services.model_calls, services.erasure, settings.run_data_kept, services.retention,
                kept_of(settings),
            ),
            keep_learning(services.learning), keep_documenting(SearchDocuments(services.sessions)),
            keep_routing(RouterDesk(services.sessions, clock, suggest), text_waits),
            keep_matching(Shortages(services.sessions, clock)),
        )  # fmt: skip
        audit_index = AuditIndex(services.sessions)
        await _run_queue(queue, settings, advancer, chores, audit_index, offering, tools, text_waits)


async def _run_queue(
    queue: RunQueue,
    settings: Settings,
    advancer: Advancer,
    chores: Iterable[Coroutine[Any, Any, None]],
    audit_index: AuditIndex,
    offering: Offering,
    tools: ToolOffering,
    text_waits: asyncio.Event,
) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, queue, advancer, loop)
    helpers = [
        asyncio.create_task(_follow(settings, queue, advancer, text_waits), name="notifications"),
        *map(asyncio.create_task, chores),
        asyncio.create_task(keep_indexing(audit_index), name="audit index"),
        asyncio.create_task(offering.keep(), name="offers"),
        asyncio.create_task(tools.keep(), name="tools"),
    ]
    entries, broken = advancer.library.describe(), advancer.library.broken
    spare_loaded()
    for doubt in doubts(settings):
        log.warning(doubt)
    log.info("worker.ready", workflows=[entry["name"] for entry in entries], broken=sorted(broken))
    try:
        await queue.run()
    except Exception:
        log.error("worker.broken", exc_info=True)
        if advancer.active:
            # Returning would close the leases while steps are still running in threads.
            os._exit(UNFINISHED_EXIT)
        raise
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


@contextmanager
def _timekeeper(settings: Settings, clock: Clock) -> Iterator[None]:
    """Run a timekeeper on its own connections."""
    engine = make_engine(
        settings.database_url, pool_size=THREADS + 1, application_name="assent worker deadlines", **CONNECTION
    )
    try:
        with Timekeeper(build_services(engine, clock).checkpoints, clock, settings.database_url):
            yield
    finally:
        engine.dispose()


@contextmanager
def _post(settings: Settings, clock: Clock, ring: KeyRing, run_ended: RunEnded) -> Iterator[Post]:
    """Yield the post on its own connections."""
    engine = make_engine(settings.database_url, pool_size=AT_ONCE + 1, application_name="assent worker post")
    try:
        # Recipients verify signatures by a clock that is not the portal's.
        yield Post(
            make_sessions(engine), clock, senders(settings, system_clock), settings.public_url, settings.secret_key,
            settings.demo, timedelta(hours=settings.session_hours), ring, run_ended,
        )  # fmt: skip
    finally:
        engine.dispose()


async def _follow(settings: Settings, queue: RunQueue, advancer: Advancer, text_waits: asyncio.Event) -> None:
    """Pass on announcements of jobs and texts, and people's commands for runs that are being advanced here."""

    def handle(channel: str, payload: str) -> None:
        if channel == JOBS_CHANNEL:
            job_id, _, run_id = payload.partition(" ")
            queue.announce(int(job_id), run_id)
        elif channel == ROUTING_CHANNEL:
            text_waits.set()
        else:
            run_id, _, act = payload.partition(" ")
            advancer.steer(run_id, act)

    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                settings.database_url, autocommit=True, application_name="assent worker notifications"
            )
            async with connection:
                await listen(connection, (CONTROL_CHANNEL, JOBS_CHANNEL, ROUTING_CHANNEL), handle)
                # Commands that were sent while nobody listened are stored in the runs; jobs are found by polling.
                await _steer_flagged(connection, advancer)
                await follow(connection, handle)
        except psycopg.OperationalError:
            log.warning("notifications.disconnected")
            await asyncio.sleep(1)


async def _steer_flagged(connection: psycopg.AsyncConnection, advancer: Advancer) -> None:
    cursor = await connection.execute(
        "select id, control from runs where (control <> '' or ask_next <> '') and id = any(%s)", (advancer.active,)
    )
    for run_id, act in await cursor.fetchall():
        advancer.steer(run_id, act)


def _stop(queue: RunQueue, advancer: Advancer, loop: asyncio.AbstractEventLoop) -> None:
    queue.stop()
    advancer.drain()
    loop.call_later(SHUTDOWN_SECONDS, _stop_unfinished, advancer)
    log.info("worker.stopping", runs=advancer.active)


def _stop_unfinished(advancer: Advancer) -> None:
    """End the process although a step is still running. Its locks end too, and another worker repeats the step."""
    with suppress(Exception):
        log.error("worker.unfinished", runs=advancer.active, exit=UNFINISHED_EXIT)
    os._exit(UNFINISHED_EXIT)


def _stop_at_once() -> None:
    """End the process at once: without its lease it must not continue, not even in threads."""
    with suppress(Exception):
        log.error("worker.lease_lost", exit=UNFINISHED_EXIT)
    os._exit(UNFINISHED_EXIT)


@asynccontextmanager
async def _pool(
    settings: Settings, size: int, name: str, *options: str
) -> AsyncIterator[AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]]:
    """Yield a pool of connections that commit each statement and return rows as dictionaries."""
    pool = AsyncConnectionPool(
        settings.database_url,
        min_size=2,
        max_size=max(4, size),
        open=False,
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            # These statements find rows by key, so one plan fits all values and is made only once.
            "options": " ".join(["-c plan_cache_mode=force_generic_plan", *options]),
            "row_factory": dict_row,
            "application_name": f"assent worker {name}",
        },
    )
    async with pool:
        yield pool
