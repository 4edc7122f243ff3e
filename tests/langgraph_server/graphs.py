"""Graphs for a LangGraph server. Each does what is approved by writing it to the file that its input names."""

from __future__ import annotations

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypedDict

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from assent import Script, report_receipt, request_approval

with suppress(ImportError):  # elsewhere than in the server
    from langgraph_runtime_inmem import _persistence

    _persistence._flush_interval = 1  # seconds; a test kills the server once it has stored its threads


class State(TypedDict, total=False):
    file: str
    note: str
    script: str
    first: Any
    second: Any


class Context(TypedDict, total=False):
    region: str


def write(state: State, words: str) -> None:
    """Do it: an effect that a test can count."""
    with Path(state["file"]).open("a") as file:
        file.write(words + "\n")


def propose(state: State) -> State:
    """Propose a script, of what stands in a file, so that a test can change it."""
    beside = Path(state["file"] + ".proposed")
    content = beside.read_text() if beside.exists() else "VACUUM orders;"
    outcome = request_approval(Script(title=f"Tidy up {state['note']}", language="sql", content=content))
    if outcome.approved:
        write(state, str(outcome.payload["content"]))
        report_receipt(outcome, "applied", "3 tables tidied")
    return {"script": str(outcome.verdict)}


def region(state: State, runtime: Any) -> State:
    """Say with which context it went on, once nothing holds it any more."""
    with Path(state["file"]).with_suffix(".hold").open("a") as hold:
        fcntl.flock(hold, fcntl.LOCK_SH)
    write(state, f"region {(runtime.context or {}).get('region')}")
    return {}


class Fit(BaseModel):
    """The answer that `ask_second` takes."""

    days: int


def ask_first(state: State) -> State:
    """Ask for any value."""
    return {"first": interrupt({"title": f"First of {state['note']}"})}


def ask_second(state: State) -> State:
    """Ask for a value with a schema; may break then."""
    answer = interrupt({"title": f"Second of {state['note']}"}, response_schema=Fit)
    if answer.days < 0:
        raise RuntimeError("there is no such day")
    return {"second": answer.days}


def both(state: State) -> State:
    """Join the two."""
    write(state, f"{state['first']} and {state['second']}")
    return {}


def ask_slowly(state: State) -> State:
    """Ask, and take as long with the answer as something holds it."""
    answer = interrupt({"title": f"Slow {state['note']}"})
    with Path(state["file"]).with_suffix(".hold").open("a") as hold:
        fcntl.flock(hold, fcntl.LOCK_SH)
    write(state, str(answer))
    return {}


class WipesOnce(FakeListChatModel):
    """A model that calls the tool `wipe`, and is done when it has heard of it."""

    responses: list[str] = ["done"]  # noqa: RUF012 - a field of pydantic

    def bind_tools(self, *_args: Any, **_more: Any) -> WipesOnce:
        return self

    def _generate(self, messages: Any, *_args: Any, **_more: Any) -> ChatResult:
        asked = str(messages[0].content)
        message = AIMessage("done")
        if messages[-1].type == "human":
            message = AIMessage("", tool_calls=[{"name": "wipe", "args": {"file": asked, "table": "t"}, "id": "call"}])
        return ChatResult(generations=[ChatGeneration(message=message)])


@tool
def wipe(file: str, table: str) -> str:
    """Wipe a table."""
    write({"file": file}, f"wiped {table}")
    return "wiped"


class AsksOnce(HumanInTheLoopMiddleware):
    """A middleware whose predicate has flipped by the time it resumes."""

    asked: ClassVar[set[str]] = set()

    def after_model(self, state: Any, runtime: Any) -> Any:
        thread = str(state["messages"][0].content)
        if thread in self.asked:
            return None
        self.asked.add(thread)
        return super().after_model(state, runtime)


gate = (
    StateGraph(State, context_schema=Context).add_node("propose", propose).add_node("region", region)
    .add_edge(START, "propose").add_edge("propose", "region").add_edge("region", END).compile()
)  # fmt: skip
slow = StateGraph(State).add_node("ask", ask_slowly).add_edge(START, "ask").add_edge("ask", END).compile()
parallel = (
    StateGraph(State).add_node("ask_first", ask_first).add_node("ask_second", ask_second).add_node("both", both)
    .add_edge(START, "ask_first").add_edge(START, "ask_second").add_edge(["ask_first", "ask_second"], "both").compile()
)  # fmt: skip
agent = create_agent(WipesOnce(), [wipe], middleware=[HumanInTheLoopMiddleware(interrupt_on={"wipe": True})])
flipping = create_agent(WipesOnce(), [wipe], middleware=[AsksOnce(interrupt_on={"wipe": True})])
