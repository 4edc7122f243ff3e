"""The two sides of the gate benchmark, each in a process that `bench.gate` controls.

    python -m bench.gate_sides bare|portal ADDRESS [--workers N] [--server PID] [--counted]

Commands are lines of JSON on the standard input, answers are lines of JSON on the standard output. The working
directory says which version's code is measured; what is imported of it here is what all versions have.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import psutil
import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from app.cli.database import upgrade_everything
from app.domain.people import SYSTEM, Actor, Role, Via
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from assent.contracts import NextAction, Outcome, Verdict
from assent.digests import digest_of
from bench.flow import WORKFLOW, build
from bench.gate_counts import Counts, counts_of
from bench.support import Bell, memory_mib, percentile, processes, web
from bench.wire import Counter, counted

WARM_UP = 10
IDLE_SECONDS = 3.0
_PROPOSED = "select payload, digest from approval_requests where id = %s"
_RESULT = "select result from runs where id = %s"
_POST = """
    select count(*) from procrastinate_jobs where queue_name = 'notify' and status in ('todo', 'doing')
        and (scheduled_at is null or scheduled_at < now() + interval '5 seconds')"""


@dataclass
class Measured:
    """The cost of some cycles.

    Attributes:
        per_second: cycles per second.
        latency: p50 and p95 of the time from decision to next step, in ms.
        spans: p50 of each span of a cycle, in ms.
        cpu: processor time of each part, in ms per cycle, while the cycles ran.
        after: the same of the notifications that were sent once the cycles were over.
        others: the share of the machine that was used by others meanwhile.
    """

    per_second: float
    latency: tuple[float, float]
    spans: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    others: float = 0.0


class Meter:
    """Processor time of named processes, of PostgreSQL, and of everything else on the machine."""

    def __init__(self, named: dict[str, list[int]], server: int) -> None:
        self._named, self._server = named, server

    @contextmanager
    def over(self, cycles: int, into: dict[str, float]) -> Iterator[None]:
        """Note how much each used within the block, in ms for each of so many cycles; and others' share."""
        before, machine, began = self._used(), _machine_busy(), time.perf_counter()
        yield
        seconds = time.perf_counter() - began
        spent = {name: used - before.get(name, 0.0) for name, used in self._used().items()}
        total = sum(used for name, used in spent.items() if not name.startswith("of which"))
        into |= {name: used / cycles * 1e3 for name, used in spent.items()}
        into["others"] = max(0.0, _machine_busy() - machine - total) / (seconds * (os.cpu_count() or 1))

    def _used(self) -> dict[str, float]:
        used = {name: sum(_cpu(psutil.Process(pid)) for pid in pids) for name, pids in self._named.items()}
        if "workers" in self._named:
            used["of which their event loops"] = sum(map(_main_thread, self._named["workers"]))
        used["postgresql"] = sum(
            _cpu(process, reaped=True) for process in _family(psutil.Process(self._server))
        ) if self._server else 0.0  # fmt: skip
        return used


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _cpu(process: psutil.Process, reaped: bool = False) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    own = float(times.user + times.system)
    return own + float(times.children_user + times.children_system) if reaped else own


def _main_thread(pid: int) -> float:
    for thread in psutil.Process(pid).threads():
        if thread.id == pid:
            return float(thread.user_time + thread.system_time)
    return 0.0


def _machine_busy() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + getattr(times, "irq", 0) + getattr(times, "softirq", 0))


def _measured(seconds: float, cycles: int, spans: list[dict[str, float]], meters: dict[str, float]) -> Measured:
    latencies = [one["to next step"] for one in spans]
    others = meters.pop("others")
    return Measured(
        cycles / seconds, (percentile(latencies, 0.5) * 1e3, percentile(latencies, 0.95) * 1e3),
        {name: percentile([one[name] for one in spans], 0.5) * 1e3 for name in spans[0]}, meters, others=others,
    )  # fmt: skip


