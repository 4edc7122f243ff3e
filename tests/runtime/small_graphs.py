"""Workflows of a few nodes, which a test makes the ones that its worker has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from app.runtime.library import Library
from app.runtime.saver import Saver
from app.services.runs.catalog import publish_catalog
from assent import Script, Workflow, report_receipt, request_approval
from assent.contracts import Outcome
from assent.models import Budget
from tests.flows import FlowInput, FlowState, effect, in_a_row
from tests.runtime.rig import Rig

Node = Callable[[FlowState], FlowState]


def install(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, version: str = "1", model_budget: Budget | None = None,
    **nodes: Node,
) -> None:  # fmt: skip
    """Make a workflow of these nodes, one after the other, the one that the rig's worker has."""

    install_graph(rig, monkeypatch, name, version, partial(in_a_row, nodes, {"skippable": True}), model_budget)


def install_graph(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, name: str, version: str, build: Callable[[], StateGraph],
    model_budget: Budget | None = None,
) -> None:  # fmt: skip
    """Make a workflow the one that the rig's worker has."""

    async def library() -> Library:
        workflow = Workflow(name, version, name, "A workflow for tests.", FlowInput, build, model_budget=model_budget)
        return Library([workflow], Saver(rig.pool))

    installed = rig.do(library())
    monkeypatch.setattr(rig.advancer, "library", installed)
    monkeypatch.setattr(rig, "library", installed)
    publish_catalog(rig.services.sessions, installed.describe())


def gate(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Remove it", language="bash", content="rm x"))
    return {"outcome": outcome.model_dump(mode="json")}


def reporting_gate(done: str, status: str, summary: str) -> Node:
    """A gate whose step acts and reports what came of it."""

    def step(state: FlowState) -> FlowState:
        outcome = request_approval(Script(title="Remove it", language="bash", content="rm x"))
        effect(state, done)
        report_receipt(outcome, status, summary)
        return {}

    return step


def carry_out(state: FlowState) -> FlowState:
    if Outcome.model_validate(state["outcome"]).approved:
        effect(state, "done")
    return {}


def follow_up(state: FlowState) -> FlowState:
    effect(state, "followed up")
    return {}


class Branches(TypedDict, total=False):
    input: dict[str, Any]
    left: dict[str, Any]
    right: dict[str, Any]


def gate_of(branch: str) -> Node:
    """A gate, which acts on nothing itself."""

    def ask(state: FlowState) -> FlowState:
        outcome = request_approval(Script(title=f"Remove {branch}", language="bash", content=f"rm {branch}"))
        return {branch: outcome.model_dump(mode="json")}  # type: ignore[misc]

    return ask


def remove(branch: str) -> Node:
    """What its outcome is for."""

    def act(state: FlowState) -> FlowState:
        effect(state, f"removed {branch}")
        return {}

    return act


def two_branches() -> StateGraph:
    """Two gates beside each other; what comes after each starts only once both are answered."""
    graph = StateGraph(Branches)
    for branch in ("left", "right"):
        graph.add_node(f"ask_{branch}", gate_of(branch))
        graph.add_node(f"remove_{branch}", remove(branch))
        graph.add_edge(START, f"ask_{branch}")
        graph.add_edge(f"ask_{branch}", f"remove_{branch}")
    return graph
