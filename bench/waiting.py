"""Clients that long-poll one web process for their outcomes: memory per client, and response times.

    python -m bench.waiting [--clients N] [--decisions N] [--pause SECONDS]

Each client of the SDK asks for an approval of its own and waits for the outcome with `GET approvals/{id}/outcome`.
Some are decided one after the other with a pause between, and the rest at once. The time counts from the moment at
which the decision is sent to the services to the one at which the client's `wait()` returns; the clients share one
process and one core with the decisions, as they do not on their own machines.
To reach: at most 100 KiB of the web process for each client, and 250 ms at p95 one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from datetime import timedelta

from app.domain.ballot import Ballot
from app.domain.people import SYSTEM, Actor, Role, Via
from app.domain.tokens import Scope, TokenKind, TokenTerms
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from assent import AsyncApproval, AsyncAssent, Script, Verdict
from bench.support import database, machine, memory_mib, percentile, web

CLIENT_KIB, ANSWER_SECONDS = 100, 0.25
EACH = 50
"""Clients that share a pool of connections."""


class Waiters:
    """Clients, and when each of them got its outcome."""

    def __init__(self, services: Services, reviewer: Actor) -> None:
        self._services = services
        self._reviewer = reviewer
        self.returned: dict[str, float] = {}
        self.decided: dict[str, float] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.polls = 0

    async def ask(self, client: AsyncAssent, number: int) -> AsyncApproval:
        """One more request."""
        content = f"DELETE FROM orders WHERE id = {number}"
        return await client.approvals.request(Script(title=f"Purge {number}", language="sql", content=content))

    def wait_for(self, approval: AsyncApproval) -> None:
        """Have its client wait."""

        async def wait() -> None:
            outcome = await approval.wait()
            self.returned[approval.id] = time.perf_counter()
            assert outcome.approved

        self.tasks[approval.id] = asyncio.create_task(wait())

    def decide(self, request_id: str) -> None:
        """Approve it."""
        row = self._services.views.request(request_id, self._reviewer).request
        self.decided[request_id] = time.perf_counter()
        self._services.checkpoints.decide(request_id, self._reviewer, Ballot(Verdict.APPROVE, row.digest))

    def times(self, ids: list[str]) -> list[float]:
        """Seconds from the decision to the client's return."""
        return [self.returned[request_id] - self.decided[request_id] for request_id in ids]


async def measure(waiters: Waiters, url: str, token: str, pid: int, wanted: argparse.Namespace) -> None:
    """Request approval, wait, decide, and print."""
    pools = [AsyncAssent(url, token) for _ in range(-(-wanted.clients // EACH))]
    approvals = [await waiters.ask(pools[number // EACH], number) for number in range(wanted.clients)]
    await asyncio.sleep(2)
    idle = memory_mib(pid)
    for approval in approvals:
        waiters.wait_for(approval)
        await asyncio.sleep(0.002)
    await asyncio.sleep(5)
    waiting = memory_mib(pid)
    kib = (waiting - idle) * 1024 / wanted.clients
    print(f"memory of the web process  idle {idle:.0f} MiB, with {wanted.clients:,} waiting {waiting:.0f} MiB: "
          f"{kib:.0f} KiB for each (to reach: {CLIENT_KIB}{', MISSED' if kib > CLIENT_KIB else ''})")  # fmt: skip
    ids = [approval.id for approval in approvals]
    singly, together = ids[: wanted.decisions], ids[wanted.decisions :]
    for request_id in singly:
        await asyncio.to_thread(waiters.decide, request_id)
        await asyncio.sleep(wanted.pause)
    await asyncio.gather(*(waiters.tasks[request_id] for request_id in singly))
    show("one after the other", waiters.times(singly), ANSWER_SECONDS)
    began = time.perf_counter()
    for request_id in together:
        await asyncio.to_thread(waiters.decide, request_id)
    took = time.perf_counter() - began
    await asyncio.gather(*(waiters.tasks[request_id] for request_id in together))
    show(f"{len(together):,} in {took:.1f} s", waiters.times(together), None)
    for pool in pools:
        await pool.close()


def show(what: str, taken: list[float], to_reach: float | None) -> None:
    """Print a line."""
    p50, p95 = percentile(taken, 0.5) * 1000, percentile(taken, 0.95) * 1000
    missed = to_reach is not None and p95 > to_reach * 1000
    goal = f" (to reach: {to_reach * 1000:.0f} ms at p95{', MISSED' if missed else ''})" if to_reach else ""
    print(f"decision to return         {what}: p50 {p50:.0f} ms, p95 {p95:.0f} ms{goal}")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--decisions", type=int, default=200, help="how many of them are decided one after the other")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between those decisions")
    wanted = parser.parse_args()
    print(f"waiting: {machine()}, {wanted.clients:,} clients, one web process")
    os.environ["ASSENT_API_CALLS_PER_MINUTE"] = "0"
    with database("bench_waiting") as address, web(address) as (process, url):
        services = build_services(make_engine(address))
        owner = services.people.add(SYSTEM, "Release engineer", "release@example.com", [Role.REVIEWER])
        reviewer = services.people.add(SYSTEM, "DBA on call", "dba@example.com", [Role.REVIEWER]).as_actor(Via.PAGE)
        terms = TokenTerms(
            TokenKind.AGENT, "Deploy agent", (Scope.APPROVALS_REQUEST, Scope.APPROVALS_READ), timedelta(days=1)
        )
        token, _ = services.tokens.make(SYSTEM, terms, owner.id)
        asyncio.run(measure(Waiters(services, reviewer), url, token, process.pid, wanted))
        services.engine.dispose()


if __name__ == "__main__":
    main()
