"""The connections of one web process: their timeouts, and which one is closed if there are too many.

A connection that waits for its client costs the client nothing, but costs us a descriptor and a thread (under eventlet,
a green one). So every wait has a timeout. One address may have only a limited number of waiting connections; when it
opens one more, the one that has waited the longest is closed. HTTP lets a server close an idle connection, so nobody is
rejected.

One thread looks once a second for overdue connections and shuts down their sockets, so that their readers find the end
of the stream. This works the same way under eventlet and with threads.
"""

from __future__ import annotations

import errno
import math
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import structlog

from app.domain.networks import Network, address_of, client_key, lies_in

log = structlog.get_logger("web")
T = TypeVar("T")

ENVIRON = "assent.connection"
"""The key of the connection in a request's environment."""
BODY_RATE = 10_000
"""The minimum rate of a request body in bytes per second, after its first seconds."""
SLOW_SECONDS = 60.0
"""A request that takes longer counts as waiting for its client: a client that does not read looks like this."""
LONGEST_SECONDS = 1800.0
"""How long a request may take in total, including sending the response."""
_LOOK_SECONDS = 1.0
_WARN_SECONDS = 60.0
_FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_FULL_PAUSE = 0.1
_TCP_OPEN = (1, 3)
"""TCP's states established and SYN received, in the first byte of Linux's `tcp_info`."""


class Phase(Enum):
    """What a connection is doing."""

    IDLE = "waits for a request"
    HEAD = "receives the head of a request"
    BODY = "receives the body of a request"
    SERVED = "is answered"
    SLOW = "is answered, for long"
    JOINING = "is a WebSocket on which nobody has proved to be signed in"
    LIVE = "is a WebSocket of a person who is signed in"


_WAITING = frozenset({Phase.IDLE, Phase.HEAD, Phase.BODY, Phase.SLOW, Phase.JOINING})


