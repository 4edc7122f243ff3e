"""The web process, and the only module that names eventlet.

Everything else runs the same with threads (``ASSENT_ASYNC_MODE=threading``), so leaving eventlet one day is a change
of this file. The order matters: psycopg reads its wait function, and libraries bind `socket` and `threading`, while
they are imported.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress

if os.environ.get("ASSENT_ASYNC_MODE", "eventlet") == "eventlet":
    # Without it one waiting query stops all requests: psycopg's own wait functions do not yield to eventlet.
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_select"
    # Host names are resolved by libpq, so eventlet's own resolver would only take memory (8 MiB).
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    # Libraries load these where they are installed, for what the portal does not do: be a Socket.IO client, print in
    # colours. Without them the process is about 8 MiB smaller.
    sys.modules.update(dict.fromkeys(("requests", "websocket", "rich")))  # type: ignore[arg-type]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # known, and the reason why this is its only place
        import eventlet

    eventlet.monkey_patch()

import signal
import socket
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.connections import Connections
from app.domain.errors import AssentError
from app.garbage import spare_loaded
from app.lifeline import follow_supervisor
from app.listening_socket import listen
from app.logs import configure_logs
from app.servers import SEND_SECONDS, TimedInput, WatchedHandler, connections_of
from app.services.key_rotation import check_keys_of
from app.services.record.event_numbering import settle_if_writable
from app.settings import Settings, SettingsError, check_folders, doubts, load_settings, with_secret_key
from app.store.migrate import check

if TYPE_CHECKING:
    from flask import Flask

STOP_SECONDS = 2
"""How long requests in flight may take after the signal to stop."""


def main() -> None:
    """Serve until SIGTERM or SIGINT; the exit code is 1 with one clear line when that is impossible."""
    follow_supervisor()
    try:
        settings = load_settings()
        if not settings.database_url:
            raise SettingsError("ASSENT_DATABASE_URL: not set; `assent serve` brings its own database")
        settings = with_secret_key(settings)
        check_folders(settings)
        listener = listen(settings)
        configure_logs(settings, "web")
        check(settings.database_url)
        check_keys_of(settings)
    except (AssentError, SettingsError) as error:
        sys.exit(f"assent: {error}")
    from app.factory import create_app  # after the checks: a refusal takes no time to load the pages

    app = create_app(settings)
    with suppress(SQLAlchemyError):  # otherwise the first open page does it
        settle_if_writable(app.extensions["assent"].sessions)
    spare_loaded()
    with app.extensions["assent"].clock.followed():
        serve(app, listener, settings)


def serve(app: Flask, listener: socket.socket, settings: Settings) -> None:
    """Answer requests; at the signal to stop, finish those in flight and leave open sockets to their clients."""
    log = structlog.get_logger("web")

    def out_of_time(_number: int, _frame: FrameType | None) -> None:
        os._exit(0)

    def stop(_number: int, _frame: FrameType | None) -> None:
        # Open WebSockets never end by themselves; clients reconnect to the next process.
        signal.signal(signal.SIGALRM, out_of_time)
        signal.alarm(STOP_SECONDS)
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    connections = connections_of(settings)
    log.info(
        "listening", address=settings.public_url, port=settings.port, async_mode=settings.async_mode,
        connections=connections.limits.total,
    )  # fmt: skip
    for doubt in doubts(settings):
        log.warning(doubt)
    try:
        if settings.async_mode == "eventlet":
            _serve_with_eventlet(app, listener, connections)
        else:
            _serve_with_threads(app, listener, connections, settings)
    except SystemExit:
        pass
    with suppress(Exception):  # nothing that could still be done about it
        app.extensions["assent"].refusals.flush()
    log.info("stopped")
    # Threads that serve clients which stay connected must not hold the process.
    os._exit(0)


def _serve_with_eventlet(app: Flask, listener: socket.socket, connections: Connections) -> None:
    import eventlet.wsgi

    class Listener:
        """The listening socket, whose `accept` never gives up."""

        def __getattr__(self, name: str) -> Any:
            return getattr(listener, name)

        def accept(self) -> tuple[Any, Any]:
            return connections.accept(listener)

    class Handler(WatchedHandler, eventlet.wsgi.HttpProtocol):  # type: ignore[misc]
        def get_environ(self) -> dict[str, Any]:
            return self.watch(super().get_environ())

    Handler.connections = connections
    eventlet.wsgi.server(
        Listener(), app, log_output=False, debug=False, protocol=Handler, socket_timeout=SEND_SECONDS,
        # Connections count their own time; this one only has to be longer.
        keepalive=connections.limits.idle_seconds + SEND_SECONDS,
        # One that finds no room needs a thread to be told so.
        max_size=connections.limits.total + 64,
    )  # fmt: skip


def _serve_with_threads(app: Flask, listener: socket.socket, connections: Connections, settings: Settings) -> None:
    from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

    class Handler(WatchedHandler, WSGIRequestHandler):
        timeout = SEND_SECONDS

        def make_environ(self) -> dict[str, Any]:
            environ = self.watch(super().make_environ())
            if self.watched is not None:
                # What the application has left of a body is read from here, once it has answered.
                self.rfile = TimedInput(self.rfile, self.watched)  # type: ignore[assignment]
            return environ

    class Server(ThreadedWSGIServer):
        daemon_threads = False  # so that closing waits for requests in flight

        def get_request(self) -> tuple[Any, Any]:
            return connections.accept(self.socket)

    Handler.connections = connections
    Server(settings.host, settings.port, app, handler=Handler, fd=listener.fileno()).serve_forever()


if __name__ == "__main__":
    main()
