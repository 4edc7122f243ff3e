"""Pages of decided requests, with 10,000 and with a million of them, beside the first page of the queue.

    python -m bench.decided [--samples N] [--sizes 10000,1000000] [--pending 1000] [--plans]

Each page is read through the use case that the page calls, on databases with as many decided and some pending requests,
whose statistics are fresh. All are asked in turn. To reach, with the most requests: a 95th percentile of at most twice
that of the first page of the queue for the newest requests, a page from the middle, one person, and filters by a
column; and of at most 300 ms for rare combinations and for words.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import event

from app.services.bundle import Services, build_services
from app.services.reading.decided_filter import DecidedFilter
from app.services.reading.queue_filter import QueueFilter
from app.services.requests.search_documents import SearchDocuments
from app.store.engine import make_engine
from bench.filling import copy_rows, request_row, run_row
from bench.support import database, machine, percentile

RATIO, SEARCH_MILLISECONDS = 2.0, 300.0
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
LASTED = timedelta(days=600)
_PEOPLE = """
    insert into people (id, name, email, roles, active)
    select 'person-' || n, 'Reviewer ' || n, 'reviewer' || n || '@example.com', '["reviewer"]', true
    from generate_series(0, 41) as n"""
_DECIDED = """
    insert into approval_requests ({names})
    select {values} from approval_requests as sample, generate_series(1, %(count)s) as n where sample.id = %(sample)s"""
_OWN = {
    "id": "'decided-' || n",
    "run_id": "null",
    "title": "(array['Create', 'Rebuild', 'Send', 'Delete', 'Archive'])[n %% 5 + 1] || ' ' || n %% 400 || ' '"
    " || (array['indexes', 'invoices', 'mails'])[n %% 3 + 1] || ' of team ' || n %% 40",
    "workflow": "case when n %% 1000 = 7 then 'data_retention' else 'workflow_' || n %% 9 end",
    "kind": "(array['script', 'tool_call', 'question'])[n %% 3 + 1]",
    "risk": "case when n %% 500 = 3 then 'critical' else (array['low', 'medium', 'high'])[n %% 7 %% 3 + 1] end",
    "state": "case when n %% 20 = 1 then 'rejected' when n %% 3000 = 5 then 'expired' else 'approved' end",
    "addressed_to": "case when n %% 1000 = 9 then array['team:payments'] when n %% 3 = 0 then array['team:dba']"
    " else '{}' end",
    "payload": """'{"content":"update orders set state = 1 where id = ' || n || '"}'""",
    "interrupt_id": "md5(n::text)",
    "resolved_at": "%(began)s::timestamptz + %(lasted)s::interval * n / %(count)s",
    "opened_at": "%(began)s::timestamptz + %(lasted)s::interval * n / %(count)s - interval '1 hour'",
}
_BY = "'person-' || case when n % 5000 = 11 then 41 when n % 200 = 13 then 40 else n % 40 end"
_DECISIONS = f"""
    insert into decisions (id, request_id, person_id, person_name, verdict, seen_digest, digest, comment, via, at,
        stage, on_behalf_of_name)
    select 'decision-' || n, id, {_BY}, 'Reviewer', 'approve', '', '', '', 'page', resolved_at - interval '1 second',
        0, ''
    from (select id, resolved_at, substr(id, 9)::integer as n from approval_requests where id like 'decided-%') as r"""
_DOCUMENTS = f"""
    insert into search_documents (request_id, resolved_at, words)
    select id, resolved_at, array_to_tsvector(array['=workflow:' || workflow, '=kind:' || kind, '=risk:' || risk,
            '=state:' || state, '=person:' || {_BY}, 'customer', 'word' || n % 1000, md5(n::text)]
        || case when addressed_to = '{{}}' then '{{}}' else array['=team:' || substr(addressed_to[1], 6)] end
        || array(select distinct word from unnest(string_to_array(lower(title), ' ')) as word)
        || array(select 'term' || (n * k) % 9973 from generate_series(2, 30) as k group by 1))
    from (select *, substr(id, 9)::integer as n from approval_requests where id like 'decided-%') as r"""
_INDEXES = ("ix_search_documents_words", "ix_search_documents_resolved", "ix_approval_requests_resolved_search")


@dataclass
class Desk:
    """A database with this many decided requests."""

    decided: int
    services: Services

    def read(self, wanted: dict[str, Any]) -> None:
        """One page."""
        filters = {name: value for name, value in wanted.items() if name not in ("cursor", "found")}
        page = self.services.decided.page(DecidedFilter(**filters), wanted.get("cursor"))
        if wanted.get("found", True) and not page.rows:
            raise RuntimeError(f"nothing found by {wanted}")

    def open_queue(self, _wanted: dict[str, Any]) -> None:
        """The first page of the queue."""
        self.services.queue.page(QueueFilter())


@contextmanager
def desk(decided: int, pending: int) -> Iterator[Desk]:
    """Yield a filled database."""
    with database(f"bench_decided_{decided}") as address:
        began = time.perf_counter()
        fill(address, decided, pending)
        print(f"{decided:,} decided requests: made in {time.perf_counter() - began:.0f} s", flush=True)
        engine = make_engine(address)
        try:
            yield Desk(decided, build_services(engine))
        finally:
            engine.dispose()


def fill(address: str, decided: int, pending: int) -> None:
    """Add the requests. The index of parts of words, which this list does not use, is left out."""
    dice = random.Random(1)
    made = [request_row(dice, datetime.now(UTC), number, True) for number in range(pending)]
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("set maintenance_work_mem = '512MB'")
        connection.execute("set synchronous_commit = off")
        copy_rows(connection, "runs", (run_row(request) for request in made))
        copy_rows(connection, "approval_requests", made)
        query = "select indexdef from pg_indexes where indexname = any(%s)"
        saved = [row[0] for row in connection.execute(query, [list(_INDEXES[:2])])]
        for name in _INDEXES:
            connection.execute(f"drop index {name}")
        connection.execute(_PEOPLE)
        columns = connection.execute(
            "select column_name from information_schema.columns where table_name = 'approval_requests'"
        )
        names = [row[0] for row in columns]
        values = ", ".join(_OWN.get(name, f"sample.{name}") for name in names)
        connection.execute(
            _DECIDED.format(names=", ".join(names), values=values),
            {"count": decided, "sample": made[0]["id"], "began": BEGAN, "lasted": LASTED},
        )
        connection.execute(_DECISIONS)
        connection.execute(_DOCUMENTS)
        for definition in saved:
            connection.execute(definition)
        connection.execute("vacuum analyze")
        for table in ("search_documents", "decisions"):
            size = connection.execute(f"select pg_size_pretty(pg_total_relation_size('{table}'))").fetchone()
            print(f"  {table}: {size[0] if size else ''}", flush=True)


def pages() -> dict[str, tuple[dict[str, Any], bool]]:
    """The filters, and whether their time is compared with the queue's."""
    middle = BEGAN + LASTED / 2
    return {
        "newest": ({}, True),
        "a page from the middle": ({"until": middle}, True),
        "one person of 40": ({"decided_by": "person-17"}, True),
        "one person, one in 200": ({"decided_by": "person-40"}, True),
        "one person, one in 5,000": ({"decided_by": "person-41"}, True),
        "workflow": ({"workflow": "workflow_3"}, True),
        "a rare workflow": ({"workflow": "data_retention"}, True),
        "risk=high": ({"risk": "high"}, True),
        "outcome=rejected, one in 20": ({"outcome": "rejected"}, True),
        "one person and outcome": ({"decided_by": "person-17", "outcome": "approved"}, True),
        "team=payments, one in 1,000": ({"team": "payments"}, False),
        "outcome=expired, one in 3,000": ({"outcome": "expired"}, False),
        "risk=critical, one person": ({"risk": "critical", "decided_by": "person-3"}, False),
        "workflow and kind that never meet": (
            {"workflow": "workflow_0", "kind": "question", "found": False}, False
        ),
        "text, all match": ({"text": "customer"}, False),
        "text, one in 1,000 matches": ({"text": "word17"}, False),
        "text, two words": ({"text": "rebuild invoices"}, False),
        "text, one matches": ({"text": "c4ca4238a0b923820dcc509a6f75849b"}, False),
        "text, none matches": ({"text": "nothinglikethis", "found": False}, False),
        "text, two letters": ({"text": "wo"}, False),
        "text and one person": ({"text": "word1", "decided_by": "person-40", "found": False}, False),
        "text, a month": ({"text": "word17", "since": middle, "until": middle + timedelta(days=30)}, False),
        "everything at once": (
            {"text": "term", "decided_by": "person-17", "outcome": "rejected", "workflow": "workflow_3",
             "since": middle, "found": False}, False,
        ),
    }  # fmt: skip


