"""Workflows for `bench.chaos`: each step records outside the portal that it began and that it ended.

The ledger is a file to which each line is appended by one write, so that lines of several processes do not mix. It is
what the portal's word is compared with.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent import (
    Custom,
    Outcome,
    Question,
    ReceiptStatus,
    ToolCall,
    Verdict,
    Workflow,
    report_receipt,
    request_approval,
)

LEDGER = "ASSENT_BENCH_LEDGER"
Node = Callable[..., Any]


class ChaosInput(BaseModel):
    """The input of a run."""

    name: str


class ChaosState(TypedDict, total=False):
    input: dict[str, Any]
    first: dict[str, Any]
    second: dict[str, Any]
    rounds: int


def note(run_id: str, step: str, what: str, outcome: Outcome | None = None) -> None:
    """Append a line to the ledger: the run, the step, whether it began or ended, and its outcome."""
    entry = {
        "run": run_id, "step": step, "what": what, "pid": os.getpid(), "at": time.monotonic(),
        "request": outcome.request_id if outcome else "", "digest": outcome.digest if outcome else "",
    }  # fmt: skip
    with Path(os.environ[LEDGER]).open("a") as file:
        file.write(json.dumps(entry) + "\n")


def _run_of(config: RunnableConfig) -> str:
    return str(config["configurable"]["thread_id"])


def _ask(name: str) -> Node:
    """A gate whose outcome is stored in the state under this name."""

    def ask(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
        call = ToolCall(title=f"Deploy {state['input']['name']} ({name})", tool="deploy", args={"part": name})
        return {name: request_approval(call).model_dump(mode="json")}

    return ask


def _act(name: str, seconds: float = 0.0) -> Node:
    """The step after a gate: acts, and reports what it did."""

    def act(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
        outcome = Outcome.model_validate(state[name])  # type: ignore[literal-required]
        if not outcome.approved:
            note(_run_of(config), f"left {name}", "end", outcome)
            return {}
        note(_run_of(config), f"act {name}", "begin", outcome)
        time.sleep(seconds)
        note(_run_of(config), f"act {name}", "end", outcome)
        report_receipt(outcome, ReceiptStatus.APPLIED, "Deployed.")
        return {}

    return act


def _chain(*steps: tuple[str, Node]) -> Callable[[], StateGraph]:
    def build() -> StateGraph:
        graph = StateGraph(ChaosState)
        for name, step in steps:
            graph.add_node(name, step)
        names = [START, *(name for name, _ in steps), END]
        for before, after in pairwise(names):
            graph.add_edge(before, after)
        return graph

    return build


def _parallel() -> StateGraph:
    graph = StateGraph(ChaosState)
    for name in ("first", "second"):
        graph.add_node(f"ask_{name}", _ask(name))
        graph.add_node(f"act_{name}", _act(name))
        graph.add_edge(START, f"ask_{name}")
        graph.add_edge(f"ask_{name}", f"act_{name}")
    graph.add_node("join", lambda state: {})
    graph.add_edge(["act_first", "act_second"], "join")
    graph.add_edge("join", END)
    return graph


def _unsteady(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
    """Fails on the first attempt, which creates a marker, so that a person has to retry it."""
    marker = Path(f"{os.environ[LEDGER]}.{_run_of(config)}")
    if not marker.exists():
        marker.touch()
        raise RuntimeError("The service does not answer.")
    return {}


def _question(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"node": {"type": "string"}}, "required": ["node"]}
    asked = Question(title=f"Which node for {state['input']['name']}?", question="Which?", answer_schema=schema)
    return {"first": request_approval(asked).model_dump(mode="json")}


def _use_answer(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
    outcome = Outcome.model_validate(state["first"])
    if outcome.verdict is Verdict.ANSWER:
        note(_run_of(config), "act first", "begin", outcome)
        note(_run_of(config), "act first", "end", outcome)
    return {}


def _propose_again(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
    rounds = state.get("rounds", 0)
    asked = Custom(title=f"Plan of {state['input']['name']}", data={"round": rounds})
    return {"first": request_approval(asked).model_dump(mode="json"), "rounds": rounds + 1}


def _revising() -> StateGraph:
    def ahead(state: ChaosState) -> str:
        return "ask" if state["first"]["verdict"] == "request_changes" and state["rounds"] < 3 else "act"

    graph = StateGraph(ChaosState)
    graph.add_node("ask", _propose_again)
    graph.add_node("act", _act("first"))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", ahead, ["ask", "act"])
    graph.add_edge("act", END)
    return graph


def _expiring(state: ChaosState, config: RunnableConfig) -> dict[str, Any]:
    call = ToolCall(title=f"Nobody decides {state['input']['name']}", tool="wait", args={}, expires_in_seconds=10)
    return {"first": request_approval(call).model_dump(mode="json")}


_BUILDS: dict[str, Callable[[], StateGraph]] = {
    "chaos_single": _chain(("ask", _ask("first")), ("act", _act("first")), ("last", lambda state: {})),
    "chaos_twice": _chain(
        ("ask", _ask("first")), ("act", _act("first")), ("ask_again", _ask("second")), ("act_again", _act("second"))
    ),
    "chaos_parallel": _parallel,
    "chaos_unsteady": _chain(("ask", _ask("first")), ("act", _act("first")), ("unsteady", _unsteady)),
    "chaos_question": _chain(("ask", _question), ("use", _use_answer)),
    "chaos_slow": _chain(("ask", _ask("first")), ("act", _act("first", seconds=1.5)), ("last", lambda state: {})),
    "chaos_revising": _revising,
    "chaos_expiring": _chain(("ask", _expiring), ("act", _act("first"))),
}
GATES = {
    "chaos_single": 1, "chaos_twice": 2, "chaos_parallel": 2, "chaos_unsteady": 1, "chaos_question": 1,
    "chaos_slow": 1, "chaos_revising": 1, "chaos_expiring": 1,
}  # fmt: skip
"""How many requests a run of each opens, without errors and revisions."""

WORKFLOWS = [
    Workflow(name, "1", name.replace("_", " ").capitalize(), "For bench/chaos.py", ChaosInput, build)
    for name, build in _BUILDS.items()
]
(SINGLE, TWICE, PARALLEL, UNSTEADY, QUESTION, SLOW, REVISING, EXPIRING) = WORKFLOWS
ALL = ",".join(
    f"bench.chaos_flows:{name}"
    for name in ("SINGLE", "TWICE", "PARALLEL", "UNSTEADY", "QUESTION", "SLOW", "REVISING", "EXPIRING")
)