class Bare:
    """The same graph, driven directly: LangGraph, its own saver and one asyncio process."""

    def __init__(self, address: str, server: int) -> None:
        self._address = address
        self._meter = Meter({"bare": [os.getpid()]}, server)

    def cycles(self, width: int, cycles: int) -> Measured:
        """Run so many cycles, at most `width` at once."""
        return asyncio.run(self._cycles(width, cycles))

    def count(self, cycles: int) -> Counts:
        """Run so many, one after the other, and count trips and commits."""
        with counted(self._address, "bare") as (counter, addresses):
            return asyncio.run(self._count(addresses["bare"], counter, cycles))

    async def _count(self, address: str, counter: Counter, cycles: int) -> Counts:
        async with self._graph(address, 1) as graph:
            for number in range(WARM_UP):
                await _bare_cycle(graph, number)
            counter.take()
            for number in range(cycles):
                await _bare_cycle(graph, number)
            return counts_of(counter.take(), cycles)

    async def _cycles(self, width: int, cycles: int) -> Measured:
        async with self._graph(self._address, width) as graph:
            free = asyncio.Semaphore(width)

            async def cycle(number: int) -> dict[str, float]:
                async with free:
                    return await _bare_cycle(graph, number)

            await asyncio.gather(*(cycle(number) for number in range(WARM_UP)))
            meters: dict[str, float] = {}
            began = time.perf_counter()
            with self._meter.over(cycles, meters):
                spans = await asyncio.gather(*(cycle(number) for number in range(cycles)))
            return _measured(time.perf_counter() - began, cycles, spans, meters)

    @asynccontextmanager
    async def _graph(self, address: str, width: int) -> AsyncIterator[Any]:
        pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            address, min_size=min(4, width), max_size=max(4, width), open=False,
            kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        )  # fmt: skip
        async with pool:
            yield build().compile(checkpointer=AsyncPostgresSaver(pool))


async def _bare_cycle(graph: Any, number: int) -> dict[str, float]:
    config: RunnableConfig = {"configurable": {"thread_id": str(uuid.uuid4())}}
    began = time.time()
    suspended = await graph.ainvoke({"input": {"number": number}}, config, durability="sync", version="v2")
    interrupt = suspended.interrupts[0]
    decided = time.time()
    resume: Command[Any] = Command(resume={interrupt.id: _answer(interrupt.value)})
    done = await graph.ainvoke(resume, config, durability="sync", version="v2")
    applied = done.value["applied_at"]
    return {"to suspended": decided - began, "to next step": applied - decided, "to the end": time.time() - applied}


def _approval(digest: str) -> tuple[Any, ...]:
    """Return the arguments for an approval with this version's `CheckpointManager.decide`."""
    try:
        from app.domain.ballot import Ballot
    except ImportError:  # until the end of November 2026
        return Verdict.APPROVE, digest
    return (Ballot(Verdict.APPROVE, digest),)


def _answer(value: dict) -> dict:
    digest = digest_of(value["proposal"])
    outcome = Outcome(
        request_id="bare", verdict=Verdict.APPROVE, payload=value["proposal"], digest=digest, proposed_digest=digest,
        decided_at=datetime.now(UTC), next_action=NextAction.CONTINUE,
    )  # fmt: skip
    return outcome.model_dump(mode="json")


class Portal:
    """Worker processes and a web process; the clients are threads that call the use cases behind pages and API."""

    def __init__(self, address: str, services: Services, people: tuple[Actor, Actor], meter: Meter) -> None:
        self._services, self._people, self._meter = services, people, meter
        self._reading = psycopg.connect(address, autocommit=True)
        noted = self._reading.execute("select to_regclass('unplanned_events') is not null").fetchone() == (True,)
        self._post = f"select ({_POST}){' + (select count(*) from unplanned_events)' if noted else ''}"
        self._bell = Bell(address)

    def cycles(self, width: int, cycles: int) -> Measured:
        """Run so many cycles with so many clients, and then wait until all notifications are out."""
        meters: dict[str, float] = {}
        after: dict[str, float] = {}
        with ThreadPoolExecutor(width) as clients:
            list(clients.map(self._cycle, range(WARM_UP)))
            began = time.perf_counter()
            with self._meter.over(cycles, meters):
                spans = list(clients.map(self._cycle, range(cycles)))
            seconds = time.perf_counter() - began
        with self._meter.over(cycles + WARM_UP, after):
            self._wait_for_post()
        measured = _measured(seconds, cycles, spans, meters)
        measured.after = {name: used for name, used in after.items() if name != "others"}
        return measured

    def count(self, counter: Counter, cycles: int) -> Counts:
        """Run so many, one after the other, and count trips and commits, without what goes on all the time."""
        for number in range(WARM_UP):
            self._cycle(number)
        self._wait_for_post()
        counter.take()
        time.sleep(IDLE_SECONDS)
        idle = counter.take()
        began = time.perf_counter()
        for number in range(cycles):
            self._cycle(number)
        self._wait_for_post()
        return counts_of(counter.take(), cycles, idle, (time.perf_counter() - began) / IDLE_SECONDS)

    def suspend(self, count: int) -> None:
        """Start runs and wait until they are all suspended."""
        start = self._services.runs.start
        runs = [start(self._people[0], WORKFLOW.name, {"number": number}) for number in range(count)]
        for run in runs:
            self._bell.expect(run.id, "pending").result(600)

    def _cycle(self, number: int) -> dict[str, float]:
        starter, reviewer = self._people
        began = time.time()
        run = self._services.runs.start(starter, WORKFLOW.name, {"number": number})
        started = time.time()
        request = self._bell.expect(run.id, "pending").result(60)
        suspended = time.time()
        [[_, digest]] = self._rows(_PROPOSED, request)
        decided = time.time()
        self._services.checkpoints.decide(request, reviewer, *_approval(digest))
        answered = time.time()
        self._bell.expect(run.id, "completed").result(60)
        ended = time.time()
        [[result]] = self._rows(_RESULT, run.id)
        applied = json.loads(result)["applied_at"]
        return {
            "start": started - began, "to suspended": suspended - started, "decide": answered - decided,
            "to next step": applied - decided, "to the end": ended - applied,
        }  # fmt: skip

    def _rows(self, query: str, id: str) -> list[tuple[Any, ...]]:
        return self._reading.execute(query.encode(), (id,)).fetchall()

    def _wait_for_post(self) -> None:
        while self._reading.execute(self._post.encode()).fetchone() != (0,):
            time.sleep(0.1)


