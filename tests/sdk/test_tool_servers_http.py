"""MCP servers over HTTP that send what no server should, and what they are sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assent.toolbox import Registry
from assent.toolbox.mcp_entries import parsed_servers
from assent.toolbox.mcp_servers import ToolServers

Answer = Callable[[BaseHTTPRequestHandler, Any], None]


class Raw:
    """A server that answers each message of a client as it likes."""

    def __init__(self, answer: Answer) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                seen.append((self.path, dict(self.headers)))
                answer(self, json.loads(body))

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/mcp"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Raw]]:
    """Starts servers, and ends them."""
    started: list[Raw] = []

    def start(answer: Answer) -> Raw:
        started.append(Raw(answer))
        return started[-1]

    yield start
    for raw in started:
        raw.server.shutdown()
        raw.server.server_close()


def broken(url: str, **facts: Any) -> str:
    """Why a server cannot be used."""
    registry = Registry()
    with ToolServers(parsed_servers({"servers": {"bad": {"url": url} | facts}}, "a test")) as servers:
        servers.attach_to(registry)
        return registry.broken["mcp:bad"]


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    """Answer with a body."""
    handler.send_response(status)
    for name, value in ({"Content_Type": "application/json"} | headers).items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def result(message: Any, found: Any) -> bytes:
    """The response to a request."""
    return json.dumps({"jsonrpc": "2.0", "id": message.get("id"), "result": found}).encode()


def tools(listed: Any) -> Answer:
    """A server of 2025 that lists these tools, whatever they are."""

    def answer(handler: BaseHTTPRequestHandler, message: Any) -> None:
        method = message["method"]
        if method == "server/discover":
            return send(handler, b"", 404)
        if "id" not in message:
            return send(handler, b"", 202)
        capabilities = {"capabilities": {"tools": {}}, "serverInfo": {"name": "raw", "version": "not a version"}}
        found = {"protocolVersion": "2025-06-18", **capabilities} if method == "initialize" else listed
        return send(handler, result(message, found))

    return answer


def endless(handler: BaseHTTPRequestHandler, message: Any) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b" " * 65_536)
    except OSError:
        handler.close_connection = True


def compressed(handler: BaseHTTPRequestHandler, message: Any) -> None:
    send(handler, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (endless, "more than 10,000 bytes"),
        (compressed, "compresses its responses"),
        (lambda handler, _: send(handler, b"[" * 100_000), "more than 10,000 bytes"),
        (lambda handler, _: send(handler, b"[" * 9_000), "Failed to parse"),
        (lambda handler, _: send(handler, b"<html>", Content_Type="text/html"), "Unexpected content type"),
        (lambda handler, _: send(handler, b"", 401), "status 401: check its headers"),
        (tools({"tools": 7}), "list of tools cannot be read: tools"),
        (tools({"tools": [{"name": "x", "inputSchema": {"type": "array"}}]}), "list of tools cannot be read"),
        (tools({"tools": [], "nextCursor": "again"}), "more than 5,000 tools, 500 pages"),
    ],
    ids=["endless", "compressed", "large", "deep", "html", "refused", "nonsense", "schema", "pages"],
)
def test_a_server_that_sends_nonsense_is_broken(serve: Callable[[Answer], Raw], answer: Answer, words: str) -> None:
    assert words in broken(serve(answer).url, largest_message=10_000, start_seconds=60)


def test_a_server_that_never_answers_is_given_up(serve: Callable[[Answer], Raw]) -> None:
    ended = threading.Event()
    found = broken(serve(lambda _handler, _message: ended.wait(60) and None).url, start_seconds=0.5)
    ended.set()
    assert "within 0.5 s" in found


def test_headers_are_sent_to_the_server_and_to_no_other(
    serve: Callable[[Answer], Raw], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", "Bearer of-our-server")
    other = serve(tools({"tools": []}))
    server = serve(lambda handler, _: send(handler, b"", 307, Location=other.url))
    broken(server.url, headers={"Authorization": "OUR_TOKEN"}, start_seconds=60)
    assert server.seen[0][1]["Authorization"] == "Bearer of-our-server" and other.seen == []


def test_a_version_that_is_none_is_replaced(serve: Callable[[Answer], Raw]) -> None:
    raw = serve(tools({"tools": [{"name": "x", "description": "d" * 20_000, "inputSchema": {"type": "object"}}]}))
    registry = Registry()
    with ToolServers(parsed_servers({"servers": {"raw": {"url": raw.url, "start_seconds": 60}}}, "a test")) as servers:
        servers.attach_to(registry)
        tool = registry.get("raw.x")
        assert tool.version.startswith("0+d") and len(tool.description) == 10_001
        assert [found.available for found in tool.check_dependencies()] == [True]


def test_a_header_that_cannot_be_sent_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW_TOKEN", "secret\n")
    told = broken("http://127.0.0.1:1/mcp", headers={"Authorization": "RAW_TOKEN"})
    assert "RAW_TOKEN contains a line break" in told and "secret" not in told