@dataclass(frozen=True)
class ConnectionLimits:
    """The limits of connections.

    Attributes:
        total: Connections of the process.
        per_address: Connections of one address that wait for their client. All connections of one address, in any
            phase, are at most half of the total: a client that does not read looks for a while like one being served.
        head_seconds: How long the head of a request may take. A body gets a second more for each `BODY_RATE` bytes.
        idle_seconds: How long an open connection may wait for its next request.
        largest_body: Largest request body in bytes.
        exempt: Networks of proxies, whose connections are shared by many people.
    """

    total: int
    per_address: int
    head_seconds: float = 15.0
    idle_seconds: float = 75.0
    largest_body: int = 2_000_000
    exempt: tuple[Network, ...] = ()

    @property
    def most_of_one(self) -> int:
        """The most connections of one address in total."""
        return max(self.total // 2, min(self.per_address, self.total))


class Connection:
    """A client's connection, as the server's handler reports it. Times are those of `time.monotonic`."""

    def __init__(self, owner: Connections, sock: socket.socket, host: str) -> None:
        self._owner = owner
        self._socket = sock
        self.host = host
        self.phase = Phase.HEAD
        self.since = time.monotonic()
        self.deadline = math.inf
        self.joins = ""
        """The Engine.IO session that a WebSocket takes over."""
        self._body_seconds = 0.0
        self._used = False

    def wait(self) -> None:
        """Start waiting for a request. The first one has to arrive at once; later ones may take longer."""
        limits = self._owner.limits
        first, self._used = not self._used, True
        phase, seconds = (Phase.HEAD, limits.head_seconds) if first else (Phase.IDLE, limits.idle_seconds)
        self._owner.move(self, phase, seconds)

    def head(self) -> None:
        """Note that the first line of a request has arrived."""
        if self.phase is not Phase.HEAD:  # the first request's time started when the connection was accepted
            self._owner.move(self, Phase.HEAD, self._owner.limits.head_seconds)

    def serve(self, length: int) -> None:
        """Note that a request's head is complete.

        Args:
            length: Length of the body in bytes; negative if unknown.
        """
        limits = self._owner.limits
        bytes_to_come = min(length, limits.largest_body) if length >= 0 else limits.largest_body
        self._body_seconds = limits.head_seconds + bytes_to_come / BODY_RATE
        self._owner.move(self, Phase.SERVED, LONGEST_SECONDS)

    @property
    def ended(self) -> bool:
        """True once we have shut down the connection."""
        return self._owner.has_ended(self)

    @property
    def gone(self) -> bool:
        """True if the client has closed the connection, so that an answer reaches nobody. Known on Linux only."""
        try:
            return self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in _TCP_OPEN
        except (AttributeError, OSError):
            return False

    def upgrade(self, joins: str) -> None:
        """Note that a request opens a WebSocket, which must prove in time that somebody is signed in.

        Args:
            joins: The Engine.IO session that it takes over; empty for a new one.
        """
        self.joins = joins
        self._owner.upgrade(self)

    def timed(self, read: Callable[..., T], *size: int) -> T:
        """Return the result of `read`, which waits for the request's body. All such waits share one time limit."""
        began = time.monotonic()
        self._owner.move(self, Phase.BODY, max(0.0, self._body_seconds))
        try:
            return read(*size)
        finally:
            self._body_seconds -= time.monotonic() - began
            self._owner.move(self, Phase.SERVED, LONGEST_SECONDS)

    def admit(self, session: str) -> None:
        """Note that somebody is signed in on an Engine.IO session, on this connection or one that will follow."""
        self._owner.admit(self, session)

    def left(self, session: str) -> None:
        """Note that an Engine.IO session has ended."""
        self._owner.forget(session)

    def shut(self) -> None:
        """Shut down the connection: reads and writes find that it is closed."""
        self.deadline = math.inf
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Connections:
    """All connections of this process."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._all: set[Connection] = set()
        self._count_at: Counter[str] = Counter()
        self._waiting: dict[Connection, None] = {}
        """Waiting connections, the longest-waiting first."""
        self._waiting_at: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        """Waiting connections by address."""
        self._joining: dict[str, Connection] = {}
        self._admitted: set[str] = set()
        self._lock = threading.RLock()
        self._warned = -math.inf
        self._watching = False

    def open(self, sock: socket.socket, client: Any) -> Connection | None:
        """Accept a new connection. Returns None if there is no room, even after closing a waiting one."""
        connection = Connection(self, sock, _counted_as(client, self.limits.exempt))
        with self._lock:
            self._watch()
            if self._count_at[connection.host] >= self.limits.most_of_one and not self._end_longest_at(connection.host):
                self._warn("one address has too many connections, all of them in use", source=connection.host)
                return None
            if len(self._all) >= self.limits.total and not self._end_longest_waiting():
                self._warn("too many connections, all of them in use", connections=len(self._all))
                return None
            self._all.add(connection)
            if connection.host:
                self._count_at[connection.host] += 1
        connection.wait()
        return connection

    def close(self, connection: Connection) -> None:
        """Remove a connection that has ended."""
        with self._lock:
            self._leave(connection)
            self._forget(connection)
            if self._joining.get(connection.joins) is connection:
                del self._joining[connection.joins]

    def has_ended(self, connection: Connection) -> bool:
        """Return True once the connection is closed or shut down."""
        with self._lock:
            return connection not in self._all

    def move(self, connection: Connection, phase: Phase, seconds: float) -> None:
        """Note a connection's phase, and how long it may take."""
        with self._lock:
            if connection not in self._all:
                return
            connection.phase, connection.since = phase, time.monotonic()
            connection.deadline = connection.since + seconds
            self._leave(connection)
            if phase in _WAITING:
                self._enter(connection)

    def upgrade(self, connection: Connection) -> None:
        """See `Connection.upgrade`."""
        with self._lock:
            if connection.joins and connection.joins in self._admitted:
                self.move(connection, Phase.LIVE, math.inf)
                return
            self.move(connection, Phase.JOINING, self.limits.head_seconds)
            if connection.joins:
                self._joining[connection.joins] = connection

    def admit(self, connection: Connection, session: str) -> None:
        """See `Connection.admit`."""
        with self._lock:
            self._admitted.add(session)
            for joining in (connection, self._joining.pop(session, None)):
                if joining is not None and joining.phase is Phase.JOINING:
                    self.move(joining, Phase.LIVE, math.inf)

    def forget(self, session: str) -> None:
        """See `Connection.left`."""
        with self._lock:
            self._admitted.discard(session)

    def make_room(self) -> bool:
        """Close the connection that has waited the longest. Returns False if none is waiting."""
        with self._lock:
            return self._end_longest_waiting()

    def count(self, *phases: Phase) -> int:
        """Return the number of connections in these phases."""
        with self._lock:
            return sum(connection.phase in phases for connection in self._all)

    def accept(self, listener: Any) -> tuple[Any, Any]:
        """Return the next connection. If descriptors run out, close a waiting connection, and retry after a pause."""
        while True:
            try:
                accepted: tuple[Any, Any] = listener.accept()
                return accepted
            except OSError as error:
                if error.errno in _FULL:
                    self.make_room()
                    self._warn("no descriptor for another connection", error=str(error))
                    time.sleep(_FULL_PAUSE)
                elif error.errno not in (errno.ECONNABORTED, errno.ECONNRESET, errno.EPIPE, errno.EINTR, errno.EPROTO):
                    raise

    def _watch(self) -> None:
        if not self._watching:
            self._watching = True
            threading.Thread(target=self._look, name="connections", daemon=True).start()

    def _look(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            with self._lock:
                for connection in tuple(self._all):
                    if connection.deadline <= now:
                        self._end(connection)
                    elif connection.phase is Phase.SERVED and now - connection.since >= SLOW_SECONDS:
                        connection.phase = Phase.SLOW
                        self._enter(connection)

    def _enter(self, connection: Connection) -> None:
        self._waiting[connection] = None
        if connection.host:
            waiting = self._waiting_at[connection.host]
            waiting[connection] = None
            if len(waiting) > self.limits.per_address:
                self._warn("one address has too many waiting connections", source=connection.host)
                self._end(next(iter(waiting)))

    def _leave(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)
        waiting = self._waiting_at.get(connection.host)
        if waiting is not None:
            waiting.pop(connection, None)
            if not waiting:
                del self._waiting_at[connection.host]

    def _end_longest_waiting(self) -> bool:
        return self._end_first(self._waiting)

    def _end_longest_at(self, host: str) -> bool:
        return self._end_first(self._waiting_at.get(host, {}))

    def _end_first(self, waiting: dict[Connection, None]) -> bool:
        longest = next(iter(waiting), None)
        if longest is None:
            return False
        self._end(longest)
        return True

    def _end(self, connection: Connection) -> None:
        """Shut down a connection. It no longer counts, because its handler notices at once."""
        self._leave(connection)
        self._forget(connection)
        connection.shut()

    def _forget(self, connection: Connection) -> None:
        if connection not in self._all:
            return
        self._all.discard(connection)
        if connection.host:
            self._count_at[connection.host] -= 1
            if not self._count_at[connection.host]:
                del self._count_at[connection.host]

    def _warn(self, words: str, **facts: object) -> None:
        now = time.monotonic()
        if now - self._warned >= _WARN_SECONDS:
            self._warned = now
            log.warning(words, **facts)


def _counted_as(client: Any, exempt: tuple[Network, ...]) -> str:
    """Return the key under which a connection is counted (`client_key`); empty if it is not counted."""
    address = address_of(str(client[0])) if isinstance(client, tuple) and client else None
    if address is None or lies_in(address, exempt):
        return ""
    return client_key(address)
