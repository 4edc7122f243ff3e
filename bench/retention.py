"""What 10,000 ended runs take, before and after what is old was deleted: python -m bench.retention [--runs N]

Each run has what a small real one leaves: a dozen checkpoints with their channels, some events, a decided request,
and the messages about it. Printed are the size of the database by kind of data, how long the sweep of each kind takes,
and how long the first page of runs takes before and after. After the sweeps, PostgreSQL has room in its files; what
VACUUM FULL gives back to the disk is what is printed as the size.
"""

from __future__ import annotations

import argparse
import time
from datetime import timedelta

import psycopg
from sqlalchemy import text

from app.domain.people import Role, Via
from app.services.bundle import Services, build_services
from app.services.retention import Kept
from app.store.engine import make_engine
from bench.filling import fill
from bench.support import database, machine
from tests.factories import make_person

KEPT = timedelta(days=30)
SWEEPS = {
    "events": Kept(events=KEPT), "deliveries": Kept(deliveries=KEPT), "checkpoints": Kept(checkpoints=KEPT),
    "contents": Kept(contents=KEPT),
}  # fmt: skip
_FILL = """
    insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint, metadata, assent_seq)
        select r.id, '', lpad(n::text, 8, '0'), jsonb_build_object('v', 4, 'text', repeat(md5(r.id || n), 30)), '{}', n
        from runs r, generate_series(1, 12) n;
    insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
        select r.id, '', 'channel ' || n % 4, n::text, 'msgpack', decode(repeat(md5(r.id || n), 60), 'hex')
        from runs r, generate_series(1, 24) n;
    insert into checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob,
            task_path)
        select r.id, '', lpad(n::text, 8, '0'), 't', n, 'channel', 'msgpack',
            decode(repeat(md5(r.id || n), 20), 'hex'), ''
        from runs r, generate_series(1, 24) n;
    insert into events (at, kind, run_id, payload)
        select now() - interval '90 days', 'step.ended', r.id, '{"node": "measure", "title": "Measure the queries"}'
        from runs r, generate_series(1, 20) n;
    delete from unplanned_events;
    update runs set state = 'completed', finished_at = now() - interval '90 days';
    update approval_requests set state = 'approved', resolved_at = now() - interval '90 days';
    insert into deliveries (id, key, kind, channel, person_id, request_id, state, created_at, first_due_at, due_at,
            subject, reason, address, reference, on_behalf_of, digest, attempts, in_digest)
        select md5(q.id || n), md5(q.id || n), 'asked', 'mail', %(person)s, q.id, 'sent', q.resolved_at, q.resolved_at,
            q.resolved_at, q.title, '', 'a@example.com', '', '', q.digest, 1, false
        from approval_requests q, generate_series(1, 4) n"""


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    given = parser.parse_args()
    print(machine())
    with database("bench_retention") as address:
        engine = make_engine(address)
        services = build_services(engine)
        person = make_person(services.sessions, "Platform lead", [Role.ADMIN])
        fill(address, given.runs * 4 // 5)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("set session_replication_role = replica")  # no triggers: this is the past
            for statement in _FILL.split(";"):
                connection.execute(statement.encode(), {"person": person.id} if "person" in statement else None)
            connection.execute("vacuum analyze")
        actor = person.as_actor(Via.COMMAND_LINE)
        before = services.operations.figures(actor)
        print(f"\nbefore: {before.bytes / 1e6:,.0f} MB in all; the first page of runs takes {_page(services):.1f} ms")
        for name, kept in SWEEPS.items():
            began = time.monotonic()
            count = services.retention.sweep(kept).get(name, 0)
            print(f"{name}: {count:,} deleted in {time.monotonic() - began:.1f} s")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("vacuum (full, analyze)")
        after = services.operations.figures(actor)
        print(f"after: {after.bytes / 1e6:,.0f} MB in all; the first page of runs takes {_page(services):.1f} ms\n")
        left = {share.name: share.bytes for share in after.shares}
        for share in before.shares:
            print(f"{share.name:<24} {share.bytes / 1e6:>8,.1f} MB  {left[share.name] / 1e6:>8,.1f} MB")
        engine.dispose()


def _page(services: Services) -> float:
    """Milliseconds for what the page of runs reads, the median of 21."""
    took = []
    for _ in range(21):
        began = time.perf_counter()
        with services.sessions.reads() as session:
            session.execute(text("select * from runs order by created_at desc, id desc limit 50")).all()
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)[10]


if __name__ == "__main__":
    main()
