"""A real HTTP server in place of a receiver of webhooks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Call:
    """What came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class HookServer:
    """Takes calls, and answers as a test tells it to.

    Attributes:
        calls: what was taken, in the order it came, whatever was answered.
        answers: what the next calls get instead of 204: status and headers.
        always: what every call gets that has none of `answers`.
        on_call: called before a call is answered; may wait.
        stream: what a call is answered with piece by piece, as server-sent events; None: nothing.
        trickle: seconds between the bytes of an answer that never ends; 0: answers are whole.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.always: tuple[int, dict[str, str]] = (204, {})
        self.on_call: Callable[[Call], None] = lambda call: None
        self.stream: Callable[[Call], Iterator[str]] | None = None
        self.trickle = 0.0
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hooks/a-long-path-with-a-key?key=abc"

    def start(self) -> None:
        """Listen, on the same port as before if it was stopped."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                expected = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(expected)
                if len(body) < expected:
                    return  # the caller died in the middle of it
                call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                server.calls.append(call)
                server.on_call(call)
                if server.trickle:
                    self._trickle()
                    return
                if server.stream is not None:
                    self._stream(server.stream(call))
                    return
                status, headers = server.answers.pop(0) if server.answers else server.always
                self.send_response(status)
                for name, value in ({"Content-Length": "0"} | headers).items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def _stream(self, pieces: Iterator[str]) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece.encode())
                    self.wfile.flush()

            def _trickle(self) -> None:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                for _ in range(1000):
                    try:
                        self.wfile.write(b"a")
                        self.wfile.flush()
                    except OSError:
                        return
                    time.sleep(server.trickle)

            def log_message(self, *_args: object) -> None:
                pass

        return Handler
