"""Statements on a connection of psycopg, sent and awaited with as little work as possible.

psycopg's cursors adapt to every way of using them, which costs more processor time for each statement than our
statements take on the server: a cursor, a new transformer and several turns of the event loop each. Here, statements
are sent straight to libpq (`psycopg.pq`) with psycopg's own conversion of values, and the loop is entered once, for the
answer. Only a caller who has the connection to itself may use this, such as one who got it from a pool.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc, pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.waiting import WAIT_R, WAIT_RW
from psycopg_pool import AsyncConnectionPool

from app.domain.run_protocol import Statement

Row = dict[str, Any]

KEPT = 2
"""Connections that do not go back to the pool after each use. Every pool has more than these."""
MOST_PREPARED = 200
"""Prepared statements kept for each connection; those used least recently are dropped."""
_PARAMETER = re.compile(r"%(?:%|\((\w+)\)s)")
_FORGOTTEN = (b"26000", b"0A000")
"""SQLSTATEs of a prepared statement that does not exist, or that would return other columns than before."""
_GOOD = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})


class _Prepared:
    """A statement that the server has parsed for a connection."""

    __slots__ = ("make_row", "name")

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.make_row: Callable[[Sequence[Any]], Row] | None = None


class _Pipeline:
    """What is known about one connection: its prepared statements, and how its values are converted."""

    def __init__(self, connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        self.transformer: abc.Transformer = Transformer.from_context(connection)
        self.prepared: dict[tuple[str, tuple[int, ...]], _Prepared] = {}
        self._made = 0

    def new(self) -> _Prepared:
        """Return a name that the connection has not used."""
        self._made += 1
        return _Prepared(b"assent_%d" % self._made)


class _Line:
    """An asynchronous connection whose socket the event loop watches, until it is released.

    Watching a socket and no longer watching it are two calls of the system and much of asyncio's; once is enough for
    many statements.
    """

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.connection = connection
        self._pgconn = connection.pgconn
        self._pipeline = _pipeline_of(connection)
        self._loop = asyncio.get_running_loop()
        self._descriptor = self._pgconn.socket
        self._turn: asyncio.Future[None] | None = None
        self._watched = True
        self._loop.add_reader(self._descriptor, self._ready)

    def release(self) -> None:
        """Watch no longer, so that others may use the connection."""
        if self._watched:
            # Not twice: a lost connection's descriptor may be that of another one by then.
            self._watched = False
            self._loop.remove_reader(self._descriptor)

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """See `run_together`."""
        converted = _converted(self._pipeline, statements)
        while True:
            try:
                sent = _send_all(self._pgconn, self._pipeline, converted)
                results = await self._results()
                self._pgconn.exit_pipeline_mode()
            except BaseException:
                # Nobody knows what the server still does, or has done.
                self.release()
                await self.connection.close()
                raise
            if not _forgot(self._pipeline, sent, results):
                return _rows(self._pipeline, sent, results)

    async def _results(self) -> list[pq.abc.PGresult]:
        """Send what is left to send, and return all results up to the end of the pipeline."""
        writing = bool(self._pgconn.flush())
        found: list[pq.abc.PGresult] = []
        try:
            while True:
                if writing:
                    self._loop.add_writer(self._descriptor, self._ready)
                self._turn = self._loop.create_future()
                await self._turn
                if writing:
                    self._loop.remove_writer(self._descriptor)
                # The server may wait until its answers are read before it reads on.
                self._pgconn.consume_input()
                writing = writing and bool(self._pgconn.flush())
                if _take_results(self._pgconn, found):
                    return found
        finally:
            self._turn = None
            if writing:
                self._loop.remove_writer(self._descriptor)

    def _ready(self) -> None:
        if self._turn is not None:
            if not self._turn.done():
                self._turn.set_result(None)
            return
        # Nothing was asked: the server has a notice, or has closed the connection.
        try:
            self._pgconn.consume_input()
        except psycopg.OperationalError:
            self.release()


class Connections:
    """Connections of a pool, of which the one used last is used next.

    A pool takes turns between its connections. Each is a process of the server, and a process that has just worked
    answers faster than one that has to be woken up with a cold cache.
    """

    def __init__(self, pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]) -> None:
        self._pool = pool
        self._kept: list[_Line] = []
        self._waiting = 0

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Call `run_together` on a connection."""
        line = await self._next()
        try:
            return await line.run(statements)
        except psycopg.OperationalError:
            # A connection is rarely lost alone, so the idle ones are checked before anybody retries.
            await self.give_back()
            await self._pool.check()
            raise
        finally:
            if line.connection.closed or self._waiting or len(self._kept) >= KEPT:
                await self._give_back(line)
            else:
                self._kept.append(line)

    async def _next(self) -> _Line:
        while self._kept:
            line = self._kept.pop()
            if not line.connection.closed:
                return line
            await self._give_back(line)
        self._waiting += 1
        try:
            return _Line(await self._pool.getconn())
        finally:
            self._waiting -= 1

    async def give_back(self) -> None:
        """Give all connections back to the pool that are not in use."""
        while self._kept:
            await self._give_back(self._kept.pop())

    async def _give_back(self, line: _Line) -> None:
        line.release()
        await self._pool.putconn(line.connection)


