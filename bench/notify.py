"""Decisions while 1,000 people are being notified, compared with decisions while nobody is.

    python -m bench.notify [--people N] [--cycles N] [--workers N] [--rounds N]

One client starts runs, decides what they ask and waits for the end, in turn with nobody to tell and with a request that
asks so many people at the moment at which the measurement begins. The mails go to a real SMTP server, a process beside
them of low priority, as it would be on another machine. What each cycle itself tells people is the same in both.
To reach: a decision takes at most 1.2 times as long.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import insert

from app.domain.ballot import Ballot
from app.domain.events import EventKind
from app.domain.people import SYSTEM, Actor, Role, Via
from app.services.bundle import Services, build_services
from app.services.record.events import event_row, publish
from app.store.engine import make_engine
from app.store.people import Person, Team, TeamMember
from assent.contracts import Verdict
from bench.flow import WORKFLOW
from bench.support import Bell, cpu_seconds, database, machine, percentile, processes

CROWD = "crowd"
TO_REACH = 1.2
WARM_UP = 10
_POLICY = "version: 1\ndefault: {deadline: 1 day, stages: [{people: [dba@example.com]}]}\n"
_PROPOSED = "select payload, digest from approval_requests where id = %(id)s"
_RESULT = "select result from runs where id = %(id)s"
_ASK_ALL = "update approval_requests set addressed_to = %(to)s where id = %(id)s returning id"
_SENT = """
    select count(*) filter (where state = 'sent') as sent, count(*) as planned
    from deliveries where request_id = %(id)s"""


@dataclass
class Taken:
    """Seconds per cycle for the decision, and from the decision to the run's next step."""

    decision: list[float] = field(default_factory=list)
    step: list[float] = field(default_factory=list)