@dataclass
class Line:
    """One measured page, and its milliseconds on each desk."""

    name: str
    compared: bool
    taken: dict[int, list[float]] = field(default_factory=dict)

    def sample(self, desk: Desk, take: Callable[[dict[str, Any]], None], wanted: dict[str, Any], keep: bool) -> None:
        """Measure the page once."""
        began = time.perf_counter()
        take(wanted)
        if keep:
            self.taken.setdefault(desk.decided, []).append((time.perf_counter() - began) * 1e3)

    def words(self, queue: Line) -> str:
        """The figures."""
        most = max(self.taken)
        longest = percentile(self.taken[most], 0.95)
        ratio = longest / percentile(queue.taken[most], 0.95)
        figures = "   ".join(
            f"{size:>9,}: p50 {percentile(taken, 0.5):7.2f} ms, p95 {percentile(taken, 0.95):7.2f} ms"
            for size, taken in sorted(self.taken.items())
        )
        reached = ratio <= RATIO if self.compared else longest <= SEARCH_MILLISECONDS
        target = f"{RATIO:g}" if self.compared else f"{SEARCH_MILLISECONDS:.0f} ms"
        verdict = f"(to reach: {target}{'' if reached else ', MISSED'})"
        return f"  {self.name:<36} {figures}   {ratio:5.2f} times the queue's {verdict}"


