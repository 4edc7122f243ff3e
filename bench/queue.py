"""Page one of the queue and filtered pages, with 1,000 and with 100,000 requests pending.

    python -m bench.queue [--samples N] [--sizes 1000,100000] [--plans]

Each page is read through the use case that the page and the API call, and as the real page `/queue` by a signed-in
person through Flask's test client (routing, session, every query of the page, template). Resolved requests are listed
by the API and the command line only; the page of decided ones is measured by `bench.decided`. The databases are asked
in turn, and every page once in each round, so that a passing disturbance hits all alike. Everything is measured on rows
that were inserted just now, of which counting has to fetch each from the table, and again after a vacuum, which is how
PostgreSQL keeps tables by itself. To reach: the 95th percentile with the most requests is at most 1.3 times that with
the fewest for page one and for each filter by a column, and at most twice that for rare matches and for words. The use
case decides; a page as a browser gets it takes longer, because it also renders its rows, and a longer queue has more.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

from flask.testing import FlaskClient
from sqlalchemy import event

from app.domain.people import SYSTEM, Actor, Role, Via
from app.factory import create_app
from app.services.bundle import Services
from app.settings import Settings
from app.web.listing import filter_from
from bench.filling import fill, vacuum
from bench.support import database, machine, percentile

TARGET, RARE_TARGET = 1.3, 2.0
WARM_UP = 20
PAGE = 50

FILTERS: dict[str, dict[str, str]] = {
    "page one": {},
    "risk=high": {"risk": "high"},
    "workflow=database_maintenance": {"workflow": "database_maintenance"},
    "kind=script": {"kind": "script"},
    "mine": {"mine": "1"},
    "team=security": {"team": "security"},
    "unassigned": {"unassigned": "1"},
}
OTHERS: dict[str, dict[str, str]] = {
    "risk=critical, a rare workflow": {"risk": "critical", "workflow": "data_retention"},
    "resolved": {"resolved": "1"},
    "team=payments, one in 1,000": {"team": "payments"},
    "team=nobody, none": {"team": "nobody"},
    "resolved, team=payments": {"team": "payments", "resolved": "1"},
    "resolved, a rare workflow": {"workflow": "data_retention", "resolved": "1"},
}
SEARCHES: dict[str, dict[str, str]] = {
    "text, many match": {"text": "indexes"},
    "text, one in 400 match": {"text": "certificates team 17"},
    "text, none matches": {"text": "nothing like this"},
    "text, two letters that none has": {"text": "zq"},
    "text and risk=high": {"text": "certificates team 17", "risk": "high"},
    "resolved, text, none matches": {"text": "nothing like this", "resolved": "1"},
}


@dataclass
class Desk:
    """A portal on a database with this many pending requests."""

    pending: int
    address: str
    services: Services
    client: FlaskClient
    viewer: Actor

    def read(self, query: dict[str, str]) -> None:
        """One page through the use case."""
        wanted = replace(filter_from(query, self.viewer), resolved="resolved" in query)
        self.services.queue.page(wanted, limit=PAGE)

    def open(self, query: dict[str, str]) -> None:
        """One page as a browser gets it."""
        answer = self.client.get(f"/queue?{urlencode(query)}")
        if answer.status_code != 200 or b"queue-rows" not in answer.data:
            raise RuntimeError(f"/queue answered {answer.status}")


@contextmanager
def desk(pending: int) -> Iterator[Desk]:
    """Yield a filled database with a portal and a signed-in person."""
    with database(f"bench_queue_{pending}") as address, tempfile.TemporaryDirectory() as folder:
        fill(address, pending)
        app = create_app(
            Settings(database_url=address, secret_key="x" * 40, data_dir=Path(folder), async_mode="threading")
        )
        services: Services = app.extensions["assent"]
        person = services.people.add(SYSTEM, "DBA on call", "dba@example.com", [Role.REVIEWER], ["dba"])
        client = app.test_client()
        with client.session_transaction() as session:
            link = services.people.make_link(SYSTEM, person.id)
            session.update(_user_id=services.people.redeem_link(link, "bench").token)
        try:
            yield Desk(pending, address, services, client, person.as_actor(Via.PAGE))
        finally:
            app.extensions["assent_live"].listener.stop()
            services.engine.dispose()


@dataclass
class Line:
    """One measured page, and its milliseconds on each desk."""

    name: str
    query: dict[str, str]
    take: Callable[[Desk, dict[str, str]], None]
    target: float
    taken: dict[int, list[float]] = field(default_factory=dict)

    def sample(self, desk: Desk, keep: bool) -> None:
        """Measure the page once."""
        began = time.perf_counter()
        self.take(desk, self.query)
        if keep:
            self.taken.setdefault(desk.pending, []).append((time.perf_counter() - began) * 1e3)

    @property
    def ratio(self) -> float:
        """p95 with the most requests over p95 with the fewest."""
        return percentile(self.taken[max(self.taken)], 0.95) / percentile(self.taken[min(self.taken)], 0.95)

    def words(self) -> str:
        """The figures."""
        figures = "   ".join(
            f"{pending:>7,}: p50 {percentile(taken, 0.5):7.2f} ms, p95 {percentile(taken, 0.95):7.2f} ms"
            for pending, taken in sorted(self.taken.items())
        )
        verdict = f" (to reach: {self.target}{'' if self.ratio <= self.target else ', MISSED'})"
        return f"  {self.name:<42} {figures}   p95 ratio {self.ratio:6.2f}{verdict}"


def show_plans(desk: Desk) -> None:
    """Print PostgreSQL's plans for each page."""
    statements: list[tuple[str, object]] = []

    def note(*arguments: object) -> None:
        statements.append((str(arguments[2]), arguments[3]))

    event.listen(desk.services.engine, "before_cursor_execute", note)
    for name, query in {**FILTERS, **OTHERS, **SEARCHES}.items():
        statements.clear()
        (desk.read if "resolved" in query else desk.open)(query)
        print(f"\n{name}, {desk.pending:,} pending")
        with desk.services.engine.connect() as connection:
            for statement, values in list(statements):
                if statement.lstrip().upper().startswith("SELECT"):
                    rows = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values)  # type: ignore[arg-type]
                    print(f"  {' '.join(statement.split())[-150:]}", *(f"      {row[0]}" for row in rows), sep="\n")
    event.remove(desk.services.engine, "before_cursor_execute", note)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=300, help="of each page on each database")
    parser.add_argument("--sizes", default="1000,100000", help="requests that are pending")
    parser.add_argument("--plans", action="store_true", help="print PostgreSQL's plans instead of measuring")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        desks = [stack.enter_context(desk(int(size))) for size in wanted.sizes.split(",")]
        if wanted.plans:
            for filled in desks:
                show_plans(filled)
            return
        print(f"queue: {machine()}, {wanted.samples} samples of each, pages of {PAGE}")
        compare(desks, "just inserted", wanted.samples)
        for filled in desks:
            vacuum(filled.address)
        compare(desks, "after a vacuum", wanted.samples)
        searches = lines_for(SEARCHES, RARE_TARGET)
        measure(desks, searches, wanted.samples)
        report("text", searches)