async def run_together(connection: psycopg.AsyncConnection[Any], statements: Sequence[Statement]) -> list[list[Row]]:
    """Execute statements in one transaction and one trip, on a connection that commits each statement by itself.

    Between two synchronizations, a pipeline is one transaction. Returns the rows of each statement.

    Raises:
        psycopg.Error: One of them failed, and nothing was written.
    """
    line = _Line(connection)
    try:
        return await line.run(statements)
    finally:
        line.release()


_PIPELINES: WeakKeyDictionary[psycopg.Connection[Any] | psycopg.AsyncConnection[Any], _Pipeline] = WeakKeyDictionary()


def run_together_now(connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> list[list[Row]]:
    """Do what `run_together` does, on a synchronous connection."""
    pgconn, pipeline = connection.pgconn, _pipeline_of(connection)
    converted = _converted(pipeline, statements)
    while True:
        try:
            sent = _send_all(pgconn, pipeline, converted)
            results = connection.wait(_awaited(pgconn))
            pgconn.exit_pipeline_mode()
        except BaseException:
            connection.close()
            raise
        if not _forgot(pipeline, sent, results):
            return _rows(pipeline, sent, results)


def _pipeline_of(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> _Pipeline:
    pipeline = _PIPELINES.get(connection)
    if pipeline is None:
        pipeline = _PIPELINES[connection] = _Pipeline(connection)
    return pipeline


class _Converted(NamedTuple):
    """A statement in the form in which it is sent; `types` and `formats` are those of its values."""

    statement: Statement
    text: bytes
    values: Sequence[abc.Buffer | None]
    types: tuple[int, ...]
    formats: Sequence[pq.Format]


_Sent = tuple[Statement, tuple[str, tuple[int, ...]], _Prepared, int]
"""A statement, the key and the name under which it is prepared, and the number of its results."""


def _converted(pipeline: _Pipeline, statements: Sequence[Statement]) -> list[_Converted]:
    """Convert all values before anything is sent: one that cannot be converted must not cost the connection."""
    transformer, found = pipeline.transformer, []
    for statement in statements:
        text, names = _numbered(statement.text)
        given = [statement.parameters[name] for name in names]
        values = transformer.dump_sequence(given, [PyFormat.AUTO] * len(names))
        found.append(_Converted(statement, text, values, transformer.types or (), transformer.formats or ()))
    return found


def _send_all(pgconn: pq.abc.PGconn, pipeline: _Pipeline, statements: Sequence[_Converted]) -> list[_Sent]:
    pgconn.enter_pipeline_mode()
    sent = [_send(pgconn, pipeline, statement) for statement in statements]
    pgconn.pipeline_sync()
    return sent


def _send(pgconn: pq.abc.PGconn, pipeline: _Pipeline, converted: _Converted) -> _Sent:
    statement, text, values, types, formats = converted
    key = (statement.text, types)
    results = 1
    prepared = pipeline.prepared.pop(key, None)
    if prepared is None:
        prepared = pipeline.new()
        pgconn.send_prepare(prepared.name, text, types)
        results = 2
        if len(pipeline.prepared) >= MOST_PREPARED:
            oldest = pipeline.prepared.pop(next(iter(pipeline.prepared)))
            pgconn.send_query_params(b"deallocate " + oldest.name, None)
            results = 3
    pipeline.prepared[key] = prepared
    pgconn.send_query_prepared(prepared.name, values, formats, pq.Format.BINARY if statement.binary else pq.Format.TEXT)
    return statement, key, prepared, results


@lru_cache(maxsize=1024)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the statement in PostgreSQL's own form, and the names of its parameters in their order."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if (name := found[1]) is None:
            return "%"
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    text = _PARAMETER.sub(number, statement)
    return text.encode(), tuple(numbers)


def _awaited(pgconn: pq.abc.PGconn) -> abc.PQGen[list[pq.abc.PGresult]]:
    """Do what `_Line` does, for psycopg's way of waiting, which suits the process: blocking, or another greenlet."""
    writing = bool(pgconn.flush())
    found: list[pq.abc.PGresult] = []
    while True:
        if not (yield WAIT_RW if writing else WAIT_R):
            continue
        pgconn.consume_input()
        writing = writing and bool(pgconn.flush())
        if _take_results(pgconn, found):
            return found


def _take_results(pgconn: pq.abc.PGconn, found: list[pq.abc.PGresult]) -> bool:
    """Add the results that have arrived to `found`. Returns True at the end of the pipeline."""
    ended = False
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            # This follows each result except that of the synchronization.
            if pgconn.status == pq.ConnStatus.BAD:
                raise _failure(found) or psycopg.OperationalError("The connection is lost.")
            if ended:
                break
            ended = True
            continue
        ended = False
        if result.status == pq.ExecStatus.PIPELINE_SYNC:
            return True
        found.append(result)
    return False


def _failure(results: Sequence[pq.abc.PGresult]) -> psycopg.Error | None:
    """Return the error of the first statement that failed."""
    for result in results:
        if result.status not in _GOOD:
            return error_from_result(result)
    return None


def _forgot(pipeline: _Pipeline, sent: Sequence[_Sent], results: Sequence[pq.abc.PGresult]) -> bool:
    """Return True if a statement has to be prepared again, so that nothing was executed.

    psycopg's cursors deallocate all prepared statements after a rollback, and a migration may change what a prepared
    statement returns.
    """
    failed = next((result for result in results if result.status not in _GOOD), None)
    if failed is None or failed.error_field(pq.DiagnosticField.SQLSTATE) not in _FORGOTTEN:
        return False
    pipeline.prepared.clear()
    return any(count == 1 for *_, count in sent)


def _rows(pipeline: _Pipeline, sent: Sequence[_Sent], results: Sequence[pq.abc.PGresult]) -> list[list[Row]]:
    place = 0
    rows: list[list[Row]] = []
    failure = _failure(results)
    for _, key, prepared, count in sent:
        if failure is None:
            rows.append(_rows_of(pipeline.transformer, prepared, results[place + count - 1]))
        elif count > 1 and results[place].status not in _GOOD:
            pipeline.prepared.pop(key, None)
        place += count
    if failure is not None:
        raise failure
    return rows


def _rows_of(transformer: abc.Transformer, prepared: _Prepared, result: pq.abc.PGresult) -> list[Row]:
    if not (count := result.ntuples):
        return []
    if prepared.make_row is None:
        prepared.make_row = _row_maker(
            [(result.fname(column) or b"").decode(transformer.encoding) for column in range(result.nfields)]
        )
    transformer.set_pgresult(result)
    return transformer.load_rows(0, count, prepared.make_row)


def _row_maker(names: Sequence[str]) -> Callable[[Sequence[Any]], Row]:
    return lambda values: dict(zip(names, values, strict=True))
