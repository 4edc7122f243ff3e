"""The example graph, on a server of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from langgraph_sdk import get_sync_client

from tests.langgraph_server.conftest import Bridge, Server
from tests.processes.crew import until
from tests.processes.harness import ROOT
from tests.sdk.conftest import Portal

pytestmark = pytest.mark.processes


def test_the_example_on_a_server(portal: Portal, server: Server, tmp_path: Path) -> None:
    other = Server(tmp_path, source=ROOT / "examples" / "langgraph_server")
    other.start()
    bridge = Bridge(portal, other.url, forked=False)
    bridge.start()
    client = get_sync_client(url=other.url)
    thread = client.threads.create()["thread_id"]
    client.runs.wait(thread, "delete", input={"days": 90})
    request = portal.asked("Delete exports on a server")
    assert request["workflow"] == "delete"
    portal.decide(request["id"])
    until(lambda: client.threads.get(thread)["status"] == "idle")
    assert client.threads.get_state(thread)["values"]["done"] == "find exports -mtime +90 -delete"  # type: ignore[call-overload]
    bridge.stop()
    other.stop()
