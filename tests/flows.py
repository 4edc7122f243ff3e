"""Small workflows for tests; a worker finds them as ``tests.flows:NAME``.

What a step does to the outside is a line in the file that the run's input names, so that tests can count effects.
"""

from __future__ import annotations

import operator
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

from assent import (
    OptimizationItem,
    Optimizations,
    ReceiptStatus,
    Script,
    Workflow,
    publish_artifact,
    report_receipt,
    request_approval,
)

_released: defaultdict[str, threading.Event] = defaultdict(threading.Event)


class FlowInput(BaseModel):
    """What the test flows are started with."""

    effects: str = Field(default="", description="File to which effects are written; empty: none")
    die_at: str = Field(default="", description="Point at which the worker kills itself, once")
    fail_times: int = Field(default=0, ge=0, le=100)
    text: str = "select 1"
    language: str = "sql"


class FlowState(TypedDict, total=False):
    input: dict[str, Any]
    proposal: dict[str, Any]
    outcome: dict[str, Any]
    answers: Annotated[list[Any], operator.add]


def effect(state: FlowState, line: str) -> None:
    """Do something that can be counted."""
    if path := state["input"]["effects"]:
        with Path(path).open("a") as file:
            file.write(line + "\n")


def in_a_row(steps: Mapping[str, Callable[[FlowState], Any]], metadata: dict[str, Any] | None = None) -> StateGraph:
    """A graph of these steps, one after the other.

    Args:
        metadata: Of each of its nodes.
    """
    graph, before = StateGraph(FlowState), START
    for name, step in steps.items():
        graph.add_node(name, step, metadata=metadata)
        graph.add_edge(before, name)
        before = name
    graph.add_edge(before, END)
    return graph


def die_once(state: FlowState, point: str) -> None:
    """Kill this process, hard, the first time the point is reached."""
    if state["input"]["die_at"] != point:
        return
    marker = Path(state["input"]["effects"] + f".died-{point}")
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _propose(state: FlowState) -> FlowState:
    die_once(state, "propose")
    items = [
        OptimizationItem(id=name, title=f"Index {name}", statement=f"create index concurrently {name} on t ({name})")
        for name in ("a", "b", "c")
    ]
    proposal = Optimizations(
        title="Create 3 indexes on t",
        dialect="postgres",
        items=items,
        verb="create",
        noun="index",
        noun_plural="indexes",
    )
    return {"proposal": proposal.model_dump(mode="json")}


def _gate(state: FlowState) -> FlowState:
    die_once(state, "gate")
    outcome = request_approval(state["proposal"])
    die_once(state, "after-answer")
    return {"outcome": outcome.model_dump(mode="json")}


def _apply(state: FlowState) -> FlowState:
    from assent import Outcome

    die_once(state, "apply")
    outcome = Outcome.model_validate(state["outcome"])
    if not outcome.approved:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, f"Nothing was done: {outcome.comment}")
        return {}
    for item in outcome.proposal.items:  # type: ignore[union-attr]
        effect(state, f"applied {item.statement}")
    die_once(state, "applied")
    report_receipt(outcome, ReceiptStatus.APPLIED, "Created what was approved.", {"items": len(outcome.proposal.items)})  # type: ignore[union-attr]
    publish_artifact("report.md", "# Report\n\nAll well.", "text/markdown")
    return {"answers": ["applied"]}


def _gate_graph() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("propose", _propose, metadata={"title": "Propose", "agent": "optimizer agent", "tool": "propose"})
    graph.add_node("gate", _gate, metadata={"title": "Ask", "agent": "optimizer agent"})
    graph.add_node("apply", _apply, metadata={"title": "Apply", "agent": "optimizer agent", "tool": "create_index"})
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "gate")
    graph.add_edge("gate", "apply")
    graph.add_edge("apply", END)
    return graph


def _script_gate(state: FlowState) -> FlowState:
    outcome = request_approval(
        Script(
            title="Run a script",
            language=state["input"].get("language", "sql"),
            dialect="postgres",
            content=state["input"]["text"],
        )
    )
    effect(state, f"ran {outcome.proposal.content if outcome.approved else 'nothing'}")  # type: ignore[union-attr]
    return {"answers": [outcome.verdict.value]}


