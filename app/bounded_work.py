"""Work that may take long, in processes beside: bounded in time and memory, and replaced when they exceed it.

`run_bounded(function, arguments, seconds)` is all there is to it. The processes start when they are first needed and
end when they have had nothing to do for a while. Threads would not do: what keeps Python's interpreter lock, such as
checking, parsing and rendering, keeps it from all threads of a process, and a thread cannot be stopped.
"""

from __future__ import annotations

import os
import pickle
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
"""Processes beside, for each process that has work done."""
IDLE_SECONDS = 120.0
"""After which a process that has nothing to do ends."""
MAX_WAITING = 32
"""Calls that wait for a process to be free; further ones are refused at once."""
_BUSY = "The server is busy with other large requests. Try again in a moment."
_HEAD = struct.Struct("!Q")
Result = TypeVar("Result")
log = structlog.get_logger("bounded")


class _EndedError(Exception):
    """The process ended without an answer."""


class _Process:
    """One process beside, and the socket over which it is talked to."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.fresh = True
        self._socket = ours
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [*PYTHON, "-m", "app.helper_process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": child_python_path()},
        )  # fmt: skip
        theirs.close()
        self.free_since = time.monotonic()

    def call(self, work: bytes, seconds: float) -> bytes:
        """Have it work. Raises TimeoutError, _EndedError."""
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


class Pool:
    """Processes beside, each with one piece of work at a time."""

    def __init__(self, processes: int = PROCESSES, idle_seconds: float = IDLE_SECONDS) -> None:
        self._slots = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._free: list[_Process] = []
        self._idle_seconds = idle_seconds
        self._waiting = 0
        self._watched = False
        """A timer will look for processes that are idle."""

    def run(self, function: Callable[..., Result], arguments: tuple[Any, ...], seconds: float) -> Result:
        """As `run_bounded`."""
        work = pickle.dumps((function, arguments, seconds))
        deadline = time.monotonic() + seconds
        if self._waiting >= MAX_WAITING:
            raise TookTooLongError(_BUSY)
        self._waiting += 1
        try:
            free = self._slots.acquire(timeout=seconds)
        finally:
            self._waiting -= 1
        if not free:
            raise TookTooLongError(_BUSY)
        try:
            answer = self._answer(work, deadline, seconds)
        finally:
            self._slots.release()
        done, result = pickle.loads(answer)  # noqa: S301 - of our own code, over a socket that nobody else has
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
                log.warning("bounded.stopped", seconds=seconds)
                raise TookTooLongError(f"This took more than {seconds:g} seconds and was stopped.") from None
            except _EndedError:
                process.end()
                if process.fresh:
                    log.warning("bounded.ended")
                    raise TookTooLongError("This needed too much memory and was stopped. Send less at once.") from None
                continue  # it ended while nobody looked; nothing has been done yet
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
        """End all that have nothing to do."""
        with self._lock:
            free, self._free = self._free, []
        for process in free:
            process.end()


_pool = Pool()


def run_bounded(function: Callable[..., Result], arguments: tuple[Any, ...], seconds: float) -> Result:
    """What `function(*arguments)` gives, worked out in a process beside.

    The function is named in its module, and it, the arguments and the result can be pickled. It may have been begun
    and stopped: what it writes has to bear that.

    Args:
        seconds: after which the process is killed; waiting for one that is free counts.

    Raises:
        TookTooLongError: it took longer, or more memory than a process beside may have.
        Exception: what the function raised.
    """
    return _pool.run(function, arguments, seconds)
