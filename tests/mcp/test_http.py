"""What the HTTP server takes from whom."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
from mcp import Client

from tests.mcp.conftest import SERVER, HttpServer, run
from tests.mcp.test_tools import STRANGER, call_of
from tests.processes.harness import ROOT, environment

pytestmark = pytest.mark.processes

HELLO = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}  # fmt: skip
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}


def post(server, body=HELLO, **headers):
    """Send one message as a client does."""
    sent = {"Accept": "application/json, text/event-stream"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return httpx.post(server.url, json=body, headers=sent, timeout=30)


@pytest.fixture
def bearer(portal):
    """The agent's header."""
    return f"Bearer {portal.token}"


def test_a_caller_without_an_agents_token_is_refused(http_server, bearer):
    refused = post(http_server)
    assert refused.status_code == 401 and refused.headers["WWW-Authenticate"].startswith("Bearer")
    person = post(http_server, Authorization="Bearer assent_person_x")
    assert person.status_code == 401 and "person's token" in person.json()["error_description"]
    assert post(http_server, Authorization=bearer).status_code == 200


def test_foreign_hosts_and_origins_are_refused(http_server, bearer):
    assert post(http_server, Authorization=bearer, Host="evil.example:80").status_code == 421
    assert post(http_server, Authorization=bearer, Origin="https://evil.example").status_code == 403
    own = f"http://127.0.0.1:{http_server.port}"
    assert post(http_server, Authorization=bearer, Origin=own).status_code == 403
    modern = {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/list"}
    assert post(http_server, LIST, Authorization=bearer, Host="evil.example", **modern).status_code == 421


def test_a_session_belongs_to_the_token_that_opened_it(http_server, bearer):
    opened = post(http_server, Authorization=bearer)
    session = {"Mcp_Session_Id": opened.headers["mcp-session-id"], "MCP_Protocol_Version": "2025-06-18"}
    assert post(http_server, LIST, Authorization=f"Bearer {STRANGER}", **session).status_code == 404
    assert post(http_server, LIST, Authorization=bearer, **session).status_code == 200


def test_a_shared_token_only_if_the_operator_says_so(portal):
    for options, taken in [((), False), (("--shared-token",), True)]:
        server = HttpServer(portal.web.url, *options, ASSENT_TOKEN=portal.token)
        try:
            assert post(server).status_code == (200 if taken else 401)
            if taken:
                asked = run(ask(server.url))
                assert portal.request(asked)["agent"] == "Deploy agent"
        finally:
            server.stop()


async def ask(url: str) -> str:
    """Ask without a token."""
    async with Client(url) as client:
        result = await client.call_tool("request_approval", {"proposal": call_of("Shared")})
        assert result.structured_content is not None
        return str(result.structured_content["id"])


def test_names_that_are_allowed_are_taken(portal, bearer):
    server = HttpServer(
        portal.web.url, "--allow-host", "mcp.example.com", "--allow-origin", "https://inspector.example.com"
    )
    try:
        answered = post(server, Authorization=bearer, Host="mcp.example.com", Origin="https://inspector.example.com")
        assert answered.status_code == 200
    finally:
        server.stop()


def test_it_does_not_listen_to_the_world_without_names():
    command = [sys.executable, *SERVER, "--http", "--host", "0.0.0.0"]
    settings = environment(ASSENT_URL="http://127.0.0.1:1")
    ended = subprocess.run(command, env=settings, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and "--allow-host" in ended.stderr