def compare(desks: list[Desk], when: str, samples: int) -> None:
    """Measure and print all but the searches."""
    lines = [*lines_for(FILTERS, TARGET), *lines_for(OTHERS, RARE_TARGET)]
    measure(desks, lines, samples)
    report(when, lines)


def lines_for(queries: dict[str, dict[str, str]], target: float) -> list[Line]:
    """Each query through the use case, and as the page."""
    takes = {"queue.page": Desk.read, "GET /queue": Desk.open}
    return [
        Line(f"{how:<10}  {name}", query, take, target)
        for name, query in queries.items()
        for how, take in takes.items()
        if "resolved" not in query or take is Desk.read
    ]


def report(title: str, lines: list[Line]) -> None:
    """Print the figures, those of the use case first."""
    print(f"\n{title}")
    for line in sorted(lines, key=lambda part: part.take is Desk.open):
        print(line.words(), flush=True)


def measure(desks: list[Desk], lines: list[Line], samples: int) -> None:
    """Measure every page on every desk once per round, with the desks in alternating order."""
    gc.collect()
    gc.freeze()
    for number in range(WARM_UP + samples):
        order = desks if number % 2 else desks[::-1]
        for line in lines:
            for desk in order:
                line.sample(desk, keep=number >= WARM_UP)


if __name__ == "__main__":
    main()