def _script_graph() -> StateGraph:
    return in_a_row({"script": _script_gate}, {"agent": "script agent"})


def _revise(state: FlowState) -> FlowState:
    """Propose; where changes are asked for, propose again with the remark in it."""
    said = state.get("outcome", {}).get("said")
    content = state["input"]["text"] + (f" -- {said}" if said else "")
    return {"proposal": Script(title="Run a script", language="sql", content=content).model_dump(mode="json")}


def _ask_for_revised(state: FlowState) -> FlowState:
    outcome = request_approval(state["proposal"])
    return {"outcome": {"verdict": outcome.verdict.value, "said": outcome.comment}}


def _run_revised(state: FlowState) -> FlowState:
    if state["outcome"]["verdict"] in ("approve", "modify"):
        effect(state, f"ran {state['proposal']['content']}")
    return {}


def _revise_graph() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("propose", _revise, metadata={"agent": "script agent"})
    graph.add_node("ask", _ask_for_revised, metadata={"agent": "script agent"})
    graph.add_node("carry_out", _run_revised, metadata={"agent": "script agent"})
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "ask")
    graph.add_conditional_edges(
        "ask",
        lambda state: "propose" if state["outcome"]["verdict"] == "request_changes" else "carry_out",
        ["propose", "carry_out"],
    )
    graph.add_edge("carry_out", END)
    return graph


class Age(BaseModel):
    """An answer with a schema."""

    years: int = Field(ge=0, le=150)


def _two_questions(state: FlowState) -> FlowState:
    first = interrupt("What is the first word?")
    second = interrupt("What is the second word?")
    return {"answers": [first, second]}


def _age(state: FlowState) -> FlowState:
    return {"answers": [interrupt({"question": "How old is the server?"}, response_schema=Age).years]}


def _questions_graph() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("two", _two_questions)
    graph.add_node("age", _age)
    graph.add_edge(START, "two")
    graph.add_edge(START, "age")
    graph.add_edge("two", END)
    graph.add_edge("age", END)
    return graph


def _flaky(state: FlowState) -> FlowState:
    effect(state, "tried")
    tried = Path(state["input"]["effects"]).read_text().count("tried")
    if tried <= state["input"]["fail_times"]:
        raise RuntimeError(f"attempt {tried} failed: password=hunter2hunter2")
    return {"answers": ["worked"]}


def _after(state: FlowState) -> FlowState:
    effect(state, "after")
    return {}


def _flaky_graph() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("flaky", _flaky, metadata={"title": "Flaky step", "skippable": True})
    graph.add_node("after", _after)
    graph.add_edge(START, "flaky")
    graph.add_edge("flaky", "after")
    graph.add_edge("after", END)
    return graph


def released(effects: str) -> threading.Event:
    """What slow steps of the run with that file wait for, which a test in the same process sets."""
    return _released[effects]


def _slow(state: FlowState) -> FlowState:
    effect(state, "slow began")
    released(state["input"]["effects"]).wait()
    effect(state, "slow ended")
    return {}


def _slow_graph() -> StateGraph:
    return in_a_row({"slow": _slow, "after": _after})


def _workflow(name: str, build: Any) -> Workflow:
    return Workflow(name, "1", name.replace("_", " ").capitalize(), "A workflow for tests.", FlowInput, build)


GATE = _workflow("test_gate", _gate_graph)
SCRIPT = _workflow("test_script", _script_graph)
QUESTIONS = _workflow("test_questions", _questions_graph)
FLAKY = _workflow("test_flaky", _flaky_graph)
SLOW = _workflow("test_slow", _slow_graph)
REVISE = _workflow("test_revise", _revise_graph)
ALL = "tests.flows:GATE,tests.flows:SCRIPT,tests.flows:QUESTIONS,tests.flows:FLAKY,tests.flows:SLOW,tests.flows:REVISE"
