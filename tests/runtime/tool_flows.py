"""Agents and graphs that call tools of the toolbox, on the database that the target ``shop`` names."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent

from assent import Workflow
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
ALL = "tests.runtime.tool_flows:TOOL_AGENT"
