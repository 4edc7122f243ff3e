"""Real web processes, and real Socket.IO clients of them."""

from __future__ import annotations

import os
import queue
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
import socketio

from app.store.engine import make_engine, make_sessions
from app.store.people import Person
from tests.factories import csrf_token, make_sign_in, session_cookie
from tests.processes import prepared

ROOT = Path(__file__).parents[1]
SOON = 60.0
"""Seconds after which something that should happen at once counts as not happening; this machine may be busy."""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Web:
    """A web process.

    Attributes:
        environ: further settings.
        files: how many files it may have open; 0: as many as this process.
    """

    database_url: str
    async_mode: str = "eventlet"
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    port: int = field(default_factory=free_port)
    environ: dict[str, str] = field(default_factory=dict)
    files: int = 0
    process: prepared.Process | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("ASSENT_")}
        environ |= {
            "ASSENT_DATABASE_URL": self.database_url,
            "ASSENT_SECRET_KEY": self.secret_key,
            "ASSENT_ASYNC_MODE": self.async_mode,
            "ASSENT_PORT": str(self.port),
            "ASSENT_LOG_FORMAT": "console",
        }
        self.process = prepared.Process(prepared.WEB, (), environ | self.environ, (1, 2), ROOT, self.files)
        deadline = time.monotonic() + 60
        while True:
            assert self.process.poll() is None, "the web process ended"
            assert time.monotonic() < deadline, "the web process does not answer"
            try:
                if requests.get(f"{self.url}/healthz", timeout=5).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.05)

    def kill(self) -> None:
        """End it the hard way."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def session(self, person: Person) -> requests.Session:
        """An HTTP client that is signed in and carries its token."""
        csrf = secrets.token_hex(20)
        client = requests.Session()
        client.cookies.set("assent_session", self.cookie(person, csrf))
        client.headers["X-CSRFToken"] = csrf_token(self.secret_key, csrf)
        return client

    def cookie(self, person: Person, csrf: str = "", age: timedelta = timedelta(0)) -> str:
        """The cookie of a new session, which began `age` ago."""
        engine = make_engine(self.database_url)
        try:
            return session_cookie(self.secret_key, make_sign_in(make_sessions(engine), person, age), csrf)
        finally:
            engine.dispose()

    @contextmanager
    def socket(self, person: Person | None, cookie: str = "", **options: Any) -> Iterator[Client]:
        """A connected Socket.IO client, in a session of its own or in that of the cookie."""
        client = Client(self, person, cookie)
        client.connect(**options)
        try:
            yield client
        finally:
            client.close()


class Client:
    """A Socket.IO client that keeps everything it is told; it does not reconnect by itself."""

    def __init__(self, web: Web, person: Person | None, cookie: str = "") -> None:
        self._web = web
        self._cookie = cookie or (web.cookie(person) if person is not None else "")
        self.told: queue.Queue[tuple[str, Any, float]] = queue.Queue()
        self.gone = threading.Event()
        self.refusal: Any = None
        # websocket-client adds an Origin of its own to the one given below; a browser sends one.
        self._io = socketio.Client(reconnection=False, websocket_extra_options={"suppress_origin": True})
        self._io.on("*", self._hear)
        self._io.on("disconnect", self._gone)
        self._io.on("connect_error", self._refused)

    def connect(self, origin: str | None = None, transports: tuple[str, ...] = ("websocket",)) -> None:
        """Connect as a page of the portal would; raises socketio.exceptions.ConnectionError when refused."""
        headers = {"Origin": origin or self._web.url}
        if self._cookie:
            headers["Cookie"] = f"assent_session={self._cookie}"
        self._io.connect(self._web.url, headers=headers, transports=list(transports), wait_timeout=10)

    def close(self) -> None:
        """Disconnect."""
        self._io.disconnect()

    def cut(self) -> None:
        """Lose the connection without a word, as when a laptop is closed."""
        self._io.eio.ws.sock.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + SOON
        while self._io.connected and time.monotonic() < deadline:
            time.sleep(0.01)

    def ask(self, name: str, data: Any) -> dict[str, Any]:
        """Emit and return the acknowledgement."""
        answer = self._io.call(name, data, timeout=SOON)
        assert isinstance(answer, dict)
        return answer

    def next(self, name: str, seconds: float = SOON, **wanted: Any) -> tuple[dict[str, Any], float]:
        """The next message of that name with those values, and when it came (`time.time()`); others are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event, data, at = self.told.get(timeout=max(0.001, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {name} with {wanted} within {seconds} s") from None
            if event == name and all(data.get(key) == value for key, value in wanted.items()):
                return data, at

    def drain(self) -> list[tuple[str, Any]]:
        """Everything heard so far."""
        heard = []
        while not self.told.empty():
            event, data, _ = self.told.get()
            heard.append((event, data))
        return heard

    def _hear(self, event: str, data: Any = None) -> None:
        self.told.put((event, data, time.time()))

    def _gone(self, *_reason: Any) -> None:
        self.gone.set()

    def _refused(self, reason: Any) -> None:
        self.refusal = reason
