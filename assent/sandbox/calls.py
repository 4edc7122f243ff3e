"""Calls of functions in a sandbox: `run_in_sandbox`, and `arun_in_sandbox` for asynchronous code."""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from assent.sandbox.child import LONGEST_MESSAGE
from assent.sandbox.errors import SandboxFailedError, SandboxLimitError, SandboxUnavailableError
from assent.sandbox.limits import USUAL, Limits
from assent.sandbox.process import Ended, run
from assent.sandbox.seccomp import assemble, instructions
from assent.sandbox.syscalls import ARCHITECTURES
from assent.sandbox.view import PROGRAM, SCRATCH, find_bubblewrap, interpreter, isolation, opened, view_of

PROCESSES = 1
"""The filter refuses to make any; the limit is a second one, which does not hold for root."""
MOST_AT_ONCE = max(2, os.cpu_count() or 2)
"""Sandboxes of a process; further calls wait, so that their memory together is bounded, too."""
_places = threading.BoundedSemaphore(MOST_AT_ONCE)
_HALF = b"\\ud"
"""How the halves of pairs of surrogates begin in JSON."""
_NO_SPACES = (
    "This system does not let bubblewrap make a sandbox. It needs user namespaces: in a container, allow them; on "
    "Ubuntu, give bubblewrap an AppArmor profile that allows `userns`. bubblewrap says: "
)


def run_in_sandbox(
    function: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    files: Mapping[str, str | os.PathLike[str]] | None = None,
    code: Sequence[str] = (),
    limits: Limits = USUAL,
) -> Any:
    """Call a function in a sandbox, and return its result. It blocks until the function has ended or reached a limit.

    The sandbox is a process without network, without privileges, and without the environment. It sees Python, installed
    packages, the named code, and the named files, all read-only. It can start no processes, and threads only if the
    limits allow some. What comes back may have been written by an attacker who has taken it over: check it as you would
    check any input.

    Args:
        function: module and name, such as ``my_parsers.archives:list_members``. Use the whole name, as one text.
        arguments: keyword arguments, as JSON.
        files: more keyword arguments, each the path of a file. The function gets the file's path in the sandbox.
        code: modules and packages that the function may import besides installed ones and the standard library. Usually
            the top-level package of the function's module.
        limits: what it may use.

    Returns:
        What the function returned, as JSON. A pydantic model becomes its JSON.

    Raises:
        SandboxUnavailableError: There is no working sandbox here. Nothing was run.
        SandboxLimitError: The function was stopped, because it reached a limit.
        SandboxFailedError: The function raised an exception, or crashed.
        OSError: A file cannot be read.
        ModuleNotFoundError: The code cannot be found.
    """
    return _call(function, arguments or {}, files or {}, code, limits, threading.Event())


async def arun_in_sandbox(
    function: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    files: Mapping[str, str | os.PathLike[str]] | None = None,
    code: Sequence[str] = (),
    limits: Limits = USUAL,
) -> Any:
    """As `run_in_sandbox`, without blocking the event loop. If the task is canceled, the sandbox is killed."""
    stop = threading.Event()
    try:
        return await asyncio.to_thread(_call, function, arguments or {}, files or {}, code, limits, stop)
    finally:
        stop.set()


def _call(
    function: str,
    arguments: Mapping[str, Any],
    files: Mapping[str, str | os.PathLike[str]],
    code: Sequence[str],
    limits: Limits,
    stop: threading.Event,
) -> Any:
    module, _, name = function.partition(":")
    if not name.isidentifier():
        raise ValueError(f"{function!r} is not a module and a function, such as `package.module:function`.")
    bubblewrap, filter_program = find_bubblewrap(), filter_of(os.uname().machine, limits.threads > 0)
    with opened(files) as descriptors:
        modules = [*(code or [module.partition(".")[0]])]
        view = view_of(bubblewrap, modules, descriptors, limits.scratch_bytes)
        mapped = sum(os.fstat(descriptor).st_size for descriptor in descriptors.values())
        call = json.dumps({
            "module": module, "function": name, "arguments": {**arguments, **view.files},
            "import_path": view.import_path, "scratch": SCRATCH, "limits": _kernel_limits(limits, mapped),
        }, allow_nan=False).encode()  # fmt: skip
        if len(call) > limits.argument_bytes:
            raise SandboxLimitError("size", f"The arguments are larger than {limits.argument_bytes:,} bytes.")
        command = [
            bubblewrap, *isolation(), *view.arguments, "--seccomp", "{filter}", "--json-status-fd", "{status}", "--",
            interpreter(), "-I", "-S", "-X", "utf8", PROGRAM,
        ]  # fmt: skip
        with _place(stop):
            ended = run(command, call, filter_program, list(descriptors.values()), limits, stop)
        for name, descriptor in descriptors.items():
            if ended.answer is None and not os.fstat(descriptor).st_nlink:
                raise FileNotFoundError(f"{files[name]} was removed before it could be read.")
    return _result(ended, limits)


