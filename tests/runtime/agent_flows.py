"""Agents of LangChain and deepagents with a model that says what the test wrote, and graphs that speak Agent Inbox."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

from assent import Workflow

SECRET = "ghp_" + "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5"
"""What the model says for “the token”: it knows a secret that nobody gave to the run."""


class AgentInput(BaseModel):
    """What the test agents are started with.

    `turns` is what the model says, one list of calls for each of its turns; after them it says that it is done.
    """

    effects: str
    turns: list[list[dict[str, Any]]] = Field(default_factory=list)


class ScriptedModel(BaseChatModel):
    """Says what the first message tells it to, turn by turn; it keeps nothing, so any process may ask it."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        """Tools are called as the script says."""
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        said = next(message for message in messages if isinstance(message, HumanMessage))
        turns = json.loads(str(said.content).replace("the token", SECRET))["turns"]
        turn = sum(isinstance(message, AIMessage) for message in messages)
        calls = turns[turn] if turn < len(turns) else []
        message = AIMessage(
            "" if calls else "Done.",
            tool_calls=[
                {"name": call["name"], "args": call["args"], "id": f"call-{turn}-{number}"}
                for number, call in enumerate(calls)
            ],
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _effect(path: str, line: str) -> str:
    with Path(path).open("a") as file:
        file.write(line + "\n")
    return line


@tool
def send_email(effects: str, to: str, body: str = "") -> str:
    """Send a mail."""
    return _effect(effects, f"sent to {to}: {body}")


@tool
def delete_file(effects: str, path: str) -> str:
    """Delete a file."""
    return _effect(effects, f"deleted {path}")


@tool
def look_up(effects: str, word: str) -> str:
    """Look a word up; harmless."""
    return _effect(effects, f"looked up {word}")


@tool
def ask_user(question: str) -> str:
    """Ask a person."""
    raise AssertionError("people answer in its place")


@tool
def drop_table(effects: str, table: str) -> str:
    """Asks inside the tool."""
    answer = interrupt({"question": f"Drop {table}?"})
    return _effect(effects, f"dropped {table}: {answer}")


TOOLS = [send_email, delete_file, look_up, ask_user, drop_table]
INTERRUPT_ON: dict[str, Any] = {
    "send_email": True,
    "delete_file": {"allowed_decisions": ["approve", "reject"], "description": "Deletes it for good."},
    "ask_user": {"allowed_decisions": ["respond"]},
}


def _state(given: AgentInput) -> dict[str, Any]:
    return {"messages": [HumanMessage(json.dumps({"turns": given.turns}))]}


def _flickers(request: Any) -> bool:
    """A predicate that changes its mind when the run resumes: the file says so."""
    return not Path(request.tool_call["args"]["effects"] + ".flipped").exists()


def _agent(mode: Literal["batched", "per_call"], interrupt_on: dict[str, Any] = INTERRUPT_ON) -> Callable[[], Any]:
    return lambda: create_agent(
        ScriptedModel(), TOOLS,
        middleware=[HumanInTheLoopMiddleware(interrupt_on=interrupt_on, interrupt_mode=mode)],
    )  # fmt: skip


def _deep_agent() -> Any:
    """The main agent asks before it sends; its subagent asks before it deletes."""
    mailer = {
        "name": "cleaner",
        "description": "Deletes files.",
        "system_prompt": "Delete files.",
        "tools": [delete_file],
        "model": ScriptedModel(),
        "interrupt_on": {"delete_file": {"allowed_decisions": ["approve", "reject"]}},
    }
    return create_deep_agent(
        model=ScriptedModel(), tools=[send_email], subagents=[mailer], interrupt_on={"send_email": True}
    )


class InboxState(TypedDict, total=False):
    input: dict[str, Any]
    answers: Annotated[list[Any], operator.add]


def _inbox(as_list: bool) -> Callable[[], StateGraph]:
    def ask(state: InboxState) -> InboxState:
        question = json.loads(Path(state["input"]["effects"]).with_name("ask").read_text())
        answer = interrupt([question] if as_list else question)
        return {"answers": [answer[0]]}

    def build() -> StateGraph:
        graph = StateGraph(InboxState)
        graph.add_node("ask", ask)
        graph.add_edge(START, "ask")
        graph.add_edge("ask", END)
        return graph

    return build


def _workflow(name: str, build: Callable[[], Any], initial_state: Any = _state) -> Workflow:
    return Workflow(
        name, "1", name.replace("_", " ").capitalize(), "An agent for tests.", AgentInput, build, initial_state
    )


BATCHED = _workflow("agent_batched", _agent("batched"))
PER_CALL = _workflow("agent_per_call", _agent("per_call"))
FLICKERS = _workflow(
    "agent_flickers", _agent("batched", {"send_email": {"allowed_decisions": ["approve", "reject"], "when": _flickers}})
)
FLICKERS_PER_CALL = _workflow(
    "agent_flickers_per_call",
    _agent("per_call", {"send_email": {"allowed_decisions": ["approve", "reject"], "when": _flickers}}),
)
DEEP = _workflow("agent_deep", _deep_agent)
INBOX = _workflow("agent_inbox", _inbox(True), None)
INBOX_ALONE = _workflow("agent_inbox_alone", _inbox(False), None)
NAMES = [name for name, value in globals().items() if isinstance(value, Workflow)]
ALL = ",".join(f"tests.runtime.agent_flows:{name}" for name in NAMES)
