"""The toolbox: tools that agents and workflows call by name, validated, limited, recorded, and approved by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assent.late_exports import late_exports

if TYPE_CHECKING:
    from assent.toolbox.approved_calls import ApprovedCall
    from assent.toolbox.basis import (
        achanges_since,
        aread,
        asks_people,
        basis_of,
        changes_since,
        question_about,
        read,
    )
    from assent.toolbox.calls import Limits, ToolResult, acall, call, recorded
    from assent.toolbox.context import ToolContext
    from assent.toolbox.errors import BasisChangedError
    from assent.toolbox.gates import aapply, apply, propose
    from assent.toolbox.mcp_entries import read_servers
    from assent.toolbox.mcp_servers import ToolServers
    from assent.toolbox.mcp_tools import pin_of
    from assent.toolbox.model import Dependency, Effect, Tier, Tool, tool
    from assent.toolbox.recovery import call_healing, permission_question, propose_correction
    from assent.toolbox.registry import Registry

__all__ = [
    "ApprovedCall",
    "BasisChangedError",
    "Dependency",
    "Effect",
    "Limits",
    "Registry",
    "Tier",
    "Tool",
    "ToolContext",
    "ToolResult",
    "ToolServers",
    "aapply",
    "acall",
    "achanges_since",
    "apply",
    "aread",
    "asks_people",
    "basis_of",
    "call",
    "call_healing",
    "changes_since",
    "permission_question",
    "pin_of",
    "propose",
    "propose_correction",
    "question_about",
    "read",
    "read_servers",
    "recorded",
    "tool",
]

_MODULES = {
    "approved_calls": "ApprovedCall",
    "basis": "achanges_since aread asks_people basis_of changes_since question_about read",
    "calls": "Limits ToolResult acall call recorded",
    "context": "ToolContext",
    "errors": "BasisChangedError",
    "gates": "aapply apply propose",
    "mcp_entries": "read_servers",
    "mcp_servers": "ToolServers",
    "mcp_tools": "pin_of",
    "model": "Dependency Effect Tier Tool tool",
    "recovery": "call_healing permission_question propose_correction",
    "registry": "Registry",
}
__getattr__ = late_exports(__name__, _MODULES)
