"""Pages of the audit log with 10,000 and with 1,000,000 entries.

    python -m bench.record [--samples N] [--sizes 10000,1000000] [--plans]

Each page is read through the use case that the page and the API call, and as the real page `/audit` by a signed-in
auditor through Flask's test client. Both databases are asked in turn. To reach: the 95th percentile with the most
entries is at most 2 times that with the fewest, for the first page, a page from the middle, and each filter by a column
or by time; and at most 300 ms for parts of names and of details. The blocks by which those are found are made
before, and how long that takes is printed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from flask.testing import FlaskClient
from sqlalchemy import event, text

from app.domain.people import SYSTEM, Actor, Role, Via
from app.factory import create_app
from app.services.bundle import Services
from app.services.record.search import AuditFilter
from app.services.record.search_index import AuditIndex
from app.settings import Settings
from app.store.engine import make_engine, make_sessions
from bench.support import database, machine, percentile

TARGET = 2.0
SEARCH_MILLISECONDS = 300.0
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
LASTED = timedelta(days=300)
_FILL = """
    insert into audit_entries (at, actor_kind, actor_id, actor_name, via, source, action, request_id, run_id, detail)
    select %(began)s::timestamptz + %(lasted)s::interval * n / %(count)s, 'person', 'person-' || n %% 40,
        'Reviewer of team ' || n %% 40, 'page', '10.0.0.' || n %% 200,
        (array['request.opened', 'request.decided', 'request.resolved', 'request.receipt', 'person.signed_in'])
            [n %% 5 + 1],
        'request-' || n / 5, 'run-' || n / 10,
        '{"verdict":"approve", "digest": "' || md5(n::text) || '", "words": "Create ' || n %% 9 || ' indexes"}'
    from generate_series(1, %(count)s) as n"""
_RUNS = """
    insert into runs (id, workflow, workflow_version, title, state, version, attempt, control, input, started_by_name,
        created_at, updated_at)
    select 'run-' || n, 'maintenance', '1', 'Maintenance ' || n || ' of shop ' || n %% 50, 'completed', 1, 1, '', '{}',
        'Scheduler', now(), now()
    from generate_series(0, %(count)s / 10) as n"""
"""Each entry's run has a title, by which entries are found."""


@dataclass
class Desk:
    """A portal on an audit log with this many entries."""

    entries: int
    services: Services
    client: FlaskClient
    viewer: Actor

    def read(self, wanted: dict[str, Any]) -> None:
        """One page through the use case."""
        page = self.services.records.page(self.viewer, AuditFilter(**_filter(wanted)), wanted.get("before"))
        if wanted.get("found", True) and not page.entries:
            raise RuntimeError(f"nothing found by {wanted}")

    def open(self, wanted: dict[str, Any]) -> None:
        """One page as a browser gets it."""
        query = {name: value.date() if isinstance(value, datetime) else value for name, value in wanted.items()}
        answer = self.client.get(f"/audit?{urlencode(query)}")
        if answer.status_code != 200:
            raise RuntimeError(f"/audit answered {answer.status}")


def _filter(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if name not in ("before", "found")}


@contextmanager
def desk(entries: int) -> Iterator[Desk]:
    """Yield a filled database with a portal and a signed-in auditor."""
    with database(f"bench_record_{entries}") as address, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(_FILL, {"count": entries, "began": BEGAN, "lasted": LASTED})
            connection.execute(_RUNS, {"count": entries})
            connection.execute("vacuum analyze audit_entries, runs")
        make_blocks(address, entries)
        app = create_app(
            Settings(database_url=address, secret_key="x" * 40, data_dir=Path(folder), async_mode="threading")
        )
        services: Services = app.extensions["assent"]
        person = services.people.add(SYSTEM, "Auditor", "auditor@example.com", [Role.AUDITOR])
        client = app.test_client()
        with client.session_transaction() as session:
            link = services.people.make_link(SYSTEM, person.id)
            session.update(_user_id=services.people.redeem_link(link, "bench").token)
        try:
            yield Desk(entries, services, client, person.as_actor(Via.PAGE))
        finally:
            app.extensions["assent_live"].listener.stop()
            services.engine.dispose()


def make_blocks(address: str, entries: int) -> None:
    """Index the audit log as a worker does, but without pauses."""
    engine = make_engine(address)
    index = AuditIndex(make_sessions(engine))
    began = time.perf_counter()
    while index.extend().made:
        pass
    with engine.connect() as connection:
        size = connection.execute(text("select pg_size_pretty(pg_total_relation_size('audit_blocks'))")).scalar_one()
    engine.dispose()
    print(f"blocks of {entries:,} entries: made in {time.perf_counter() - began:.0f} s, {size}", flush=True)


