"""A supervisor of child processes: starts them together, restarts those that die, and stops them together."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType

import structlog

from app.lifeline import PARENT_VARIABLE, die_with_parent_hook

STOP_SECONDS = 5.0
"""Seconds that children have to stop before they are killed."""
_FIRST_BACKOFF = 0.5
_LONGEST_BACKOFF = 30.0
_STEADY_SECONDS = 60.0
_TICK_SECONDS = 1.0

log = structlog.get_logger("serve")


class ChildFailedError(Exception):
    """A child ended before everything was running. It has printed the reason itself."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name} ended with code {code}")
        self.code = code


@dataclass
class _Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    backoff: float = _FIRST_BACKOFF
    next_start: float = 0.0
    database: str | None = None


@dataclass
class Supervisor:
    """Starts and watches child processes. Call its methods inside `signals()`, which handles signals to stop.

    Attributes:
        environment: Environment of the child processes.
        stopping: True once a signal to stop has arrived.
        database: Returns what changes whenever the database server restarts, or None while it does not answer. Children
            that die because of that are restarted as soon as it answers, however often it happens.
    """

    environment: Mapping[str, str]
    stopping: bool = False
    database: Callable[[], str | None] = lambda: ""
    _children: list[_Child] = field(default_factory=list)
    _wake: tuple[int, int] = (-1, -1)

    def add(self, name: str, command: Sequence[str]) -> None:
        """Start a child that runs as long as the supervisor."""
        child = _Child(name, command)
        self._children.append(child)
        self._start(child)

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Stop on SIGINT, SIGTERM, and SIGHUP. A second signal kills the children at once."""
        read, write = os.pipe()
        for end in (read, write):
            os.set_blocking(end, False)
        self._wake = (read, write)
        before = {number: signal.signal(number, self._on_stop_signal) for number in _STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in (read, write):
                os.close(end)

    def finish(self, command: Sequence[str]) -> bool:
        """Run a command to its end. Returns True when it is done, and False if a signal to stop arrived meanwhile.

        Raises:
            ChildFailedError: The command, or another child, ended with an error.
        """
        process = self._popen(command)
        try:
            self.wait_for(lambda: process.poll() is not None, float("inf"))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if self.stopping:
            return False
        if process.returncode != 0:
            raise ChildFailedError(command[-1], process.returncode)
        return True

    def wait_for(self, ready: Callable[[], bool], seconds: float, poll: float = 0.1) -> bool:
        """Wait until `ready` returns True, watching the children. Returns False on a signal to stop, or a timeout.

        Raises:
            ChildFailedError: A child ended meanwhile.
        """
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            for child in self._children:
                code = child.process.poll() if child.process else None
                if code is not None and not self.stopping:
                    raise ChildFailedError(child.name, code)
            if ready():
                return True
            self._sleep(poll)
        return False

    def watch(self, also: Callable[[], None]) -> None:
        """Restart children that die, until a signal to stop. Calls `also` whenever something may have happened."""
        while not self.stopping:
            also()
            for child in self._children:
                self._restart_if_dead(child)
            self._sleep(_TICK_SECONDS)

    def stop(self) -> None:
        """Tell all children to stop, and kill those that take too long."""
        running = [child for child in self._children if child.process and child.process.poll() is None]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in running:
            assert child.process is not None
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
                continue
            log.warning("killed because it did not stop in time; its work is repeated later", child=child.name)
            child.process.kill()
            child.process.wait()

    def _restart_if_dead(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            child.process = None
            with_database = self.database() != child.database
            if now - child.started_at > _STEADY_SECONDS or with_database:
                child.backoff = _FIRST_BACKOFF
            child.next_start = now + child.backoff
            log.error("died; restarting it", child=child.name, code=code, seconds=child.backoff)
            if not with_database:
                child.backoff = min(child.backoff * 2, _LONGEST_BACKOFF)
        if now >= child.next_start:
            if self.database() is None:
                child.next_start = now + _TICK_SECONDS  # it would only die again
                return
            self._start(child)

    def _start(self, child: _Child) -> None:
        child.started_at = time.monotonic()
        child.database = self.database()
        child.process = self._popen(child.command)
        log.debug("started", child=child.name, pid=child.process.pid)

    def _popen(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            env={**self.environment, PARENT_VARIABLE: str(os.getpid())},
            # Ctrl-C reaches the terminal's whole process group. Children get the signal from us instead, once.
            start_new_session=True,
            preexec_fn=die_with_parent_hook(signal.SIGKILL),
        )

    def _on_stop_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.stopping:
            for child in self._children:
                if child.process is not None and child.process.poll() is None:
                    child.process.kill()
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        """Wait for a signal for at most `seconds`. A child that ends sends a signal too."""
        nearest = min((c.next_start - time.monotonic() for c in self._children if c.process is None), default=seconds)
        select.select([self._wake[0]], [], [], max(0.0, min(seconds, nearest)))
        with suppress(BlockingIOError):
            os.read(self._wake[0], 512)


_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
