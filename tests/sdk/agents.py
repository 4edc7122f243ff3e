"""Agents whose model says what a test says."""

from __future__ import annotations

from typing import Any

from tests.runtime import agent_flows
from tests.sdk.driven import Drivable, Driven


def agent(drivable: Drivable, flow: Any, *turns: Any) -> Driven:
    """An agent whose model says these turns, each made of the driven thing's own calls."""
    made = drivable(flow)
    given = agent_flows.AgentInput(effects=str(made.file), turns=[[call(made) for call in turn] for turn in turns])
    made.input = agent_flows._state(given)
    return made


def mail(to: str, **more: Any) -> Any:
    """A call of the mail tool."""
    return lambda made: made.mail(to, **more)


def delete(path: str) -> Any:
    """A call of the tool that deletes."""
    return lambda made: made.delete(path)


def told(result: dict[str, Any]) -> list[str]:
    """What the tools, or people in their place, told the agent."""
    return [message.content for message in result["messages"] if message.type == "tool"]
