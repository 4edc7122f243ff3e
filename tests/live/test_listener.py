"""The listener and the reading side of events, against a real PostgreSQL that cuts connections."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text

from app.domain.events import EventKind
from app.http.wakeups import Wakeups
from app.live.listener import Listener
from app.live.presence import Presence
from app.services.bundle import Services
from app.services.record import events
from app.services.record.events import EventView
from tests.factories import add_event, make_run
from tests.processes.crew import until

SOON = 60.0


class Heard:
    """A listener and what it delivered."""

    def __init__(self, url: str, services: Services, fail_on: str = "") -> None:
        self.labels: queue.Queue[str] = queue.Queue()
        self._fail_on = fail_on
        self.connections: queue.Queue[float] = queue.Queue()
        self.listener = Listener(
            url, services.sessions, self._take, connected=lambda: self.connections.put(time.monotonic())
        )

    def _take(self, event: EventView) -> None:
        label = str(event.payload["label"])
        if label == self._fail_on:
            raise RuntimeError("a reader that fails")
        self.labels.put(label)

    def until(self, wanted: set[str]) -> Counter[str]:
        """Wait until all of `wanted` came; how often each did."""
        counts: Counter[str] = Counter()
        deadline = time.monotonic() + SOON
        while not wanted <= set(counts):
            try:
                counts[self.labels.get(timeout=max(0.001, deadline - time.monotonic()))] += 1
            except queue.Empty:
                raise AssertionError(f"never heard of {sorted(wanted - set(counts))[:10]}") from None
        return counts


@pytest.fixture
def heard(module_database_url: str, services: Services) -> Iterator[Heard]:
    made = Heard(module_database_url, services)
    made.listener.start()
    assert made.listener.hearing
    made.connections.get(timeout=SOON)
    yield made
    made.listener.stop()


def cut(services: Services) -> None:
    """Have the server close the listener's connection."""
    with services.sessions.begin() as session:
        killed = session.scalar(
            text(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity "
                "where application_name = 'assent live' and datname = current_database()"
            )
        )
    assert killed


def tell(services: Services, run_id: str, label: str) -> None:
    with services.sessions.begin() as session:
        add_event(session, EventKind.RUN_CHANGED, run_id=run_id, label=label)


def test_events_come_in_the_order_of_commits(heard: Heard, services: Services) -> None:
    run = make_run(services.sessions)
    with services.sessions() as slow:
        add_event(slow, EventKind.RUN_CHANGED, run_id=run.id, label="lower id")
        tell(services, run.id, "higher id")
        assert heard.labels.get(timeout=SOON) == "higher id"
        slow.commit()
    assert heard.labels.get(timeout=SOON) == "lower id"


