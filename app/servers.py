"""Common parts of the servers of both async modes: handlers that report to `app.connections`, and limits."""

from __future__ import annotations

import resource
import socket
from contextlib import suppress
from typing import Any

from app.connections import ENVIRON, Connection, ConnectionLimits, Connections, Phase
from app.settings import Settings

SEND_SECONDS = 60
"""How long a client may read nothing of what is sent, or send nothing of what is read."""
_SPARE_FILES = 256
"""Descriptors for everything that is not a client's connection, such as the database and log files."""
_WORDS = b"Too many connections. Try again later.\n"
_NO_ROOM = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_WORDS), _WORDS)
)


class TimedInput:
    """A request's body with a time limit for reading it."""

    def __init__(self, inner: Any, connection: Connection) -> None:
        self._inner = inner
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> TimedInput:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def read(self, *size: int) -> bytes:
        """Read, as from any stream."""
        return bytes(self._connection.timed(self._inner.read, *size))

    def readline(self, *size: int) -> bytes:
        """Read, as from any stream."""
        return bytes(self._connection.timed(self._inner.readline, *size))

    def readlines(self, *hint: int) -> list[bytes]:
        """Read, as from any stream."""
        return list(self._connection.timed(self._inner.readlines, *hint))


class WatchedHandler:
    """A mixin for a server's handler that reports the phase of its connection.

    The names are those of `http.server.BaseHTTPRequestHandler`, on which the handlers of eventlet and werkzeug build.
    """

    connections: Connections
    close_connection: bool
    watched: Connection | None = None

    def setup(self) -> None:
        """Register the connection."""
        super().setup()  # type: ignore[misc]
        self.watched = self.connections.open(self.request, self.client_address)  # type: ignore[attr-defined]

    def handle(self) -> None:
        """Serve the connection, or reply that there is no room."""
        if self.watched is None:
            with suppress(OSError):
                self.request.settimeout(1)  # type: ignore[attr-defined]
                self.request.sendall(_NO_ROOM)  # type: ignore[attr-defined]
            return
        super().handle()  # type: ignore[misc]

    def handle_one_request(self) -> None:
        """Wait for a request and serve it."""
        if self.watched is not None and self.watched.phase is not Phase.HEAD:
            self.watched.wait()
        super().handle_one_request()  # type: ignore[misc]

    def parse_request(self) -> bool:
        """Read the head of a request."""
        if self.watched is None:
            return False
        self.watched.head()
        if not super().parse_request():  # type: ignore[misc]
            return False
        if self.watched.ended:  # cut off in the middle, which the parser mistakes for the end of the head
            self.close_connection = True
            return False
        self.watched.serve(_length(self.headers))  # type: ignore[attr-defined]
        return True

    def finish(self) -> None:
        """Unregister the connection."""
        try:
            super().finish()  # type: ignore[misc]
        finally:
            if self.watched is not None:
                self.connections.close(self.watched)

    def watch(self, environ: dict[str, Any]) -> dict[str, Any]:
        """Return the environment of a request, with a body that must arrive in time."""
        watched = self.watched
        if watched is None:
            return environ
        environ[ENVIRON] = watched
        body = environ["wsgi.input"]
        environ["wsgi.input"] = TimedInput(body, watched)
        if hasattr(body, "discard"):
            # Eventlet reads the rest of a body after the application has answered.
            discard = body.discard
            body.discard = lambda: watched.timed(discard)
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            watched.upgrade(_session(environ.get("QUERY_STRING", "")))
        return environ


def connections_of(settings: Settings) -> Connections:
    """Raise the limit of open files, and return the connections of a web process with these settings."""
    return Connections(
        ConnectionLimits(
            total=room_for(settings.max_connections), per_address=settings.connections_per_address,
            head_seconds=settings.request_timeout_seconds, largest_body=settings.max_body_bytes,
            exempt=settings.proxies,
        )
    )  # fmt: skip


def room_for(connections: int) -> int:
    """Raise the limit of open files for this many connections, and return how many there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    room = connections if soft == resource.RLIM_INFINITY else min(connections, soft - _SPARE_FILES)
    return max(room, 16)


def keep_alive(listener: socket.socket) -> None:
    """Let the system notice within two minutes that a client is gone. Accepted sockets inherit this."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", int(SEND_SECONDS * 1000)),
    ):  # fmt: skip
        if hasattr(socket, name):
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _length(headers: Any) -> int:
    text = headers.get("Content-Length", "")
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return -1
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _session(query: str) -> str:
    for part in query.split("&"):
        if part.startswith("sid="):
            return part[4:100]
    return ""
