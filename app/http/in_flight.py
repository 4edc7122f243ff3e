"""How many HTTP requests a process answers at the same time; beyond that, it says at once that it is busy.

The web process answers all requests in one thread. If more arrive than it can answer, each one waits for all others,
until nobody gets an answer in time. With a limit, those that are accepted are answered soon, and the others learn
at once when to come again, which costs little. A request that only waits, for a decision or for its own body, does not
count.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class InFlight:
    """The requests that are being answered, at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many there are."""
        return self._count

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Count a request within this context. Yields False, and does not count it, if there are too many."""
        with self._lock:
            admitted = self._count < self._most
            self._count += admitted
        token = _current.set(self if admitted else None)
        try:
            yield admitted
        finally:
            _current.reset(token)
            if admitted:
                self.add(-1)

    def add(self, number: int) -> None:
        """Change the count, without asking whether there is room."""
        with self._lock:
            self._count += number


_current: ContextVar[InFlight | None] = ContextVar("in_flight", default=None)


@contextmanager
def only_waiting() -> Iterator[None]:
    """Do not count the current request within this context. What has been accepted is finished in any case."""
    in_flight = _current.get()
    if in_flight is None:
        yield
        return
    in_flight.add(-1)
    try:
        yield
    finally:
        in_flight.add(1)
