"""What the clients do when answers do not come, come as errors, or come from something else; and what they import."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from assent import Assent, ToolCall, UnreachableError
from assent.calls import Send, call
from tests.processes.harness import ROOT

ID = "6a1f4c1e-0000-4000-8000-000000000001"
OUTCOME = {
    "request_id": ID, "verdict": "approve", "payload": {"kind": "custom", "title": "t", "data": 1}, "digest": "",
    "proposed_digest": "", "decided_at": "2026-07-01T00:00:00Z", "next_action": "continue",
}  # fmt: skip
RESOLVED = {"resolved": True, "state": "approved", "outcome": OUTCOME, "receipt": None}


class Scripted(HTTPServer):
    """A server that answers as told, one after another; the last answer again and again. None breaks the connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, Any, dict[str, str]] | None] = []
        self.heard: list[tuple[float, dict[str, str]]] = []


class Handler(BaseHTTPRequestHandler):
    """Gives the next answer."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Scripted)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.heard.append((time.monotonic(), dict(self.headers)))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        if answer is None:
            self.close_connection = True
            return
        status, document, headers = answer
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the server calls

    def log_message(self, *said: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    """A server in the portal's place."""
    with Scripted() as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def client(server: Scripted) -> Iterator[Assent]:
    """A client of it."""
    with Assent(f"http://127.0.0.1:{server.server_port}", "token") as made:
        yield made


def test_waiting_survives_broken_connections_and_errors_and_keeps_to_retry_after(server, client):
    limited = (429, {"code": "rate_limited"}, {"Retry-After": "1"})
    server.answers = [None, (503, {}, {}), limited, (200, RESOLVED, {})]
    assert client.approvals.get(ID).wait(30).approved
    times = [at for at, _ in server.heard]
    assert len(times) == 4 and times[3] - times[2] >= 1


def test_a_request_whose_answer_was_lost_is_sent_again_under_the_same_key(server, client):
    busy = (409, {"code": "idempotency_in_progress"}, {"Retry-After": "0"})
    server.answers = [None, busy, (201, {"id": ID, "receipt": None}, {})]
    assert client.approvals.request(ToolCall(title="Send", tool="send")).id == ID
    keys = {headers["Idempotency-Key"] for _, headers in server.heard}
    assert len(server.heard) == 3 and len(keys) == 1 and keys.pop()


def test_patience_ends(server, client):
    server.answers = [(503, {"detail": "Not now."}, {})]
    with pytest.raises(UnreachableError, match="Not now"):
        client.run(call(Send("POST", "/api/v1/approvals", {}), patience=0.5))
    hasty = Assent(f"http://127.0.0.1:{server.server_port}", "token", patience=0.5)
    with hasty, pytest.raises(UnreachableError, match="Not now"):
        hasty.approvals.request(ToolCall(title="Send", tool="send"))
    server.answers = [(200, "something else", {})]
    with pytest.raises(UnreachableError, match="not Assent"):
        client.run(call(Send("GET", "/api/v1/approvals")))


def test_the_sdk_loads_nothing_of_the_portal_and_its_contracts_no_http_client() -> None:
    program = """
import sys, assent
assert "httpx" not in sys.modules
from assent import Assent, AsyncAssent, requires_approval
assert not {"app", "flask", "sqlalchemy", "langgraph", "langchain_core"} & set(sys.modules), sorted(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
