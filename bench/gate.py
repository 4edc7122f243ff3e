"""Full gate cycles (start, suspend, decide, resume, finish), beside bare LangGraph on the same database.

    python -m bench.gate [--cycles N] [--workers N] [--widths 1,8,32]

Bare LangGraph is the same graph with `AsyncPostgresSaver` in one asyncio process: no queue, no requests, no record.
Assent's side is real worker processes; the clients call the same use cases as the pages and the API do. Both sides are
measured in turn at each width, twice, and the better of two is compared, so that a passing disturbance hits neither.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import func, select

from app.domain.people import SYSTEM, Actor, Role, Via
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from app.store.requests import ApprovalRequest
from assent.contracts import NextAction, Outcome, Verdict
from assent.digests import digest_of
from bench.flow import WORKFLOW, build
from bench.support import Bell, cpu_seconds, database, machine, memory_mib, percentile, processes, web

WARM_UP = 10
_PROPOSED = "select payload, digest from approval_requests where id = %(id)s"
_RESULT = "select result from runs where id = %(id)s"


@dataclass
class Measured:
    """Cycles per second, and seconds from decision to next step, of each cycle."""

    per_second: float
    latencies: list[float]

    def words(self) -> str:
        p50, p95 = percentile(self.latencies, 0.5) * 1e3, percentile(self.latencies, 0.95) * 1e3
        return f"{self.per_second:7.1f} cycles/s, decision to next step p50 {p50:6.1f} ms, p95 {p95:6.1f} ms"


def _answer(value: dict) -> dict:
    digest = digest_of(value["proposal"])
    outcome = Outcome(
        request_id="bare", verdict=Verdict.APPROVE, payload=value["proposal"], digest=digest, proposed_digest=digest,
        decided_at=datetime.now(UTC), next_action=NextAction.CONTINUE,
    )  # fmt: skip
    return outcome.model_dump(mode="json")


async def bare(address: str, width: int, cycles: int) -> Measured:
    """The same graph, driven directly."""
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        address, min_size=4, max_size=max(4, width), open=False,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )  # fmt: skip
    async with pool:
        graph = build().compile(checkpointer=AsyncPostgresSaver(pool))
        latencies: list[float] = []
        free = asyncio.Semaphore(width)

        async def cycle(number: int) -> None:
            async with free:
                config: RunnableConfig = {"configurable": {"thread_id": str(uuid.uuid4())}}
                suspended = await graph.ainvoke({"input": {"number": number}}, config, durability="sync", version="v2")
                interrupt = suspended.interrupts[0]
                decided = time.time()
                done = await graph.ainvoke(
                    Command(resume={interrupt.id: _answer(interrupt.value)}), config, durability="sync", version="v2"
                )
                latencies.append(done.value["applied_at"] - decided)

        await asyncio.gather(*(cycle(number) for number in range(WARM_UP)))
        latencies.clear()
        began = time.perf_counter()
        await asyncio.gather(*(cycle(number) for number in range(cycles)))
        return Measured(cycles / (time.perf_counter() - began), latencies)


def gated(services: Services, bell: Bell, people: tuple[Actor, Actor], width: int, cycles: int) -> Measured:
    """Through the portal: one thread for each client."""
    starter, reviewer = people
    latencies: list[float] = []

    def cycle(number: int) -> None:
        run = services.runs.start(starter, WORKFLOW.name, {"number": number})
        request = bell.expect(run.id, "pending").result(60)
        [proposed] = services.sessions.execute(_PROPOSED, {"id": request})
        decided = time.time()
        services.checkpoints.decide(request, reviewer, Verdict.APPROVE, proposed["digest"])
        bell.expect(run.id, "completed").result(60)
        [done] = services.sessions.execute(_RESULT, {"id": run.id})
        latencies.append(json.loads(done["result"])["applied_at"] - decided)

    with ThreadPoolExecutor(width) as clients:
        list(clients.map(cycle, range(WARM_UP)))
        latencies.clear()
        began = time.perf_counter()
        list(clients.map(cycle, range(cycles)))
        return Measured(cycles / (time.perf_counter() - began), latencies)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=300, help="cycles for each measurement")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--widths", default="1,8,32")
    parser.add_argument("--suspended", type=int, default=1000, help="runs left suspended, for the memory figures")
    wanted = parser.parse_args()
    print(f"gate: {machine()}, {wanted.workers} worker processes")
    with database("bench_gate") as address:
        services = build_services(make_engine(address, pool_size=40))
        team = [
            services.people.add(SYSTEM, name, f"{role}@example.com", [Role.REVIEWER])
            for name, role in (("Release engineer", "release"), ("DBA on call", "dba"))
        ]
        people = (team[0].as_actor(Via.API), team[1].as_actor(Via.API))
        with processes(address, "bench.flow:WORKFLOW", wanted.workers) as workers, web(address) as (portal, _):
            bell = Bell(address)
            while not services.runs.catalogue():
                time.sleep(0.1)
            named = {"web": portal.pid} | {f"worker {number}": each.pid for number, each in enumerate(workers, 1)}
            idle = {name: memory_mib(pid) for name, pid in named.items()}
            for width in map(int, wanted.widths.split(",")):
                compare(services, bell, people, address, [each.pid for each in workers], width, wanted.cycles)
            suspend_many(services, people[0], wanted.suspended)
            for name, pid in named.items():
                print(
                    f"memory of {name}: {idle[name]:.0f} MiB idle, {memory_mib(pid):.0f} MiB after the cycles "
                    f"with {wanted.suspended} runs suspended"
                )
        services.engine.dispose()


def compare(
    services: Services,
    bell: Bell,
    people: tuple[Actor, Actor],
    address: str,
    workers: list[int],
    width: int,
    cycles: int,
) -> None:
    """Measure both sides in turn at one width, twice, and print the better of each and their ratios."""
    if width == 1:
        cycles //= 3
    plain, ours = [], []
    cpu: dict[str, float] = {}
    for _ in range(2):
        plain.append(asyncio.run(bare(address, width, cycles)))
        before = cpu_seconds(workers)
        ours.append(gated(services, bell, people, width, cycles))
        cpu = {name: (used - before[name]) / (cycles + WARM_UP) * 1e3 for name, used in cpu_seconds(workers).items()}
    best_plain = max(plain, key=lambda each: each.per_second)
    best_ours = max(ours, key=lambda each: each.per_second)
    throughput = best_ours.per_second / best_plain.per_second
    latency = percentile(best_ours.latencies, 0.5) / percentile(best_plain.latencies, 0.5)
    print(f"clients {width:2}  bare   {best_plain.words()}")
    print(f"            assent {best_ours.words()}")
    print(f"            ratio  throughput {throughput:.2f} of bare, latency p50 {latency:.2f} times bare")
    print(
        "            processor time per cycle:",
        ", ".join(f"{name} {ms:.1f} ms" for name, ms in cpu.items()),
        flush=True,
    )


def suspend_many(services: Services, starter: Actor, count: int) -> None:
    """Start runs and wait until they are all suspended."""
    for number in range(count):
        services.runs.start(starter, WORKFLOW.name, {"number": number})
    query = select(func.count()).select_from(ApprovalRequest).where(ApprovalRequest.state == "pending")
    with services.sessions.reads() as session:
        while (session.scalar(query) or 0) < count:
            time.sleep(0.2)


if __name__ == "__main__":
    main()