@contextmanager
def _place(stop: threading.Event) -> Iterator[None]:
    """Wait until there is a place for one more sandbox. Raises InterruptedError."""
    while not _places.acquire(timeout=0.2):
        if stop.is_set():
            raise InterruptedError("The caller has given up.")
    try:
        yield
    finally:
        _places.release()


def filter_of(machine: str, threads: bool = False) -> bytes:
    """Return the filter of system calls for a machine (`uname -m`). Raises SandboxUnavailableError."""
    if machine not in ARCHITECTURES:
        raise SandboxUnavailableError(
            f"There is no sandbox for processors of the kind {machine}. Run the worker on {' or '.join(ARCHITECTURES)}."
        )
    return assemble(instructions(ARCHITECTURES[machine], threads))


def _kernel_limits(limits: Limits, mapped: int) -> dict[str, int]:
    # An input file that is mapped is not memory that is used: the kernel takes its pages away when it needs them.
    return {
        "DATA": limits.memory_bytes, "AS": limits.memory_bytes + mapped, "CPU": limits.cpu_seconds,
        "NOFILE": limits.open_files, "NPROC": PROCESSES + limits.threads, "FSIZE": limits.scratch_bytes, "CORE": 0,
        "MEMLOCK": 0, "MSGQUEUE": 0, "SIGPENDING": 64,
    }  # fmt: skip


def _result(ended: Ended, limits: Limits) -> Any:
    if ended.answer is None:
        raise SandboxUnavailableError(f"{_NO_SPACES}{_plain(ended.stderr) or f'nothing (code {ended.code})'}")
    if ended.code:
        raise _end(ended, limits)
    try:
        answer = json.loads(ended.answer, parse_constant=_finite, parse_float=_finite)
        if _HALF in ended.answer.lower():
            json.dumps(answer, ensure_ascii=False).encode()  # a half of a pair is no character, and cannot be stored
        if "result" in answer:
            return answer["result"]
        reason, kind, words = answer["error"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SandboxFailedError("Its result is not JSON.") from None
    if reason == "memory":
        raise _memory(limits)
    kind, words = _plain(str(kind)), _plain(str(words))
    raise SandboxFailedError(f"{kind}: {words}" if words else kind, kind)


def _end(ended: Ended, limits: Limits) -> Exception:
    """Return the error for a process that ended without an answer."""
    number = ended.code - 128
    # A process that ignores the signal is killed a second later.
    if number == signal.SIGXCPU or (number == signal.SIGKILL and ended.seconds > limits.cpu_seconds):
        return SandboxLimitError("time", f"It used the processor for {limits.cpu_seconds} seconds, and was stopped.")
    if number == signal.SIGXFSZ:
        return SandboxLimitError("size", f"It wrote a file of more than {limits.scratch_bytes:,} bytes.")
    if any(sign in ended.stderr for sign in ("bad_alloc", "MemoryError", "memory allocation", "out of memory")):
        return _memory(limits)
    try:
        name = signal.Signals(number).name
    except ValueError:
        return SandboxFailedError(f"Its process ended with code {ended.code}.")
    return SandboxFailedError(f"Its process crashed ({name}).")


def _memory(limits: Limits) -> SandboxLimitError:
    return SandboxLimitError("memory", f"It needed more than {limits.memory_bytes >> 20:,} MiB of memory.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number of JSON.")
    return number


def _plain(text: str) -> str:
    """Return a short text of one line, without characters that are not seen."""
    shown = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    return " ".join(shown.split())[:LONGEST_MESSAGE]
