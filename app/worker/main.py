"""The worker process: advances runs and keeps deadlines."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate.worker import Worker
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from app.runtime.advance import Advancer
from app.runtime.leases import Leases
from app.runtime.library import Library, find_workflows
from app.runtime.saver import Saver
from app.services.bundle import build_services
from app.services.catalogue import publish_catalogue
from app.services.clock import Clock, system_clock
from app.services.grants import Grants
from app.services.runs import CONTROL_CHANNEL
from app.settings import Settings
from app.store.engine import make_engine
from app.store.jobs import RUNS_QUEUE
from app.worker.adapter import worker_store
from app.worker.jobs import POLL_SECONDS, RunJobs
from app.worker.lapsing import keep_lapsing
from app.worker.rescue import keep_rescuing, rescue_jobs
from app.worker.tasks import register_tasks
from app.worker.timekeeper import CONNECTION, THREADS, Timekeeper

log = structlog.get_logger(__name__)

UNFINISHED_EXIT = 75
"""Exit code when steps may still have been running: the lease's connection was lost, or time ran out while stopping.

The supervisor starts the process again."""
SHUTDOWN_SECONDS = 20.0
"""How long the steps under way may take to come to their end after SIGTERM."""


def run(settings: Settings, clock: Clock = system_clock) -> None:
    """Work until SIGTERM or SIGINT. The database is migrated and `settings.database_url` is set."""
    asyncio.run(_work(settings, clock))


async def _work(settings: Settings, clock: Clock) -> None:
    # Node functions that are not async run in threads.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(settings.worker_concurrency + 4))
    async with AsyncExitStack() as stack:
        leases = await stack.enter_async_context(Leases(settings.database_url, _stop_at_once))
        pool = await stack.enter_async_context(_pool(settings))
        library = Library(find_workflows(settings.workflows), Saver(pool))
        engine = make_engine(settings.database_url, pool_size=2, application_name="assent worker")
        services = build_services(engine, clock)
        stack.callback(services.engine.dispose)
        publish_catalogue(services.sessions, library.describe())
        store = await stack.enter_async_context(worker_store(settings.database_url, pool, clock))
        advancer = Advancer(library, store, leases)
        app = procrastinate.App(connector=_connector(settings))
        app.job_manager = jobs = RunJobs(app.connector, leases)
        register_tasks(app, jobs, advancer)
        await stack.enter_async_context(app.open_async())
        stack.enter_context(_timekeeper(settings, clock))
        await _run_worker(app, settings, leases, advancer, services.grants)


async def _run_worker(
    app: procrastinate.App, settings: Settings, leases: Leases, advancer: Advancer, grants: Grants
) -> None:
    runs = _worker(app, RUNS_QUEUE, settings.worker_concurrency)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, (runs,), advancer, loop)
    await rescue_jobs(app, leases, set())
    helpers = [
        asyncio.create_task(keep_rescuing(app, leases, (runs,)), name="rescue"),
        asyncio.create_task(_follow_controls(settings, advancer), name="controls"),
        asyncio.create_task(keep_lapsing(grants), name="grants"),
    ]
    log.info("worker.ready", workflows=[entry["name"] for entry in advancer.library.describe()])
    try:
        await runs.run()
    except Exception:
        log.error("worker.broken", exc_info=True)
        if advancer.active:
            # To leave here would close the leases while steps still run in threads.
            os._exit(UNFINISHED_EXIT)
        raise
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)


@contextmanager
def _timekeeper(settings: Settings, clock: Clock) -> Iterator[None]:
    """A timekeeper on connections of its own."""
    engine = make_engine(
        settings.database_url, pool_size=THREADS + 1, application_name="assent worker deadlines", **CONNECTION
    )
    try:
        with Timekeeper(build_services(engine, clock).checkpoints, clock, settings.database_url):
            yield
    finally:
        engine.dispose()


def _worker(app: procrastinate.App, queue: str, concurrency: int) -> Worker:
    return Worker(
        app,
        queues=[queue],
        name=f"assent {queue}",
        concurrency=concurrency,
        fetch_job_polling_interval=POLL_SECONDS,
        listen_notify=True,
        # Never cancelled: a step in a thread would go on, without its run's lock. `_stop` ends the whole process.
        shutdown_graceful_timeout=None,
        delete_jobs="successful",
        install_signal_handlers=False,
    )


async def _follow_controls(settings: Settings, advancer: Advancer) -> None:
    """Pass on what people ask of runs that are being advanced here."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                settings.database_url, autocommit=True, application_name="assent worker controls"
            )
            async with connection:
                await connection.execute(f"listen {CONTROL_CHANNEL}")
                # What was asked while nobody listened is in the runs themselves.
                await _steer_flagged(connection, advancer)
                async for notice in connection.notifies():
                    advancer.steer(notice.payload)
        except psycopg.OperationalError:
            log.warning("controls.disconnected")
            await asyncio.sleep(1)


