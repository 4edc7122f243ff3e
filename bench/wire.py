"""Counts statements that PostgreSQL receives: a proxy for its protocol, on a Unix socket in front of the server.

A **trip** is one wait of a process for an answer of PostgreSQL: it begins when the client sends a Sync, a simple query
or a Flush while it waits for nothing, and ends when everything sent so far has been answered. What is sent before that,
as in a pipeline, belongs to the same trip.

A **commit** is one transaction that has a transaction id, which means that it has written something. To learn of it,
the proxy adds a statement that asks for the id before each Sync, in the same transaction, and keeps the answer to
itself. Times that are measured through the proxy mean nothing.
"""

from __future__ import annotations

import asyncio
import re
import struct
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_MARK = b"assent-counts:"
_ASK = b"select 'assent-counts:' || coalesce(pg_current_xact_id_if_assigned()::text, '')"
_CAN_BE_FOLLOWED = re.compile(rb"\s*(with|select|insert|update|delete|merge)\b", re.IGNORECASE)


@dataclass
class Trip:
    """One wait for a response.

    Attributes:
        process: which process waited.
        connection: the name that the connection gave itself (`application_name`).
        statements: what was asked.
        commits: transactions that have written and were first seen in this trip.
        arguments: what was bound to the statements' parameters, as sent.
    """

    process: str
    connection: str
    statements: list[str] = field(default_factory=list)
    commits: int = 0
    arguments: bytes = b""
    at: float = 0.0

    @property
    def text(self) -> str:
        """The statements on one line."""
        return " ; ".join(" ".join(statement.split()) for statement in self.statements)


class Counter:
    """The trips of all connections, in the order in which they ended."""

    def __init__(self) -> None:
        self.trips: list[Trip] = []

    def take(self) -> list[Trip]:
        """What was counted since the last time."""
        taken, self.trips = self.trips, []
        return taken


@contextmanager
def counted(address: str, *names: str) -> Iterator[tuple[Counter, dict[str, str]]]:
    """Proxies in front of a database: one for each process that is to be told apart. Gives their addresses by name."""
    counter = Counter()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="wire", daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="assent-wire-") as folder:
        addresses = {}
        for name in names:
            place = Path(folder) / name
            place.mkdir()
            proxy = _Proxy(address, name, counter)
            asyncio.run_coroutine_threadsafe(proxy.listen(place / ".s.PGSQL.5432"), loop).result(10)
            given = conninfo_to_dict(address)
            user, database = given.get("user", "postgres"), given["dbname"]
            addresses[name] = f"postgresql://{user}@/{database}?host={quote(str(place), safe='')}"
        try:
            yield counter, addresses
        finally:
            asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(10)
            loop.close()


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Proxy:
    def __init__(self, address: str, process: str, counter: Counter) -> None:
        self._given = conninfo_to_dict(address)
        self._process = process
        self._counter = counter

    async def listen(self, path: Path) -> None:
        await asyncio.start_unix_server(self._serve, str(path))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._given.get("host") or "/tmp"), int(self._given.get("port") or 5432)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, port)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await self._connect()
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            startup = await _startup(client, to_client)
            to_server.write(startup)
            connection = _Connection(self._process, _name_of(startup), self._counter)
            pumps = {
                asyncio.create_task(connection.ask(client, to_server)),
                asyncio.create_task(connection.answer(server, to_client)),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        for end in (to_client, to_server):
            end.close()


class _Connection:
    """One connection, and its state."""

    def __init__(self, process: str, name: str, counter: Counter) -> None:
        self._process, self._name, self._counter = process, name, counter
        self._prepared: dict[bytes, str] = {}
        self._collected = Trip(process, name)
        self._trip: Trip | None = None
        # The server says that it is ready once before it was asked anything.
        self._syncs = 1
        self._executes = self._executed = 0
        self._flushed_at: int | None = None
        self._failed = False
        self._xid = ""

    async def ask(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        """Pass on what the client says."""
        while True:
            kind, body = await _message(client)
            if kind == b"P":
                name, text, _ = body.split(b"\0", 2)
                self._prepared[name] = text.decode(errors="replace")
                if name:
                    self._collected.statements.append("prepare")
            elif kind == b"B":
                _, name, rest = body.split(b"\0", 2)
                self._collected.statements.append(self._prepared.get(name, "?"))
                self._collected.arguments += rest
            elif kind == b"E":
                self._executes += 1
            elif kind == b"H":
                self._flushed_at = self._executes
                self._begin()
            elif kind == b"S":
                if not self._failed:
                    to_server.write(
                        _framed(b"P", b"\0" + _ASK + b"\0\0\0") + _framed(b"B", b"\0\0\0\0\0\0\0\0")
                        + _framed(b"E", b"\0\0\0\0\0")
                    )  # fmt: skip
                self._syncs += 1
                self._begin()
            elif kind == b"Q":
                self._collected.statements.append(body.rstrip(b"\0").decode(errors="replace"))
                if not self._failed and _CAN_BE_FOLLOWED.match(body):
                    body = body.rstrip(b"\0; \n") + b" ; " + _ASK + b"\0"
                self._syncs += 1
                self._begin()
            to_server.write(_framed(kind, body))
            await to_server.drain()

    async def answer(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        """Pass on what the server answers, but for the answers to the proxy's own statements."""
        held: list[tuple[bytes, bytes]] = []
        ours = False
        while True:
            kind, body = await _message(server)
            if kind in (b"1", b"2", b"T"):
                held.append((kind, body))
                continue
            if kind == b"D" and _MARK in body[:40]:
                # A simple query is answered with a description of the row, the other protocol with two messages.
                del held[-1 if held[-1][0] == b"T" else -2 :]
                self._note(body.partition(_MARK)[2].decode())
                ours = True
            elif ours and kind == b"C":
                ours = False
                continue
            for message in held:
                to_client.write(_framed(*message))
            held.clear()
            if ours:
                continue
            if kind in (b"C", b"I", b"E", b"s"):
                self._executed += 1
            if kind == b"Z":
                self._syncs -= 1
                self._executed = self._executes
                self._failed = body == b"E"
                if body == b"I":
                    self._xid = ""
            self._end_if_answered()
            to_client.write(_framed(kind, body))
            await to_client.drain()

    def _begin(self) -> None:
        collected, self._collected = self._collected, Trip(self._process, self._name)
        if self._trip is None:
            self._trip = collected
            self._trip.at = time.time()
        else:
            self._trip.statements += collected.statements
            self._trip.arguments += collected.arguments

    def _note(self, xid: str) -> None:
        if xid and xid != self._xid and self._trip is not None:
            self._xid = xid
            self._trip.commits += 1

    def _end_if_answered(self) -> None:
        flushed = self._flushed_at is None or self._executed >= self._flushed_at
        if self._trip is not None and not self._syncs and flushed:
            self._flushed_at = None
            self._counter.trips.append(self._trip)
            self._trip = None


async def _startup(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> bytes:
    """Return the message that opens a connection; encryption is declined."""
    while True:
        head = await client.readexactly(8)
        length, code = struct.unpack("!II", head)
        if code not in (_SSL, _GSS):
            return head + await client.readexactly(length - 8)
        to_client.write(b"N")


def _name_of(startup: bytes) -> str:
    words = startup[8:].split(b"\0")
    given = dict(zip(words[::2], words[1::2], strict=False))
    return given.get(b"application_name", b"").decode()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], await reader.readexactly(int.from_bytes(head[1:], "big") - 4)


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + (len(body) + 4).to_bytes(4, "big") + body