def test_while_it_listens_a_lock_shows_that_the_process_is_alive(heard: Heard, services: Services) -> None:
    def is_free() -> bool:
        with services.sessions.begin() as session:
            return bool(session.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": key}))

    key = heard.listener.lock_key()
    assert key is not None and not is_free()
    cut(services)
    heard.connections.get(timeout=SOON)
    assert not is_free(), "it holds the lock again"
    heard.listener.stop()
    until(is_free, what="the server notices that the connection is closed")
    assert heard.listener.lock_key() is None


def test_what_is_rolled_back_never_happened(heard: Heard, services: Services) -> None:
    run = make_run(services.sessions)
    with services.sessions() as session:
        add_event(session, EventKind.RUN_CHANGED, run_id=run.id, label="undone")
        session.rollback()
    tell(services, run.id, "done")
    assert heard.labels.get(timeout=SOON) == "done"


def test_a_cut_connection_loses_nothing(heard: Heard, services: Services) -> None:
    """Committed before, during and after the cut, and by a transaction that was open all the time."""
    run = make_run(services.sessions)
    with services.sessions() as slow:
        add_event(slow, EventKind.RUN_CHANGED, run_id=run.id, label="open all the time")
        tell(services, run.id, "before")
        heard.until({"before"})
        cut(services)
        tell(services, run.id, "during")
        heard.connections.get(timeout=SOON)
        tell(services, run.id, "after")
        counts = heard.until({"during", "after"})
        slow.commit()
    counts += heard.until({"open all the time"})
    assert counts == {"during": 1, "after": 1, "open all the time": 1}


def test_many_commits_and_many_cuts_lose_nothing(heard: Heard, services: Services) -> None:
    """200 transactions, 20 at a time, each committing after a pause of its own, while connections are cut."""
    run = make_run(services.sessions)
    wanted = {f"{which}.{turn}" for which in range(20) for turn in range(10)}
    barrier = threading.Barrier(21)

    def work(which: int) -> None:
        for turn in range(10):
            with services.sessions() as session:
                add_event(session, EventKind.RUN_CHANGED, run_id=run.id, label=f"{which}.{turn}")
                barrier.wait()
                time.sleep(((which * 7 + turn * 3) % 20) / 500)
                session.commit()

    threads = [threading.Thread(target=work, args=(which,)) for which in range(20)]
    for thread in threads:
        thread.start()
    for turn in range(10):
        barrier.wait()
        if turn % 3 == 1:
            cut(services)
            heard.connections.get(timeout=SOON)
    for thread in threads:
        thread.join()
    heard.until(wanted)


def test_a_reader_that_fails_keeps_nothing_from_the_next_event(module_database_url: str, services: Services) -> None:
    run = make_run(services.sessions)
    made = Heard(module_database_url, services, fail_on="poison")
    made.listener.start()
    try:
        tell(services, run.id, "poison")
        tell(services, run.id, "next")
        assert made.until({"next"}) == {"next": 1}
    finally:
        made.listener.stop()
    assert not made.listener.hearing


def follow(services: Services, run_id: str) -> Callable[[int], list[str]]:
    """A reader of a run's events who follows the cursor, and drops what it has seen."""
    cursor, known = "", set[int]()

    def read(limit: int = 3) -> list[str]:
        nonlocal cursor
        labels, more = [], True
        while more:
            with services.sessions() as session:
                page = events.of_run(session, run_id, cursor, limit)
            labels += [event.payload["label"] for event in page.events if event.id not in known]
            known.update(event.id for event in page.events)
            cursor, more = page.cursor, page.more
        return labels

    return read


def test_following_a_run_skips_nothing_that_commits_late(services: Services) -> None:
    run = make_run(services.sessions)
    read = follow(services, run.id)
    for number in range(7):
        tell(services, run.id, str(number))
    assert read(3) == [str(number) for number in range(7)]
    with services.sessions() as slow:
        add_event(slow, EventKind.RUN_CHANGED, run_id=run.id, label="late")
        for number in range(7, 15):
            tell(services, run.id, str(number))
        assert read(3) == [str(number) for number in range(7, 15)]
        assert read(3) == []
        slow.commit()
    assert read(3) == ["late"]
    assert read(3) == []


def test_a_thread_that_waits_is_woken_and_looks_after_waiting_began() -> None:
    order: list[str] = []
    wakeups = Wakeups(lambda: order.append("listening"))
    with wakeups.waiting("a") as waiter:
        order.append("looked")
        wakeups.wake("b")
        assert not waiter.wait(time.monotonic() + 0.01)
        wakeups.wake("a")
        assert waiter.wait(time.monotonic() + SOON)
        assert not waiter.wait(time.monotonic() + 0.01)
    assert order == ["listening", "looked"]
    wakeups.wake("a")


def test_presence_spans_processes_and_forgets_those_that_fall_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("app.live.presence.time.monotonic", lambda: clock[0])
    shown: dict[str, list[str]] = {}
    processes: list[Presence] = []

    def tell_all(words: str) -> None:
        for process in processes:
            process.hear(words)

    def make(name: str) -> Presence:
        def show(request_id: str, people: list[dict[str, str]]) -> None:
            shown[name] = [person["name"] for person in people]

        return Presence(show, tell_all)

    processes += [make("one"), make("two")]
    one, two = processes
    one.join("s1", "r", "p1", "Ann")
    two.join("s2", "r", "p2", "Bob")
    two.join("s3", "r", "p1", "Ann")
    assert shown == {"one": ["Ann", "Bob"], "two": ["Ann", "Bob"]}
    one.gone("s1")
    assert shown["two"] == ["Ann", "Bob"]  # Ann's other page is still open

    # A process that comes later asks; one that dies without a word is forgotten.
    processes.append(make("three"))
    processes[2].hello()
    assert [person["name"] for person in processes[2].people_at("r")] == ["Ann", "Bob"]
    processes.remove(two)
    clock[0] += 61
    one.tick()
    assert shown["one"] == []
    assert one.people_at("r") == []
