"""Workflows whose steps catch the exception with which a gate stops them, each in another way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from langchain_core.tools import tool
from langgraph.func import task
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, interrupt

from assent import Script, Workflow, report_receipt, request_approval
from tests.flows import FlowState, _workflow, effect
from tests.runtime.guard_flows import _graph, _last, aside


def gate(state: FlowState, content: str = "drop table a") -> None:
    """Ask for approval of a script; `raw` in the run's text: with LangGraph's own `interrupt`."""
    if state["input"]["text"] == "raw":
        interrupt(f"Run {content}?")
    else:
        request_approval(Script(title="Run it", language="sql", content=content))


def _except(state: FlowState) -> FlowState:
    try:
        gate(state)
    except Exception:
        if aside(state, "mended").exists():
            raise
    effect(state, "ran")
    return {}


def _except_base(state: FlowState) -> FlowState:
    with contextlib.suppress(BaseException):
        gate(state)
    effect(state, "ran")
    return {}


def _suppress(state: FlowState) -> FlowState:
    with contextlib.suppress(Exception):
        gate(state)
    effect(state, "ran")
    return {}


def _finally(state: FlowState) -> FlowState:
    try:
        gate(state)
    finally:
        effect(state, "ran")
        return {}  # noqa: B012


async def _async(state: FlowState) -> FlowState:
    async def ask() -> None:
        gate(state)

    await asyncio.gather(ask(), return_exceptions=True)
    effect(state, "ran")
    return {}


@tool
def run_script(effects: str, text: str) -> str:
    """Run a script."""
    gate({"input": {"effects": effects, "text": text}})
    return "ran"


def _tool(state: FlowState) -> FlowState:
    """What frameworks do around the tools of a model."""
    try:
        run_script.invoke({"effects": state["input"]["effects"], "text": state["input"]["text"]})
    except Exception as error:
        effect(state, f"ran after {type(error).__name__}")
    return {}


@task
def ask_aside(state: FlowState) -> str:
    """Ask in a task of the functional API."""
    gate(state)
    return "asked"


def _task(state: FlowState) -> FlowState:
    try:
        ask_aside(state).result()
    except Exception:
        effect(state, "ran")
    return {}


def _subgraph(state: FlowState) -> FlowState:
    inner = _graph(inner=_passes).compile()
    try:
        inner.invoke(state)
    except Exception:
        effect(state, "ran")
    return {}


def _passes(state: FlowState) -> FlowState:
    gate(state)
    effect(state, "approved")
    return {}


def _branch(state: FlowState) -> str:
    with contextlib.suppress(Exception):
        gate(state)
    return "last"


def _branching() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("ask", lambda state: {})
    graph.add_node("last", _last)
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", _branch, ["last"])
    graph.add_edge("last", END)
    return graph


def _first_of_two(state: FlowState) -> FlowState:
    """The first question is caught, the second one gets out."""
    with contextlib.suppress(Exception):
        gate(state, "drop table a")
    effect(state, "ran")
    gate(state, "drop table b")
    return {}


def _second_of_two(state: FlowState) -> FlowState:
    gate(state, "drop table a")
    with contextlib.suppress(Exception):
        gate(state, "drop table b")
    effect(state, "ran")
    return {}


def _tries_again(state: FlowState) -> FlowState:
    """Asks the same question again and again, and lets the last one out."""
    for attempt in range(3):
        try:
            gate(state)
            break
        except Exception:
            if attempt == 2:
                raise
    effect(state, "approved")
    return {}


def _refuses_its_answer(state: FlowState) -> FlowState:
    """Proposes something else when it runs again, and catches what the gate says to that."""
    again = aside(state, "again")
    content = "drop table b" if again.exists() else "drop table a"
    again.touch()
    try:
        request_approval(Script(title="Run it", language="sql", content=content))
    except (ValueError, RuntimeError):
        effect(state, "ran")
    return {}


def _flips(state: FlowState) -> FlowState:
    """Asks, unless a file says by then that nobody needs to agree."""
    if not aside(state, "flipped").exists():
        gate(state)
    effect(state, "ran")
    return {}


def _beside(state: FlowState) -> FlowState:
    effect(state, "beside")
    return {}


def _flips_beside() -> StateGraph:
    graph = StateGraph(FlowState)
    for name, node in {"ask": _flips, "beside": _beside, "last": _last}.items():
        graph.add_node(name, node)
    graph.add_edge(START, "ask")
    graph.add_edge(START, "beside")
    graph.add_edge(["ask", "beside"], "last")
    graph.add_edge("last", END)
    return graph


def _asks_and_reports(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Run it", language="sql", content="drop table a"))
    report_receipt(outcome, "not_applied", "As was said.")
    return {}


def _breaks_inside(state: FlowState) -> FlowState:
    """Catches that a graph inside it stopped at its breakpoint."""
    with contextlib.suppress(Exception):
        _graph(prepare=lambda state: {}, act=_passes).compile(interrupt_before=["act"]).invoke(state)
    effect(state, "ran")
    return {}


def _retrying() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("ask", _except, retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.01, retry_on=Exception))
    graph.add_node("last", _last)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "last")
    graph.add_edge("last", END)
    return graph


def _handled() -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("ask", _except, error_handler=_handles)
    graph.add_node("last", _last)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", "last")
    graph.add_edge("last", END)
    return graph


def _handles(state: FlowState) -> FlowState:
    effect(state, "handled")
    return {}


def _nested(ask: Any) -> StateGraph:
    graph = StateGraph(FlowState)
    graph.add_node("child", _graph(ask=ask, inner_last=_last).compile())
    graph.add_node("last", _last)
    graph.add_edge(START, "child")
    graph.add_edge("child", "last")
    graph.add_edge("last", END)
    return graph


CAUGHT = {
    "except": _except, "except_base": _except_base, "suppress": _suppress, "finally": _finally, "async": _async,
    "tool": _tool, "task": _task, "subgraph": _subgraph,
}  # fmt: skip
FLOWS: dict[str, Workflow] = {
    name: _workflow(f"swallow_{name}", lambda ask=ask: _graph(ask=ask, last=_last)) for name, ask in CAUGHT.items()
}
FLOWS |= {
    "nested": _workflow("swallow_nested", lambda: _nested(_except)),
    "branch": _workflow("swallow_branch", _branching),
    "retrying": _workflow("swallow_retrying", _retrying),
    "handled": _workflow("swallow_handled", _handled),
    "first_of_two": _workflow("swallow_first_of_two", lambda: _graph(ask=_first_of_two, last=_last)),
    "second_of_two": _workflow("swallow_second_of_two", lambda: _graph(ask=_second_of_two, last=_last)),
    "tries_again": _workflow("swallow_tries_again", lambda: _graph(ask=_tries_again, last=_last)),
    "flips": _workflow("swallow_flips", lambda: _graph(ask=_flips, last=_last)),
    "flips_beside": _workflow("swallow_flips_beside", _flips_beside),
    "reports": _workflow("swallow_reports", lambda: _graph(ask=_asks_and_reports, last=_last)),
    "refuses": _workflow("swallow_refuses", lambda: _graph(ask=_refuses_its_answer, last=_last)),
}
globals().update({name.upper(): flow for name, flow in FLOWS.items()})
ALL = ",".join(f"tests.runtime.swallowing_flows:{name.upper()}" for name in FLOWS)
