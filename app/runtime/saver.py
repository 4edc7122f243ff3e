"""LangGraph's saver on the same tables, with one statement for each thing that it stores.

The original keeps all runs of a process in one row before one lock, uses a pipeline of several statements for what one
can do, and hands even the smallest value to a thread to be serialised. Each step of a run pays for that several times.
What is stored, and when, is the same: it is read by any version of LangGraph's own saver.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    get_checkpoint_id,
    get_serializable_checkpoint_metadata,
)
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.types import RESUME, _DeltaSnapshot
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

_INLINE = (type(None), str, int, float, bool)
"""Values of these types stand in the checkpoint itself; others have rows of their own."""

MANY = 50
"""From so many values in one write the original stores them, a statement for each: ours has a form for each number."""

OLDEST = 4
"""Checkpoints of earlier formats are made into newer ones by the original."""
_LATEST = "WHERE thread_id = %s AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT 1"
_NOT_READ: Any = object()
_KEEP = "do nothing"
_REPLACE = "do update set channel = excluded.channel, type = excluded.type, blob = excluded.blob"
_PUT_CHECKPOINT = """
    insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    values (%(thread)s, %(ns)s, %(id)s, %(parent)s, %(checkpoint)s, %(metadata)s)
    on conflict (thread_id, checkpoint_ns, checkpoint_id)
    do update set checkpoint = excluded.checkpoint, metadata = excluded.metadata"""


class Saver(AsyncPostgresSaver):
    """`AsyncPostgresSaver` over a pool whose connections commit each statement and give rows as dictionaries."""

    conn: AsyncConnectionPool[AsyncConnection[DictRow]]

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(pool)
        # A pool gives each caller a connection of its own: no run need wait for another one's.
        self.lock = nullcontext()  # type: ignore[assignment]
        self._read: dict[str, DictRow | None] = {}
        self._took: dict[str, set[str]] = {}

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
        """As the original's; see `reading_once`."""
        where = config["configurable"]
        thread_id = where["thread_id"]
        if thread_id not in self._read or where.get("checkpoint_ns") or get_checkpoint_id(config):
            return await super().aget_tuple(config)
        row = self._read[thread_id]
        if row is _NOT_READ:
            async with self.conn.connection() as connection:
                cursor = await connection.execute(self.SELECT_SQL + _LATEST, (thread_id,), binary=True)
                row = await cursor.fetchone()
            if row is not None and row["checkpoint"]["v"] < OLDEST:
                return await super().aget_tuple(config)
            if thread_id in self._read:
                self._read[thread_id] = row
        # LangGraph changes what it is given.
        return await self._load_checkpoint_tuple(deepcopy(row)) if row is not None else None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As the original's."""
        self._read.pop(config["configurable"]["thread_id"], None)
        if len(new_versions) > MANY:
            return await super().aput(config, checkpoint, metadata, new_versions)
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
        await self._execute(_put_checkpoint(len(changed)), parameters | _numbered(changed))
        return {
            "configurable": {
                "thread_id": where["thread_id"],
                "checkpoint_ns": where["checkpoint_ns"],
                "checkpoint_id": checkpoint["id"],
            }
        }

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As the original's."""
        self._read.pop(config["configurable"]["thread_id"], None)
        if any(channel == RESUME for channel, _ in writes):
            self._took.get(config["configurable"]["thread_id"], set()).add(task_id)
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
        thread_id, namespace, parent = value["thread_id"], value["checkpoint_ns"], value["parent_checkpoint_id"]

        def config(checkpoint_id: str) -> RunnableConfig:
            where = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
            return {"configurable": where}

        inline = value["checkpoint"].get("channel_values") or {}
        values = {**inline, **self._load_blobs(value["channel_values"])}
        return CheckpointTuple(
            config(value["checkpoint_id"]),
            cast(Checkpoint, {**value["checkpoint"], "channel_values": values}),
            value["metadata"],
            config(parent) if parent else None,
            self._load_writes(value["pending_writes"]),
        )


@lru_cache(maxsize=256)
def _put_checkpoint(blobs: int) -> str:
    """The statement that stores a checkpoint, with so many values that have rows of their own."""
    if not blobs:
        return _PUT_CHECKPOINT
    rows = ", ".join(f"(%(thread)s, %(ns)s, {_names(row)})" for row in range(blobs))
    return f"""
        with blobs as (
            insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob) values {rows}
            on conflict (thread_id, checkpoint_ns, channel, version) do nothing)
        {_PUT_CHECKPOINT}"""  # noqa: S608 - it has names of our own only


@lru_cache(maxsize=256)
def _put_writes(count: int, replace: bool) -> str:
    """The statement that stores so many writes of a task. Those that stand are replaced or kept."""
    rows = ", ".join(f"(%(thread)s, %(ns)s, %(id)s, %(task)s, %(path)s, {_names(row)})" for row in range(count))
    return f"""
        insert into checkpoint_writes
            (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob) values {rows}
        on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) {_REPLACE if replace else _KEEP}"""  # noqa: S608


def _names(row: int) -> str:
    return ", ".join(f"%({column}{row})s" for column in "abcd")


def _numbered(rows: Sequence[tuple[Any, Any, Any, Any]]) -> dict[str, Any]:
    """The values of rows by the names that `_names` gives them. (The driver takes long over arrays.)"""
    return {
        f"{column}{number}": value for number, row in enumerate(rows) for column, value in zip("abcd", row, strict=True)
    }
