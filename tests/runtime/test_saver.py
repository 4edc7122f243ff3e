"""Our saver stores what LangGraph's own one stores, and each reads what the other has written."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from app.runtime.saver import MANY, Saver
from tests.runtime.rig import Rig

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]
SAVERS = (Saver, AsyncPostgresSaver)
VALUES: dict[str, Any] = {
    "text": "plain", "none": None, "number": 1.5, "flag": True,
    "list": [1, {"a": "b"}], "bytes": b"\x00\xff", "set": {1},
}  # fmt: skip
WRITES: list[list[tuple[str, Any]]] = [
    [("list", [1]), ("list", [2]), ("text", "ü")],
    [("__interrupt__", ["what now?"]), ("__resume__", "go")],
    [("list", "first"), ("__error__", "with others it keeps its own number")],
    [("__interrupt__", ["old"]), ("__interrupt__", ["new"])],
    [],
    [("list", number) for number in range(MANY + 1)],
]


async def store(kind: type[AsyncPostgresSaver], pool: Pool, thread: str) -> None:
    """Two checkpoints, the second with a part of the values changed, and writes, some of them twice."""
    saver = kind(pool)
    config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}, "metadata": {"who": "a test"}}
    versions: Any = dict.fromkeys([*VALUES, "gone"], "1.0")
    for number in (1, 2):
        new = versions if number == 1 else {"list": "2.0", "text": "2.0"}
        versions = versions | new
        checkpoint = empty_checkpoint() | {
            "id": f"0000000{number}", "ts": "2026-01-01T00:00:00+00:00", "channel_values": VALUES,
            "channel_versions": versions,
        }  # fmt: skip
        config = await saver.aput(config, checkpoint, {"source": "loop", "step": number, "parents": {}}, new)  # type: ignore[arg-type]
        for _ in range(2):
            for task, writes in enumerate(WRITES):
                await saver.aput_writes(config, writes, f"task {task}", "path")


async def read(kind: type[AsyncPostgresSaver], pool: Pool, thread: str) -> Any:
    """The thread's newest checkpoint."""
    return await kind(pool).aget_tuple({"configurable": {"thread_id": thread}})


async def rows(pool: Pool, thread: str) -> dict[str, list[Any]]:
    """What is stored of a thread, but for its name."""
    found = {}
    async with pool.connection() as connection:
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
            cursor = await connection.execute(
                f"select to_jsonb({table}) - 'thread_id' as row from {table} where thread_id = %s order by 1", (thread,)
            )
            found[table] = [each["row"] for each in await cursor.fetchall()]
    return found


def test_a_thread_is_read_once_until_something_is_written(rig: Rig) -> None:
    thread = "read once"
    config: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}

    async def look() -> None:
        saver = Saver(rig.pool)
        async with rig.pool.connection() as connection:
            # As LangGraph's loop writes them; those of older formats are left to the original.
            newest = "update checkpoints set checkpoint = jsonb_set(checkpoint, '{v}', '4') where thread_id = %s"
            await connection.execute(newest, (thread,))
        with saver.reading_once(thread):
            first = await saver.aget_tuple(config)
            assert first is not None and first == await read(AsyncPostgresSaver, rig.pool, thread)
            first.checkpoint["channel_values"]["list"].append("LangGraph changes what it is given")
            first.checkpoint["channel_versions"].clear()
            async with rig.pool.connection() as connection:
                await connection.execute("delete from checkpoints where thread_id = %s", (thread,))
            again = await saver.aget_tuple(config)
            assert again is not None and again.checkpoint["channel_values"] == VALUES
            assert again.checkpoint["channel_versions"]
            older: Any = {"configurable": config["configurable"] | {"checkpoint_id": "00000001"}}
            assert await saver.aget_tuple(older) is None, "what was asked for by name is looked up"
            await saver.aput_writes(first.config, [("list", 1)], "task")
            assert await saver.aget_tuple(config) is None, "after a write the server is asked"
        with saver.reading_once(thread):
            await store(Saver, rig.pool, thread)
            assert await saver.aget_tuple(config) is not None
        with saver.reading_once(thread, new=True):
            assert await saver.aget_tuple(config) is None
        assert await saver.aget_tuple(config) is not None, "only for that time"

    rig.do(store(Saver, rig.pool, thread))
    rig.do(look())


def test_both_store_the_same_rows(rig: Rig) -> None:
    stored = []
    for saver in SAVERS:
        rig.do(store(saver, rig.pool, saver.__name__))
        stored.append(rig.do(rows(rig.pool, saver.__name__)))
    assert stored[0] == stored[1]
    assert all(stored[0].values())


@pytest.mark.parametrize("writer", SAVERS)
def test_each_reads_what_the_other_has_written(rig: Rig, writer: type[AsyncPostgresSaver]) -> None:
    thread = f"read {writer.__name__}"
    rig.do(store(writer, rig.pool, thread))
    ours, theirs = (rig.do(read(saver, rig.pool, thread)) for saver in SAVERS)
    assert ours == theirs and ours.checkpoint["channel_values"] == VALUES
    assert ours.parent_config["configurable"]["checkpoint_id"] == "00000001"
