"""Agents and graphs that call tools of the toolbox, on the database that the target ``shop`` names."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from langchain.agents import create_agent
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent import Rejected, Workflow, request_approval
from assent.toolbox import (
    BasisChangedError,
    Tool,
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


def _add_index(inputs: Shop) -> Created:
    """Add an index, which is then part of the world."""
    with Path(inputs.effects).open("a") as file:
        file.write("created\n")
    world = Path(inputs.effects + ".world")
    tables = json.loads(world.read_text())
    for table in tables.values():
        table["indexes"]["by_status"] = "(status)"
    world.write_text(json.dumps(tables))
    return Created(index="by_status")


add_index = tool(effect="write", name="add_index")(_add_index)
set_index = tool(effect="write", name="set_index", idempotent=True)(_add_index)


class RestingState(TypedDict, total=False):
    input: dict[str, Any]
    basis: dict[str, Any]
    changed: dict[str, Any] | None
    outcome: dict[str, Any]
    result: dict[str, Any]
    answer: str


Node = Callable[[RestingState], RestingState]


def _look(state: RestingState) -> RestingState:
    counts = {"tables.*.rows": "magnitude", "tables.*.indexes": "exact"}
    return {"basis": read(list_tables, state["input"], counts).model_dump(mode="json")}


def _ask_with(changing: Tool) -> Node:
    def ask(state: RestingState) -> RestingState:
        proposal = propose(changing, state["input"], rests_on=[state["basis"]], changed=state.get("changed"))
        return {"outcome": request_approval(proposal).model_dump(mode="json")}

    return ask


def _act_with(changing: Tool) -> Node:
    def act(state: RestingState) -> RestingState:
        try:
            return {"result": apply(changing, state["outcome"], reads=[list_tables]).document, "changed": None}
        except Rejected:
            return {"changed": None}
        except BasisChangedError as error:
            return {"changed": error.changed.model_dump(mode="json")}

    return act


def _after(state: RestingState) -> str:
    changed = state["changed"]
    return END if changed is None else "what_now" if asks_people(changed) else "look"


def _what_now(state: RestingState) -> RestingState:
    changed = state["changed"]
    assert changed is not None
    outcome = request_approval(question_about(changed, "Add an index"))
    return {"answer": str(outcome.answer), "changed": changed | {"request_id": outcome.request_id}}


def _resting(changing: Tool) -> StateGraph[RestingState]:
    graph = StateGraph(RestingState)
    nodes = {"look": _look, "ask": _ask_with(changing), "act": _act_with(changing), "what_now": _what_now}
    for name, node in nodes.items():
        graph.add_node(name, node)
    graph.add_edge(START, "look").add_edge("look", "ask").add_edge("ask", "act")
    graph.add_conditional_edges("act", _after, ["look", "what_now", END])
    graph.add_conditional_edges(
        "what_now", lambda state: "look" if state["answer"] == "propose again" else END, ["look", END]
    )
    return graph


RESTING = Workflow("resting", "1", "Rests on reads", "Reads, and asks.", Shop, partial(_resting, add_index))
RESTING_AGAIN = Workflow("resting_again", "1", "Repeats", "Reads, and asks.", Shop, partial(_resting, set_index))
ALL = ",".join(
    [
        *(f"tests.runtime.tool_flows:{name}" for name in ("TOOL_AGENT", "RESTING", "RESTING_AGAIN")),
        "workflows.database_maintenance:WORKFLOW",
    ]
)
