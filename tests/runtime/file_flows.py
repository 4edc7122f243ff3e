"""A workflow whose steps read a file of its input, one in a thread and one on the event loop's side."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent.files import UploadedFile, open_file
from assent.workflow import Workflow


class Input(BaseModel):
    """A file, or none."""

    effects: str
    report: UploadedFile
    second: UploadedFile | None = None


class State(TypedDict, total=False):
    input: dict[str, Any]
    name: str
    size: int
    sha256: str
    by_path: str


def _read(state: State) -> State:
    with open_file(state["input"]["report"]) as file:
        digest = hashlib.file_digest(file.stream, "sha256").hexdigest()
        return {"name": file.name, "size": file.size, "sha256": digest}


def _digest_by_path(reference: str) -> str:
    with open_file(reference) as file:
        return hashlib.sha256(file.path.read_bytes()).hexdigest()


async def _by_path(state: State) -> State:
    return {"by_path": await asyncio.to_thread(_digest_by_path, state["input"]["report"])}


def build() -> StateGraph[Any]:
    """Read it twice."""
    graph = StateGraph(State)
    graph.add_node("read", _read)
    graph.add_node("by_path", _by_path)
    graph.add_edge(START, "read")
    graph.add_edge("read", "by_path")
    graph.add_edge("by_path", END)
    return graph


READER = Workflow(
    name="test_reader", version="1", title="Read a file", description="Reads a file.", input_model=Input, build=build
)
ALL = f"{__name__}:READER"
