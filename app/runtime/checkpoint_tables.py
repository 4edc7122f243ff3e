"""The insides of LangGraph's saver for PostgreSQL: its tables, and those of its methods that are not public.

Only this module knows them (and `app.store.thread_order`, which numbers the checkpoints in the database), so a new
version of `langgraph-checkpoint-postgres` is compared with this one; `pyproject.toml` gives the versions that fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, Checkpoint, CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.postgres.base import (
    _DELTA_PAGE_SIZE,
    BasePostgresSaver,
    _build_delta_stage1_sql,
    _build_delta_stage2_sql,
)
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from app.domain.run_protocol import Statement

MANY = 50
"""The most values that one statement stores. There is one form of the statement for each number of values."""
_NEWEST = "WHERE thread_id = %s AND checkpoint_ns = %s ORDER BY assent_seq DESC LIMIT 1"
_BEFORE = """coalesce(assent_seq < (select bound.assent_seq from checkpoints as bound
    where bound.thread_id = checkpoints.thread_id and bound.checkpoint_ns = checkpoints.checkpoint_ns
        and bound.checkpoint_id = %s), checkpoint_id < %s)"""
# A run that was never claimed before has stored nothing, so the table need not be read.
_NEWEST_OF_RUN = (
    f"{BasePostgresSaver.SELECT_SQL} where thread_id = (select id from runs where id = %(thread)s and attempt > 1) "  # noqa: S608
    "and checkpoint_ns = '' order by assent_seq desc limit 1"
)
_KEEP = "do nothing"
_REPLACE = "do update set channel = excluded.channel, type = excluded.type, blob = excluded.blob"
_PUT_CHECKPOINT = """
    insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
    values (%(thread)s, %(ns)s, %(id)s, %(parent)s, %(checkpoint)s, %(metadata)s)
    on conflict (thread_id, checkpoint_ns, checkpoint_id)
    do update set checkpoint = excluded.checkpoint, metadata = excluded.metadata"""

_PAGE = """ and assent_seq {at_most} (select target.assent_seq from checkpoints as target
    where target.thread_id = %s and target.checkpoint_ns = %s and target.checkpoint_id = %s)
    order by assent_seq desc limit %s"""
_INLINE = (type(None), str, int, float, bool)
"""Values of these types are stored in the checkpoint itself; others have their own rows."""

Row = TypeVar("Row")
Value = tuple[str, str, str, bytes]
"""A channel's value with a row of its own: channel, version, type, and serialized value."""


class CheckpointTables(AsyncPostgresSaver):
    """LangGraph's saver over a pool whose connections commit each statement and return rows as dictionaries.

    It reads checkpoints in the order of the numbers that the database gives them.
    """

    conn: AsyncConnectionPool[AsyncConnection[DictRow]]

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]]) -> None:
        super().__init__(pool)
        # A pool gives each caller its own connection, so no run has to wait for another.
        self.lock = nullcontext()  # type: ignore[assignment]

    async def _newest(self, thread_id: str, namespace: str) -> DictRow | None:
        async with self.conn.connection() as connection:
            cursor = await connection.execute(self.SELECT_SQL + _NEWEST, (thread_id, namespace), binary=True)
            return await cursor.fetchone()

    async def _rows(
        self, config: RunnableConfig | None, filter: dict[str, Any] | None, before: str | None, limit: int | None
    ) -> list[DictRow]:
        """Return the rows of a search, those written last first; `before` is a checkpoint's ID."""
        where, parameters = self._search_where(config, filter, None)
        if before:
            where += f" {'AND' if where else 'WHERE'} {_BEFORE}"
            parameters += [before, before]
        one = config is not None and config["configurable"].get("checkpoint_ns") is not None
        order = "assent_seq" if one else "checkpoint_id"
        query = f"{self.SELECT_SQL}{where} ORDER BY {order} DESC{' LIMIT %s' if limit is not None else ''}"
        if limit is not None:
            parameters.append(int(limit))
        async with self.conn.connection() as connection:
            cursor = await connection.execute(cast(Any, query), parameters, binary=True)
            return await cursor.fetchall()

    async def _delta_history(self, config: RunnableConfig, channels: list[str]) -> Mapping[str, DeltaChannelHistory]:
        async with self.conn.connection() as connection:
            return await _delta_history(self, connection, config, channels)

    async def _load_checkpoint_tuple(self, value: DictRow) -> CheckpointTuple:
        """Do what LangGraph's saver does, which decodes even the smallest writes in a thread."""
        parent = value["parent_checkpoint_id"]
        inline = value["checkpoint"].get("channel_values") or {}
        values = {**inline, **self._load_blobs(value["channel_values"])}
        return CheckpointTuple(
            config_of(value, value["checkpoint_id"]),
            cast(Checkpoint, {**value["checkpoint"], "channel_values": values}),
            value["metadata"],
            config_of(value, parent) if parent else None,
            self._load_writes(value["pending_writes"]),
        )


