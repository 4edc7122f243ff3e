"""Workflows whose steps report progress, in pieces that wait for the test."""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph

from assent import report_progress
from tests.flows import FlowState, _after, effect, released
from tests.flows import _workflow as workflow

PIECES = 4
SECRET = "ghp_" + "a1B2" * 9
COUNTS: dict[str, Any] = {"rows": 1200, "share": 0.5, "token": SECRET}


def _pieces(state: FlowState, can_stop: bool) -> FlowState:
    for number in range(PIECES):
        effect(state, f"piece {number}")
        report_progress(number + 1, PIECES, f"Piece {number} of {SECRET}", COUNTS, can_stop=can_stop)
        if number == 1:
            effect(state, "waits")
            released(state["input"]["effects"]).wait()
    return {}


def _in_a_row(can_stop: bool) -> StateGraph[Any]:
    graph = StateGraph(FlowState)
    graph.add_node("count", lambda state: _pieces(state, can_stop), metadata={"title": "Count", "phase": "Counting"})
    graph.add_node("after", _after, metadata={"phase": "Ending"})
    graph.add_edge(START, "count")
    graph.add_edge("count", "after")
    graph.add_edge("after", END)
    return graph


def _beside(state: FlowState) -> FlowState:
    effect(state, "beside began")
    released(state["input"]["effects"] + " beside").wait()
    effect(state, "beside ended")
    return {}


def _parallel() -> StateGraph[Any]:
    graph = _in_a_row(can_stop=True)
    graph.add_node("beside", _beside)
    graph.add_edge(START, "beside")
    graph.add_edge("beside", "after")
    return graph


STOPPING = workflow("test_stopping_pieces", lambda: _in_a_row(can_stop=True))
LASTING = workflow("test_lasting_pieces", lambda: _in_a_row(can_stop=False))
PARALLEL = workflow("test_parallel_pieces", _parallel)
_HERE = "tests.runtime.progress_flows"
ALL = f"{_HERE}:STOPPING,{_HERE}:LASTING,{_HERE}:PARALLEL"
