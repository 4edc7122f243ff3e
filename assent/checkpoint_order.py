"""Checks that a thread's latest checkpoint is the newest: checkpointers sort by id, which contains a clock's time.

If the clocks of two machines differ, a checkpoint that was written later can have a smaller id. A reader of the thread
then sees an earlier state, and would run completed steps again. So nothing is sent to a thread whose latest checkpoint
is followed by another one, nor to one that was written in this machine's future, because this machine's checkpoints
would count as older.

The portal's own checkpointer does not sort checkpoints by id; this is for graphs with other checkpointers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import id as ids
from langgraph.types import StateSnapshot

from assent.errors import ThreadOrderError
from assent.thread import GetListed, GetState, Reading

PATIENCE_SECONDS = 10.0
"""How many seconds a thread may be ahead of this machine's clock; beyond that, it is refused."""
_TICKS = 10_000_000
_UUID_EPOCH = 0x01B21DD213814000
"""Ticks between the epoch of UUIDs and that of Unix."""


def in_order(config: RunnableConfig) -> Reading[StateSnapshot]:
    """Make sure that the state read is the thread's newest checkpoint, including waiting subgraphs.

    Returns:
        The state.

    Raises:
        ThreadOrderError: it is not the newest.
    """
    while True:
        state = yield GetState(config)
        overtaken = yield from _overtaken(state)
        if overtaken is None:
            return state
        newest, newer = overtaken
        again = yield from _whole((yield GetState(config)))
        if any(_place(snapshot.config) == _place(newest) for snapshot in _with_subgraphs(again)):
            raise ThreadOrderError(_OVERTAKEN.format(**_named(newest, newer)), newer)
        # Another program continued the thread, or one of its subgraphs, in between.


def seconds_ahead(config: RunnableConfig) -> Reading[float]:
    """Return the seconds until this machine's checkpoints count as newer than the stored ones.

    Raises:
        ThreadOrderError: too long to wait.
    """
    where = {"thread_id": config["configurable"]["thread_id"]}
    state = yield from _whole((yield GetState(config)))
    # Not every checkpointer lists the newest of all namespaces first; some list one namespace after the other.
    of_all = yield GetListed({"configurable": where}, None, 1)
    newest = max(_ticks(found.config) for found in (*_with_subgraphs(state), *of_all))
    own = getattr(ids, "_last_v6_timestamp", None) or 0  # in one process LangGraph's ids grow whatever the clock does
    ahead = (newest - max(time.time_ns() // 100 + _UUID_EPOCH, own)) / _TICKS
    if ahead > PATIENCE_SECONDS:
        raise ThreadOrderError(_AHEAD.format(thread_id=where["thread_id"], seconds=round(ahead)), state.config)
    return max(ahead, 0.0)


_OVERTAKEN = (
    "Thread {thread_id} was not continued: checkpoint {newer} was written after {newest} and yet counts as older, "
    "because the clocks of the machines that wrote them differ. Nothing was sent, and no request was opened. Set the "
    "clocks right; then an update of the state at {newer} without values (`graph.update_state(error.config, None)`) "
    "makes it the newest again."
)
_AHEAD = (
    "Thread {thread_id} was not continued: it was last written by a machine whose clock is {seconds} s ahead of this "
    "one's, so checkpoints written here would count as older. Nothing was sent. Set the clocks right, or make the "
    "call again once this machine's clock has caught up."
)


def _whole(state: StateSnapshot) -> Reading[StateSnapshot]:
    """Return the state with those of waiting subgraphs."""
    if all(task.state is None for task in state.tasks):
        return state
    return (yield GetState(state.config, deep=True))


def _overtaken(state: StateSnapshot) -> Reading[tuple[RunnableConfig, RunnableConfig] | None]:
    """Return a supposedly newest checkpoint that others follow, and the last of those; None if there is none."""
    for snapshot in _with_subgraphs((yield from _whole(state))):
        found = yield from _follower(snapshot.config, snapshot.metadata)
        last = None
        while found is not None:
            last = found.config
            found = yield from _follower(found.config, found.metadata)
        if last is not None:
            return snapshot.config, last
    return None


def _follower(config: RunnableConfig, metadata: Any) -> Reading[Any]:
    """Return a checkpoint whose parent is the given one."""
    where, step = config["configurable"], (metadata or {}).get("step")
    if not where.get("checkpoint_id") or step is None:
        return None
    thread = {"thread_id": where["thread_id"], "checkpoint_ns": where.get("checkpoint_ns", "")}
    for saved in (yield GetListed({"configurable": thread}, step + 1)):
        parent = (saved.parent_config or {}).get("configurable", {})
        if parent.get("checkpoint_id") == where["checkpoint_id"]:
            return saved
    return None


def _with_subgraphs(state: StateSnapshot) -> Iterator[StateSnapshot]:
    yield state
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            yield from _with_subgraphs(task.state)


def _place(config: RunnableConfig) -> tuple[str, str]:
    """Return a checkpoint's namespace and id."""
    where = config["configurable"]
    return where.get("checkpoint_ns", ""), where.get("checkpoint_id", "")


def _named(newest: RunnableConfig, newer: RunnableConfig) -> dict[str, str]:
    return {
        "thread_id": newer["configurable"]["thread_id"], "newer": newer["configurable"]["checkpoint_id"],
        "newest": newest["configurable"]["checkpoint_id"],
    }  # fmt: skip


def _ticks(config: RunnableConfig) -> int:
    """Return the time in a checkpoint's id, by the clock of the machine that wrote it; 0 if there is none."""
    try:
        found = UUID(str(config["configurable"].get("checkpoint_id")))
    except ValueError:
        return 0
    if found.version != 6:
        return 0
    return (found.time_low << 28) | (found.time_mid << 12) | (found.time_hi_version & 0x0FFF)
