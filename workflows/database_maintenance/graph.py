"""The graph: seven steps of maintenance around one gate."""

from __future__ import annotations

from langgraph.graph import END, START, StateGraph

from workflows.database_maintenance import analysis, apply, changes, constraints, proposal, report
from workflows.database_maintenance.state import State, settings_of

INSPECTOR = "inspector agent"
ANALYST = "performance analyst"
BACKUP = "backup agent"
OPTIMIZER = "optimizer agent"
VALIDATOR = "validation agent"
WRITER = "report writer"

_STEPS = {
    "health": (analysis.health, "Check health", INSPECTOR, "check_database_health"),
    "slow_queries": (analysis.slow_queries, "Find slow queries", ANALYST, "analyze_slow_queries"),
    "missing_indexes": (analysis.missing_indexes, "Find missing indexes", ANALYST, "identify_missing_indexes"),
    "stale_statistics": (analysis.stale_statistics, "Find stale statistics", ANALYST, "check_table_statistics"),
    "backup": (proposal.backup, "Back up and verify", BACKUP, "backup_database_full"),
    "refresh_statistics": (proposal.refresh_statistics, "Refresh statistics", OPTIMIZER, "optimize_table_statistics"),
    "propose": (proposal.propose, "Propose indexes", OPTIMIZER, "request_approval"),
    "revise": (proposal.revise, "Revise the proposal", OPTIMIZER, "identify_missing_indexes"),
    "reexamine": (changes.reexamine, "Measure again after a change", OPTIMIZER, "identify_missing_indexes"),
    "what_now": (changes.what_now, "Ask what to do", OPTIMIZER, "request_approval"),
    "prepare": (apply.prepare, "Measure before", VALIDATOR, "measure_queries"),
    "apply": (apply.apply_next, "Create index", OPTIMIZER, "create_index"),
    "validate": (apply.validate, "Validate", VALIDATOR, "validate_optimization_results"),
    "rollback": (apply.rollback, "Roll back what did not help", OPTIMIZER, "drop_index"),
    "report": (report.report, "Write the report", WRITER, "write_report"),
}
_CHANGED = ("reexamine", "what_now")


def check_hours(state: State) -> State:
    """Check whether indexes may be created now; if not, no approval is requested."""
    return {"refusal": constraints.outside_hours(settings_of(state), constraints.now())}


def build() -> StateGraph[State]:
    """Return the uncompiled graph."""
    graph = StateGraph(State)
    for name, (function, title, agent, tool) in _STEPS.items():
        graph.add_node(name, function, metadata={"title": title, "agent": agent, "tool": tool})
    graph.add_node(
        "constraints",
        check_hours,
        metadata={"title": "Check constraints", "agent": OPTIMIZER, "tool": "safety_controller"},
    )
    graph.add_edge(START, "health")
    graph.add_conditional_edges("health", _after_health, ["slow_queries", "report"])
    graph.add_edge("slow_queries", "missing_indexes")
    graph.add_edge("missing_indexes", "stale_statistics")
    graph.add_edge("stale_statistics", "constraints")
    graph.add_conditional_edges("constraints", _after_constraints, ["backup", "refresh_statistics"])
    graph.add_edge("backup", "refresh_statistics")
    graph.add_conditional_edges("refresh_statistics", _after_statistics, ["propose", "report"])
    graph.add_conditional_edges("propose", proposal.route_after_proposal, ["prepare", "revise", "report"])
    graph.add_conditional_edges("revise", _after_revision, ["propose", "report"])
    graph.add_conditional_edges("prepare", apply.route_after_prepare, ["apply", *_CHANGED, "report"])
    graph.add_conditional_edges("apply", apply.route_after_apply, ["apply", "validate", *_CHANGED, "report"])
    graph.add_conditional_edges("reexamine", _after_revision, ["propose", "report"])
    graph.add_conditional_edges("what_now", changes.route_after_question, ["reexamine", "report"])
    graph.add_conditional_edges("validate", apply.route_after_validation, ["rollback", "report"])
    graph.add_edge("rollback", "report")
    graph.add_edge("report", END)
    return graph


def _after_health(state: State) -> str:
    return "slow_queries" if state["health"]["healthy"] else "report"


def _after_constraints(state: State) -> str:
    """Make a backup only before something that requires one."""
    return "backup" if state["candidates"] and not state["refusal"] else "refresh_statistics"


def _after_statistics(state: State) -> str:
    return "propose" if state["candidates"] and not state["refusal"] else "report"


def _after_revision(state: State) -> str:
    return "propose" if state["candidates"] else "report"
