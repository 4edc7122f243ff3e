"""Tools for LangChain's agents, which request approval where they change something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assent.gate import request_approval
from assent.toolbox.calls import USUAL, Limits, acall, call
from assent.toolbox.gates import aapply, apply, propose
from assent.toolbox.model import Tool
from assent.toolbox.shapes import ModelShape

if TYPE_CHECKING:
    from langchain_core.tools import StructuredTool


def as_langchain_tool(tool: Tool, *, environment: str = "", limits: Limits = USUAL) -> StructuredTool:
    """Return the tool for LangChain's agents, such as those that `create_agent` makes.

    A tool that changes something suspends the graph until people decide, and is then called with what they approved. If
    they do not approve, the model gets their comment as the tool's answer, and may go on. So the graph needs a
    checkpointer; runs on the portal have one.

    LangGraph runs an agent's node again from its start after an interrupt. The tool's function is only called after the
    approval, so that nothing is repeated by that.

    Args:
        environment: where the tool acts, such as production; people and policies see it.
        limits: how often to try, and for how long.
    """
    from langchain_core.tools import StructuredTool

    def sync(**inputs: Any) -> str:
        if tool.reads_only:
            return _text(call(tool, inputs, limits=limits).document)
        outcome = request_approval(propose(tool, inputs, environment=environment))
        if not outcome.approved:
            return _refusal(tool, outcome.comment)
        return _text(apply(tool, outcome, limits=limits).document)

    async def concurrent(**inputs: Any) -> str:
        if tool.reads_only:
            return _text((await acall(tool, inputs, limits=limits)).document)
        outcome = request_approval(propose(tool, inputs, environment=environment))
        if not outcome.approved:
            return _refusal(tool, outcome.comment)
        return _text((await aapply(tool, outcome, limits=limits)).document)

    takes = tool.takes
    return StructuredTool(
        name=tool.name.replace(".", "__"), description=tool.description, func=sync, coroutine=concurrent,
        args_schema=takes.model if isinstance(takes, ModelShape) else takes.schema,
        metadata={"tool": tool.full_name, "effect": tool.effect.value}, handle_tool_error=False,
    )  # fmt: skip


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)


def _refusal(tool: Tool, comment: str) -> str:
    return (
        f"People did not approve the call of {tool.name}. It was not made.{f' They said: {comment}' if comment else ''}"
    )