def own_rows(
    values: Mapping[str, Any], versions: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[str, str, Any]]]:
    """Return the values that are stored in the checkpoint itself, and those that get their own rows.

    Args:
        values: The values of a checkpoint's channels.
        versions: The channels that have changed, with their new versions. The rows are of these (channel, version,
            value).
    """
    inline = {name: value for name, value in values.items() if isinstance(value, _INLINE)}
    inline |= {name: True for name, value in values.items() if isinstance(value, _DeltaSnapshot)}
    own = [
        (name, str(version), values[name])
        for name, version in versions.items()
        if name in values and not isinstance(values[name], _INLINE)
    ]
    return inline, own


def config_of(where: Mapping[str, Any], checkpoint_id: str) -> RunnableConfig:
    """Return the config that names a checkpoint of the same thread and namespace."""
    return {
        "configurable": {
            "thread_id": where["thread_id"],
            "checkpoint_ns": where["checkpoint_ns"],
            "checkpoint_id": checkpoint_id,
        }
    }


def newest_of_run(run_id: str) -> Statement:
    """Return the statement that finds the newest checkpoint of a run that was claimed before."""
    return Statement(_NEWEST_OF_RUN, {"thread": run_id}, binary=True)


def checkpoint_statements(
    where: Mapping[str, Any], checkpoint: Mapping[str, Any], metadata: Mapping[str, Any], values: Sequence[Value]
) -> list[Statement]:
    """Return statements that store a checkpoint in the thread and namespace `where`. Its `values` have their own rows.

    They must run in one transaction. They are built at once, because LangGraph may change the checkpoint before they
    are executed.
    """
    place = {"thread": where["thread_id"], "ns": where["checkpoint_ns"]}
    parameters = place | {
        "id": checkpoint["id"], "parent": where.get("checkpoint_id"),
        "checkpoint": json.dumps(checkpoint), "metadata": json.dumps(metadata),
    }  # fmt: skip
    return [
        *(Statement(_put_blobs(len(some)), place | _numbered(some)) for some in _portions(values)),
        # Its row must come after that of the checkpoint before it.
        Statement(_PUT_CHECKPOINT, parameters, place=f"checkpoints of {where['checkpoint_ns']}"),
    ]


def write_statements(
    where: Mapping[str, Any], writes: Sequence[tuple[str, str, bytes]], task_id: str, task_path: str
) -> list[Statement]:
    """Return statements that store a task's writes (channel, type, serialized value) for the checkpoint `where`."""
    replace = all(channel in WRITES_IDX_MAP for channel, *_ in writes)
    rows: dict[int, tuple[str, str, bytes]] = {}
    for number, write in enumerate(writes):
        index = WRITES_IDX_MAP.get(write[0], number)
        # A statement may write a row only once. Of several with the same number, LangGraph's saver keeps the same one.
        if replace or index not in rows:
            rows[index] = write
    numbered = [(index, *write) for index, write in rows.items()]
    place = {
        "thread": where["thread_id"], "ns": where["checkpoint_ns"], "id": where["checkpoint_id"],
        "task": task_id, "path": task_path,
    }  # fmt: skip
    return [
        # Later writes of a task may replace its earlier ones.
        Statement(_put_writes(len(some), replace), place | _numbered(some), place=f"{where['checkpoint_id']} {task_id}")
        for some in _portions(numbered)
    ]


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), MANY):
        yield rows[start : start + MANY]


@lru_cache(maxsize=256)
def _put_blobs(blobs: int) -> str:
    """Return the statement that stores this many values that have their own rows."""
    rows = ", ".join(f"(%(thread)s, %(ns)s, {_names(row)})" for row in range(blobs))
    return f"""
        insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob) values {rows}
        on conflict (thread_id, checkpoint_ns, channel, version) do nothing"""  # noqa: S608 - contains only our own names


