"""LangGraph's saver on the same tables, with one statement for each thing it stores, and an order without clocks.

The original makes all runs of a process wait for one lock, uses a pipeline of several statements where one is enough,
and hands even the smallest value to a thread to be serialized. Each step of a run pays for that several times.
What is stored, and when, is the same, and any version of LangGraph's own saver can read it.

The original takes the checkpoint with the greatest id for the newest one, and ids are made from the clock of whoever
wrote them. Ours takes the one with the greatest number in the thread, which the database gives out
(`app.store.thread_order`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from functools import lru_cache
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME, _DeltaSnapshot
from psycopg import AsyncConnection, DatabaseError
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from app.runtime.delta_history import delta_history
from app.store.thread_order import OVERTAKEN, UNIQUE
from assent.errors import PassedOverError
from assent.guard import PASSED_OVER

_INLINE = (type(None), str, int, float, bool)
"""Values of these types stand in the checkpoint itself; others have rows of their own."""

MANY = 50
"""Values that one statement stores; more take several. There is a form of the statement for each number."""

OLDEST = 4
"""Checkpoints of earlier formats are made into newer ones by the original."""
_NEWEST = "WHERE thread_id = %s AND checkpoint_ns = %s ORDER BY assent_seq DESC LIMIT 1"
_BEFORE = """coalesce(assent_seq < (select bound.assent_seq from checkpoints as bound
    where bound.thread_id = checkpoints.thread_id and bound.checkpoint_ns = checkpoints.checkpoint_ns
        and bound.checkpoint_id = %s), checkpoint_id < %s)"""
MOVED_ON = (
    "Something else has gone on with this run's thread since this step began, so what the step came to was not stored. "
    "What it did to the outside may have been done twice. Look at that, then retry the run: it goes on from where the "
    "thread stands now."
)
SHARED = (
    "Two steps have called the subgraph “{}” at the same time, which keeps its state from one call to the next "
    "(checkpointer=True), so what one of them came to was not stored. Call it in one step after the "
    "other, or compile it without that."
)
_NOT_READ: Any = object()
_RESTS = frozenset({ERROR, INTERRUPT})
"""A step that writes to one of these has not come to its end."""
_KEEP = "do nothing"
_REPLACE = "do update set channel = excluded.channel, type = excluded.type, blob = excluded.blob"
_PUT_CHECKPOINT = """
    insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    values (%(thread)s, %(ns)s, %(id)s, %(parent)s, %(checkpoint)s, %(metadata)s)
    on conflict (thread_id, checkpoint_ns, checkpoint_id)
    do update set checkpoint = excluded.checkpoint, metadata = excluded.metadata"""


class OvertakenError(Exception):
    """A checkpoint does not follow the newest one of its thread: somebody else has gone on with that meanwhile."""


class Saver(AsyncPostgresSaver):
    """`AsyncPostgresSaver` over a pool whose connections commit each statement and give rows as dictionaries."""

    conn: AsyncConnectionPool[AsyncConnection[DictRow]]

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(pool)
        # A pool gives each caller a connection of its own: no run need wait for another one's.
        self.lock = nullcontext()  # type: ignore[assignment]
        self._read: dict[str, DictRow | None] = {}
        self._took: dict[str, set[str]] = {}
        self._before_writes: dict[str, Callable[[], Awaitable[None]]] = {}
        self._must_take: dict[str, Collection[str]] = {}
        self._passed_over: dict[str, set[str]] = {}

    @contextmanager
    def taking(self, thread_id: str, steps: Collection[str]) -> Iterator[set[str]]:
        """Within the block nothing is stored of these steps of the thread unless they take the answer they were sent.

        Nor is what comes after them: the thread stays before such a step, which asks again when the run is retried.
        Gives those that went on without, as they are seen.
        """
        passed: set[str] = set()
        self._must_take[thread_id], self._passed_over[thread_id] = steps, passed
        try:
            yield passed
        finally:
            del self._must_take[thread_id], self._passed_over[thread_id]

    @contextmanager
    def writing_first(self, thread_id: str, write: Callable[[], Awaitable[None]]) -> Iterator[None]:
        """Within the block `write` is awaited before anything is stored of a step of the thread.

        What a step has reported is stored by it, so that no step can count as completed without its receipts.
        """
        self._before_writes[thread_id] = write
        try:
            yield
        finally:
            self._before_writes.pop(thread_id, None)

    async def _write_first(self, config: RunnableConfig) -> None:
        if write := self._before_writes.get(config["configurable"]["thread_id"]):
            await write()

    @contextmanager
    def reading_once(self, thread_id: str, *, new: bool = False) -> Iterator[None]:
        """Until something is written to the thread, its newest checkpoint is read from the server once.

        For whoever holds the thread's run: nobody else writes to it. The resume guard and the drive after it then also
        look at the very same checkpoint.

        Args:
            new: nothing is stored of the thread, so it need not be read at all.
        """
        self._read[thread_id] = None if new else _NOT_READ
        self._took[thread_id] = set()
        try:
            yield
        finally:
            self._read.pop(thread_id, None)
            self._took.pop(thread_id, None)

    def took(self, thread_id: str, task_id: str) -> bool:
        """True if the step was seen to take an answer within `reading_once`."""
        return task_id in self._took.get(thread_id, ())

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As the original's, but that the newest checkpoint is the one written last; see also `reading_once`."""
        where = config["configurable"]
        if get_checkpoint_id(config):
            return await super().aget_tuple(config)
        thread_id, namespace = where["thread_id"], where.get("checkpoint_ns", "")
        if namespace or thread_id not in self._read:
            row = await self._newest(thread_id, namespace)
        else:
            row = self._read[thread_id]
            if row is _NOT_READ:
                row = await self._newest(thread_id, "")
                if thread_id in self._read:
                    self._read[thread_id] = row
            # LangGraph changes what it is given.
            row = deepcopy(row)
        return await self._tuple_of(row) if row is not None else None

    async def _newest(self, thread_id: str, namespace: str) -> DictRow | None:
        async with self.conn.connection() as connection:
            cursor = await connection.execute(self.SELECT_SQL + _NEWEST, (thread_id, namespace), binary=True)
            return await cursor.fetchone()

    async def _tuple_of(self, row: DictRow) -> CheckpointTuple:
        if row["checkpoint"]["v"] >= OLDEST:
            return await self._load_checkpoint_tuple(row)
        found = await super().aget_tuple(_config(row, row["checkpoint_id"]))
        if found is None:
            raise OvertakenError("The thread was deleted while it was read.")
        return found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As the original's, but that newer means written later.

        Checkpoints of several namespaces have no common order but that of their ids. LangGraph compares those of a
        subgraph with one of the graph around it (`before`) when somebody goes back in time; the portal never does.
        """
        where, parameters = self._search_where(config, filter, None)
        if before is not None and (bound := get_checkpoint_id(before)):
            where += f" {'AND' if where else 'WHERE'} {_BEFORE}"
            parameters += [bound, bound]
        one = config is not None and config["configurable"].get("checkpoint_ns") is not None
        order = "assent_seq" if one else "checkpoint_id"
        query = f"{self.SELECT_SQL}{where} ORDER BY {order} DESC{' LIMIT %s' if limit is not None else ''}"
        if limit is not None:
            parameters.append(int(limit))
        async with self.conn.connection() as connection:
            cursor = await connection.execute(cast(Any, query), parameters, binary=True)
            rows = await cursor.fetchall()
        for row in rows:
            yield await self._tuple_of(row)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As the original's, which follows parents only as far as their ids get smaller."""
        if channels and not get_checkpoint_id(config):
            newest = await self.aget_tuple(config)
            if newest is None:
                return {channel: {"writes": []} for channel in channels}
            config = newest.config
        async with self.conn.connection() as connection:
            return await delta_history(self, connection, config, list(channels))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As the original's, but that it only deletes whole threads: what it would keep is the greatest id."""
        if strategy == "keep_latest":
            raise NotImplementedError("Threads are kept whole or deleted; they are not pruned.")
        await super().aprune(thread_ids, strategy=strategy)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As the original's.

        Raises:
            OvertakenError: the checkpoint does not follow the newest one of the thread; nothing was stored.
            PassedOverError: a step before it has not taken its answer (see `taking`); nothing was stored.
        """
        if not config["configurable"]["checkpoint_ns"] and self._passed_over.get(config["configurable"]["thread_id"]):
            raise PassedOverError(PASSED_OVER)
        await self._write_first(config)
        self._read.pop(config["configurable"]["thread_id"], None)
        where = config["configurable"]
        values = checkpoint["channel_values"]
        inline = {name: value for name, value in values.items() if isinstance(value, _INLINE)}
        inline |= {name: True for name, value in values.items() if isinstance(value, _DeltaSnapshot)}
        changed = [
            (name, str(version), *self.serde.dumps_typed(values[name]))
            for name, version in new_versions.items()
            if name in values and not isinstance(values[name], _INLINE)
        ]
        parameters = {
            "thread": where["thread_id"], "ns": where["checkpoint_ns"], "id": checkpoint["id"],
            "parent": where.get("checkpoint_id"), "checkpoint": Jsonb({**checkpoint, "channel_values": inline}),
            "metadata": Jsonb(get_serializable_checkpoint_metadata(config, metadata)),
        }  # fmt: skip
        # The checkpoint comes last: once it is there, so is all that it names.
        while len(changed) > MANY:
            await self._execute(_put_blobs(MANY), parameters | _numbered(changed[:MANY]))
            del changed[:MANY]
        try:
            await self._execute(_put_checkpoint(len(changed)), parameters | _numbered(changed))
        except DatabaseError as error:
            if error.sqlstate == OVERTAKEN or error.diag.constraint_name == UNIQUE:
                kept = _kept(where["checkpoint_ns"])
                raise OvertakenError(SHARED.format(kept) if kept else MOVED_ON) from error
            raise
        return _config(where, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As the original's.

        Raises:
            PassedOverError: the step has not taken its answer (see `taking`); nothing was stored of it.
        """
        thread_id = config["configurable"]["thread_id"]
        # Whoever asks `took` does not wait until that is stored.
        if any(channel == RESUME for channel, _ in writes):
            self._took.get(thread_id, set()).add(task_id)
        elif task_id in self._must_take.get(thread_id, ()) and not any(channel in _RESTS for channel, _ in writes):
            self._passed_over[thread_id].add(task_id)
            raise PassedOverError(PASSED_OVER)
        await self._write_first(config)
        self._read.pop(thread_id, None)
        if len(writes) > MANY:
            await super().aput_writes(config, writes, task_id, task_path)
            return
        where = config["configurable"]
        replace = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        rows: dict[int, tuple[str, str, bytes]] = {}
        for number, (channel, value) in enumerate(writes):
            index = WRITES_IDX_MAP.get(channel, number)
            # One statement may write a row once; of several with one number the original keeps the same one.
            if replace or index not in rows:
                rows[index] = (channel, *self.serde.dumps_typed(value))
        if not rows:
            return
        parameters = {
            "thread": where["thread_id"], "ns": where["checkpoint_ns"], "id": where["checkpoint_id"],
            "task": task_id, "path": task_path,
        }  # fmt: skip
        numbered = _numbered([(index, *row) for index, row in rows.items()])
        await self._execute(_put_writes(len(rows), replace), parameters | numbered)

    async def _execute(self, statement: Any, parameters: Any) -> None:
        async with self.conn.connection() as connection:
            await connection.execute(statement, parameters)

    async def _load_checkpoint_tuple(self, value: DictRow) -> CheckpointTuple:
        """As the original's, which decodes even the smallest writes in a thread."""
        parent = value["parent_checkpoint_id"]
        inline = value["checkpoint"].get("channel_values") or {}
        values = {**inline, **self._load_blobs(value["channel_values"])}
        return CheckpointTuple(
            _config(value, value["checkpoint_id"]),
            cast(Checkpoint, {**value["checkpoint"], "channel_values": values}),
            value["metadata"],
            _config(value, parent) if parent else None,
            self._load_writes(value["pending_writes"]),
        )


