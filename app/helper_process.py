"""The helper process that `app.bounded_work` starts. It works until the process that started it has ended."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

MEMORY_BYTES = 2 << 30
"""Limit on the process's address space."""
_HEAD = struct.Struct("!Q")
_NICENESS = 1


def main() -> None:
    """Work until the other end of the socket is closed."""
    _bound()
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.setblocking(True)  # eventlet makes it nonblocking
    while True:
        head = _receive(channel, _HEAD.size)
        if head is None:
            return
        work = _receive(channel, _HEAD.unpack(head)[0])
        if work is None:
            return
        answer = _answer(work)
        try:
            channel.sendall(_HEAD.pack(len(answer)) + answer)
        except OSError:
            return


def _bound() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _answer(work: bytes) -> bytes:
    try:
        function, arguments, seconds, patience = pickle.loads(work)  # noqa: S301 - from the process that started this one
        signal.setitimer(signal.ITIMER_PROF, seconds)  # ends this process
        # If the process that started this one is killed, nothing else stops this.
        signal.alarm(int(patience) + 2)
        made: tuple[bool, Any] = True, function(*arguments)
    except Exception as error:
        made = False, error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    try:
        return pickle.dumps(made)
    except Exception as error:
        return pickle.dumps((False, RuntimeError(f"{type(made[1]).__name__} cannot be sent: {error}")))


def _receive(channel: socket.socket, length: int) -> bytes | None:
    parts = []
    while length:
        try:
            part = channel.recv(min(length, 1 << 18))
        except OSError:
            return None
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
