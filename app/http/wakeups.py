"""Waiting for events of a request without polling the database."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.http.in_flight import only_waiting


class Waiter:
    """Someone who waits; created by `Wakeups.waiting`."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wake(self) -> None:
        """End the wait."""
        self._event.set()

    def wait(self, deadline: float) -> bool:
        """Wait until woken or until `time.monotonic()` reaches `deadline`. Returns False if the time is up."""
        with only_waiting():
            woken = self._event.wait(max(0.0, deadline - time.monotonic()))
        self._event.clear()
        return woken


class Wakeups:
    """The waiters in this process, by request. The live listener wakes them; without it, they wait in vain.

    Args:
        listen: called before anybody waits; returns once the listener is connected.
    """

    def __init__(self, listen: Callable[[], object] = lambda: None) -> None:
        self._listen = listen
        self._waiters: defaultdict[str, set[Waiter]] = defaultdict(set)
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self, key: str) -> Iterator[Waiter]:
        """Register a waiter for `key`. Query the database only inside this block, so that no event is missed."""
        self._listen()
        waiter = Waiter()
        with self._lock:
            self._waiters[key].add(waiter)
        try:
            yield waiter
        finally:
            with self._lock:
                self._waiters[key].discard(waiter)
                if not self._waiters[key]:
                    del self._waiters[key]

    def wake(self, key: str) -> None:
        """Wake everybody who waits for `key`."""
        with self._lock:
            waiters = list(self._waiters.get(key, ()))
        for waiter in waiters:
            waiter.wake()

    def wake_all(self) -> None:
        """Wake everybody."""
        with self._lock:
            keys = list(self._waiters)
        for key in keys:
            self.wake(key)
