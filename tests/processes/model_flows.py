"""A workflow that asks a model in two steps, and whose first step can be killed after it has got its answer."""

from __future__ import annotations

from datetime import timedelta

from langgraph.graph import StateGraph

from assent.models import Task, ask
from tests.flows import FlowState, _workflow, die_once, effect, in_a_row

TASK = Task("plan", keep=timedelta(0))


def _first(state: FlowState) -> FlowState:
    answer = ask(TASK, "One?", otherwise=lambda: "the other way")
    effect(state, f"one {answer.way}")
    die_once(state, "answered")
    return {}


def _second(state: FlowState) -> FlowState:
    answer = ask(TASK, "Two?", otherwise=lambda: "the other way")
    effect(state, f"two {answer.way}")
    return {}


def _graph() -> StateGraph:
    return in_a_row({"first": _first, "second": _second})


ASKING = _workflow("asks_models", _graph)
ALL = "tests.processes.model_flows:ASKING"
