"""Our saver stores what LangGraph's own stores, in an order that no clock decides; each reads what the other wrote."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool

from app.runtime.checkpoint_tables import MANY
from app.runtime.saver import OvertakenError, Saver
from app.store.thread_order import OVERTAKEN
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
            found[table] = [record["row"] for record in await cursor.fetchall()]
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


# The order of checkpoints

NEWEST_FIRST = ["2", "8", "7", "9"]
"""Ids in the order in which their checkpoints follow each other, backwards: written by three clocks."""


def made(rig: Rig, kind: type[AsyncPostgresSaver] = Saver) -> Any:
    """A saver of that kind, made where it is used: on the rig's loop."""

    async def make() -> AsyncPostgresSaver:
        return kind(rig.pool)

    return rig.do(make())


async def put(saver: AsyncPostgresSaver, where: dict[str, str], name: str, parent: str | None, **values: Any) -> None:
    """A checkpoint of a thread and namespace."""
    checkpoint = empty_checkpoint() | {
        "v": 4, "id": name, "channel_values": values, "channel_versions": dict.fromkeys(values, f"{name}.0"),
    }  # fmt: skip
    config: Any = {"configurable": where | ({"checkpoint_id": parent} if parent else {})}
    await saver.aput(config, checkpoint, {"source": "loop", "parents": {}}, checkpoint["channel_versions"])  # type: ignore[arg-type]


async def put_chain(saver: AsyncPostgresSaver, where: dict[str, str], **values: Any) -> None:
    """Checkpoints whose ids are not in order, each with its predecessor as its parent."""
    parent = None
    for name in reversed(NEWEST_FIRST):
        await put(saver, where, name, parent, **values)
        parent = name


def found(checkpoint: Any) -> str:
    """Its id."""
    return checkpoint.config["configurable"]["checkpoint_id"]


@pytest.mark.parametrize("namespace", ["", "inner:1"])
@pytest.mark.parametrize("writer", SAVERS)
@pytest.mark.parametrize("large", [False, True])
def test_the_newest_checkpoint_is_the_one_written_last(
    rig: Rig, writer: type[AsyncPostgresSaver], namespace: str, large: bool
) -> None:
    where = {"thread_id": f"newest {writer.__name__} {large}", "checkpoint_ns": namespace}
    values = {f"channel {number}": [number] for number in range(2 * MANY + 1)} if large else {"small": [1]}

    async def look() -> None:
        saver, config = Saver(rig.pool), {"configurable": where}
        assert found(await saver.aget_tuple(config)) == "2"
        with saver.reading_once(where["thread_id"]):
            newest = await saver.aget_tuple(config)
            assert found(newest) == "2" and newest.checkpoint["channel_values"] == values
        assert [found(checkpoint) async for checkpoint in saver.alist(config)] == NEWEST_FIRST
        assert [found(checkpoint) async for checkpoint in saver.alist(config, limit=2)] == NEWEST_FIRST[:2]
        before: Any = {"configurable": where | {"checkpoint_id": "8"}}
        assert [found(checkpoint) async for checkpoint in saver.alist(config, before=before)] == ["7", "9"]
        assert found(await saver.aget_tuple(before)) == "8", "what is asked for by name is found by name"
        elsewhere: Any = {"configurable": where | {"checkpoint_ns": "other", "checkpoint_id": "80"}}
        assert [found(checkpoint) async for checkpoint in saver.alist(config, before=elsewhere)] == ["2", "8", "7"]

    rig.do(put_chain(made(rig, writer), where, **values))
    rig.do(look())


