"""A real LangGraph server, as `langgraph dev` starts it, and the bridge to a real portal as a process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from app.lifeline import die_with_parent_hook
from tests.missing import missing
from tests.processes import prepared
from tests.processes.crew import until
from tests.processes.harness import ROOT, environment
from tests.sdk.conftest import Portal, portal, services  # noqa: F401 - fixtures
from tests.webprocess import free_port

HERE = Path(__file__).parent
LANGGRAPH = ROOT / ".venv-langgraph-server" / "bin" / "langgraph"
GRAPHS = ("gate", "slow", "parallel", "agent", "flipping")
AT_ONCE = "0.1"
"""Seconds between two looks of the bridge."""


@dataclass
class Server:
    """`langgraph dev` in a folder of its own, with the graphs of `graphs.py` or with those of another folder."""

    folder: Path
    source: Path | None = None
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        if self.source is not None:
            shutil.copytree(self.source, self.folder, dirs_exist_ok=True)
        else:
            shutil.copy(HERE / "graphs.py", self.folder)
            graphs = {name: f"./graphs.py:{name}" for name in GRAPHS}
            (self.folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
        command = [str(LANGGRAPH), "dev", "--no-browser", "--no-reload", "--port", str(self.port)]
        command += ["--n-jobs-per-worker", "10"]
        environ = {key: value for key, value in os.environ.items() if not key.startswith(("ASSENT_", "LANGSMITH"))}
        log = (self.folder / "log").open("wb")
        self.process = subprocess.Popen(
            command, cwd=self.folder, env=environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log,
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )  # fmt: skip
        until(self._answers)

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.folder / "log").read_text()[-3000:]
        try:
            return requests.get(f"{self.url}/ok", timeout=5).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        """End it."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)

    def kill(self) -> None:
        """End it with no chance to do anything, once it has stored everything: it does so every few seconds."""
        assert self.process is not None
        stored = self.folder / ".langgraph_api" / ".langgraph_ops.pckl"
        began = time.time_ns()
        until(lambda: stored.exists() and stored.stat().st_mtime_ns > began, what="nothing was stored")
        # The checkpoints follow in the same second.
        until(lambda: min(path.stat().st_mtime_ns for path in stored.parent.glob("*.pckl")) > began, what="not all")
        self.process.kill()
        self.process.wait(30)


@dataclass
class Bridge:
    """`assent langgraph-server` as a process."""

    portal: Portal
    server_url: str
    more: tuple[str, ...] = ()
    token: str = ""
    forked: bool = True
    """False: started as people start it."""
    process: prepared.Process | subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        settings = environment(
            ASSENT_URL=self.portal.web.url, ASSENT_TOKEN=self.token or self.portal.token,
            LANGGRAPH_SERVER_URL=self.server_url, LANGGRAPH_API_KEY="a-key",
        )  # fmt: skip
        words = ("--every", AT_ONCE, *self.more)
        if self.forked:
            self.process = prepared.Process(prepared.BRIDGE, words, settings, (1, 2), ROOT)
            return
        command = [sys.executable, "-m", "assent.langgraph_server", *words]
        hook = die_with_parent_hook(signal.SIGKILL)
        self.process = subprocess.Popen(command, cwd=ROOT, env=settings, preexec_fn=hook)

    def kill(self) -> None:
        """End it with no chance to do anything."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> int:
        """End it as a service manager does; gives its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)


@dataclass
class Work:
    """One thread of a test, with a file of its own for what it does."""

    client: SyncLangGraphClient
    portal: Portal
    graph: str
    file: Path
    server_url: str
    thread: str = ""
    note: str = field(default_factory=lambda: uuid.uuid4().hex)

    def begin(self, **more: Any) -> None:
        """Run it until it asks."""
        self.thread = str(self.client.threads.create()["thread_id"])
        given = {"file": str(self.file), "note": self.note}
        if self.graph in ("agent", "flipping"):
            given = {"messages": [{"role": "user", "content": str(self.file)}]}  # type: ignore[dict-item]
        self.client.runs.wait(self.thread, self.graph, input=given, **more)
        assert self.status == "interrupted"

    @property
    def status(self) -> str:
        """Of the thread."""
        return str(self.client.threads.get(self.thread)["status"])

    @property
    def done(self) -> list[str]:
        """What was done, in order."""
        return self.file.read_text().splitlines() if self.file.exists() else []

    def asked(self, words: str = "") -> dict[str, Any]:
        """The request that waits, once it is there."""
        return self.of_file() if not words else self.portal.asked(f"{words} {self.note}")

    def of_file(self) -> dict[str, Any]:
        """The pending request that names this test's file."""

        def found() -> dict[str, Any] | None:
            pending = (self.portal.request(request["id"]) for request in self.portal.pending())
            return next((request for request in pending if str(self.file) in json.dumps(request["payload"])), None)

        return dict(until(found, what="nobody asked"))

    def receipt(self, request_id: str) -> dict[str, Any]:
        """What was done with the request's outcome, once it is there."""

        def found() -> dict[str, Any] | None:
            receipt = self.portal.request(request_id)["receipt"]
            return receipt if receipt and receipt["status"] != "delivered" else None

        return dict(until(found, what="no receipt"))

    def ended(self, request_id: str) -> dict[str, Any]:
        """The request, once it is pending no more."""
        until(lambda: self.portal.request(request_id)["state"] != "pending", what="still pending")
        return self.portal.request(request_id)

    def until_done(self, what: list[str]) -> None:
        """Wait until just that was done."""
        until(lambda: self.done == what, what=f"not {what}")

    def until(self, status: str) -> None:
        """Wait for the thread's status."""
        until(lambda: self.status == status, what=f"not {status}")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs."""
    if not LANGGRAPH.exists():
        missing("needs the LangGraph server that bin/setup --dev installs")
    found = Server(tmp_path_factory.mktemp("langgraph"))
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def bridge(portal: Portal, server: Server) -> Iterator[Bridge]:  # noqa: F811
    """The bridge between the two."""
    found = Bridge(portal, server.url)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def work(portal: Portal, server: Server, bridge: Bridge, tmp_path: Path, request: pytest.FixtureRequest) -> Work:  # noqa: F811
    """A thread of the graph that the test names as a parameter, or of `gate`."""
    graph = getattr(request, "param", "gate")
    return Work(get_sync_client(url=server.url), portal, graph, tmp_path / "done", server.url)
