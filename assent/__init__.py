"""The SDK for agent authors: propose, suspend, and carry on with exactly what was approved."""

from assent.contracts import (
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
    Verdict,
)
from assent.gate import publish_artifact, report_receipt, request_approval
from assent.workflow import Workflow, target_address

__all__ = [
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
    "Verdict",
    "Workflow",
    "publish_artifact",
    "report_receipt",
    "request_approval",
    "target_address",
]