@pytest.mark.parametrize("writer", SAVERS)
@pytest.mark.parametrize("parent", [None, "1", "9", "nowhere"])
def test_a_checkpoint_that_does_not_follow_the_newest_is_refused(
    rig: Rig, writer: type[AsyncPostgresSaver], parent: str | None
) -> None:
    where = {"thread_id": f"refused {writer.__name__} {parent}", "checkpoint_ns": ""}
    saver = made(rig, writer)
    rig.do(put_chain(saver, where, text="before"))
    rig.do(put(saver, where, "8", "7", text="again"))  # the same one again keeps its place
    kept = rig.do(rows(rig.pool, where["thread_id"]))
    with pytest.raises((OvertakenError, psycopg.DatabaseError)) as raised:
        rig.do(put(saver, where, "99", parent, text="after", blob=[1]))
    assert isinstance(raised.value, OvertakenError) or raised.value.sqlstate == OVERTAKEN
    assert rig.do(rows(rig.pool, where["thread_id"]))["checkpoints"] == kept["checkpoints"]
    rig.do(put(saver, where, "5", "2"))
    assert found(rig.do(read(Saver, rig.pool, where["thread_id"]))) == "5"


@pytest.mark.parametrize(
    ("namespace", "says"),
    [("", "Something else has continued"), ("a:1", "Something else"), ("a:1|2", "Something else"),
     ("child", "the subgraph “child” at the same time"), ("a:1|child|1", "the subgraph “child” at the same time")],
)  # fmt: skip
def test_a_refusal_names_the_subgraph_that_two_steps_have_called_at_once(rig: Rig, namespace: str, says: str) -> None:
    where = {"thread_id": "shared", "checkpoint_ns": namespace}
    rig.do(put(made(rig), where, "1", None))
    with pytest.raises(OvertakenError, match=says):
        rig.do(put(made(rig), where, "2", None))


def test_of_two_writers_at_once_one_goes_on_with_the_thread(rig: Rig) -> None:
    where = {"thread_id": "at once", "checkpoint_ns": ""}
    saver = made(rig)

    async def race(attempt: int, parent: str) -> str:
        names = [f"{attempt}-{writer}" for writer in range(3)]
        came = await asyncio.gather(*(put(saver, where, name, parent) for name in names), return_exceptions=True)
        assert [type(error) for error in came if error] == [OvertakenError] * 2
        return names[came.index(None)]

    async def races() -> None:
        parent = "start"
        await put(saver, where, parent, None)
        for attempt in range(10):
            parent = await race(attempt, parent)
            assert found(await saver.aget_tuple({"configurable": where})) == parent

    rig.do(races())


def test_what_a_delta_channel_is_made_of_is_found_along_the_parents(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.checkpoint_tables._DELTA_PAGE_SIZE", 2)
    where = {"thread_id": "deltas", "checkpoint_ns": ""}
    saver = made(rig)

    async def history() -> Any:
        await put(saver, where, "6", None, log=["seed"], other="plain")
        parent = "6"
        for name in reversed(NEWEST_FIRST):
            await put(saver, where, name, parent)
            config: Any = {"configurable": where | {"checkpoint_id": parent}}
            await saver.aput_writes(config, [("log", parent)], f"task {parent}")
            parent = name
        newest: Any = {"configurable": where}
        found = await saver.aget_delta_channel_history(config=newest, channels=["log", "other", "none"])
        return found, await saver.aget_delta_channel_history(config=newest, channels=[])

    log, nothing = rig.do(history())
    assert nothing == {}
    assert log == {
        "log": {"seed": ["seed"], "writes": [(f"task {task}", "log", task) for task in ("6", "9", "7", "8")]},
        "other": {"seed": "plain", "writes": []},
        "none": {"writes": []},
    }


def test_threads_are_deleted_but_not_pruned(rig: Rig) -> None:
    where = {"thread_id": "pruned", "checkpoint_ns": ""}
    saver = made(rig)
    rig.do(put_chain(saver, where))
    with pytest.raises(NotImplementedError):
        rig.do(saver.aprune(["pruned"]))
    assert len(rig.do(rows(rig.pool, "pruned"))["checkpoints"]) == 4
    rig.do(saver.aprune(["pruned"], strategy="delete"))
    assert rig.do(read(Saver, rig.pool, "pruned")) is None
