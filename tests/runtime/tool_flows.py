"""Agents and graphs that call tools of the toolbox, on the database that the target ``shop`` names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

from langchain.agents import create_agent
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent import Rejected, Workflow, request_approval
from assent.toolbox import (
    BasisChangedError,
    apply,
    asks_people,
    propose,
    question_about,
    read,
    tool,
)
from assent.toolbox.langchain import as_langchain_tool
from tests.runtime.agent_flows import AgentInput, ScriptedModel, _state
from workflows.database_maintenance import tools


def _agent() -> Any:
    return create_agent(
        ScriptedModel(),
        [
            as_langchain_tool(tools.analyze_schema),
            as_langchain_tool(tools.create_index, environment="staging"),
        ],
    )


TOOL_AGENT = Workflow("tool_agent", "1", "Agent with tools", "Has tools of the toolbox.", AgentInput, _agent, _state)


class Shop(BaseModel):
    """The file that stands for the world."""

    effects: str


class Tables(BaseModel):
    tables: dict[str, dict[str, Any]]


class Created(BaseModel):
    index: str


@tool(effect="read")
def list_tables(inputs: Shop) -> Tables:
    """List the tables of the world, which the test changes."""
    return Tables(tables=json.loads(Path(inputs.effects + ".world").read_text()))


@tool(effect="write")
def add_index(inputs: Shop) -> Created:
    """Add an index."""
    with Path(inputs.effects).open("a") as file:
        file.write("created\n")
    return Created(index="by_status")


class RestingState(TypedDict, total=False):
    input: dict[str, Any]
    basis: dict[str, Any]
    changed: dict[str, Any] | None
    outcome: dict[str, Any]
    result: dict[str, Any]
    answer: str


def _look(state: RestingState) -> RestingState:
    counts = {"tables.*.rows": "magnitude", "tables.*.indexes": "exact"}
    return {"basis": read(list_tables, state["input"], counts).model_dump(mode="json")}


def _ask(state: RestingState) -> RestingState:
    proposal = propose(add_index, state["input"], rests_on=[state["basis"]], changed=state.get("changed"))
    return {"outcome": request_approval(proposal).model_dump(mode="json")}


def _act(state: RestingState) -> RestingState:
    try:
        return {"result": apply(add_index, state["outcome"], reads=[list_tables]).document, "changed": None}
    except Rejected:
        return {"changed": None}
    except BasisChangedError as error:
        return {"changed": error.changed.model_dump(mode="json")}


def _after(state: RestingState) -> str:
    changed = state["changed"]
    return END if changed is None else "what_now" if asks_people(changed) else "look"


def _what_now(state: RestingState) -> RestingState:
    changed = state["changed"]
    assert changed is not None
    outcome = request_approval(question_about(changed, "Add an index"))
    return {"answer": str(outcome.answer), "changed": changed | {"request_id": outcome.request_id}}


def _resting() -> StateGraph[RestingState]:
    graph = StateGraph(RestingState)
    for name, node in (("look", _look), ("ask", _ask), ("act", _act), ("what_now", _what_now)):
        graph.add_node(name, node)
    graph.add_edge(START, "look").add_edge("look", "ask").add_edge("ask", "act")
    graph.add_conditional_edges("act", _after, ["look", "what_now", END])
    graph.add_conditional_edges(
        "what_now", lambda state: "look" if state["answer"] == "propose again" else END, ["look", END]
    )
    return graph


RESTING = Workflow("resting", "1", "Rests on reads", "Reads, asks, and reads again.", Shop, _resting)
ALL = "tests.runtime.tool_flows:TOOL_AGENT,tests.runtime.tool_flows:RESTING,workflows.database_maintenance:WORKFLOW"
