"""One connection to an MCP server: from its start to its end, in one task of the event loop that owns it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx2
from mcp import Client
from mcp.client.subscriptions import SubscriptionLost
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    Implementation,
    PaginatedRequestParams,
    Tool,
    ToolListChangedNotification,
)
from pydantic import ValidationError

from assent.masking import mask_text
from assent.toolbox.errors import ToolUnavailableError
from assent.toolbox.mcp_entries import ServerEntry
from assent.toolbox.mcp_transports import transport_to
from assent.version import VERSION

MOST_TOOLS = 5_000
"""Most tools of a server."""
LARGEST_LIST = 20_000_000
"""Most characters of all descriptions and schemas of a server's tools, as JSON."""
_MOST_PAGES = 500
_LONGEST_CALL = 86_400.0
_CLOSING_SECONDS = 10.0
_LONGEST_WORDS = 500
_SESSION_GONE = "Session terminated"
"""What the `mcp` library says where an HTTP server does not know the session (any more)."""


class ConnectionEndedError(Exception):
    """The connection has ended before there was an answer; the message says why."""


class ListRefusedError(Exception):
    """The server's list of tools cannot be used; the message says why."""


class Connection:
    """A connection that is open, or has ended.

    Attributes:
        tools: what the server has listed.
        listed: when that list was asked for, on the monotonic clock.
        stale: whether the server has announced that its list has changed since, or may have changed it.
        version: the server's version, as it says.
    """

    def __init__(self, entry: ServerEntry, on_change: Callable[[], None]) -> None:
        self._entry = entry
        self._on_change = on_change
        self._over = asyncio.Event()
        self._ready = asyncio.Event()
        self._client: Client | None = None
        self._reason = ""
        self._task: asyncio.Task[None] | None = None
        self.tools: list[Tool] = []
        self.listed = 0.0
        self.stale = False
        self.version = ""

    @property
    def open(self) -> bool:
        """Whether calls can be made."""
        return self._ready.is_set() and not self._over.is_set() and self._task is not None and not self._task.done()

    @property
    def reason(self) -> str:
        """Why the connection has ended."""
        return self._reason or "The connection has ended."

    async def start(self) -> None:
        """Open the connection, and list the tools. Raises ToolUnavailableError."""
        self._task = asyncio.create_task(self._live())
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait({self._task, ready}, timeout=self._entry.start_seconds, return_when="FIRST_COMPLETED")
        finally:
            ready.cancel()
            if not self._ready.is_set():
                self._end(f"It has not listed its tools within {self._entry.start_seconds:g} s.")
                await self.close()
        if not self.open:
            raise ToolUnavailableError(self.reason)

    async def close(self) -> None:
        """End the connection, and the server if it was started here."""
        self._end("The connection was closed.")
        if self._task is None or self._task.done():
            return
        if not self._ready.is_set():
            self._task.cancel()
        _, slow = await asyncio.wait({self._task}, timeout=_CLOSING_SECONDS)
        if slow:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_CLOSING_SECONDS)

    async def relist(self) -> None:
        """Read the list of tools again. Raises ConnectionEndedError, ListRefusedError, MCPError."""
        asked, self.stale = time.monotonic(), False
        try:
            self.tools = await self._listed()
        except BaseException:
            self.stale = True
            raise
        self.listed = asked

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Call a tool. There is no time limit here: cancel it.

        Raises:
            ConnectionEndedError: the connection ended before the answer.
            MCPError: the server answered with an error.
            pydantic.ValidationError: it answered with something that is not the result of a call.
        """
        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
        # Not `call_tool`, which checks results by schemas that nobody has checked, in unlimited time.
        return await self._answer(request, CallToolResult, _LONGEST_CALL)

    async def _listed(self) -> list[Tool]:
        assert self._client is not None
        found: list[Tool] = []
        size, cursor = 0, None
        async with asyncio.timeout(self._entry.start_seconds):
            for _ in range(_MOST_PAGES):
                params = PaginatedRequestParams(cursor=cursor) if cursor else None
                try:
                    page = await self._guarded(self._client.session.list_tools(params=params))
                except ValidationError as error:
                    raise ListRefusedError(f"Its list of tools cannot be read: {first_of(error)}") from None
                size += sum(len(tool.model_dump_json()) for tool in page.tools)
                found += page.tools
                if len(found) > MOST_TOOLS or size > LARGEST_LIST:
                    break
                cursor = page.next_cursor
                if not cursor:
                    return found
        raise ListRefusedError(
            f"It lists more than {MOST_TOOLS:,} tools, {_MOST_PAGES} pages, or {LARGEST_LIST:,} characters."
        )

    async def _answer(self, request: Any, kind: Any, seconds: float) -> Any:
        assert self._client is not None
        return await self._guarded(self._client.session.send_request(request, kind, seconds))

    async def _guarded(self, answer: Any) -> Any:
        """Return the answer. Raises ConnectionEndedError, MCPError, TimeoutError."""
        try:
            return await answer
        except MCPError as error:
            gone = error.code == INVALID_REQUEST and error.message == _SESSION_GONE
            if error.code == REQUEST_TIMEOUT:
                raise TimeoutError(error.message) from None
            if not gone and error.code != CONNECTION_CLOSED:
                raise
            self._end("The server does not know the session any more." if gone else "")
            if self._task is not None:
                await asyncio.wait({self._task}, timeout=1.0)
            raise ConnectionEndedError(self.reason) from None

    async def _live(self) -> None:
        """Hold the connection. It is opened and closed in this task, as its parts require."""
        entry = self._entry
        client = Client(
            transport_to(entry, self._end), cache=None, mode=entry.protocol, read_timeout_seconds=entry.start_seconds,
            message_handler=self._heard, client_info=Implementation(name="assent", version=VERSION),
        )  # fmt: skip
        listening: asyncio.Task[None] | None = None
        try:
            async with client:
                self._client = client
                self.version = client.server_info.version if client.server_info else ""
                await self.relist()
                listening = asyncio.create_task(self._listen(client))
                self._ready.set()
                await self._over.wait()
                listening.cancel()
                await asyncio.wait({listening})
        except Exception as error:
            self._end(why(error))
        finally:
            if listening is not None:
                listening.cancel()
            self._end("")

    async def _listen(self, client: Client) -> None:
        """Hear of changes of the list, in the protocol of 2026; before, servers announce them unasked."""
        try:
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._changed()
        except SubscriptionLost:
            self._changed()
        except (MCPError, RuntimeError, TimeoutError):
            return  # it does not announce changes: the list is read again before calls

    async def _heard(self, message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._changed()

    def _changed(self) -> None:
        self.stale = True
        self._on_change()

    def _end(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._over.set()


def why(error: BaseException) -> str:
    """Return why a connection could not be opened, or has ended, in one sentence, without secrets."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ToolUnavailableError | ListRefusedError | ConnectionEndedError):
        return str(error)
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"{error.filename} does not exist."
    if isinstance(error, PermissionError):
        return f"{error.filename} cannot be executed."
    if isinstance(error, httpx2.TransportError):
        return f"It cannot be reached: {_words(error)}"
    if isinstance(error, ValidationError):
        return f"It does not speak the protocol: {first_of(error)}"
    if isinstance(error, MCPError):
        return f"It answered with an error: {_words(error)}"
    return _words(error)


def first_of(error: ValidationError) -> str:
    """Return the first problem of a message, without its value."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}."[:_LONGEST_WORDS]


def _words(error: BaseException) -> str:
    words = mask_text(" ".join(str(error).split()))[:_LONGEST_WORDS] or type(error).__name__
    if "validation error" in words:  # the library repeats what the server has sent
        words = words.partition(":")[0]
    return words if words.endswith(".") else f"{words}."
