"""Work that may take long, in helper processes with limits on time and memory.

The interface is `run_bounded(function, arguments, seconds)`. The processes are started when they are first needed, and
end when they have been idle for a while. Threads would not do: code that holds Python's interpreter lock, such as
checking, parsing, and rendering, blocks all threads of a process, and a thread cannot be stopped.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from app.domain.errors import TookTooLongError
from app.installation import PYTHON, child_python_path

PROCESSES = 2
"""Helper processes for each process that uses them."""
IDLE_SECONDS = 120.0
"""Time after which an idle helper process ends."""
PATIENCE = 10.0
"""Seconds that a call may take by the clock in addition to its processor time, because other work may keep the machine
busy; at most twice that processor time."""
MAX_WAITING = 32
"""Calls that may wait for a free process; further calls are rejected at once."""
_BUSY = "The server is busy with other large requests. Try again in a moment."
_HEAD = struct.Struct("!Q")
Result = TypeVar("Result")
log = structlog.get_logger("bounded")


class _EndedError(Exception):
    """The process ended without an answer."""


class _Process:
    """One helper process, and the socket to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.fresh = True
        self._socket = ours
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [*PYTHON, "-m", "app.helper_process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": child_python_path()},
        )  # fmt: skip
        theirs.close()
        self.free_since = time.monotonic()

    def call(self, work: bytes, seconds: float) -> bytes:
        """Send work and return the answer. Raises TimeoutError, _EndedError."""
        deadline = time.monotonic() + seconds
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(_HEAD.pack(len(work)) + work)
            (length,) = _HEAD.unpack(self._receive(_HEAD.size, deadline))
            return self._receive(length, deadline)
        except TimeoutError:
            raise
        except OSError:
            raise _EndedError from None

    def _receive(self, length: int, deadline: float) -> bytes:
        parts = []
        while length:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            part = self._socket.recv(min(length, 1 << 18))
            if not part:
                raise _EndedError
            parts.append(part)
            length -= len(part)
        return b"".join(parts)

    def end(self) -> None:
        """Kill it, whatever it does."""
        with suppress(OSError):
            self._socket.close()
        self._process.kill()
        self._process.wait()

    @property
    def overran(self) -> bool:
        """True if the process has ended because it used more processor time than it was given."""
        return self._process.returncode == -signal.SIGPROF


def _took_too_long(seconds: float) -> TookTooLongError:
    log.warning("bounded.stopped", seconds=seconds)
    return TookTooLongError(f"This took more than {seconds:g} seconds and was stopped.")


class Pool:
    """A pool of helper processes, each with one piece of work at a time."""

    def __init__(
        self, processes: int = PROCESSES, idle_seconds: float = IDLE_SECONDS, max_waiting: int = MAX_WAITING
    ) -> None:
        self._slots = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._free: list[_Process] = []
        self._idle_seconds = idle_seconds
        self._max_waiting = max_waiting
        self._waiting = 0
        self._watched = False
        """True if a timer will look for idle processes."""

    def run(self, function: Callable[..., Result], arguments: tuple[Any, ...], seconds: float) -> Result:
        """See `run_bounded`."""
        patience = seconds + min(2 * seconds, PATIENCE)
        work = pickle.dumps((function, arguments, seconds, patience))
        deadline = time.monotonic() + patience
        if self._waiting >= self._max_waiting:
            raise TookTooLongError(_BUSY)
        self._waiting += 1
        try:
            free = self._slots.acquire(timeout=patience)
        finally:
            self._waiting -= 1
        if not free:
            raise TookTooLongError(_BUSY)
        try:
            answer = self._answer(work, deadline, seconds)
        finally:
            self._slots.release()
        done, result = pickle.loads(answer)  # noqa: S301 - from our own code, over a private socket
        if done:
            return result
        if isinstance(result, MemoryError):
            raise TookTooLongError("This needed more memory than is allowed and was stopped. Send less at once.")
        raise result

    def _answer(self, work: bytes, deadline: float, seconds: float) -> bytes:
        while True:
            process = self._take()
            try:
                answer = process.call(work, max(0.1, deadline - time.monotonic()))
            except TimeoutError:
                process.end()
                raise _took_too_long(seconds) from None
            except _EndedError:
                process.end()
                if process.overran:
                    raise _took_too_long(seconds) from None
                if process.fresh:
                    log.warning("bounded.ended")
                    raise TookTooLongError("This needed too much memory and was stopped. Send less at once.") from None
                continue  # it ended while it was idle, so nothing has been done yet
            except BaseException:
                process.end()
                raise
            self._give_back(process)
            return answer

    def _take(self) -> _Process:
        with self._lock:
            if self._free:
                process = self._free.pop()
                process.fresh = False
                return process
        return _Process()

    def _give_back(self, process: _Process) -> None:
        process.free_since = time.monotonic()
        with self._lock:
            self._free.append(process)
            watched, self._watched = self._watched, True
        if not watched:
            self._look_in(self._idle_seconds)

    def _look_in(self, seconds: float) -> None:
        timer = threading.Timer(seconds + 0.1, self._end_idle)
        timer.daemon = True
        timer.start()

    def _end_idle(self) -> None:
        before = time.monotonic() - self._idle_seconds
        with self._lock:
            idle = [process for process in self._free if process.free_since <= before]
            self._free = [process for process in self._free if process.free_since > before]
            left = min((process.free_since - before for process in self._free), default=None)
            self._watched = left is not None
        if left is not None:
            self._look_in(left)
        for process in idle:
            process.end()

    def close(self) -> None:
        """End all idle processes."""
        with self._lock:
            free, self._free = self._free, []
        for process in free:
            process.end()


_pool = Pool()


def run_bounded(function: Callable[..., Result], arguments: tuple[Any, ...], seconds: float) -> Result:
    """Return the result of `function(*arguments)`, computed in a helper process.

    The function must be a module-level one, and it, its arguments, and its result must be picklable. It may be killed
    at any time, which must not corrupt what it writes.

    Args:
        seconds: Processor time after which the process is killed. By the clock, a call may take `PATIENCE` longer,
            including the wait for a free process and its start.

    Raises:
        TookTooLongError: The function took longer, or more memory than a helper process may use.
        Exception: Whatever the function raised.
    """
    return _pool.run(function, arguments, seconds)