@lru_cache(maxsize=256)
def _put_writes(count: int, replace: bool) -> str:
    """Return the statement that stores this many writes of a task, and replaces or keeps existing ones."""
    rows = ", ".join(f"(%(thread)s, %(ns)s, %(id)s, %(task)s, %(path)s, {_names(row)})" for row in range(count))
    return f"""
        insert into checkpoint_writes
            (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob) values {rows}
        on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) {_REPLACE if replace else _KEEP}"""  # noqa: S608


def _names(row: int) -> str:
    return ", ".join(f"%({column}{row})s" for column in "abcd")


def _numbered(rows: Sequence[tuple[Any, Any, Any, Any]]) -> dict[str, Any]:
    """Return the values of rows by the names from `_names`, because the driver is slow with arrays."""
    return {
        f"{column}{number}": value for number, row in enumerate(rows) for column, value in zip("abcd", row, strict=True)
    }


async def _delta_history(
    saver: BasePostgresSaver, connection: AsyncConnection[DictRow], config: RunnableConfig, channels: list[str]
) -> Mapping[str, DeltaChannelHistory]:
    """Do what LangGraph's saver does in `aget_delta_channel_history`, for the checkpoint that `config` names.

    LangGraph's saver walks the checkpoint's chain of parents in pages ordered by ID, and stops where a parent has a
    greater ID than its child, as if the channel began there. This one pages by the number that the database gave each
    checkpoint, where a parent's number is always smaller. Everything else is the same.
    """
    if not channels:
        return {}
    where = config["configurable"]
    thread = [where["thread_id"], where.get("checkpoint_ns", "")]
    target = cursor = where["checkpoint_id"]
    columns: list[dict[str, Any]] = [{} for _ in range(3 * len(channels))]
    versions, blobs, inline = (columns[at::3] for at in range(3))
    parents: dict[str, str | None] = {}
    chains: dict[str, list[str]] = {channel: [] for channel in channels}
    seed_versions: dict[str, str | None] = dict.fromkeys(channels)
    inline_seeds: dict[str, Any] = {}
    walked: dict[str, str | None] = {}
    seeded: set[str] = set()
    at_most = "<="
    while True:
        query = _build_delta_stage1_sql(channels, paged=False) + _PAGE.format(at_most=at_most)
        of_columns = [channel for channel in channels for _ in range(4)]
        found = await connection.execute(
            cast(Any, query), [*of_columns, *thread, *thread, cursor, _DELTA_PAGE_SIZE], binary=True
        )
        page = await found.fetchall()
        oldest = saver._ingest_stage1_page(page, channels, parents, versions, blobs, inline)
        saver._try_advance_walks(
            target, channels, parents, versions, blobs, inline, chains, seed_versions, inline_seeds, walked, seeded
        )
        if len(seeded) == len(channels) or len(page) < _DELTA_PAGE_SIZE:
            break
        cursor, at_most = oldest, "<"
    return await _collected(saver, connection, thread, chains, seed_versions, inline_seeds)


async def _collected(
    saver: BasePostgresSaver,
    connection: AsyncConnection[DictRow],
    thread: list[str],
    chains: dict[str, list[str]],
    seed_versions: dict[str, str | None],
    inline_seeds: dict[str, Any],
) -> Mapping[str, DeltaChannelHistory]:
    """Return the writes and the values that the walks found."""
    chained = [channel for channel, chain in chains.items() if chain]
    seeds = [channel for channel, version in seed_versions.items() if version is not None]
    query = _build_delta_stage2_sql(channels_with_chain=chained, channels_with_seed=seeds)
    rows: list[Any] = []
    if query:
        parameters: list[Any] = []
        for channel in chained:
            parameters += [*thread, channel, chains[channel]]
        for channel in seeds:
            parameters += [*thread, channel, seed_versions[channel]]
        rows = await (await connection.execute(cast(Any, query), parameters, binary=True)).fetchall()
    return saver._build_delta_channels_writes_history(
        channels=list(chains), chain_by_ch=chains, seed_ver_by_ch=seed_versions, seed_inline_by_ch=inline_seeds,
        stage2_rows=rows,
    )  # fmt: skip
