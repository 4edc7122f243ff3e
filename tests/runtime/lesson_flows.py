"""A workflow that maps a column, with the lessons from earlier runs, and has it reviewed."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel

from assent.contracts import Custom
from assent.gate import request_approval
from assent.lessons import with_lessons
from assent.situations import Correctable, Situation
from assent.workflow import Workflow


class Input(BaseModel):
    """A column, as its heading and values."""

    effects: str
    heading: str
    values: list[str]


class State(TypedDict, total=False):
    input: dict[str, Any]
    proposal: dict[str, Any]
    field: str


def _propose(state: State) -> State:
    heading, values = state["input"]["heading"], state["input"]["values"]
    place = Correctable(
        path="/data/field",
        situation=Situation(kind="column", texts={"heading": heading}, samples={"values": values}),
    )
    proposal = Custom(title=f"Map {heading}", data={"field": "name"})
    return {"proposal": with_lessons(proposal, [place]).model_dump(mode="json")}


def _review(state: State) -> State:
    outcome = request_approval(state["proposal"])
    return {"field": outcome.payload["data"]["field"]} if outcome.approved else {}


def build() -> StateGraph[Any]:
    """Propose, then review."""
    graph = StateGraph(State)
    graph.add_node("propose", _propose)
    graph.add_node("review", _review)
    graph.add_edge(START, "propose")
    graph.add_edge("propose", "review")
    graph.add_edge("review", END)
    return graph


MAPPER = Workflow(
    name="test_mapper", version="1", title="Map a column", description="Maps a column.", input_model=Input, build=build
)
ALL = f"{__name__}:MAPPER"
