"""The portal under load while everything around it fails, and a check that it keeps its promises.

    python -m bench.chaos [--minutes N] [--seed N] [--keep FOLDER]

Two web processes, three workers and an embedded PostgreSQL, which they reach through a line that can be slow or break.
Reviewers decide over REST, now and then twice at once; agents wait with the SDK; eight workflows ask, act, fail and ask
again. Meanwhile processes are killed, stopped and held still, workers are replaced by ones whose clock is up to three
minutes off (with Debian's package faketime), and the database is stopped at once, loses its connections, or has none
left. Each act is written down outside of the portal, and afterwards compared with what the portal says.

Ends with exit code 1 if anything that must be true is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg

from app.domain.people import SYSTEM, Role
from app.domain.tokens import Scope, TokenKind, TokenTerms
from app.services.bundle import build_services
from app.store.engine import make_engine
from bench.chaos_faults import Faults
from bench.chaos_invariants import AT_REST, Invariant, Stored, check
from bench.chaos_people import People
from bench.chaos_place import FAKETIME, Place
from bench.support import machine

REST_SECONDS = 180.0
"""Seconds after the last fault within which everything must have finished."""
PERSON_SCOPES = (
    Scope.APPROVALS_READ, Scope.APPROVALS_REQUEST, Scope.APPROVALS_DECIDE, Scope.RUNS_READ, Scope.RUNS_WRITE
)  # fmt: skip
POLICY = "version: 1\ndefault: {deadline: 24 hours, reason_required: []}\n"


def people_of(place: Place, seed: int) -> People:
    """All people with their tokens, created before the first fault."""
    services = build_services(make_engine(place.direct))
    services.policies.load(SYSTEM, POLICY, "bench/chaos.py")
    tokens: dict[str, str] = {}
    for name in ("starter0", "starter1", *(f"reviewer{number}" for number in range(4))):
        person = services.people.add(SYSTEM, f"{name} on call", f"{name}@example.com", [Role.REVIEWER])
        terms = TokenTerms(TokenKind.PERSON, name, PERSON_SCOPES, timedelta(days=1))
        tokens[name] = services.tokens.make(SYSTEM, terms, person.id)[0]
    owner = services.people.add(SYSTEM, "Release engineer", "release@example.com", [Role.REVIEWER])
    terms = TokenTerms(
        TokenKind.AGENT, "Deploy agent", (Scope.APPROVALS_REQUEST, Scope.APPROVALS_READ), timedelta(days=1)
    )
    agent = services.tokens.make(SYSTEM, terms, owner.id)[0]
    services.engine.dispose()
    with psycopg.connect(place.direct, autocommit=True) as connection:
        connection.execute("create role chaos_user login")
    return People(place, tokens, agent, seed)


def wait_until_ready(place: Place) -> None:
    """Wait until all web processes respond and a worker is alive."""
    for port in place.ports:
        deadline, said = time.monotonic() + 90, "nothing"
        while time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5)
                if answer.status_code == 200:
                    break
                said = answer.text
            time.sleep(0.2)
        else:
            raise TimeoutError(f"the portal does not start; port {port} says {said}")


_JOBS = (
    "select count(*) from procrastinate_jobs where task_name = 'runs.advance' and "
    "(status = 'doing' or status = 'todo' and coalesce(scheduled_at, now()) <= now())"
)
"""Notifications yield to runs, so they fall behind under this load; they need not have finished."""


def settled(place: Place) -> bool:
    """Return True once nothing is pending any more."""
    with psycopg.connect(place.direct) as connection:
        [open_runs] = connection.execute(
            "select count(*) from runs where not state = any(%s)", (list(AT_REST),)
        ).fetchone() or [1]
        [waiting] = connection.execute("select count(*) from approval_requests where state = 'pending'").fetchone() or [
            1
        ]
        [working] = connection.execute(_JOBS).fetchone() or [1]
    return not open_runs and not waiting and not working


def come_to_rest(place: Place) -> float:
    """Wait until everything has finished. Returns the seconds that this took."""
    began = time.monotonic()
    while time.monotonic() - began < REST_SECONDS:
        with suppress(psycopg.OperationalError):
            if settled(place):
                break
        time.sleep(0.5)
    return time.monotonic() - began


def show(invariants: list[Invariant], people: People, faults: Faults, stored: Stored, again: int, rest: float) -> bool:
    """Print what happened. Returns True if all invariants hold."""
    seen = people.seen
    acknowledged = sum(200 <= sent.status < 300 for sent in seen.decisions)
    unknown = sum(sent.status == 0 for sent in seen.decisions)
    print(f"faults {sum(faults.made.values())}")
    for kind, number in faults.made.most_common():
        print(f"  {number:4}  {kind}")
    states = Counter(run["state"] for run in stored.runs.values())
    print(f"runs {len(stored.runs):,}: {', '.join(f'{number:,} {state}' for state, number in states.most_common())}")
    print(f"requests {len(stored.requests):,}")
    print(f"agents elsewhere asked {seen.asked:,} times and got {len(seen.collected):,} outcomes")
    print(f"decisions sent {len(seen.decisions):,}: {acknowledged:,} acknowledged, {unknown:,} without an answer")
    print(f"calls {sum(seen.statuses.values()):,}: " + ", ".join(
        f"{number:,} × {status or 'no answer'}" for status, number in sorted(seen.statuses.items())
    ))  # fmt: skip
    receipts = Counter(row["status"] for row in stored.receipts.values())
    print(f"receipts: {', '.join(f'{number:,} {status}' for status, number in receipts.most_common())}")
    print(f"steps that ran again after their process had ended: {again:,} (at least once is what is promised of steps)")
    print(f"at rest {rest:.0f} s after the last fault (to reach: {REST_SECONDS:.0f} s)")
    for invariant in invariants:
        verdict = f"{len(invariant.broken):,} BROKEN" if invariant.broken else "kept"
        print(f"  {verdict:>10}  {invariant.words} ({invariant.checked:,})")
        for where in invariant.broken[:5]:
            print(f"              {where[:400]}")
    return not any(invariant.broken for invariant in invariants)


def run(place: Place, minutes: float, seed: int) -> bool:
    """Run everything. Returns True if all invariants hold."""
    people, faults = people_of(place, seed), Faults(place, seed)
    place.start()
    wait_until_ready(place)
    people.start(reviewers=4, starters=2, agents=3)
    faults.start()
    time.sleep(minutes * 60)
    faults.stop()
    people.no_more_runs()
    rest = come_to_rest(place)
    people.stop()
    ends = {pid: end for program in place.programs for pid, end in program.ends.items()}
    stored = Stored(place.direct, place.ledger)
    invariants, again = check(stored, people.seen, ends)
    return show(invariants, people, faults, stored, again, rest)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep data and logs in this folder")
    wanted = parser.parse_args()
    print(f"chaos: {machine()}, {wanted.minutes:g} minutes, seed {wanted.seed}, 2 web processes, 3 workers"
          f"{'' if FAKETIME else ', WITHOUT clocks that differ: libfaketime is missing'}")  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="assent-chaos-") as scratch:
        folder = wanted.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        place = Place(folder, webs=2, workers=3)
        try:
            kept = run(place, wanted.minutes, wanted.seed)
        finally:
            place.close()
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
