"""How late due steps are executed: many deadlines spread over a minute, and then many at once.

    python -m bench.deadlines [--deadlines N] [--burst N] [--seconds N] [--workers N]

The requests wait in a fresh database; half of them expire, the others are warned about or escalated. Real worker
processes do that. Those that expire wake their runs, which the workers take up as well; they fail at once, because
their workflow is not installed, so no graph is driven. Lateness is counted until the moment at which a listener hears
of it, as open pages do, and what was missed or done twice is counted from the record and from the events alike.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from app.domain.policy.due import DueStep
from app.domain.policy.terms import EscalationStep, default_terms
from app.domain.ranking import attention_at
from assent.contracts import RiskLevel, Urgency
from assent.digests import canonical
from bench.filling import copy_rows, request_row, run_row
from bench.support import cpu_seconds, database, machine, percentile, processes

TARGET_P95 = 1.0
AHEAD_SECONDS = 3.0
"""Seconds between the insertion of the last request and the first deadline."""
PATIENCE_SECONDS = 60.0
"""Seconds after the last deadline in which a late step does not count as missed."""
SHARES = {DueStep.EXPIRE: 5, DueStep.WARN: 3, DueStep.ESCALATE: 2}
ACTIONS = {
    DueStep.EXPIRE: "request.expired",
    DueStep.WARN: "request.expiry_warned",
    DueStep.ESCALATE: "request.escalated",
}
WHAT = {DueStep.EXPIRE: "expired", DueStep.WARN: "warned", DueStep.ESCALATE: "escalated"}
LATER = timedelta(hours=6)


class Listener:
    """Listens for events as a web process does, and records their times."""

    def __init__(self, address: str) -> None:
        self.heard: dict[int, float] = {}
        self._connection = psycopg.connect(address, autocommit=True)
        self._connection.execute("listen assent_events")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        with suppress(psycopg.OperationalError):
            for notice in self._connection.notifies():
                now = time.time()
                for request_id in notice.payload.split(","):
                    self.heard[int(request_id)] = now


@dataclass
class Result:
    """The results of a set of deadlines; `late` in seconds, `waking` runs that no worker had claimed at the end.

    A target of None promises nothing.
    """

    name: str
    target: float | None
    late: dict[DueStep, list[float]] = field(default_factory=dict)
    missed: int = 0
    doubled: int = 0
    waking: int = 0
    cpu: dict[str, float] = field(default_factory=dict)

    def words(self) -> str:
        """The figures."""
        everything = [seconds for some in self.late.values() for seconds in some]
        lines = [f"\n{self.name}"]
        for name, values in [("all", everything), *((step.value, some) for step, some in self.late.items())]:
            p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
            missed = "" if self.target is None or p95 <= self.target else ", MISSED"
            promise = f" (to reach: p95 {self.target} s{missed})" if self.target and name == "all" else ""
            lines.append(
                f"  {name:<9} {len(values):>6,} done, late p50 {p50:6.3f} s, p95 {p95:6.3f} s, "
                f"max {max(values):6.3f} s{promise}"
            )
        lines.append(f"  missed {self.missed}, doubled {self.doubled} (to reach: 0 and 0)")
        lines.append(f"  {self.waking} of the runs that were woken not taken up yet")
        used = ", ".join(f"{who} {seconds / max(len(everything), 1) * 1e3:.2f}" for who, seconds in self.cpu.items())
        lines.append(f"  processor time per step, in ms: {used}")
        return "\n".join(lines)


def rows(count: int, first: datetime, over: timedelta, seed: int) -> list[tuple[DueStep, datetime, dict[str, Any]]]:
    """Return requests whose next step is due at times spread evenly from `first` on."""
    dice = random.Random(seed)
    steps = dice.choices(list(SHARES), list(SHARES.values()), k=count)
    return [
        (step, due := first + over * (number / count), _row(dice, step, due, seed * count + number))
        for number, step in enumerate(steps)
    ]


def _row(dice: random.Random, step: DueStep, due: datetime, number: int) -> dict[str, Any]:
    row = request_row(dice, due - LATER, number, waits=True)
    risk = RiskLevel(row["risk"])
    terms, opened, expires = default_terms(risk).model_copy(update={"warn_seconds": 0}), due - LATER, due
    if step is DueStep.WARN:
        terms, expires = terms.model_copy(update={"warn_seconds": 3600}), due + timedelta(hours=1)
    elif step is DueStep.ESCALATE:
        chain = (EscalationStep(after_seconds=int(LATER.total_seconds()), words="6 hours", teams=("leads",)),)
        terms, expires = terms.model_copy(update={"escalation": chain}), due + LATER
    return row | {
        "terms": canonical(terms.to_json()), "opened_at": opened, "expires_at": expires, "due_at": due,
        "attention_at": attention_at(expires, risk, 0, Urgency.NORMAL), "escalation": 0, "warned": False,
        "extended": 0, "stage": 0,
        "claimed_by_name": "", "assigned_to_name": "", "answered_by": "",
    }  # fmt: skip


def insert(address: str, made: list[tuple[DueStep, datetime, dict[str, Any]]]) -> None:
    """Add the requests with their runs."""
    with psycopg.connect(address) as connection:
        copy_rows(connection, "runs", (run_row(row) for _, _, row in made))
        copy_rows(connection, "approval_requests", [row for _, _, row in made])
        connection.execute("ANALYZE runs, approval_requests")


def measure(address: str, result: Result, count: int, over: timedelta, seed: int, workers: list[int]) -> Result:
    """Insert the requests, wait until all steps are done, and measure how late each was."""
    listener = Listener(address)
    started = time.monotonic()
    rows(count, datetime.now(UTC), over, seed)
    making = time.monotonic() - started
    first = datetime.now(UTC) + timedelta(seconds=2 * making + count / 2000 + AHEAD_SECONDS)
    made = rows(count, first, over, seed)
    insert(address, made)
    if datetime.now(UTC) > first:
        raise RuntimeError("the rows took too long to insert")
    time.sleep((first - datetime.now(UTC)).total_seconds())
    used = cpu_seconds(workers)
    deadline = first + over + timedelta(seconds=PATIENCE_SECONDS)
    with psycopg.connect(address, autocommit=True) as connection:
        ids = [row["id"] for _, _, row in made]
        query = "select count(*) from approval_requests where id = any(%s) and due_at <= %s"
        while datetime.now(UTC) < deadline:
            time.sleep(1.0)
            if datetime.now(UTC) > first + over and connection.execute(query, (ids, first + over)).fetchone() == (0,):
                break
        time.sleep(1.0)
        after = cpu_seconds(workers)
        _compare(connection, result, made, listener)
    result.cpu = {who: after[who] - used[who] for who in used if who != "clients"}
    return result


def _compare(
    connection: psycopg.Connection,
    result: Result,
    made: list[tuple[DueStep, datetime, dict[str, Any]]],
    listener: Listener,
) -> None:
    ids = [row["id"] for _, _, row in made]
    events: dict[tuple[str, str], list[int]] = {}
    query = (
        "select id, request_id, coalesce(payload::json ->> 'what', payload::json ->> 'state') "
        "from events where request_id = any(%s)"
    )
    for event, request, what in connection.execute(query, (ids,)):
        events.setdefault((request, what), []).append(event)
    query = "select request_id, action from audit_entries where request_id = any(%s)"
    recorded = Counter((request, action) for request, action in connection.execute(query, (ids,)))
    waking = connection.execute("select count(*) from procrastinate_jobs where status = 'todo'").fetchone()
    result.waking = waking[0] if waking else 0
    for step, due, row in made:
        heard = events.get((row["id"], WHAT[step]), [])
        times = {len(heard), recorded[row["id"], ACTIONS[step]]}
        if times == {1} and heard[0] in listener.heard:
            result.late.setdefault(step, []).append(listener.heard[heard[0]] - due.timestamp())
        result.missed += min(times) == 0
        result.doubled += max(times) > 1


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--deadlines", type=int, default=10_000, help="spread over the time")
    parser.add_argument("--seconds", type=int, default=60, help="over which they are spread")
    parser.add_argument("--burst", type=int, default=1_000, help="all at one instant")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    wanted = parser.parse_args()
    print(f"deadlines: {machine()}, {wanted.workers} worker(s)")
    with database("bench_deadlines") as address, processes(address, "bench.flow:WORKFLOW", wanted.workers) as running:
        time.sleep(AHEAD_SECONDS)
        workers = [process.pid for process in running]
        spread = timedelta(seconds=wanted.seconds)
        result = Result(f"{wanted.deadlines:,} within {wanted.seconds} s", TARGET_P95)
        print(measure(address, result, wanted.deadlines, spread, 1, workers).words(), flush=True)
        result = Result(f"{wanted.burst:,} at one instant", None)
        print(measure(address, result, wanted.burst, timedelta(0), 2, workers).words(), flush=True)


if __name__ == "__main__":
    main()
