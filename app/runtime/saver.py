"""LangGraph's saver on the same tables, with one statement per stored object, and an order that needs no clocks.

LangGraph's own saver makes all runs of a process wait for one lock, uses a pipeline of several statements where one is
enough, and serializes even the smallest value in a thread. Each step of a run pays for that several times. This saver
stores the same data at the same times, and any version of LangGraph's saver can read it.

LangGraph's saver considers the checkpoint with the greatest ID the newest, and IDs are made from the writer's clock.
This one uses the checkpoint with the greatest number in the thread, which the database assigns
(`app.store.thread_order`).
"""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

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
from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME
from psycopg import AsyncConnection, DatabaseError
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from app.domain.run_protocol import Statement
from app.runtime.checkpoint_tables import (
    CheckpointTables,
    checkpoint_statements,
    config_of,
    newest_of_run,
    own_rows,
    write_statements,
)
from app.store.pipeline import run_together
from app.store.thread_order import OVERTAKEN, UNIQUE
from assent.errors import PassedOverError
from assent.guard import PASSED_OVER

OLDEST = 4
"""Checkpoints of earlier formats are converted by LangGraph's saver."""
MOVED_ON = (
    "Something else has continued this run's thread since this step began, so the step's result was not stored. "
    "Its external effects may have happened twice. Check them, then retry the run: it continues from the thread's "
    "current state."
)
SHARED = (
    "Two steps called the subgraph “{}” at the same time, which keeps its state from one call to the next "
    "(checkpointer=True), so the result of one of them was not stored. Call it from one step after the other, or "
    "compile it without that setting."
)
_NOT_READ: Any = object()
_RESTS = frozenset({ERROR, INTERRUPT})
"""A step that writes to one of these channels has not ended."""


class OvertakenError(Exception):
    """A checkpoint does not follow the newest one of its thread, because something else has continued the thread."""


def overtaken(error: BaseException, statements: Sequence[Statement]) -> OvertakenError | None:
    """Return an OvertakenError if these were not stored because a checkpoint does not follow the newest one."""
    if not isinstance(error, DatabaseError) or not (
        error.sqlstate == OVERTAKEN or error.diag.constraint_name == UNIQUE
    ):
        return None
    kept = [name for statement in statements if (name := _kept(statement.parameters["ns"]))]
    return OvertakenError(SHARED.format(kept[0]) if kept else MOVED_ON)


class Keeper(Protocol):
    """The holder of a thread, which stores what is written to the thread together with data of its own."""

    async def keep_writes(
        self, namespace: str, task_id: str, channels: Sequence[str], statements: Sequence[Statement]
    ) -> None:
        """Store the writes of a task, now or soon."""

    async def keep_checkpoint(
        self, namespace: str, checkpoint: Mapping[str, Any], source: Any, statements: Sequence[Statement]
    ) -> None:
        """Store a checkpoint before the next step begins."""

    async def write_stored(self) -> None:
        """Store everything that has not been stored yet, because the thread is about to be read."""


