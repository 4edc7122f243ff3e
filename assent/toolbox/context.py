"""The context of a call: for which run and whom it is made, and by which other call."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

FOR_WHOM = "__assent_for_whom"
"""Key in a run's configuration: the id of the account for which the run was started. LangGraph does not store it."""


@dataclass(frozen=True)
class ToolContext:
    """What a tool is told about its call.

    Attributes:
        call_id: identifies the call.
        parent_id: the call of a tool that makes this one; empty if none does.
        run_id: the run; empty outside of one.
        node: the node of the graph; empty outside of one.
        on_behalf_of: the id of the account for which the run was started; empty outside of the portal.
        attempt: 1, and more when the call is repeated after a failure.
        changes: whether this call, or one that makes it, may change something.
    """

    call_id: str
    parent_id: str = ""
    run_id: str = ""
    node: str = ""
    on_behalf_of: str = ""
    attempt: int = 1
    changes: bool = False


current_context: ContextVar[ToolContext | None] = ContextVar("assent_tool_context", default=None)
"""The context of the call that is being made; None outside of calls."""


def new_context() -> ToolContext:
    """Return the context of a new call that is made here."""
    outer = current_context.get()
    if outer is not None:
        return replace(outer, call_id=uuid4().hex, parent_id=outer.call_id, attempt=1)
    config = _config()
    settings, metadata = config.get("configurable") or {}, config.get("metadata") or {}
    return ToolContext(
        uuid4().hex,
        run_id=str(settings.get("thread_id") or ""),
        node=str(metadata.get("langgraph_node") or ""),
        on_behalf_of=str(settings.get(FOR_WHOM) or ""),
    )


def current_place() -> str:
    """Return the node that is running, in graphs inside of others with its parents' names (``parent/child``).

    Empty outside of a graph.
    """
    namespace = str((_config().get("metadata") or {}).get("langgraph_checkpoint_ns") or "")
    return "/".join(part.split(":")[0] for part in namespace.split("|"))


def _config() -> dict[str, Any]:
    """Return the configuration of the node that is running; nothing outside of LangGraph, which is not loaded then."""
    if "langgraph" not in sys.modules:
        return {}
    from langgraph.config import get_config

    try:
        return dict(get_config())
    except RuntimeError:
        return {}