def _kept(namespace: str) -> str:
    """The name of the subgraph whose state a namespace keeps from one call to the next; empty: it is of one step."""
    parts = [part for part in namespace.split("|") if not part.isdigit()]
    return parts[-1] if parts and ":" not in parts[-1] else ""


@lru_cache(maxsize=256)
def _put_checkpoint(blobs: int) -> str:
    """The statement that stores a checkpoint, with so many values that have rows of their own."""
    if not blobs:
        return _PUT_CHECKPOINT
    return f"with blobs as ({_put_blobs(blobs)}) {_PUT_CHECKPOINT}"


@lru_cache(maxsize=256)
def _put_blobs(blobs: int) -> str:
    """The statement that stores so many values that have rows of their own."""
    rows = ", ".join(f"(%(thread)s, %(ns)s, {_names(row)})" for row in range(blobs))
    return f"""
        insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob) values {rows}
        on conflict (thread_id, checkpoint_ns, channel, version) do nothing"""  # noqa: S608 - it has names of our own only


@lru_cache(maxsize=256)
def _put_writes(count: int, replace: bool) -> str:
    """The statement that stores so many writes of a task. Those that stand are replaced or kept."""
    rows = ", ".join(f"(%(thread)s, %(ns)s, %(id)s, %(task)s, %(path)s, {_names(row)})" for row in range(count))
    return f"""
        insert into checkpoint_writes
            (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob) values {rows}
        on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) {_REPLACE if replace else _KEEP}"""  # noqa: S608


def _config(where: Mapping[str, Any], checkpoint_id: str) -> RunnableConfig:
    """What names a checkpoint of the same thread and namespace."""
    return {
        "configurable": {
            "thread_id": where["thread_id"],
            "checkpoint_ns": where["checkpoint_ns"],
            "checkpoint_id": checkpoint_id,
        }
    }


def _names(row: int) -> str:
    return ", ".join(f"%({column}{row})s" for column in "abcd")


def _numbered(rows: Sequence[tuple[Any, Any, Any, Any]]) -> dict[str, Any]:
    """The values of rows by the names that `_names` gives them. (The driver takes long over arrays.)"""
    return {
        f"{column}{number}": value for number, row in enumerate(rows) for column, value in zip("abcd", row, strict=True)
    }
