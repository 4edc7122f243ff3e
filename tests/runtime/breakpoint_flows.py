"""Workflows that are compiled to stop before or after their nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt

from assent import Script, Workflow, request_approval
from tests.flows import FlowState, _workflow, effect
from tests.runtime.guard_flows import _graph, _last, aside

TOKEN = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
APPLY = {"title": "Apply", "agent": "DBA agent", "tool": "run_sql"}


def _prepare(state: FlowState) -> FlowState:
    return {"proposal": {"statement": "select 1", "token": TOKEN, "long": "x" * 30_000}}


def _apply(state: FlowState) -> FlowState:
    effect(state, "applied")
    return {}


def _gate(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Run it", language="sql", content="select 1"))
    effect(state, f"ran {outcome.verdict.value}")
    return {}


def _fails(state: FlowState) -> FlowState:
    effect(state, "tried")
    if not aside(state, "mended").exists():
        raise ConnectionError("not yet")
    return {}


def _ask(state: FlowState) -> FlowState:
    return {"answers": [interrupt("What is a?")]}


def _line(**nodes: Any) -> StateGraph:
    """Nodes one after the other, the last of which counts."""
    return _graph(**nodes, last=_last)


def _both(**settings: Any) -> Any:
    return _line(prepare=_prepare, apply=(_apply, APPLY)).compile(**settings)


def _beside(**nodes: Any) -> StateGraph:
    """Nodes side by side."""
    graph = StateGraph(FlowState)
    graph.add_node("last", _last)
    for name, node in nodes.items():
        graph.add_node(name, node)
        graph.add_edge(START, name)
    graph.add_edge(list(nodes), "last")
    graph.add_edge("last", END)
    return graph


def _round(state: FlowState) -> FlowState:
    return {"answers": [len(state.get("answers", []))]}


def _loop() -> Any:
    graph = StateGraph(FlowState)
    graph.add_node("apply", lambda state: _apply(state) | _round(state), metadata=APPLY)
    graph.add_node("last", _last)
    graph.add_edge(START, "apply")
    graph.add_conditional_edges(
        "apply", lambda state: "apply" if len(state["answers"]) < 3 else "last", ["apply", "last"]
    )
    graph.add_edge("last", END)
    return graph.compile(interrupt_before=["apply"])


def _sends() -> Any:
    def fan_out(state: FlowState) -> Sequence[Send]:
        return [Send("apply", {"input": state["input"], "table": name}) for name in ("orders", "items")]

    graph = StateGraph(FlowState)
    graph.add_node("apply", _apply, metadata=APPLY)
    graph.add_node("last", _last)
    graph.add_conditional_edges(START, fan_out, ["apply"])
    graph.add_edge("apply", "last")
    graph.add_edge("last", END)
    return graph.compile(interrupt_before=["apply"])


def _inner(setting: str = "interrupt_before", checkpointer: bool | None = None) -> Any:
    inner = _graph(prepare=_prepare, apply=(_apply, APPLY))
    settings: dict[str, Any] = {setting: ["apply"]}
    return inner.compile(checkpointer=checkpointer, **settings)


def _called(state: FlowState) -> FlowState:
    """Makes the graph when it runs, so that LangGraph knows of it only then."""
    _inner().invoke(state)
    return {}


BUILDS: dict[str, Any] = {
    "before": lambda: _both(interrupt_before=["apply"]),
    "after": lambda: _both(interrupt_after=["prepare"]),
    "before_and_after": lambda: _both(interrupt_before=["apply"], interrupt_after=["apply"]),
    "both_sides": lambda: _both(interrupt_before=["apply"], interrupt_after=["prepare"]),
    "everywhere": lambda: _both(interrupt_before="*"),
    "after_last": lambda: _both(interrupt_after=["last"]),
    "loop": _loop,
    "several": lambda: _beside(apply=_apply, other=_apply).compile(interrupt_before=["apply"]),
    "sends": _sends,
    "inside": lambda: _line(child=_inner()),
    "inside_after": lambda: _line(child=_inner("interrupt_after")),
    "inside_both": lambda: _line(child=_inner()).compile(interrupt_before=["child"]),
    "called": lambda: _line(child=_called),
    "beside_gate": lambda: _beside(child=_inner(), gate=_gate),
    "beside_question": lambda: _beside(child=_inner(), ask=_ask),
    "beside_failing": lambda: _beside(child=_inner(), fails=_fails),
    "at_gate": lambda: _line(gate=_gate).compile(interrupt_before=["gate"]),
    "fails": lambda: _line(fails=_fails).compile(interrupt_before=["fails"]),
    "skipped": lambda: _line(fails=(_fails, {"skippable": True}), apply=(_apply, APPLY)).compile(
        interrupt_before=["apply"]
    ),
    "skipped_after": lambda: _line(fails=(_fails, {"skippable": True}), apply=(_apply, APPLY)).compile(
        interrupt_after=["fails"]
    ),
}
FLOWS: dict[str, Workflow] = {name: _workflow(f"break_{name}", build) for name, build in BUILDS.items()}
globals().update({name.upper(): flow for name, flow in FLOWS.items()})
ALL = ",".join(f"tests.runtime.breakpoint_flows:{name.upper()}" for name in FLOWS)
