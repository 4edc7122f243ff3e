"""Workflows whose nodes are cached: those that ask, in each way in which a graph may ask, and one that does not."""

from __future__ import annotations

from typing import Any

from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.cache.memory import InMemoryCache
from langgraph.func import task
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, interrupt

from assent import Script, Workflow, request_approval
from tests.flows import FlowState, _workflow, effect
from tests.runtime import agent_flows
from tests.runtime.guard_flows import Age, _graph

POLICY = CachePolicy(key_func=lambda *_, **__: "the same input")


def _gate(state: FlowState) -> FlowState:
    outcome = request_approval(Script(title="Run it", language="sql", content="select 1"))
    effect(state, f"ran {outcome.verdict.value}")
    return {"answers": [outcome.verdict.value]}


def _value(state: FlowState) -> FlowState:
    answer = interrupt("Run it?")
    effect(state, f"ran {answer}")
    return {"answers": [answer]}


def _schema(state: FlowState) -> FlowState:
    return {"answers": [interrupt("How old?", response_schema=Age).years]}


def _inbox(state: FlowState) -> FlowState:
    config = {"allow_accept": True, "allow_ignore": True, "allow_edit": False, "allow_respond": False}
    return {"answers": interrupt([{"action_request": {"action": "run_it", "args": {}}, "config": config}])}


@task(cache_policy=POLICY)
def ask_aside(state: FlowState) -> FlowState:
    """Ask in a task of the functional API."""
    return _gate(state)


def _task(state: FlowState) -> FlowState:
    return ask_aside(state).result()


def _called(state: FlowState) -> FlowState:
    """Calls a graph, which LangGraph does not see inside it until it runs."""
    return {"answers": _graph(inner=_gate).compile().invoke(state)["answers"]}


def _measure(state: FlowState) -> FlowState:
    effect(state, "measured")
    return {}


def _outer(ask: Any, policy: CachePolicy | None = POLICY, cache: bool = True, state: Any = FlowState) -> Any:
    """One node that is cached, between two that measure and are cached too."""
    graph = StateGraph(state)
    graph.add_node("before", _measure, cache_policy=POLICY)
    graph.add_node("ask", ask, cache_policy=policy)
    graph.add_node("after", _measure, cache_policy=POLICY)
    graph.add_edge(START, "before")
    graph.add_edge("before", "ask")
    graph.add_edge("ask", "after")
    graph.add_edge("after", END)
    return graph.compile(cache=InMemoryCache() if cache else None)


def _inner(cache: InMemoryCache | None = None) -> Any:
    graph = StateGraph(FlowState)
    graph.add_node("inner", _gate, cache_policy=POLICY)
    graph.add_edge(START, "inner")
    graph.add_edge("inner", END)
    return graph.compile(cache=cache)


def _agent() -> Any:
    """An agent of LangChain as the one node of a graph, cached."""
    middleware = HumanInTheLoopMiddleware(interrupt_on=agent_flows.INTERRUPT_ON)
    graph = StateGraph(AgentState)
    agent = create_agent(agent_flows.ScriptedModel(), agent_flows.TOOLS, middleware=[middleware])
    graph.add_node("agent", agent, cache_policy=POLICY)
    graph.add_edge(START, "agent")
    graph.add_edge("agent", END)
    return graph.compile(cache=InMemoryCache())


ASKING: dict[str, Any] = {
    "gate": lambda: _outer(_gate),
    "value": lambda: _outer(_value),
    "schema": lambda: _outer(_schema),
    "inbox": lambda: _outer(_inbox),
    "task": lambda: _outer(_task, policy=None),
    "called": lambda: _outer(_called),
    "subgraph": lambda: _outer(_inner()),
    "inside": lambda: _outer(_inner(), policy=None),
    "inside_cached": lambda: _outer(_inner(InMemoryCache()), policy=None, cache=False),
}
FLOWS: dict[str, Workflow] = {name: _workflow(f"cached_{name}", build) for name, build in ASKING.items()}
FLOWS["agent"] = agent_flows._workflow("cached_agent", _agent)
globals().update({name.upper(): flow for name, flow in FLOWS.items()})
ALL = ",".join(f"tests.runtime.caching_flows:{name.upper()}" for name in FLOWS)
