"""The history of a `DeltaChannel`: the writes along a checkpoint's chain of parents.

LangGraph's saver walks that chain in pages ordered by ID, and stops where a parent has a greater ID than its child, as
if the channel began there. Ours pages by the number that the database gave each checkpoint (`app.store.thread_order`),
where a parent's number is always smaller. Everything else is as in LangGraph's saver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import DeltaChannelHistory
from langgraph.checkpoint.postgres.base import (
    _DELTA_PAGE_SIZE,
    BasePostgresSaver,
    _build_delta_stage1_sql,
    _build_delta_stage2_sql,
)
from psycopg import AsyncConnection
from psycopg.rows import DictRow

_PAGE = """ and assent_seq {at_most} (select target.assent_seq from checkpoints as target
    where target.thread_id = %s and target.checkpoint_ns = %s and target.checkpoint_id = %s)
    order by assent_seq desc limit %s"""


async def delta_history(
    saver: BasePostgresSaver, connection: AsyncConnection[DictRow], config: RunnableConfig, channels: list[str]
) -> Mapping[str, DeltaChannelHistory]:
    """Do what the savers' `aget_delta_channel_history` does, for the checkpoint that `config` names."""
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
