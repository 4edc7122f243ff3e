"""The graph: six phases, each with a gate where people may have to decide.

The steps are imported when the first of them runs: they load polars, and workers load this module when they start.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from langgraph.graph import END, START, StateGraph

from assent import request_approval
from workflows.asset_discovery.state import State

READER, MAPPER, CLEANSER = "reading agent", "mapping agent", "cleansing agent"
KEEPER, ANALYST = "inventory agent", "analysis agent"
_STEPS = {
    "read": ("validation", "read", "Read the files", READER, "read_inventory", "Validation"),
    "map": ("mapping", "map_columns", "Map the columns", MAPPER, "map_fields", "Field mapping"),
    "decide_mapping": ("", "", "Decide the mapping", MAPPER, "request_approval", "Field mapping"),
    "take_mapping": ("mapping", "take_mapping", "Take over the mapping", MAPPER, "", "Field mapping"),
    "cleanse": ("cleansing", "cleanse_tables", "Cleanse the values", CLEANSER, "cleanse_inventory", "Cleansing"),
    "decide_cleansing": ("", "", "Approve changed values", CLEANSER, "request_approval", "Cleansing"),
    "take_cleansing": ("cleansing", "take_cleansing", "Take over the rules", CLEANSER, "", "Cleansing"),
    "recleanse": ("cleansing", "recleanse", "Cleanse again", CLEANSER, "cleanse_inventory", "Cleansing"),
    "find_duplicates": ("inventory", "find_duplicates", "Find duplicates", KEEPER, "find_duplicates", "Inventory"),
    "decide_merges": ("", "", "Decide doubtful merges", KEEPER, "request_approval", "Inventory"),
    "take_merges": ("inventory", "take_merges", "Take over the merges", KEEPER, "", "Inventory"),
    "merge": ("inventory", "merge_records", "Merge the records", KEEPER, "", "Inventory"),
    "finish": ("finish", "finish", "Write the report", ANALYST, "", "Analysis"),
}


def build() -> StateGraph[State]:
    """Return the uncompiled graph."""
    graph = StateGraph(State)
    for name, (module, function, title, agent, tool, phase) in _STEPS.items():
        step = _step(module, function, name) if module else _gate(name)
        graph.add_node(name, step, metadata={"title": title, "agent": agent, "tool": tool, "phase": phase})
    graph.add_edge(START, "read")
    _after(graph, "read", "map", "finish")
    _after(graph, "map", "decide_mapping", "cleanse")
    graph.add_edge("decide_mapping", "take_mapping")
    _after(graph, "take_mapping", "decide_mapping", "cleanse", "finish")
    _after(graph, "cleanse", "decide_cleansing", "find_duplicates")
    graph.add_edge("decide_cleansing", "take_cleansing")
    _after(graph, "take_cleansing", "decide_cleansing", "recleanse", "find_duplicates", "finish")
    graph.add_edge("recleanse", "find_duplicates")
    _after(graph, "find_duplicates", "decide_merges", "merge")
    graph.add_edge("decide_merges", "take_merges")
    _after(graph, "take_merges", "decide_merges", "merge")
    graph.add_edge("merge", "finish")
    graph.add_edge("finish", END)
    return graph


def _step(module: str, function: str, name: str) -> Any:
    def run(state: State) -> State:
        found: State = getattr(import_module(f"workflows.asset_discovery.steps.{module}"), function)(state)
        return found

    run.__name__ = name
    return run


def _gate(name: str) -> Any:
    """A step that suspends until people have decided. It does nothing else, because it runs again on resume."""

    def ask(state: State) -> State:
        return {"outcome": request_approval(state["proposal"]).model_dump(mode="json")}

    ask.__name__ = name
    return ask


def _after(graph: StateGraph[State], step: str, *following: str) -> None:
    """Go on to the end if there is a problem, to the gate if something is proposed, and else to the next step."""
    onward = [name for name in following if name != "finish" and not name.startswith("decide_")]
    gate = next((name for name in following if name.startswith("decide_")), "")

    def route(state: State) -> str:
        if state.get("problem") and "finish" in following:
            return "finish"
        if gate and state.get("proposal"):
            return gate
        # Nothing is cleansed again if every rule was approved.
        return onward[0] if len(onward) == 1 or state["left_out"] else onward[-1]

    graph.add_conditional_edges(step, route, list(following))