@contextmanager
def portal(address: str, workers: int, server: int, counting: bool) -> Iterator[tuple[Portal, Counter, dict[str, int]]]:
    """A portal on a database that is migrated first, and its processes by name."""
    upgrade_everything(address)
    with counted(address, "clients", "worker") as (counter, addresses):
        if not counting:
            addresses = dict.fromkeys(addresses, address)
        services = build_services(make_engine(addresses["clients"], pool_size=40))
        team = [
            services.people.add(SYSTEM, name, f"{role}@example.com", [Role.REVIEWER])
            for name, role in (("Release engineer", "release"), ("DBA on call", "dba"))
        ]
        people = (team[0].as_actor(Via.API), team[1].as_actor(Via.API))
        with ExitStack() as stack:
            stack.callback(services.engine.dispose)
            started = stack.enter_context(processes(addresses["worker"], "bench.flow:WORKFLOW", workers))
            pids = {f"worker {number}": process.pid for number, process in enumerate(started, 1)}
            parts = {"workers": list(pids.values()), "clients": [os.getpid()]}
            if not counting:
                site, _ = stack.enter_context(web(address))
                pids["web"] = site.pid
                parts["web"] = [site.pid]
            # Earlier commits, which `--against` measures, spell it the British way.
            catalog = getattr(services.runs, "catalog", None) or services.runs.catalogue  # type: ignore[attr-defined]
            while not catalog():
                time.sleep(0.1)
            yield Portal(address, services, people, Meter(parts, server)), counter, pids


def main() -> None:
    """Execute commands until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=["bare", "portal"])
    parser.add_argument("address")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--server", type=int, default=0, help="the process whose family is PostgreSQL")
    parser.add_argument("--counted", action="store_true")
    wanted = parser.parse_args()
    # Whatever else is printed, by workers too, goes to the standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(given: Any) -> None:
        answers.write(json.dumps(given) + "\n")

    if wanted.side == "bare":
        side = Bare(wanted.address, wanted.server)
        answer("ready")
        for line in sys.stdin:
            match json.loads(line):
                case {"cycles": cycles, "width": width}:
                    answer(asdict(side.cycles(width, cycles)))
                case {"count": cycles}:
                    answer(side.count(cycles))
        return
    with portal(wanted.address, wanted.workers, wanted.server, wanted.counted) as (ours, counter, named):
        answer("ready")
        for line in sys.stdin:
            match json.loads(line):
                case {"cycles": cycles, "width": width}:
                    answer(asdict(ours.cycles(width, cycles)))
                case {"count": cycles}:
                    answer(ours.count(counter, cycles))
                case {"suspend": count}:
                    ours.suspend(count)
                    answer("suspended")
                case "memory":
                    answer({name: memory_mib(pid) for name, pid in named.items()})


if __name__ == "__main__":
    main()
