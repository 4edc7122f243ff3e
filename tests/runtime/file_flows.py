"""A workflow whose steps read a file of its input, one in a thread and one on the event loop's side."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent import Question, request_approval
from assent.files import FORMAT, UploadedFile, open_file
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


class Choice(BaseModel):
    effects: str


class Chosen(TypedDict, total=False):
    input: dict[str, Any]
    imported: str
    answered: str


FILE = {"type": "string", "format": FORMAT, "minLength": 1}
FILES = {"type": "object", "properties": {"file": FILE}, "required": ["file"]}


def _text_of(reference: str) -> str:
    with open_file(reference) as file:
        return file.stream.read().decode()


def _import(state: Chosen) -> Chosen:
    first = {"id": "first", "tool": "import_rows", "args": {"file": "none yet"}, "args_schema": FILES}
    calls = [first, first | {"id": "second"}]
    outcome = request_approval({"kind": "tool_calls", "title": "Import", "calls": calls})
    texts = [_text_of(call["args"]["file"]) for call in outcome.payload["calls"] if outcome.approved]
    return {"imported": " ".join(texts)}


def _ask(state: Chosen) -> Chosen:
    outcome = request_approval(Question(title="Which?", question="Which rows?", answer_schema=FILES))
    return {"answered": _text_of(outcome.answer["file"])}


def build_choice() -> StateGraph[Any]:
    """Read files that people name when they decide."""
    graph = StateGraph(Chosen)
    graph.add_node("import", _import)
    graph.add_node("ask", _ask)
    return graph.add_edge(START, "import").add_edge("import", "ask").add_edge("ask", END)


CHOICE = Workflow("test_choice", "1", "Choose files", "Reads files of decisions.", Choice, build_choice)
ALL = f"{__name__}:READER,{__name__}:CHOICE"
