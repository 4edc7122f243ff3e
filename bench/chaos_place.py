"""The site of `bench.chaos`: a database server, web processes, workers, and a proxy between them that can fail."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg

from app.cli.database import upgrade_everything
from app.embedded import EmbeddedServer
from app.lifeline import die_with_parent_hook
from bench.chaos_flows import ALL, LEDGER
from bench.support import free_port

SOCKET = ".s.PGSQL.5432"
LEASE_LOST = 75
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class Line:
    """A proxy for the database's socket, on which all processes of the portal depend: it can be slow, or break.

    It runs in a thread of its own.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self._target = str(target / SOCKET)
        self._writers: set[asyncio.StreamWriter] = set()
        self.delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        threading.Thread(target=self._work, daemon=True).start()
        self._ready.wait(10)

    def cut(self) -> int:
        """Break all connections; how many there were."""
        number = len(self._writers)
        for writer in list(self._writers):
            self._loop.call_soon_threadsafe(writer.transport.abort)
        return number

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_unix_server(self._connect, str(self.folder / SOCKET), limit=2**18))
        self._ready.set()
        self._loop.run_forever()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_unix_connection(self._target, limit=2**18)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, to_writer}
        self._writers |= both
        try:
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))
        finally:
            self._writers -= both
            for end in both:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(2**16):
                if self.delay:
                    await asyncio.sleep(self.delay)
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@dataclass(frozen=True)
class End:
    """When a process was seen to have ended, by the monotonic clock, and whether because its lease was lost.

    One that was held still while the database ended its connection learns that only when it goes on.
    """

    at: float
    lost_lease: bool


class Program:
    """A web process or worker, which is restarted whenever it ends by itself."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.name = name
        self._command = command
        self._environment = environment
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.ends: dict[int, End] = {}
        """How the processes with these ids had ended."""
        self.skew = 0.0
        self.stopped = False

    def start(self, skew: float = 0.0) -> None:
        """Start it, on a machine whose clock is ahead by so many seconds."""
        self.skew = skew
        environment = dict(self._environment)
        if skew and FAKETIME:
            environment |= {
                "LD_PRELOAD": str(FAKETIME[0]), "FAKETIME": f"{skew:+}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }  # fmt: skip
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent_hook(signal.SIGKILL),
            )  # fmt: skip

    def send(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def end(self, number: int, seconds: float = 30.0) -> None:
        """Send a signal that ends it, and wait for that; killed if it takes too long."""
        assert self.process is not None
        self.send(signal.SIGCONT)
        self.send(number)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.has_ended()

    def has_ended(self) -> bool:
        """True if its process is gone; notes when that was seen first."""
        if self.process is None or self.process.poll() is None:
            return False
        self.ends.setdefault(self.process.pid, End(time.monotonic(), self.process.returncode == LEASE_LOST))
        return True


class Place:
    """The portal on this machine, and the faults that can be caused."""

    def __init__(self, folder: Path, webs: int, workers: int) -> None:
        self.folder = folder
        folder.chmod(0o711)
        self.server = EmbeddedServer(folder / "data")
        self.server.start()
        self.direct = self.server.ensure_database("chaos")
        upgrade_everything(self.direct)
        sockets = Path(tempfile.mkdtemp(prefix="assent-line-"))
        [target] = parse_qs(urlsplit(self.server.url("x")).query)["host"]
        self.line = Line(sockets, Path(target))
        self.address = f"postgresql://postgres@/chaos?host={quote(str(sockets), safe='')}"
        self.ledger = folder / "ledger.jsonl"
        self.ledger.touch()
        os.environ[LEDGER] = str(self.ledger)  # agents elsewhere write from this process
        self.ports = [free_port() for _ in range(webs)]
        self.webs = [self._web(number, port) for number, port in enumerate(self.ports)]
        self.workers = [
            Program(f"worker {number}", [sys.executable, "-m", "bench.chaos_worker"], self._environment(),
                    self._log("worker", number))
            for number in range(workers)
        ]  # fmt: skip
        self.mending = threading.Event()
        self.mending.set()

    @property
    def programs(self) -> list[Program]:
        """All processes of the portal."""
        return [*self.webs, *self.workers]

    def start(self) -> None:
        """Start the portal."""
        for program in self.programs:
            program.start()
        threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        """Start again what ends by itself, as a supervisor does; not what a fault holds down."""
        while True:
            time.sleep(0.2)
            for program in self.programs:
                if self.mending.is_set() and not program.stopped and program.has_ended():
                    program.start(program.skew)

    def stop_database_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`."""
        process = self.server.process
        process.send_signal(signal.SIGQUIT)
        process.wait(30)

    def terminate_backends(self, chance: random.Random, share: float) -> int:
        """End some of the portal's connections at the server; how many."""
        with psycopg.connect(self.direct, autocommit=True) as connection:
            found = connection.execute(
                "select pid from pg_stat_activity where datname = 'chaos' and pid <> pg_backend_pid()"
            ).fetchall()
            chosen = [pid for (pid,) in found if chance.random() < share]
            for pid in chosen:
                connection.execute("select pg_terminate_backend(%s)", (pid,))
        return len(chosen)

    def close(self) -> None:
        """End everything."""
        self.mending.clear()
        for program in self.programs:
            program.stopped = True
            if program.process is not None:
                program.end(signal.SIGKILL)
        self.server.stop()

    def _environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
        return {
            **kept, "ASSENT_DATABASE_URL": self.address, "ASSENT_SECRET_KEY": "x" * 40, "ASSENT_WORKFLOWS": ALL,
            "ASSENT_DATA_DIR": str(self.folder), "ASSENT_LOG_LEVEL": "warning", "ASSENT_API_CALLS_PER_MINUTE": "0",
            LEDGER: str(self.ledger), **more,
        }  # fmt: skip

    def _web(self, number: int, port: int) -> Program:
        environment = self._environment(ASSENT_PORT=str(port))
        return Program(f"web {number}", [sys.executable, "wsgi.py"], environment, self._log("web", number))

    def _log(self, kind: str, number: int) -> Path:
        return self.folder / f"{kind}{number}.log"
