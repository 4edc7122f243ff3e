"""Shared parts of the benchmarks: a database, worker processes, percentiles, and a description of the machine."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from app.cli.database import upgrade_everything
from app.embedded import EmbeddedServer


@contextmanager
def database(name: str) -> Iterator[str]:
    """Yield a new, migrated database on its own embedded server, or on ASSENT_BENCH_SERVER."""
    if given := os.environ.get("ASSENT_BENCH_SERVER"):
        with psycopg.connect(given, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)")
            connection.execute(f"create database {name}")
        address = given.replace("/postgres?", f"/{name}?")
        upgrade_everything(address)
        yield address
        return
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        address = server.ensure_database(name)
        upgrade_everything(address)
        yield address


@contextmanager
def gate_server() -> Iterator[tuple[Callable[[str], str], int]]:
    """A server for several databases: what makes one and gives its address, and the server's process.

    The process is 0 if the server is that of ASSENT_BENCH_SERVER.
    """
    if given := os.environ.get("ASSENT_BENCH_SERVER"):

        def make(name: str) -> str:
            with psycopg.connect(given, autocommit=True) as connection:
                connection.execute(f"drop database if exists {name} with (force)".encode())
                connection.execute(f"create database {name}".encode())
            return given.replace("/postgres?", f"/{name}?")

        yield make, 0
        return
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder, EmbeddedServer(Path(folder)) as server:
        yield server.ensure_database, server.process.pid


@contextmanager
def processes(address: str, workflows: str, workers: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Yield worker processes that are ready."""
    environment = {
        **os.environ,
        "ASSENT_DATABASE_URL": address,
        "ASSENT_SECRET_KEY": "x" * 40,
        "ASSENT_WORKFLOWS": workflows,
        "ASSENT_LOG_LEVEL": "warning",
    }
    started = [
        subprocess.Popen([sys.executable, "-m", "app.cli.main", "worker"], env=environment) for _ in range(workers)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def free_port() -> int:
    """Return a port on which nothing is listening now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web(address: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Yield a web process that responds, and its address."""
    port = free_port()
    environment = {
        **os.environ,
        "ASSENT_DATABASE_URL": address,
        "ASSENT_SECRET_KEY": "x" * 40,
        "ASSENT_PORT": str(port),
        "ASSENT_LOG_LEVEL": "warning",
    }
    started = subprocess.Popen([sys.executable, "wsgi.py"], env=environment)
    try:
        for _ in range(300):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/sign-in", timeout=5) as answer:
                if answer.status == 200:
                    break
            time.sleep(0.1)
        else:
            raise TimeoutError("the web process does not answer")
        yield started, f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait(30)


class Bell:
    """Passes on a run's events as the portal's live hub does: one connection listens for all."""

    def __init__(self, address: str) -> None:
        self._listening = psycopg.connect(address, autocommit=True)
        self._listening.execute("listen assent_events")
        self._reading = psycopg.connect(address, autocommit=True)
        self._waiting: dict[tuple[str, str], Future[str]] = {}
        self._rang: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._follow, daemon=True).start()

    def expect(self, run_id: str, what: str) -> Future[str]:
        """The id of the request that a run opens (``what`` is ``pending``), or of the run that reaches that state."""
        with self._lock:
            future: Future[str] = Future()
            if (run_id, what) in self._rang:
                future.set_result(self._rang.pop((run_id, what)))
            else:
                self._waiting[run_id, what] = future
            return future

    def _follow(self) -> None:
        with suppress(psycopg.OperationalError):
            while True:
                payloads = [notice.payload.split(",") for notice in self._listening.notifies(stop_after=1)]
                ids = [int(number) for some in payloads for number in some]
                rows = self._reading.execute(
                    "select run_id, request_id, payload::json ->> 'state' from events "
                    "where id = any(%s) and kind in ('request.opened', 'run.changed')",
                    (ids,),
                ).fetchall()
                for run_id, request_id, state in rows:
                    self._ring(run_id, state, request_id or run_id)

    def _ring(self, run_id: str, state: str, found: str) -> None:
        with self._lock:
            future = self._waiting.pop((run_id, state), None)
            if future is None:
                self._rang[run_id, state] = found
        if future is not None:
            future.set_result(found)


def percentile(values: list[float], share: float) -> float:
    """Return the value below which this share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def memory_mib(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    return float(psutil.Process(pid).memory_info().rss / 2**20)


def cpu_seconds(workers: list[int]) -> dict[str, float]:
    """Processor time used so far by the workers, by this process (the clients) and by PostgreSQL."""

    def used(process: psutil.Process) -> float:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            return float(times.user + times.system)
        return 0.0

    servers = [process for process in psutil.process_iter(["name"]) if process.info["name"] == "postgres"]
    return {
        "workers": sum(used(psutil.Process(pid)) for pid in workers),
        "clients": used(psutil.Process()),
        "postgresql": sum(map(used, servers)),
    }


def machine() -> str:
    """Return a description of the machine."""
    model = platform.processor() or platform.machine()
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    total = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {model}, {total:.0f} GiB, Python {platform.python_version()}"
