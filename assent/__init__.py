"""The SDK for agent authors: propose an action, wait for approval, and continue with exactly what was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assent.contracts import (
    Call,
    CallDecision,
    Custom,
    OptimizationItem,
    Optimizations,
    Outcome,
    Proposal,
    Question,
    Receipt,
    ReceiptStatus,
    RiskLevel,
    Script,
    TableFacts,
    ToolCall,
    ToolCalls,
    Verdict,
)
from assent.errors import (
    AlreadyDoneError,
    AlreadyDrivenError,
    ApiError,
    AssentError,
    EndedError,
    MovedOnError,
    PassedOverError,
    Rejected,
    SwallowedGateError,
    ThreadOrderError,
    UnfitOutcomeError,
    UnreachableError,
    WaitTimeoutError,
)
from assent.gate import publish_artifact, report_receipt, request_approval
from assent.workflow import Workflow, idempotent, target_address

if TYPE_CHECKING:
    from assent.client import Approval, Assent, AsyncApproval, AsyncAssent
    from assent.drafts import AgUi, Callback
    from assent.graphs import adrive, drive
    from assent.open_requests import Status
    from assent.tools import requires_approval

__all__ = [
    "AgUi",
    "AlreadyDoneError",
    "AlreadyDrivenError",
    "ApiError",
    "Approval",
    "Assent",
    "AssentError",
    "AsyncApproval",
    "AsyncAssent",
    "Call",
    "CallDecision",
    "Callback",
    "Custom",
    "EndedError",
    "MovedOnError",
    "OptimizationItem",
    "Optimizations",
    "Outcome",
    "PassedOverError",
    "Proposal",
    "Question",
    "Receipt",
    "ReceiptStatus",
    "Rejected",
    "RiskLevel",
    "Script",
    "Status",
    "SwallowedGateError",
    "TableFacts",
    "ThreadOrderError",
    "ToolCall",
    "ToolCalls",
    "UnfitOutcomeError",
    "UnreachableError",
    "Verdict",
    "WaitTimeoutError",
    "Workflow",
    "adrive",
    "drive",
    "idempotent",
    "publish_artifact",
    "report_receipt",
    "request_approval",
    "requires_approval",
    "target_address",
]

_LATER = {
    "AgUi": "drafts", "Callback": "drafts",
    "Approval": "client", "Assent": "client", "AsyncApproval": "client", "AsyncAssent": "client",
    "Status": "open_requests", "requires_approval": "tools", "adrive": "graphs", "drive": "graphs",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # The portal's web process imports this package for its contract types. It must not load an HTTP client, and above
    # all not LangGraph.
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"assent.{_LATER[name]}"), name)
