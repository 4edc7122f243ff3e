"""LangGraph's saver on the same tables, with one statement for each thing it stores, and an order without clocks.

The original makes all runs of a process wait for one lock, uses a pipeline of several statements where one is enough,
and hands even the smallest value to a thread to be serialized. Each step of a run pays for that several times.
What is stored, and when, is the same, and any version of LangGraph's own saver can read it.

The original takes the checkpoint with the greatest id for the newest one, and ids are made from the clock of whoever
wrote them. Ours takes the one with the greatest number in the thread, which the database gives out
(`app.store.thread_order`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any, Protocol, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
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
from psycopg_pool import AsyncConnectionPool

from app.domain.run_protocol import Statement
from app.runtime.delta_history import delta_history
from app.runtime.thread_statements import BEFORE, NEWEST, checkpoint_statements, newest_of_run, write_statements
from app.store.loop import run_together
from app.store.thread_order import OVERTAKEN, UNIQUE
from assent.errors import PassedOverError
from assent.guard import PASSED_OVER

_INLINE = (type(None), str, int, float, bool)
"""Values of these types stand in the checkpoint itself; others have rows of their own."""

OLDEST = 4
"""Checkpoints of earlier formats are made into newer ones by the original."""
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


class OvertakenError(Exception):
    """A checkpoint does not follow the newest one of its thread: somebody else has gone on with that meanwhile."""


def overtaken(error: BaseException, statements: Sequence[Statement]) -> OvertakenError | None:
    """What is to be said if storing these was refused because a checkpoint does not follow the newest one."""
    if not isinstance(error, DatabaseError) or not (
        error.sqlstate == OVERTAKEN or error.diag.constraint_name == UNIQUE
    ):
        return None
    kept = [name for statement in statements if (name := _kept(statement.parameters["ns"]))]
    return OvertakenError(SHARED.format(kept[0]) if kept else MOVED_ON)


class Keeper(Protocol):
    """Whoever holds a thread, and stores what is written to it together with things of its own."""

    async def keep_writes(
        self, namespace: str, task_id: str, channels: Sequence[str], statements: Sequence[Statement]
    ) -> None:
        """Store what a task wrote, now or soon."""

    async def keep_checkpoint(
        self, namespace: str, checkpoint: Mapping[str, Any], source: Any, statements: Sequence[Statement]
    ) -> None:
        """Store a checkpoint, before the next step begins."""

    async def write_stored(self) -> None:
        """Store everything that has not been stored yet, because the thread is to be read."""


class Saver(AsyncPostgresSaver):
    """`AsyncPostgresSaver` over a pool whose connections commit each statement and give rows as dictionaries."""

    conn: AsyncConnectionPool[AsyncConnection[DictRow]]

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(pool)
        # A pool gives each caller a connection of its own: no run need wait for another one's.
        self.lock = nullcontext()  # type: ignore[assignment]
        self._read: dict[str, DictRow | None] = {}
        self._took: dict[str, set[str]] = {}
        self._keepers: dict[str, Keeper] = {}
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
    def kept_by(self, thread_id: str, keeper: Keeper) -> Iterator[None]:
        """Within the block what is written to the thread is handed to `keeper`, which stores it."""
        self._keepers[thread_id] = keeper
        try:
            yield
        finally:
            del self._keepers[thread_id]

    @staticmethod
    def newest(run_id: str) -> Statement:
        """Reads the newest checkpoint of a run's thread, for `reading_once`; for whoever takes the run up."""
        return newest_of_run(run_id)

    @contextmanager
    def reading_once(self, thread_id: str, *, new: bool = False, row: DictRow | None = None) -> Iterator[None]:
        """Until something is written to the thread, its newest checkpoint is read from the server once.

        For whoever holds the thread's run: nobody else writes to it. The resume guard and the drive after it then also
        look at the very same checkpoint.

        Args:
            new: nothing is stored of the thread, so it need not be read at all.
            row: it was read already, as `newest` does.
        """
        self._read[thread_id] = None if new else row or _NOT_READ
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
        await self._write_stored(config)
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

    async def _write_stored(self, config: RunnableConfig) -> None:
        """What was written to a thread is found when it is read."""
        if keeper := self._keepers.get(config["configurable"].get("thread_id", "")):
            await keeper.write_stored()

    async def _newest(self, thread_id: str, namespace: str) -> DictRow | None:
        async with self.conn.connection() as connection:
            cursor = await connection.execute(self.SELECT_SQL + NEWEST, (thread_id, namespace), binary=True)
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
        if config is not None:
            await self._write_stored(config)
        where, parameters = self._search_where(config, filter, None)
        if before is not None and (bound := get_checkpoint_id(before)):
            where += f" {'AND' if where else 'WHERE'} {BEFORE}"
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
        await self._write_stored(config)
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
        where = config["configurable"]
        self._read.pop(where["thread_id"], None)
        values = checkpoint["channel_values"]
        inline = {name: value for name, value in values.items() if isinstance(value, _INLINE)}
        inline |= {name: True for name, value in values.items() if isinstance(value, _DeltaSnapshot)}
        changed = [
            (name, str(version), *self.serde.dumps_typed(values[name]))
            for name, version in new_versions.items()
            if name in values and not isinstance(values[name], _INLINE)
        ]
        described = get_serializable_checkpoint_metadata(config, metadata)
        statements = checkpoint_statements(where, {**checkpoint, "channel_values": inline}, described, changed)
        if keeper := self._keepers.get(where["thread_id"]):
            await keeper.keep_checkpoint(where["checkpoint_ns"], checkpoint, metadata.get("source"), statements)
        else:
            await self._store(statements)
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
        self._read.pop(thread_id, None)
        where = config["configurable"]
        dumped = [(channel, *self.serde.dumps_typed(value)) for channel, value in writes]
        statements = write_statements(where, dumped, task_id, task_path)
        if keeper := self._keepers.get(thread_id):
            await keeper.keep_writes(where["checkpoint_ns"], task_id, [channel for channel, _ in writes], statements)
        else:
            await self._store(statements)

    async def _store(self, statements: Sequence[Statement]) -> None:
        try:
            async with self.conn.connection() as connection:
                if len(statements) == 1:
                    await connection.execute(statements[0].text, statements[0].parameters)
                elif statements:
                    await run_together(connection, statements)
        except DatabaseError as error:
            if refused := overtaken(error, statements):
                raise refused from error
            raise

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


def _config(where: Mapping[str, Any], checkpoint_id: str) -> RunnableConfig:
    """What names a checkpoint of the same thread and namespace."""
    return {
        "configurable": {
            "thread_id": where["thread_id"],
            "checkpoint_ns": where["checkpoint_ns"],
            "checkpoint_id": checkpoint_id,
        }
    }