def pages(entries: int) -> dict[str, tuple[dict[str, Any], bool]]:
    """Return the queries of an audit log of this length, and whether their time has a target."""
    middle = BEGAN + LASTED / 2
    return {
        "first page": ({}, True),
        "a page from the middle": ({"before": entries // 2}, True),
        "action=request.decided": ({"action": "request.decided"}, True),
        "action=policy. (there are none)": ({"action": "policy.", "found": False}, True),
        "one request": ({"request_id": f"request-{entries // 11}"}, True),
        "one run": ({"run_id": f"run-{entries // 17}"}, True),
        "one person": ({"actor": "person-17"}, True),
        "since a day in the middle": ({"since": middle}, True),
        "until a day in the middle": ({"until": middle}, True),
        "one day in the middle": ({"since": middle, "until": middle + timedelta(days=1)}, True),
        "a part of a name": ({"actor": "team 7"}, False),
        "text, many match": ({"text": "4 indexes"}, False),
        "text, one matches": ({"text": md5(b"4711").hexdigest()[:20].upper()}, False),
        "text, none matches": ({"text": "nothing like this", "found": False}, False),
        "text, two letters that none has": ({"text": "zq", "found": False}, False),
        "a name that nobody has": ({"actor": "nobody", "found": False}, False),
        "a title, one run": ({"title": f"Maintenance {entries // 23} of"}, False),
        "a title, one in 50": ({"title": "shop 17"}, False),
        "a title that nothing has": ({"title": "no such title", "found": False}, False),
        "who approved a title": (
            {"title": f"Maintenance {entries // 23} of", "action": "request.decided:approve"},
            False,
        ),
        "text of others' entries": ({"text": "4 indexes", "actor": "nobody", "found": False}, False),
    }


@dataclass
class Line:
    """One measured page, and its milliseconds on each desk."""

    name: str
    how: str
    promised: bool
    taken: dict[int, list[float]] = field(default_factory=dict)

    def words(self) -> str:
        """The figures."""
        ratio = percentile(self.taken[max(self.taken)], 0.95) / percentile(self.taken[min(self.taken)], 0.95)
        figures = "   ".join(
            f"{entries:>9,}: p50 {percentile(taken, 0.5):8.2f} ms, p95 {percentile(taken, 0.95):8.2f} ms"
            for entries, taken in sorted(self.taken.items())
        )
        longest = percentile(self.taken[max(self.taken)], 0.95)
        reached = ratio <= TARGET if self.promised else longest <= SEARCH_MILLISECONDS
        target = str(TARGET) if self.promised else f"{SEARCH_MILLISECONDS:.0f} ms"
        verdict = f" (to reach: {target}{'' if reached else ', MISSED'})"
        return f"  {self.how:<13} {self.name:<32} {figures}   p95 ratio {ratio:7.2f}{verdict}"


def show_plans(desk: Desk) -> None:
    """Print PostgreSQL's plans for each page."""
    statements: list[tuple[str, Any]] = []
    event.listen(
        desk.services.engine, "before_cursor_execute", lambda *given: statements.append((str(given[2]), given[3]))
    )
    for name, (wanted, _) in pages(desk.entries).items():
        statements.clear()
        desk.read(wanted)
        print(f"\n{name}, {desk.entries:,} entries")
        with desk.services.engine.connect() as connection:
            for statement, values in list(statements):
                for row in connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values):
                    print(f"    {row[0]}")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--plans", action="store_true")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        desks = [stack.enter_context(desk(int(size))) for size in wanted.sizes.split(",")]
        if wanted.plans:
            for filled in desks:
                show_plans(filled)
            return
        print(f"record: {machine()}, {wanted.samples} samples of each, pages of 100")
        for how, take in (("records.page", Desk.read), ("GET /audit", Desk.open)):
            for name, (_, promised) in pages(1).items():
                line = Line(name, how, promised)
                for number in range(3 + wanted.samples if promised else 3 + wanted.samples // 5):
                    for filled in desks if number % 2 else desks[::-1]:
                        asked = dict(pages(filled.entries)[name][0])
                        if take is Desk.open:
                            asked.pop("found", None)
                        began = time.perf_counter()
                        take(filled, asked)
                        if number >= 3:
                            line.taken.setdefault(filled.entries, []).append((time.perf_counter() - began) * 1e3)
                print(line.words(), flush=True)


if __name__ == "__main__":
    main()
