"""The workflow that both sides of the gate benchmark run: propose, request approval, and apply."""

from __future__ import annotations

import time
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent import ToolCall, Workflow, request_approval


class BenchInput(BaseModel):
    """An empty input."""

    number: int = 0


class BenchState(TypedDict, total=False):
    input: dict[str, Any]
    proposal: dict[str, Any]
    verdict: str
    applied_at: float


def _propose(state: BenchState) -> BenchState:
    call = ToolCall(
        title="Send the report", tool="send_report", args={"to": "team", "number": state["input"]["number"]}
    )
    return {"proposal": call.model_dump(mode="json")}


def _gate(state: BenchState) -> BenchState:
    return {"verdict": request_approval(state["proposal"]).verdict.value}


def _apply(state: BenchState) -> BenchState:
    return {"applied_at": time.time()}


def build() -> StateGraph:
    """Three nodes that are as cheap as possible, so that the benchmark measures the machinery around them."""
    graph = StateGraph(BenchState)
    graph.add_node("propose", _propose, metadata={"agent": "bench agent"})
    graph.add_node("gate", _gate, metadata={"agent": "bench agent"})
    graph.add_node("apply", _apply, metadata={"agent": "bench agent", "tool": "send_report"})
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "gate")
    graph.add_edge("gate", "apply")
    graph.add_edge("apply", END)
    return graph


WORKFLOW = Workflow("bench_gate", "1", "Bench gate", "For bench/gate.py", BenchInput, build)
