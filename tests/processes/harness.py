"""Real processes for tests: started as operators start them, watched by their logs, killed as hard as a test likes.

with Desk(database_url, tmp_path) as desk:
    web = desk.web()
    worker = desk.worker()
    worker.kill()
    worker.start()
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from app.lifeline import die_with_parent_hook
from tests.processes import prepared, skewed

ROOT = Path(__file__).parents[2]
ASSENT = (sys.executable, "-m", "app.cli.main")
SECRET_KEY = "a secret key for tests, of no value anywhere"
READY_SECONDS = 60.0
STOP_SECONDS = 60.0


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(**settings: str) -> dict[str, str]:
    """This process's environment without its ASSENT_ settings, and with the given ones instead."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ASSENT_")}
    return {**kept, "PYTHONPATH": _python_path(), "PYTHONUNBUFFERED": "1", **settings}


def assent(*arguments: str, seconds: float = 60.0, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    if prepared.understood([*ASSENT, *arguments]) and arguments != ("web",):
        return prepared.run(arguments, environment(**settings), seconds)
    return subprocess.run(
        [*ASSENT, *arguments], env=environment(**settings), capture_output=True, text=True, timeout=seconds
    )


class Managed:
    """A process with its logs, which can be started again after its end.

    Attributes:
        ready: pattern of the log line after which it is at work.
    """

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], ready: str) -> None:
        self.name = name
        self.ready = ready
        self._command = list(command)
        self._env = dict(env)
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._process: subprocess.Popen[str] | prepared.Process | None = None
        self._reader: threading.Thread | None = None

    @property
    def process(self) -> subprocess.Popen[str] | prepared.Process:
        """The running (or last) process."""
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def logs(self) -> str:
        """Everything it has printed, over all its starts."""
        with self._changed:
            return "".join(self._lines)

    @property
    def printed(self) -> int:
        """How many lines it has printed, for `wait_for_log`."""
        with self._changed:
            return len(self._lines)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON log lines among what it printed."""
        return [json.loads(line) for line in self.logs.splitlines() if line.startswith("{")]

    def start(self, wait: bool = True, **more: str) -> Self:
        """Start it, by default until it is at work. `more` are further settings for this start."""
        self._process = self._begin({**self._env, **more})
        mark = len(self._lines)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()
        if wait:
            self.wait_for_log(self.ready, since=mark)
        return self

    def _begin(self, env: dict[str, str]) -> subprocess.Popen[str] | prepared.Process:
        if understood := prepared.understood(self._command):
            return prepared.Process(*understood, env)
        return subprocess.Popen(
            self._command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )

    def wait_for_log(self, pattern: str, seconds: float = READY_SECONDS, since: int = 0) -> re.Match[str]:
        """Wait for a line that matches; fails with the logs when the process ends, or time runs out, before."""
        wanted = re.compile(pattern)
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for line in self._lines[since:]:
                    if found := wanted.search(line):
                        return found
                left = deadline - time.monotonic()
                if left <= 0 or self._reader is None or not self._reader.is_alive():
                    printed = "".join(self._lines)
                    raise AssertionError(f"{self.name} did not print {pattern!r}; it printed:\n{printed}")
                self._changed.wait(min(left, 0.5))

    def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        self.process.kill()
        self._finish()

    def stop(self) -> int:
        """SIGTERM, and the exit code; killed when it takes too long."""
        self.process.terminate()
        return self.wait()

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """The exit code, once it has ended by itself; fails, and kills it, when it does not."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {seconds} s:\n{self.logs}") from None
        self._finish()
        return code

    def restart(self) -> Self:
        """`kill -9`, and start again."""
        self.kill()
        return self.start()

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def _finish(self) -> None:
        self.process.wait()
        if self._reader is not None:
            self._reader.join(5)

    def _read(self, process: subprocess.Popen[str] | prepared.Process) -> None:
        assert process.stdout is not None
        with process.stdout as stream:
            for line in stream:
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()


class Desk:
    """Web and worker processes on one database; all of them are gone when the `with` block ends.

    Args:
        database_url: a migrated database.
        data_dir: for what processes keep beside the database.
        settings: further settings, such as ``ASSENT_WORKFLOWS``.
    """

    def __init__(self, database_url: str, data_dir: Path, **settings: str) -> None:
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment(
            **{
                "ASSENT_DATABASE_URL": database_url,
                "ASSENT_DATA_DIR": str(data_dir),
                "ASSENT_PORT": str(self.port),
                "ASSENT_SECRET_KEY": SECRET_KEY,
                **settings,
            }
        )
        self.processes: list[Managed] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            if process.running:
                with suppress(ProcessLookupError):
                    process.kill()
        if error is not None:
            for process in self.processes:
                print(f"--- {process.name}\n{process.logs}")

    def web(self, wait: bool = True, ahead: float = 0.0, **settings: str) -> Managed:
        """Start a web process on `port`; `ahead`: so many seconds is its machine's clock off."""
        return self._add("web", "web", r'"event": ?"listening"', wait, ahead, settings)

    def worker(self, wait: bool = True, ahead: float = 0.0, **settings: str) -> Managed:
        """Start a worker process; `ahead`: so many seconds is its machine's clock off."""
        return self._add("worker", "worker", r'"event": ?"worker\.ready"', wait, ahead, settings)

    def assent(self, *arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command on the same database, to its end."""
        return prepared.run(arguments, self.environment, seconds)

    def _add(self, name: str, command: str, ready: str, wait: bool, ahead: float, settings: dict[str, str]) -> Managed:
        env, words = {**self.environment, **settings}, [*ASSENT, command]
        if ahead:
            env, words = {**env, **skewed.machine(ahead)}, skewed.command(command)
        process = Managed(name, words, env, ready)
        self.processes.append(process)
        return process.start(wait)


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