def show_plans(desk: Desk) -> None:
    """Print PostgreSQL's plans for each page."""
    statements: list[tuple[str, Any]] = []
    event.listen(
        desk.services.engine, "before_cursor_execute", lambda *given: statements.append((str(given[2]), given[3]))
    )
    for name, (wanted, _) in pages().items():
        statements.clear()
        desk.read(wanted)
        print(f"\n{name}, {desk.decided:,} decided")
        with desk.services.engine.connect() as connection:
            for statement, values in list(statements):
                if "set_config" in statement or not statement.lstrip().lower().startswith(("sel", "with")):
                    continue
                for row in connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", values):
                    print(f"    {row[0]}")


def documents(desk: Desk) -> None:
    """Print how long a worker takes for the documents of a hundred requests."""
    with desk.services.engine.begin() as connection:
        connection.exec_driver_sql(
            "update search_documents set stale = true where request_id in "
            "(select request_id from search_documents order by resolved_at desc limit 500)"
        )
    making, taken = SearchDocuments(desk.services.sessions), []
    for _ in range(5):
        began = time.perf_counter()
        making.extend()
        taken.append((time.perf_counter() - began) * 1e3)
    print(f"  documents of 100 requests by a worker: p50 {percentile(taken, 0.5):.0f} ms", flush=True)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=50)
    parser.add_argument("--sizes", default="10000,1000000")
    parser.add_argument("--pending", type=int, default=1000)
    parser.add_argument("--plans", action="store_true")
    wanted = parser.parse_args()
    with ExitStack() as stack:
        desks = [stack.enter_context(desk(int(size), wanted.pending)) for size in wanted.sizes.split(",")]
        if wanted.plans:
            for filled in desks:
                show_plans(filled)
            return
        print(f"decided: {machine()}, {wanted.samples} samples of each, pages of 50", flush=True)
        queue = Line("first page of the queue", True)
        lines = [(Line(name, compared), asked) for name, (asked, compared) in pages().items()]
        for number in range(3 + wanted.samples):
            for filled in desks if number % 2 else desks[::-1]:
                queue.sample(filled, filled.open_queue, {}, number >= 3)
                for line, asked in lines:
                    line.sample(filled, filled.read, asked, number >= 3)
        for line in [queue, *(line for line, _ in lines)]:
            print(line.words(queue), flush=True)
        documents(desks[-1])


if __name__ == "__main__":
    main()