class Saver(CheckpointTables):
    """LangGraph's saver over a pool whose connections commit each statement and return rows as dictionaries."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(pool)
        self._read: dict[str, bytes | None] = {}
        self._took: dict[str, set[str]] = {}
        self._keepers: dict[str, Keeper] = {}
        self._must_take: dict[str, Collection[str]] = {}
        self._passed_over: dict[str, set[str]] = {}

    @contextmanager
    def taking(self, thread_id: str, steps: Collection[str]) -> Iterator[set[str]]:
        """Within the block, store nothing of these steps of the thread unless they read the outcome sent to them.

        Nothing after them is stored either: the thread stays before such a step, which requests approval again when the
        run is retried. Yields the set of steps that continued without reading their outcome, as they are noticed.
        """
        passed: set[str] = set()
        self._must_take[thread_id], self._passed_over[thread_id] = steps, passed
        try:
            yield passed
        finally:
            del self._must_take[thread_id], self._passed_over[thread_id]

    @contextmanager
    def kept_by(self, thread_id: str, keeper: Keeper) -> Iterator[None]:
        """Within the block, pass what is written to the thread to `keeper`, which stores it."""
        self._keepers[thread_id] = keeper
        try:
            yield
        finally:
            del self._keepers[thread_id]

    @staticmethod
    def newest(run_id: str) -> Statement:
        """Return the statement that reads the newest checkpoint of a run's thread, for `reading_once`."""
        return newest_of_run(run_id)

    @contextmanager
    def reading_once(self, thread_id: str, *, new: bool = False, row: DictRow | None = None) -> Iterator[None]:
        """Read the thread's newest checkpoint from the server only once until something is written to the thread.

        Only the holder of the thread's run may use this, because nobody else writes to it. The resume guard and the
        drive after it then also see the same checkpoint.

        Args:
            new: Nothing is stored of the thread, so it need not be read at all.
            row: The checkpoint's row, if it was already read with `newest`.
        """
        self._read[thread_id] = None if new else _kept_row(row) if row else _NOT_READ
        self._took[thread_id] = set()
        try:
            yield
        finally:
            self._read.pop(thread_id, None)
            self._took.pop(thread_id, None)

    def took(self, thread_id: str, task_id: str) -> bool:
        """Return True if the step read an outcome within `reading_once`."""
        return task_id in self._took.get(thread_id, ())

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Do what LangGraph's saver does, except that the newest checkpoint is the last written. See `reading_once`."""
        where = config["configurable"]
        await self._write_stored(config)
        if get_checkpoint_id(config):
            return await super().aget_tuple(config)
        thread_id, namespace = where["thread_id"], where.get("checkpoint_ns", "")
        known = _NOT_READ if namespace else self._read.get(thread_id, _NOT_READ)
        if known is not _NOT_READ:
            row = pickle.loads(known) if known else None  # noqa: S301 - pickled by this process
        else:
            row = await self._newest(thread_id, namespace)
            if not namespace and thread_id in self._read:
                self._read[thread_id] = _kept_row(row)
        return await self._tuple_of(row) if row is not None else None

    async def _write_stored(self, config: RunnableConfig) -> None:
        """Write pending data, so that what was written to a thread is found when it is read."""
        if keeper := self._keepers.get(config["configurable"].get("thread_id", "")):
            await keeper.write_stored()

    async def _tuple_of(self, row: DictRow) -> CheckpointTuple:
        if row["checkpoint"]["v"] >= OLDEST:
            return await self._load_checkpoint_tuple(row)
        found = await super().aget_tuple(config_of(row, row["checkpoint_id"]))
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
        """Do what LangGraph's saver does, except that newer means written later.

        Checkpoints of several namespaces have no common order except that of their IDs. LangGraph compares those of a
        subgraph with one of the graph around it (`before`) for time travel, which the portal never does.
        """
        if config is not None:
            await self._write_stored(config)
        for row in await self._rows(config, filter, get_checkpoint_id(before) if before else None, limit):
            yield await self._tuple_of(row)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Do what LangGraph's saver does, which follows parents only while their IDs decrease."""
        await self._write_stored(config)
        if channels and not get_checkpoint_id(config):
            newest = await self.aget_tuple(config)
            if newest is None:
                return {channel: {"writes": []} for channel in channels}
            config = newest.config
        return await self._delta_history(config, list(channels))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete whole threads. LangGraph's saver can also keep the newest checkpoint, which it finds by its ID."""
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
        """Do what LangGraph's saver does.

        Raises:
            OvertakenError: The checkpoint does not follow the newest one of the thread. Nothing was stored.
            PassedOverError: A step before it has not read its outcome (see `taking`). Nothing was stored.
        """
        if not config["configurable"]["checkpoint_ns"] and self._passed_over.get(config["configurable"]["thread_id"]):
            raise PassedOverError(PASSED_OVER)
        where = config["configurable"]
        self._read.pop(where["thread_id"], None)
        inline, own = own_rows(checkpoint["channel_values"], new_versions)
        changed = [(name, version, *self.serde.dumps_typed(value)) for name, version, value in own]
        described = get_serializable_checkpoint_metadata(config, metadata)
        statements = checkpoint_statements(where, {**checkpoint, "channel_values": inline}, described, changed)
        if keeper := self._keepers.get(where["thread_id"]):
            await keeper.keep_checkpoint(where["checkpoint_ns"], checkpoint, metadata.get("source"), statements)
        else:
            await self._store(statements)
        return config_of(where, checkpoint["id"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Do what LangGraph's saver does.

        Raises:
            PassedOverError: The step has not read its outcome (see `taking`). Nothing of it was stored.
        """
        thread_id = config["configurable"]["thread_id"]
        # `took` has to return True before this is stored.
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
                await run_together(connection, statements)
        except DatabaseError as error:
            if refused := overtaken(error, statements):
                raise refused from error
            raise


def _kept_row(row: DictRow | None) -> bytes | None:
    """Return a row in a form of which each reader gets a copy, because LangGraph modifies what it gets."""
    return None if row is None else pickle.dumps(row)


def _kept(namespace: str) -> str:
    """Return the subgraph whose state this namespace keeps between calls; empty if the namespace is of one step."""
    parts = [part for part in namespace.split("|") if not part.isdigit()]
    return parts[-1] if parts and ":" not in parts[-1] else ""
