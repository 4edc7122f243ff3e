"""How a thread of a LangGraph server is followed, with a server that says of an error before its run is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from langgraph_sdk.errors import NotFoundError

from assent.gate import ProposalChangedError
from assent.langgraph_server.claims import Bridges, Claim
from assent.langgraph_server.threads import Thread

CHANGED = {"error": "ProposalChangedError", "message": "The step made a different proposal."}


class Runs:
    """The runs of a thread: the newest one is active until somebody has waited for it."""

    def __init__(self, status: str, parts: list[tuple[str, Any]]) -> None:
        self.status = status
        self.parts = parts

    async def list(self, _thread: str, *, status: str = "", limit: int) -> list[dict[str, str]]:
        found = [{"run_id": "run"}] if status == self.status else []
        if status == "pending" == self.status:
            self.status = "running"  # it starts while it is looked for
        return found

    async def join(self, _thread: str, _run: str) -> None:
        self.status = "over"

    async def stream(self, *_given: Any, **_more: Any) -> AsyncIterator[SimpleNamespace]:
        for event, data in self.parts:
            yield SimpleNamespace(event=event, data=data)


async def follow(runs: Runs) -> list[Any]:
    async def get(thread_id: str) -> dict[str, str]:
        return {"thread_id": thread_id, "status": "error"}

    server: Any = SimpleNamespace(runs=runs, threads=SimpleNamespace(get=get))
    thread = Thread(server, {"thread_id": "thread", "metadata": {}})
    return [part async for part in thread.run({"interrupt": "answer"}, "mark")]


@pytest.mark.parametrize("status", ["pending", "running"])
def test_an_error_is_raised_once_the_run_is_over_and_the_thread_can_be_changed(status: str) -> None:
    runs = Runs(status, [("custom", {"a": 1}), ("error", CHANGED)])
    with pytest.raises(ProposalChangedError, match="different proposal"):
        asyncio.run(follow(runs))
    assert runs.status == "over"


@pytest.mark.parametrize("status", ["pending", "running"])
def test_an_end_is_told_once_the_run_is_over(status: str) -> None:
    runs = Runs(status, [("custom", {"a": 1}), ("values", {"b": 2}), ("custom|node:1", {"c": 3})])
    assert asyncio.run(follow(runs)) == [{"a": 1}, {"c": 3}]
    assert runs.status == "over"


def test_requests_of_a_thread_that_was_deleted_while_they_were_opened_are_known() -> None:
    async def update(_thread: str, **_given: Any) -> None:
        gone = httpx.Response(404, request=httpx.Request("PATCH", "http://127.0.0.1/threads/thread"))
        raise NotFoundError("Thread not found", response=gone, body=None)

    server: Any = SimpleNamespace(threads=SimpleNamespace(update=update))
    claim = Claim(Thread(server, {"thread_id": "thread", "metadata": {}}), Bridges(server, "bridge"))
    asyncio.run(claim.note({"asked": "request"}))
    assert claim.requests == {"asked": "request"}, "so that the driver goes on, and withdraws them"
