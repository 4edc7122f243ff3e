"""MCP servers as sources of tools: connected on first use, shared by all calls, and connected again after they end.

::

    servers = ToolServers(read_servers("tool-servers.toml"))
    servers.attach_to(registry)      # connects to all of them; those that cannot be reached are in `registry.broken`
    call(registry.get("github.list_issues"), {"repository": "shop"})
    servers.close()                  # ends the servers that were started

All connections live in one thread with an event loop of its own, so that tools can be called from any thread and from
any event loop.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assent.toolbox.errors import (
    InvalidToolError,
    ToolChangedError,
    ToolError,
    ToolFailedError,
    ToolOutputError,
    ToolUnavailableError,
)
from assent.toolbox.mcp_entries import ServerEntry
from assent.toolbox.mcp_tools import Listing, offer_of, pin_of_listed
from assent.toolbox.model import Dependency, Effect
from assent.toolbox.registry import Registry
from assent.toolbox.sources import Offer

if TYPE_CHECKING:
    from assent.toolbox.mcp_connections import Connection

log = logging.getLogger(__name__)
RETRY_SECONDS = 5.0
"""How long a server that could not be reached is not tried again."""
LIST_AGE_SECONDS = 60.0
"""How old the list of tools may be when a tool that only reads is called. Before all other calls, it is read again."""
_SETTLE_SECONDS = 0.2
"""Pause between an announced change of the list and reading it; further announcements in that time are the same one."""
_INSTALL = "Install the library for MCP: pip install 'assent-portal[mcp]', or 'assent-sdk[langgraph,mcp]'."


class _Loop:
    """An event loop in a thread, which is started on first use; a process that was forked starts its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._owner = 0
        self._closed = False

    def submit(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        """Run this there. Raises ToolUnavailableError after the end."""
        with self._lock:
            if self._closed:
                work.close()
                raise ToolUnavailableError("The MCP servers were closed.")
            if self._loop is None or self._owner != os.getpid():
                self._loop, self._owner = asyncio.new_event_loop(), os.getpid()
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="tool servers", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    @property
    def running(self) -> bool:
        """Whether this process has started it."""
        return self._loop is not None and self._owner == os.getpid()

    def stop(self) -> None:
        """End the thread."""
        with self._lock:
            loop, thread, self._loop, self._thread, self._closed = self._loop, self._thread, None, None, True
        if loop is not None and thread is not None and self._owner == os.getpid():
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            rest = asyncio.all_tasks(loop)
            for task in rest:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        finally:
            loop.close()


class ToolServer:
    """One MCP server, as a source of tools for registries. Its coroutines run in the thread of `ToolServers`."""

    def __init__(self, entry: ServerEntry, loop: _Loop) -> None:
        self.entry = entry
        self._loop = loop
        self._owner = os.getpid()
        self._offer = Offer()
        self._connection: Connection | None = None
        self._opening: asyncio.Lock | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._listing: asyncio.Lock | None = None
        self._failed: tuple[float, str] | None = None
        self._pins: dict[str, str] = {}
        self._closed = False

    @property
    def prefix(self) -> str:
        """The name in front of the names of its tools."""
        return self.entry.name

    @property
    def offer(self) -> Offer:
        """The current tools."""
        return self._offer

    def retry(self) -> None:
        """Connect if there is no connection. Where an event loop runs, which must not be blocked, only begin to."""
        with suppress(ToolUnavailableError):
            future = self._loop.submit(self._tried())
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                future.result()

    async def aretry(self) -> None:
        """Connect if there is no connection, and wait until there is, or cannot be."""
        with suppress(ToolUnavailableError):
            await asyncio.wrap_future(self._loop.submit(self._tried()))

    def make(self, name: str, pin: str, schema: dict[str, Any] | None) -> Callable[[dict[str, Any]], Awaitable[Any]]:
        """Return the function of a tool."""

        async def function(inputs: dict[str, Any]) -> dict[str, Any]:
            found: dict[str, Any] = await asyncio.wrap_future(self._loop.submit(self._call(name, pin, schema, inputs)))
            return found

        return function

    def health(self) -> list[Dependency]:
        """Return whether the server can be reached. It is tried again if it could not be."""
        self.retry()
        reason = "It was closed." if self._closed else self._offer.broken.get(f"mcp:{self.prefix}", "")
        return [Dependency(f"the MCP server {self.prefix}", not reason, reason)]

    async def _tried(self) -> None:
        with suppress(ToolError):
            connection = await self._connected()
            if connection.stale:
                await self._relisted(connection)

    async def _connected(self) -> Connection:
        """Return the open connection, and open it if necessary. Raises ToolUnavailableError."""
        if self._owner != os.getpid():  # forked: the connection belongs to the other process
            self._owner, self._connection, self._failed = os.getpid(), None, None
            self._opening = self._listing = None
        if self._opening is None:
            self._opening = asyncio.Lock()
        async with self._opening:
            if self._closed:
                raise ToolUnavailableError(f"The MCP server {self.prefix} was closed.")
            if self._connection is not None and self._connection.open:
                return self._connection
            if self._failed is not None and time.monotonic() - self._failed[0] < RETRY_SECONDS:
                raise ToolUnavailableError(self._failed[1])
            try:
                connection = await self._opened()
            except ToolUnavailableError as error:
                words = f"The MCP server {self.prefix} cannot be used: {error}"
                self._failed = time.monotonic(), words
                self._offer = Offer(self._offer.tools, {**self._offer.broken, f"mcp:{self.prefix}": words})
                log.error("tools.server %s", words)
                raise ToolUnavailableError(words) from None
            self._connection, self._failed = connection, None
            self._took(connection)
            return connection

    async def _opened(self) -> Connection:
        try:
            import assent.conformance  # noqa: F401 - results are checked with it
            from assent.toolbox.mcp_connections import Connection
        except ModuleNotFoundError as error:
            raise ToolUnavailableError(f"{error}. {_INSTALL}") from None
        connection = Connection(self.entry, self._announced)
        await connection.start()
        return connection

    def _took(self, connection: Connection) -> None:
        """Offer what the connection has listed. Tools that are in use stay as they are."""
        listing = Listing(connection.version, tuple(connection.tools))
        self._pins = {}
        for listed in listing.tools:
            try:
                self._pins[listed.name] = pin_of_listed(listed)
            except ToolError:
                continue
        self._offer = offer_of(self.entry, listing, self, self._offer)

    def _announced(self) -> None:
        """The server says that its list has changed: read it, once, whatever it announces in the meantime."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.get_running_loop().create_task(self._refreshed())

    async def _refreshed(self) -> None:
        connection = self._connection
        while True:
            await asyncio.sleep(_SETTLE_SECONDS)
            if connection is None or not connection.open or not connection.stale:
                return
            try:
                await self._relisted(connection)
            except ToolError as error:
                log.warning("tools.server %s", error)
                return

    async def _relisted(self, connection: Connection) -> None:
        """Read the list of tools, as it is now or later. Raises ToolUnavailableError: it was not read.

        A server that does not answer is ended with its connection; one that answers with an error is not, because
        others may wait for their results.
        """
        from assent.toolbox.mcp_connections import why

        asked = time.monotonic()
        if self._listing is None:
            self._listing = asyncio.Lock()
        async with self._listing:  # one at a time, so that no older answer replaces a newer one
            if connection.listed >= asked and not connection.stale:
                return
            try:
                await connection.relist()
            except Exception as error:
                slow = isinstance(error, TimeoutError)
                words = f"It has not listed its tools within {self.entry.start_seconds:g} s." if slow else why(error)
                if slow or not connection.open:
                    await connection.close()
                raise ToolUnavailableError(f"The MCP server {self.prefix} cannot be used: {words}") from None
            self._took(connection)

    def _effect(self, name: str) -> Effect:
        full = f"{self.prefix}.{name}"
        return next((tool.effect for tool in self._offer.tools if tool.name == full), Effect.DESTROY)

    async def _checked(self, name: str, pin: str) -> Connection:
        """Return a connection to a server that says about the tool what its pin says.

        Raises:
            ToolUnavailableError: it cannot be reached.
            ToolChangedError: it says something else now.
        """
        connection = await self._connected()
        old = connection.listed + LIST_AGE_SECONDS < time.monotonic()
        if connection.stale or old or self._effect(name) is not Effect.READ:
            try:
                await self._relisted(connection)
            except ToolUnavailableError:
                if connection.open:
                    raise
                connection = await self._connected()  # which lists the tools
        if self._pins.get(name) != pin:
            gone = name not in self._pins
            change = "does not offer it any more" if gone else "now says something else about it"
            raise ToolChangedError(
                f"{self.prefix}.{name} was not called: the server {change}. Look at it, and propose the call again."
            )
        return connection

    async def _call(self, name: str, pin: str, schema: dict[str, Any] | None, inputs: dict[str, Any]) -> Any:
        """Call a tool. Raises ToolError."""
        from mcp.shared.exceptions import MCPError
        from pydantic import ValidationError

        from assent.toolbox.mcp_connections import ConnectionEndedError, first_of, why
        from assent.toolbox.mcp_results import document_of, is_of_object

        connection = await self._checked(name, pin)
        full, doubt = f"{self.prefix}.{name}", ""
        if self._effect(name) is not Effect.READ:
            doubt = " Whether the call was carried out is not known: check before you repeat it."
        try:
            result = await connection.call(name, inputs)
        except ConnectionEndedError as error:
            raise ToolFailedError(
                f"The MCP server {self.prefix} ended during the call of {full}: {error}{doubt}", "ConnectionEnded"
            ) from None
        except MCPError as error:
            raise ToolFailedError(f"{full} failed. {why(error)}{doubt}", "MCPError") from None
        except ValidationError as error:
            raise ToolOutputError(f"{full} returned something else than a result: {first_of(error)}", {}) from None
        except asyncio.CancelledError:
            # It took too long. The list is read again before the next call, which a server that hangs cannot answer.
            connection.stale = True
            raise
        document = document_of(full, result, schema, self.entry.largest_result)
        if schema is not None and not is_of_object(schema):
            _check(full, document["value"], schema)
        return document

    async def close(self) -> None:
        """End the connection, and the server if it was started here."""
        self._closed = True
        if self._refreshing is not None:
            self._refreshing.cancel()
        if self._connection is not None and self._owner == os.getpid():
            await self._connection.close()


def _check(name: str, value: Any, schema: dict[str, Any]) -> None:
    from assent.conformance import MisfitError, check_schema

    try:
        check_schema(value, schema, "value")
    except MisfitError as error:
        raise ToolOutputError(f"What {name} returned does not fit its output schema: {error.message}", {}) from None


class ToolServers:
    """The MCP servers of a process. Close them: a server that was started lives until then."""

    def __init__(self, entries: Iterable[ServerEntry]) -> None:
        self._loop = _Loop()
        self.servers = [ToolServer(entry, self._loop) for entry in entries]
        self._owner = os.getpid()
        atexit.register(self.close)

    def __enter__(self) -> ToolServers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def attach_to(self, registry: Registry, patience: float | None = None) -> None:
        """Connect to all servers at once, and add their tools to a registry, now and whenever they change.

        A server that cannot be reached is in the registry's `broken`, and stops no other. It is tried again when one of
        its tools is looked up. A server whose prefix is the name of something else is in `broken` as well, for good.

        Args:
            patience: seconds to wait for the servers; the tools of slower ones are there as soon as they are. None: as
                long as the slowest one may take to start.
        """
        attached = self._prepare(registry)
        concurrent.futures.wait([self._loop.submit(server._tried()) for server in attached], timeout=patience)

    async def aattach_to(self, registry: Registry) -> None:
        """As `attach_to`, without blocking the event loop."""
        await asyncio.gather(*(server.aretry() for server in self._prepare(registry)))

    def _prepare(self, registry: Registry) -> list[ToolServer]:
        attached = []
        for server in self.servers:
            try:
                registry.attach(server)
            except InvalidToolError as error:
                registry.broken[f"mcp:{server.prefix}"] = str(error)
            else:
                attached.append(server)
        return attached

    def close(self) -> None:
        """End all connections, and the servers that were started. Calls that are being made fail."""
        atexit.unregister(self.close)
        if self._loop.running:
            concurrent.futures.wait([self._loop.submit(server.close()) for server in self.servers], timeout=30)
        self._loop.stop()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)
