"""The graph: assess, plan, ask people, carry out step by step, and report."""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph

from workflows.coordinator import carrying_out, planning, proposing, reporting
from workflows.coordinator.proposing import AGENT
from workflows.coordinator.state import State

_STEPS: dict[str, tuple[Any, str]] = {
    "assess": (planning.assess, "Assess the request"),
    "compose": (planning.compose_plan, "Compose a plan"),
    "missing_inputs": (planning.missing_inputs, "Ask for what is missing"),
    "approval": (proposing.approval, "Approval: the plan"),
    "revise": (planning.revise, "Revise the plan"),
    "accept": (proposing.accept, "Check the approved plan"),
    "next_step": (carrying_out.next_step, "Choose the next step"),
    "carry_out": (carrying_out.carry_out, "Carry out the step"),
    "what_now": (carrying_out.what_now, "Ask what to do about a change"),
    "report": (reporting.report, "Write the report"),
}


def build() -> StateGraph[State]:
    """Return the uncompiled graph."""
    graph = StateGraph(State)
    for name, (function, title) in _STEPS.items():
        about: dict[str, Any] = {"title": title, "agent": AGENT}
        graph.add_node(name, function, metadata=about | ({"skippable": True} if name == "carry_out" else {}))
    graph.add_edge(START, "assess")
    graph.add_edge("assess", "compose")
    graph.add_conditional_edges("compose", planning.route, ["missing_inputs", "approval", "report"])
    graph.add_conditional_edges("missing_inputs", planning.route_after_answer, ["assess", "report"])
    graph.add_conditional_edges("approval", proposing.route_after_approval, ["accept", "revise", "report"])
    graph.add_conditional_edges("revise", planning.route_after_answer, ["assess", "report"])
    graph.add_conditional_edges("accept", proposing.route_after_accepting, ["next_step", "approval", "report"])
    graph.add_conditional_edges("next_step", carrying_out.route_next, ["carry_out", "what_now", "report"])
    graph.add_conditional_edges("carry_out", carrying_out.route_after_step, ["next_step", "what_now", "report"])
    graph.add_conditional_edges("what_now", carrying_out.route_after_question, ["next_step", "assess", "report"])
    graph.add_edge("report", END)
    return graph
