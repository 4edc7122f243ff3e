"""A real portal, and the MCP server as a real process, over each transport, spoken to by the official client."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from app.lifeline import die_with_parent_hook
from tests.processes import prepared
from tests.processes.harness import ROOT, environment, free_port
from tests.sdk.conftest import Portal, portal, services  # noqa: F401 - fixtures

SERVER = ("-m", "assent.mcp")


class HttpServer:
    """`assent mcp --http` as a process."""

    def __init__(self, portal_url: str, *options: str, **settings: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "assent.mcp", "--http", "--port", str(self.port), *options]
        self._process = subprocess.Popen(  # as people start it; over standard input and output it is forked
            command, env=environment(ASSENT_URL=portal_url, **settings), cwd=ROOT,
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline, "the server does not listen"
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.05)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(30)


@pytest.fixture(scope="module")
def http_server(portal: Portal) -> Iterator[HttpServer]:  # noqa: F811
    """A server to which each caller brings its own token."""
    server = HttpServer(portal.web.url)
    yield server
    server.stop()


@dataclass
class Desk:
    """The MCP server over one transport, as an agent's client meets it, and the portal behind it."""

    portal: Portal
    transport: str
    mode: Any
    http: HttpServer

    @asynccontextmanager
    async def client(self, token: str = "", url: str = "") -> AsyncIterator[Client]:
        """A connected client, with the agent's token or another one."""
        token = token or self.portal.token
        if self.transport == "stdio":
            settings = environment(ASSENT_URL=url or self.portal.web.url, ASSENT_TOKEN=token)
            server = StdioServerParameters(
                command=sys.executable, args=prepared.command(prepared.MCP), env=settings, cwd=ROOT
            )
            async with Client(server, mode=self.mode) as client:
                yield client
            return
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=300) as http:
            transport = streamable_http_client(self.http.url, http_client=http)
            async with Client(transport, mode=self.mode) as client:
                yield client


@pytest.fixture(params=["stdio", "http", "stdio of 2025", "http of 2025"])
def desk(request: pytest.FixtureRequest, portal: Portal, http_server: HttpServer) -> Desk:  # noqa: F811
    """The server over each transport, with the current protocol and with the one before it."""
    transport, _, old = request.param.partition(" ")
    return Desk(portal, transport, "legacy" if old else "auto", http_server)


@pytest.fixture
def stdio(portal: Portal, http_server: HttpServer) -> Desk:  # noqa: F811
    """The server over standard input and output."""
    return Desk(portal, "stdio", "auto", http_server)


def run(work: Awaitable[Any], seconds: float = 120.0) -> Any:
    """Run a test's coroutine."""
    return asyncio.run(asyncio.wait_for(work, seconds))


def text(result: CallToolResult) -> str:
    """A result's only text."""
    [content] = result.content
    return str(content.text)  # type: ignore[union-attr]


def answer(result: CallToolResult) -> dict[str, Any]:
    """What a permission prompt answered, as the coding agent reads it."""
    assert not result.is_error and result.structured_content is None, result
    return dict(json.loads(text(result)))


async def aside(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call something that blocks."""
    return await asyncio.to_thread(function, *given, **named)
