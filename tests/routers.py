"""A worker's desk that routes texts, in a thread of a test that has no worker process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from app.services.bundle import Services
from app.services.routing.answers import RouterDesk
from app.store.routing import ROUTING_CHANNEL

_REGISTER = "insert into procrastinate_workers default values returning id"
_BEAT = "update procrastinate_workers set last_heartbeat = now() where id = %s"


@contextmanager
def router_at_work(database_url: str, services: Services) -> Iterator[None]:
    """Route texts as soon as they are announced, and count as a living worker."""
    ended, listens = threading.Event(), threading.Event()

    def work() -> None:
        desk = RouterDesk(services.sessions, services.clock)
        with psycopg.connect(database_url, autocommit=True) as connection:
            [(worker,)] = connection.execute(_REGISTER).fetchall()
            connection.execute(f"listen {ROUTING_CHANNEL}".encode())
            listens.set()
            while not ended.is_set():
                connection.execute(_BEAT, (worker,))
                desk.answer_all()
                for _ in connection.notifies(timeout=0.2, stop_after=1):
                    pass
            connection.execute("delete from procrastinate_workers where id = %s", (worker,))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert listens.wait(30)
    try:
        yield
    finally:
        ended.set()
        thread.join(30)
