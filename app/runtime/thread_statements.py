"""The SQL statements that store and find LangGraph's data of a thread, in the tables of LangGraph's saver."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from langgraph.checkpoint.base import WRITES_IDX_MAP
from langgraph.checkpoint.postgres.base import BasePostgresSaver

from app.domain.run_protocol import Statement

MANY = 50
"""The most values that one statement stores. There is one form of the statement for each number of values."""
NEWEST = "WHERE thread_id = %s AND checkpoint_ns = %s ORDER BY assent_seq DESC LIMIT 1"
BEFORE = """coalesce(assent_seq < (select bound.assent_seq from checkpoints as bound
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

Row = TypeVar("Row")
Value = tuple[str, str, str, bytes]
"""A channel's value with a row of its own: channel, version, type, and serialized value."""


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