async def _steer_flagged(connection: psycopg.AsyncConnection, advancer: Advancer) -> None:
    cursor = await connection.execute("select id from runs where control <> '' and id = any(%s)", (advancer.active,))
    for (run_id,) in await cursor.fetchall():
        advancer.steer(run_id)


def _stop(workers: tuple[Worker, ...], advancer: Advancer, loop: asyncio.AbstractEventLoop) -> None:
    for worker in workers:
        worker.stop()
    advancer.drain()
    loop.call_later(SHUTDOWN_SECONDS, _stop_unfinished, advancer)
    log.info("worker.stopping", runs=advancer.active)


def _stop_unfinished(advancer: Advancer) -> None:
    """A step does not come to its end: it ends with this process and its locks, and another worker takes it up."""
    with suppress(Exception):
        log.error("worker.unfinished", runs=advancer.active, exit=UNFINISHED_EXIT)
    os._exit(UNFINISHED_EXIT)


def _stop_at_once() -> None:
    """Without its lease this process must not do anything more, not even what runs in threads."""
    with suppress(Exception):
        log.error("worker.lease_lost", exit=UNFINISHED_EXIT)
    os._exit(UNFINISHED_EXIT)


def _connector(settings: Settings) -> procrastinate.PsycopgConnector:
    # Losing the last moments of the job queue's own bookkeeping in a crash of the *database* is harmless: a job is run
    # again, and the resume guard and the receipts make that safe. Decisions are never written over this connection.
    return procrastinate.PsycopgConnector(
        pool_factory=_jobs_pool,
        conninfo=settings.database_url,
        min_size=2,
        max_size=max(4, settings.worker_concurrency // 2),
        configure=_each_statement_by_itself,
        kwargs={"options": "-c synchronous_commit=off", "application_name": "assent worker jobs"},
    )


def _jobs_pool(**arguments: Any) -> AsyncConnectionPool:
    """procrastinate's pool without its look at each connection before each use, which doubles the trips."""
    arguments["check"] = None
    return AsyncConnectionPool(**arguments)


async def _each_statement_by_itself(connection: psycopg.AsyncConnection) -> None:
    """procrastinate's statements are single calls: a transaction around each would be two trips more."""
    await connection.set_autocommit(True)


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]]:
    """Connections for LangGraph's checkpoints and for what is written about runs."""
    pool = AsyncConnectionPool(
        settings.database_url,
        min_size=2,
        max_size=max(4, settings.worker_concurrency),
        open=False,
        connection_class=psycopg.AsyncConnection[DictRow],
        kwargs={
            "autocommit": True,
            "prepare_threshold": 0,
            # Statements of these kinds are found by key: one plan does for all values, and is made once.
            "options": "-c plan_cache_mode=force_generic_plan",
            "row_factory": dict_row,
            "application_name": "assent worker checkpoints",
        },
    )
    async with pool:
        yield pool
