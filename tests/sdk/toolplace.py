"""Real MCP servers that misbehave, started for one test."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from app.lifeline import die_with_parent_hook
from assent.toolbox import Limits, Registry
from assent.toolbox.mcp_entries import parsed_servers
from assent.toolbox.mcp_servers import ToolServers
from assent.toolbox.mcp_tools import pin_of
from tests.processes.crew import until
from tests.processes.harness import free_port
from tests.sdk import toolserver

SCRIPT = Path(toolserver.__file__)
SOON = Limits(attempts=1, timeout=1.0)


@dataclass
class Place:
    """Servers of one test, and what they have done."""

    folder: Path
    running: list[Any] = field(default_factory=list)

    def entry(self, *options: str, **facts: Any) -> dict[str, Any]:
        """An entry of the misbehaving server, started with these options."""
        args = [str(SCRIPT), str(self.folder), *options]
        return {"command": sys.executable, "args": args, "start_seconds": 60} | facts

    def connect(self, **servers: dict[str, Any]) -> Registry:
        """A registry with the tools of these servers."""
        registry = Registry()
        found = ToolServers(parsed_servers({"servers": servers}, "a test"))
        self.running.append(found.close)
        found.attach_to(registry)
        return registry

    def listen(self) -> tuple[str, subprocess.Popen[bytes]]:
        """The misbehaving server over HTTP: its address, and its process."""
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.folder), "--port", str(port)],
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )
        self.running.append(lambda: (process.kill(), process.wait(60)))
        until(lambda: listens(port))
        return f"http://127.0.0.1:{port}/mcp", process

    @property
    def servers(self) -> list[psutil.Process]:
        """The servers of this test that run as children of this process."""
        children = psutil.Process().children()
        return [child for child in children if not gone(child) and str(self.folder) in child.cmdline()]

    @property
    def done(self) -> list[str]:
        """What was really done."""
        path = self.folder / "done"
        return path.read_text().splitlines() if path.exists() else []


def listens(port: int) -> bool:
    """Whether something takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended."""
    try:
        return not process.is_running() or process.status() == "zombie"
    except psutil.NoSuchProcess:
        return True


def pinned(registry: Registry, *names: str, **facts: Any) -> dict[str, Any]:
    """Entries that declare these tools as reading, or as what `facts` say, with the pins that they have now."""
    return {name: {"effect": "read", "pin": pin_of(registry.get(f"bad.{name}"))} | facts for name in names}


def pins(place: Place, *names: str, **facts: Any) -> dict[str, Any]:
    """As `pinned`, from a connection of its own."""
    registry = place.connect(bad=place.entry())
    return pinned(registry, *names, **facts)
