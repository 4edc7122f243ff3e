"""Connections to MCP servers, over standard input and output and over HTTP, with limits on what a server may send.

The `mcp` library has transports of its own. These limit the size of a message and the rate of messages, keep what a
server writes to its standard error out of the logs, and end all processes of a server.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import httpx2
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from assent.header_values import header_problem
from assent.masking import mask_text
from assent.toolbox.errors import ToolUnavailableError
from assent.toolbox.mcp_entries import ServerEntry

MOST_MESSAGES = 5_000
"""Most messages of a server within `WINDOW_SECONDS`; with more, the connection ends."""
WINDOW_SECONDS = 10.0
_STDERR_KEPT = 4_000
_EXIT_SECONDS = 2.0
"""How long a server may take to end by itself, and then after SIGTERM."""
_POLL_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)

Ended = Callable[[str], None]
"""Called with the reason when the server has ended the connection, or breaks a limit."""


def values_of(names: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the values of environment variables under their new names. Raises ToolUnavailableError: one is not set."""
    missing = sorted({variable for variable in names.values() if not environ.get(variable)})
    if missing:
        raise ToolUnavailableError(f"The environment variable {' and '.join(missing)} is not set.")
    return {name: environ[variable] for name, variable in names.items()}


class _Limited:
    """The stream of a server's messages, which ends if there are too many."""

    def __init__(self, stream: Any, ended: Ended) -> None:
        self._stream = stream
        self._ended = ended
        self._times: deque[float] = deque(maxlen=MOST_MESSAGES)

    @property
    def last_context(self) -> Any:
        """The context of the sender of the last message, where the stream has one."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:
        """Return the next message."""
        message = await self._stream.receive()
        now = time.monotonic()
        if len(self._times) == MOST_MESSAGES and now - self._times[0] < WINDOW_SECONDS:
            self._ended(f"It has sent more than {MOST_MESSAGES:,} messages in {WINDOW_SECONDS:g} s.")
            raise anyio.ClosedResourceError
        self._times.append(now)
        return message

    def __aiter__(self) -> _Limited:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    async def __aenter__(self) -> _Limited:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> bool | None:
        return bool(await self._stream.__aexit__(*raised))


def transport_to(entry: ServerEntry, ended: Ended) -> Any:
    """Return a transport for `mcp.Client`. Entering it raises ToolUnavailableError or OSError."""
    return _process(entry, ended) if entry.command else _http(entry, ended)


@asynccontextmanager
async def _http(entry: ServerEntry, ended: Ended) -> AsyncGenerator[Any, None]:
    given = values_of(entry.headers, os.environ)
    for name, variable in entry.headers.items():
        if problem := header_problem(given[name]):
            raise ToolUnavailableError(f"The environment variable {variable} {problem}.")
    headers = {"Accept-Encoding": "identity"} | given

    async def limited(response: httpx2.Response) -> None:
        if response.status_code in (401, 403):
            raise ToolUnavailableError(f"It refused the request with status {response.status_code}: check its headers.")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise httpx2.StreamError("the server compresses its responses, which it was not asked to")
        if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            response.stream = _LimitedBody(response.stream, entry.largest_message)

    # The timeouts of calls are those of the session; a stream of events may be silent for any time.
    timeout = httpx2.Timeout(entry.start_seconds, read=None)
    async with (
        httpx2.AsyncClient(headers=headers, timeout=timeout, event_hooks={"response": [limited]}) as client,
        streamable_http_client(entry.url, http_client=client, max_sse_event_size=entry.largest_message) as streams,
    ):
        yield _Limited(streams[0], ended), streams[1]


class _LimitedBody(httpx2.AsyncByteStream):
    """The body of a response, up to a size."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._most = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._most
        async for part in self._stream:
            left -= len(part)
            if left < 0:
                raise httpx2.StreamError(f"the message has more than {self._most:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


@asynccontextmanager
async def _process(entry: ServerEntry, ended: Ended) -> AsyncGenerator[Any, None]:
    """Start a server, and end it with all processes that it has started and that did not leave its group."""
    environment = get_default_environment() | values_of(entry.environment, os.environ)
    process = await asyncio.create_subprocess_exec(
        entry.command, *entry.args, env=environment, cwd=entry.directory or None, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, limit=entry.largest_message, start_new_session=True,
        preexec_fn=_dies_with_parent(),
    )  # fmt: skip
    incoming, to_session = anyio.create_memory_object_stream[Any](0)
    from_session, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    errors = asyncio.create_task(_last_words(process))
    pumps = [
        asyncio.create_task(_read(process, incoming, entry.largest_message, errors, ended)),
        asyncio.create_task(_write(process, outgoing, ended)),
        errors,
    ]
    try:
        yield _Limited(to_session, ended), from_session
    finally:
        with anyio.CancelScope(shield=True):
            await _stop(process)
            for pump in pumps:
                pump.cancel()
            await asyncio.wait(pumps)
            for stream in (incoming, to_session, from_session, outgoing):
                await stream.aclose()


async def _read(process: Any, incoming: Any, most: int, errors: asyncio.Task[str], ended: Ended) -> None:
    """Pass on what the server writes to its standard output, a line for each message."""
    async with incoming:
        while True:
            try:
                line = await process.stdout.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                ended(f"It has sent a message of more than {most:,} bytes.")
                return
            except (asyncio.IncompleteReadError, OSError):
                ended(await _how_it_ended(process, errors))
                return
            try:
                message: Any = SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError as error:
                message = error
            try:
                await incoming.send(message)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                return


async def _write(process: Any, outgoing: Any, ended: Ended) -> None:
    with suppress(anyio.ClosedResourceError):
        async for sent in outgoing:
            line = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
            try:
                process.stdin.write(line.encode() + b"\n")
                await process.stdin.drain()
            except (OSError, RuntimeError):
                ended("It no longer reads its standard input.")
                return


async def _last_words(process: Any) -> str:
    """Read what the server writes to its standard error, and return the last line of it, masked, when it has ended."""
    kept = bytearray()
    while part := await process.stderr.read(65_536):
        kept += part
        del kept[:-_STDERR_KEPT]
    lines = [line for line in kept.decode(errors="replace").splitlines() if line.strip()]
    return mask_text(lines[-1].strip())[:300] if lines else ""


async def _how_it_ended(process: Any, errors: asyncio.Task[str]) -> str:
    """Return how a server has ended that no longer writes."""
    await _exits(process, 0.5)
    code = process.returncode
    if code is None:
        return "It has closed its standard output."
    await asyncio.wait({errors}, timeout=0.5)
    said = errors.result() if errors.done() and not errors.cancelled() else ""
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return f"Its process has ended ({how}){f': {said}' if said else ''}."


async def _stop(process: Any) -> None:
    """Let the server end by itself, and then end what is left of its group."""
    with suppress(OSError, RuntimeError):
        process.stdin.close()
    if not await _exits(process, _EXIT_SECONDS):
        _signal(process, signal.SIGTERM)
        await _exits(process, _EXIT_SECONDS)
    _signal(process, _SIGKILL)
    await _exits(process, _EXIT_SECONDS)
    # A process that has left the group may hold the pipes open; nothing public closes them here.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        with suppress(PermissionError):
            transport.close()


async def _exits(process: Any, seconds: float) -> bool:
    """Return whether the process ends in this time. Its `wait` would wait for the pipes, too, which others may hold."""
    deadline = time.monotonic() + seconds
    while process.returncode is None and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_SECONDS)
    return process.returncode is not None


def _signal(process: Any, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)  # the group of the leader, which exists while any member does
        elif process.returncode is None:
            process.terminate()


def _dies_with_parent() -> Callable[[], None] | None:
    """Return what lets the kernel end a server when this process is killed; None where the kernel cannot."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: afterwards locks may be held
    return lambda: prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
