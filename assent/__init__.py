"""The SDK for agent authors: propose, suspend, and carry on with exactly what was approved."""

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
from assent.gate import publish_artifact, report_receipt, request_approval
from assent.workflow import Workflow, target_address

__all__ = [
    "Call",
    "CallDecision",
    "Custom",
    "OptimizationItem",
    "Optimizations",
    "Outcome",
    "Proposal",
    "Question",
    "Receipt",
    "ReceiptStatus",
    "RiskLevel",
    "Script",
    "TableFacts",
    "ToolCall",
    "ToolCalls",
    "Verdict",
    "Workflow",
    "publish_artifact",
    "report_receipt",
    "request_approval",
    "target_address",
]
