"""The graph: an analysis, five stages that end in a script, one gate, and the delivery of what was approved.

The steps are imported when the first of them runs: workers load this module when they start, and pages its catalog.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from langgraph.graph import END, START, StateGraph

from workflows.package_deployment.state import State

ANALYST = "package analyst"
WRITER = "packaging agent"
VALIDATOR = "validation agent"
DELIVERER = "delivery agent"
_DRAFTING = "workflows.package_deployment.drafting"
_GATE = "workflows.package_deployment.gate"
_HANDOVER = "workflows.package_deployment.handover"
_STEPS = {
    "analyze": (_DRAFTING, "Analyze the package", ANALYST, "package_analyzer"),
    "instruct": (_DRAFTING, "Structure the request", WRITER, "script_generator"),
    "ask": (_DRAFTING, "Ask for silent arguments", WRITER, "request_approval"),
    "retrieve": (_DRAFTING, "Find functions of the toolkit", WRITER, "script_generator"),
    "generate": (_DRAFTING, "Write the script", WRITER, "script_generator"),
    "validate": (_DRAFTING, "Validate the script", VALIDATOR, "script_generator"),
    "assess": (_GATE, "Assess its quality", VALIDATOR, "script_generator"),
    "propose": (_GATE, "Request approval", WRITER, "request_approval"),
    "revise": (_GATE, "Consider the comments", WRITER, "request_approval"),
    "recheck": (_GATE, "Check what was approved", VALIDATOR, "script_generator"),
    "deliver": (_HANDOVER, "Deliver the package", DELIVERER, "package_builder"),
    "report": (_HANDOVER, "Write the report", DELIVERER, "write_report"),
}


def build() -> StateGraph[State]:
    """Return the uncompiled graph."""
    graph = StateGraph(State)
    for name, (module, title, agent, tool) in _STEPS.items():
        graph.add_node(name, _step(module, name), metadata={"title": title, "agent": agent, "tool": tool})
    graph.add_edge(START, "analyze")
    graph.add_conditional_edges("analyze", _after_analysis, ["instruct", "report"])
    graph.add_conditional_edges("instruct", _after_instructions, ["ask", "retrieve"])
    graph.add_conditional_edges("ask", _after_question, ["instruct", "report"])
    graph.add_edge("retrieve", "generate")
    graph.add_edge("generate", "validate")
    graph.add_edge("validate", "assess")
    graph.add_edge("assess", "propose")
    graph.add_conditional_edges("propose", _after_decision, ["recheck", "revise", "report"])
    graph.add_edge("revise", "instruct")
    graph.add_conditional_edges("recheck", _after_recheck, ["deliver", "validate", "report"])
    graph.add_edge("deliver", "report")
    graph.add_edge("report", END)
    return graph


def _step(module: str, name: str) -> Any:
    def run(state: State) -> State:
        found: State = getattr(import_module(module), name)(state)
        return found

    run.__name__ = name
    return run


def _route(module: str, name: str, state: State) -> Any:
    return getattr(import_module(module), name)(state)


def _after_analysis(state: State) -> str:
    return "report" if state["problem"] else "instruct"


def _after_instructions(state: State) -> str:
    return "ask" if _route(_DRAFTING, "needs_switches", state) else "retrieve"


def _after_question(state: State) -> str:
    return "report" if state["problem"] else "instruct"


def _after_decision(state: State) -> str:
    return str(_route(_GATE, "after_decision", state))


def _after_recheck(state: State) -> str:
    return str(_route(_GATE, "after_recheck", state))
