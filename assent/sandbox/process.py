"""One sandbox: bubblewrap and all processes in it, what they write, and their end."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from assent.sandbox.child import STARTED
from assent.sandbox.errors import SandboxLimitError, SandboxUnavailableError
from assent.sandbox.limits import Limits

_BLOCK = 1 << 18
_LOOK_SECONDS = 0.2
"""How often it is checked whether the caller has given up."""
_END_SECONDS = 10.0
_LAST_WORDS = 4_000
_ENVELOPE = 100
"""Bytes of an answer around the result."""


@dataclass
class Ended:
    """A sandbox that has ended by itself.

    Attributes:
        code: exit code of the process inside; above 128, minus 128, it is the signal that ended it.
        answer: what it wrote as its answer; None if the process inside did not even start.
        stderr: the end of what it wrote to standard output and standard error.
        seconds: how long it has taken, by the clock.
    """

    code: int
    answer: bytes | None
    stderr: str
    seconds: float


def run(
    command: Sequence[str], program: bytes, filter_program: bytes, files: Sequence[int], limits: Limits,
    stop: threading.Event,
) -> Ended:  # fmt: skip
    """Run bubblewrap until it has ended, and kill it with all processes in it at a limit.

    Args:
        command: bubblewrap and its arguments, with `{filter}` and `{status}` where numbers of file descriptors belong.
        program: standard input.
        files: file descriptors that the command refers to.

    Raises:
        SandboxLimitError: It took too long, or wrote too much.
        InterruptedError: The caller has given up.
    """
    with _Sandbox(command, filter_program, files) as sandbox:
        return sandbox.wait(program, limits, stop)


class _Sandbox:
    def __init__(self, command: Sequence[str], filter_program: bytes, files: Sequence[int]) -> None:
        self._began = time.monotonic()
        status, theirs = os.pipe()
        self._status = os.fdopen(status, "rb")
        try:
            with tempfile.TemporaryFile() as rules:
                rules.write(filter_program)
                rules.seek(0)
                numbers = {"{filter}": str(rules.fileno()), "{status}": str(theirs)}
                # The session is a new one, so that the terminal's signals do not reach it.
                self._process = subprocess.Popen(  # noqa: S603 - our own command line
                    [numbers.get(argument, argument) for argument in command], env={}, start_new_session=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                    pass_fds=[rules.fileno(), theirs, *files],
                )  # fmt: skip
        except OSError as error:
            self._status.close()
            raise SandboxUnavailableError(f"bubblewrap cannot be started: {error.strerror}.") from None
        finally:
            os.close(theirs)
        self._first: int | None = None
        """A file descriptor for the sandbox's first process, with which all others in it end."""

    def __enter__(self) -> _Sandbox:
        return self

    def __exit__(self, *_error: object) -> None:
        self._kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr, self._status):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def wait(self, program: bytes, limits: Limits, stop: threading.Event) -> Ended:
        """Exchange what is to be exchanged until all of it is there."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        left, answer, words = memoryview(program), bytearray(), bytearray()
        deadline = self._began + limits.wall_seconds
        with selectors.DefaultSelector() as selector:
            for pipe in (process.stdin, process.stdout, process.stderr):
                os.set_blocking(pipe.fileno(), False)
                selector.register(pipe, selectors.EVENT_WRITE if pipe is process.stdin else selectors.EVENT_READ)
            selector.register(self._status, selectors.EVENT_READ)
            while selector.get_map():
                self._check(deadline, limits, stop)
                for key, _events in selector.select(min(_LOOK_SECONDS, max(0.0, deadline - time.monotonic()))):
                    stream: object = key.fileobj
                    if stream is process.stdin:
                        left = left[self._written(left) :]
                        if not left:
                            selector.unregister(key.fd)
                            process.stdin.close()
                        continue
                    part = os.read(key.fd, _BLOCK)
                    if not part:
                        selector.unregister(key.fd)
                    elif stream is self._status:
                        self._noted(part)
                    elif stream is process.stdout:
                        answer += part
                        _bounded(answer, limits.result_bytes, "result", _ENVELOPE)
                    else:
                        words += part
                        _bounded(words, limits.stderr_bytes, "output")
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(min(_LOOK_SECONDS, max(0.01, deadline - time.monotonic())))
                break
            self._check(deadline, limits, stop)
        started = answer.startswith(STARTED)
        return Ended(
            code, bytes(answer[len(STARTED) :]) if started else None, words[-_LAST_WORDS:].decode(errors="replace"),
            time.monotonic() - self._began,
        )  # fmt: skip

    def _written(self, content: memoryview) -> int:
        assert self._process.stdin is not None
        try:
            return os.write(self._process.stdin.fileno(), content[:_BLOCK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return len(content)  # it has ended already; its exit code says why

    def _noted(self, status: bytes) -> None:
        """Keep the sandbox's first process, whose number bubblewrap reports."""
        if self._first is None:
            with suppress(ValueError, KeyError, OSError):
                self._first = os.pidfd_open(json.loads(status.splitlines()[0])["child-pid"])

    @staticmethod
    def _check(deadline: float, limits: Limits, stop: threading.Event) -> None:
        if stop.is_set():
            raise InterruptedError("The caller has given up.")
        if time.monotonic() >= deadline:
            raise SandboxLimitError("time", f"It took more than {limits.wall_seconds:g} seconds, and was stopped.")

    def _kill(self) -> None:
        """Kill everything, and wait until all processes in the sandbox have ended."""
        if self._first is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if self._first is not None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._first, selectors.EVENT_READ)
                selector.select(_END_SECONDS)
            os.close(self._first)


def _bounded(content: bytearray, limit: int, name: str, envelope: int = 0) -> None:
    if len(content) > limit + envelope:
        raise SandboxLimitError("size", f"Its {name} is larger than {limit:,} bytes, and it was stopped.")
