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
_VALIDATION = "workflows.asset_discovery.steps.validation"
_MAPPING = "workflows.asset_discovery.steps.mapping"
_CLEANSING = "workflows.asset_discovery.steps.cleansing"
_INVENTORY = "workflows.asset_discovery.steps.inventory"
_DEPENDENCIES = "workflows.asset_discovery.steps.dependencies"
_ANALYSIS = "workflows.asset_discovery.steps.analysis"
_FINISH = "workflows.asset_discovery.steps.finish"
_STEPS = {
    "read": (_VALIDATION, "read", "Read the files", READER, "read_inventory", "Validation"),
    "map": (_MAPPING, "map_columns", "Map the columns", MAPPER, "map_fields", "Field mapping"),
    "decide_mapping": ("", "", "Decide the mapping", MAPPER, "request_approval", "Field mapping"),
    "take_mapping": (_MAPPING, "take_mapping", "Take over the mapping", MAPPER, "", "Field mapping"),
    "cleanse": (_CLEANSING, "cleanse_tables", "Cleanse the values", CLEANSER, "cleanse_inventory", "Cleansing"),
    "decide_cleansing": ("", "", "Approve changed values", CLEANSER, "request_approval", "Cleansing"),
    "take_cleansing": (_CLEANSING, "take_cleansing", "Take over the rules", CLEANSER, "", "Cleansing"),
    "recleanse": (_CLEANSING, "recleanse", "Cleanse again", CLEANSER, "cleanse_inventory", "Cleansing"),
    "find_duplicates": (_INVENTORY, "find_duplicates", "Find duplicates", KEEPER, "find_duplicates", "Inventory"),
    "decide_merges": ("", "", "Decide doubtful merges", KEEPER, "request_approval", "Inventory"),
    "take_merges": (_INVENTORY, "take_merges", "Take over the merges", KEEPER, "", "Inventory"),
    "merge": (_INVENTORY, "merge_records", "Merge the records", KEEPER, "", "Inventory"),
    "relate": (_DEPENDENCIES, "relate", "Find dependencies", ANALYST, "", "Dependencies"),
    "analyze": (_ANALYSIS, "analyze_inventory", "Analyze the inventory", ANALYST, "", "Analysis"),
    "decide_migration": ("", "", "Decide the migration view", ANALYST, "request_approval", "Analysis"),
    "take_migration": (_ANALYSIS, "take_migration", "Take over the migration view", ANALYST, "", "Analysis"),
    "finish": (_FINISH, "finish", "Write the report", ANALYST, "", "Analysis"),
}


def build() -> StateGraph[State]:
    """Return the uncompiled graph."""
    graph = StateGraph(State)
    for name, (module, function, title, agent, tool, phase) in _STEPS.items():
        step = _step(module, function, name) if module else _gate(name)
        graph.add_node(name, step, metadata={"title": title, "agent": agent, "tool": tool, "phase": phase})
    graph.add_edge(START, "read")
    graph.add_conditional_edges("read", _after_reading, ["map", "finish"])
    graph.add_conditional_edges("map", _after_mapping, ["decide_mapping", "cleanse", "finish"])
    graph.add_edge("decide_mapping", "take_mapping")
    graph.add_conditional_edges("take_mapping", _after_mapping, ["decide_mapping", "cleanse", "finish"])
    graph.add_conditional_edges("cleanse", _after_cleansing, ["decide_cleansing", "find_duplicates"])
    graph.add_edge("decide_cleansing", "take_cleansing")
    graph.add_conditional_edges(
        "take_cleansing", _after_approval, ["decide_cleansing", "recleanse", "find_duplicates", "finish"]
    )
    graph.add_edge("recleanse", "find_duplicates")
    graph.add_conditional_edges("find_duplicates", _after_search, ["decide_merges", "merge"])
    graph.add_edge("decide_merges", "take_merges")
    graph.add_conditional_edges("take_merges", _after_search, ["decide_merges", "merge"])
    graph.add_edge("merge", "relate")
    graph.add_edge("relate", "analyze")
    graph.add_conditional_edges("analyze", _after_analysis, ["decide_migration", "finish"])
    graph.add_edge("decide_migration", "take_migration")
    graph.add_conditional_edges("take_migration", _after_analysis, ["decide_migration", "finish"])
    graph.add_edge("finish", END)
    return graph


def _step(module: str, function: str, name: str) -> Any:
    def run(state: State) -> State:
        found: State = getattr(import_module(module), function)(state)
        return found

    run.__name__ = name
    return run


def _gate(name: str) -> Any:
    """A step that suspends until people have decided. It does nothing else, because it runs again on resume."""

    def ask(state: State) -> State:
        return {"outcome": request_approval(state["proposal"]).model_dump(mode="json")}

    ask.__name__ = name
    return ask


def _after_reading(state: State) -> str:
    return "finish" if state.get("problem") else "map"


def _after_mapping(state: State) -> str:
    if state.get("problem"):
        return "finish"
    return "decide_mapping" if state.get("proposal") else "cleanse"


def _after_cleansing(state: State) -> str:
    return "decide_cleansing" if state.get("proposal") else "find_duplicates"


def _after_approval(state: State) -> str:
    if state.get("problem"):
        return "finish"
    if state.get("proposal"):
        return "decide_cleansing"
    return "recleanse" if state["left_out"] else "find_duplicates"


def _after_search(state: State) -> str:
    return "decide_merges" if state.get("proposal") else "merge"


def _after_analysis(state: State) -> str:
    return "decide_migration" if state.get("proposal") else "finish"