@contextmanager
def mail_server() -> Iterator[int]:
    """Run a mail server that accepts and discards all emails, and yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    started = subprocess.Popen(
        ["nice", sys.executable, "-m", "aiosmtpd", "-n", "-c", "aiosmtpd.handlers.Sink", "-l", f"127.0.0.1:{port}"]
    )
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield port
    finally:
        started.terminate()
        started.wait(10)


def add_crowd(services: Services, people: int) -> None:
    """Add this many reviewers to one team."""
    names = [f"person-{number}" for number in range(people)]
    with services.sessions.begin() as session:
        session.execute(insert(Team).values(slug=CROWD, name="Crowd"))
        rows = [
            {"id": name, "name": name, "email": f"{name}@example.com", "roles": [Role.REVIEWER.value]} for name in names
        ]
        session.execute(insert(Person), rows)
        session.execute(insert(TeamMember), [{"team_slug": CROWD, "person_id": name} for name in names])


def cycles_of(services: Services, bell: Bell, people: tuple[Actor, Actor], count: int) -> Taken:
    """Start a run, decide, and wait for its end, this many times."""
    starter, reviewer = people
    taken = Taken()
    for number in range(count):
        run = services.runs.start(starter, WORKFLOW.name, {"number": number})
        request = bell.expect(run.id, "pending").result(60)
        [proposed] = services.sessions.execute(_PROPOSED, {"id": request})
        decided, began = time.time(), time.perf_counter()
        services.checkpoints.decide(request, reviewer, Ballot(Verdict.APPROVE, proposed["digest"]))
        taken.decision.append(time.perf_counter() - began)
        bell.expect(run.id, "completed").result(60)
        [done] = services.sessions.execute(_RESULT, {"id": run.id})
        taken.step.append(json.loads(done["result"])["applied_at"] - decided)
    return taken


def ask_everybody(services: Services, bell: Bell, starter: Actor) -> str:
    """Open a request that requires approval from the whole crowd, and return its ID."""
    run = services.runs.start(starter, WORKFLOW.name, {"number": 0})
    request = bell.expect(run.id, "pending").result(60)
    services.sessions.execute(_ASK_ALL, {"id": request, "to": [f"team:{CROWD}"]})
    with services.sessions.begin() as session:
        publish(session, event_row(EventKind.REQUEST_OPENED, datetime.now(UTC), run_id=run.id, request_id=request))
    return request


def notified(services: Services, request: str) -> tuple[int, int]:
    """Return how many of the crowd have been sent an email, and how many deliveries are planned."""
    [row] = services.sessions.execute(_SENT, {"id": request})
    return int(row["sent"]), int(row["planned"])


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--cycles", type=int, default=150, help="cycles for each measurement")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    print(f"notify: {machine()}, {wanted.workers} worker processes, {wanted.people:,} people to tell at once")
    with database("bench_notify") as address, mail_server() as port:
        services = build_services(make_engine(address))
        services.policies.load(SYSTEM, _POLICY, "bench")
        named = {"release": "Release engineer", "dba": "DBA on call"}
        team = [services.people.add(SYSTEM, name, f"{key}@example.com", [Role.REVIEWER]) for key, name in named.items()]
        add_crowd(services, wanted.people)
        os.environ |= {
            "ASSENT_SMTP_HOST": "127.0.0.1", "ASSENT_SMTP_PORT": str(port), "ASSENT_SMTP_TLS": "none",
            "ASSENT_MAIL_FROM": "assent@example.com",
        }  # fmt: skip
        people = (team[0].as_actor(Via.API), team[1].as_actor(Via.API))
        with processes(address, "bench.flow:WORKFLOW", wanted.workers) as workers:
            bell = Bell(address)
            while not services.runs.catalog():
                time.sleep(0.1)
            compare(services, bell, people, [worker.pid for worker in workers], wanted)
        services.engine.dispose()


def compare(
    services: Services, bell: Bell, people: tuple[Actor, Actor], workers: list[int], wanted: argparse.Namespace
) -> None:
    """Measure both in turn, and print their ratios."""
    quiet, busy = Taken(), Taken()
    cycles_of(services, bell, people, WARM_UP)
    for number in range(wanted.rounds):
        _join(quiet, cycles_of(services, bell, people, wanted.cycles))
        request = ask_everybody(services, bell, people[0])
        while not notified(services, request)[0]:
            time.sleep(0.005)
        before, began = cpu_seconds(workers), time.perf_counter()
        _join(busy, cycles_of(services, bell, people, wanted.cycles))
        seconds = time.perf_counter() - began
        during, planned = notified(services, request)
        used = cpu_seconds(workers)["workers"] - before["workers"]
        left = time.perf_counter()
        while notified(services, request)[0] < wanted.people:
            time.sleep(0.05)
        print(
            f"round {number + 1}: {planned:,} planned, {during:,} sent while {wanted.cycles} cycles took "
            f"{seconds:.1f} s (workers used {used:.1f} s of processor time), "
            f"the rest in {time.perf_counter() - left:.1f} s after them"
        )
        if during >= wanted.people:
            print("  all were sent before the measurement ended: take fewer cycles")
    for words, alone, beside in (
        ("decision", quiet.decision, busy.decision), ("decision to next step", quiet.step, busy.step),
    ):  # fmt: skip
        print(f"{words:22} {_words('alone', alone)}, {_words('while comparable_text', beside)}")
        shares = {share: percentile(beside, share) / percentile(alone, share) for share in (0.5, 0.95)}
        print(f"{'':22} ratio p50 {shares[0.5]:.2f}, p95 {shares[0.95]:.2f} (to reach: {TO_REACH} at p50)")


def _join(into: Taken, more: Taken) -> None:
    into.decision += more.decision
    into.step += more.step


def _words(name: str, seconds: list[float]) -> str:
    return f"{name} p50 {percentile(seconds, 0.5) * 1e3:.1f} ms, p95 {percentile(seconds, 0.95) * 1e3:.1f} ms"


if __name__ == "__main__":
    main()
