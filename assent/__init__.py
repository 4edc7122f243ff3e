"""The SDK for agent authors: propose an action, wait for approval, and continue with exactly what was approved."""

from __future__ import annotations

from assent.late_exports import late_exports

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    from assent.approval import Approval, AsyncApproval
    from assent.client import Assent, AsyncAssent
    from assent.contracts import (
        Basis,
        Call,
        CallDecision,
        CallReceipt,
        Changed,
        Custom,
        OptimizationItem,
        Optimizations,
        Outcome,
        Plan,
        Proposal,
        Question,
        Receipt,
        ReceiptStatus,
        RiskLevel,
        Script,
        TableFacts,
        Tolerance,
        ToolCall,
        ToolCalls,
        Urgency,
        Verdict,
    )
    from assent.drafts import AgUi, Callback
    from assent.effects import Effect
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
    from assent.findings import AgentFinding, Attachment, FindingLevel
    from assent.function_gate import requires_approval
    from assent.gate import publish_artifact, report_receipt, request_approval
    from assent.graphs import adrive, drive
    from assent.lessons import RecalledLesson, recall, with_lessons
    from assent.open_requests import Status
    from assent.plans import Complexity, PlanAssessment, PlanRequirement, PlanStep
    from assent.progress import report_progress
    from assent.situations import AppliedLesson, Correctable, Situation
    from assent.workflow import Workflow, idempotent, target_address

__all__ = [
    "AgUi",
    "AgentFinding",
    "AlreadyDoneError",
    "AlreadyDrivenError",
    "ApiError",
    "AppliedLesson",
    "Approval",
    "Assent",
    "AssentError",
    "AsyncApproval",
    "AsyncAssent",
    "Attachment",
    "Basis",
    "Call",
    "CallDecision",
    "CallReceipt",
    "Callback",
    "Changed",
    "Complexity",
    "Correctable",
    "Custom",
    "Effect",
    "EndedError",
    "FindingLevel",
    "MovedOnError",
    "OptimizationItem",
    "Optimizations",
    "Outcome",
    "PassedOverError",
    "Plan",
    "PlanAssessment",
    "PlanRequirement",
    "PlanStep",
    "Proposal",
    "Question",
    "RecalledLesson",
    "Receipt",
    "ReceiptStatus",
    "Rejected",
    "RiskLevel",
    "Script",
    "Situation",
    "Status",
    "SwallowedGateError",
    "TableFacts",
    "ThreadOrderError",
    "Tolerance",
    "ToolCall",
    "ToolCalls",
    "UnfitOutcomeError",
    "UnreachableError",
    "Urgency",
    "Verdict",
    "WaitTimeoutError",
    "Workflow",
    "adrive",
    "drive",
    "idempotent",
    "publish_artifact",
    "recall",
    "report_progress",
    "report_receipt",
    "request_approval",
    "requires_approval",
    "target_address",
    "with_lessons",
]

_MODULES = {
    "approval": "Approval AsyncApproval",
    "client": "Assent AsyncAssent",
    "contracts": (
        "Basis Call CallDecision CallReceipt Changed Custom OptimizationItem Optimizations Outcome Plan Proposal "
        "Question Receipt ReceiptStatus RiskLevel Script TableFacts Tolerance ToolCall ToolCalls Urgency Verdict"
    ),
    "drafts": "AgUi Callback",
    "effects": "Effect",
    "errors": (
        "AlreadyDoneError AlreadyDrivenError ApiError AssentError EndedError MovedOnError PassedOverError "
        "Rejected SwallowedGateError ThreadOrderError UnfitOutcomeError UnreachableError WaitTimeoutError"
    ),
    "findings": "AgentFinding Attachment FindingLevel",
    "gate": "publish_artifact report_receipt request_approval",
    "graphs": "adrive drive",
    "lessons": "RecalledLesson recall with_lessons",
    "situations": "AppliedLesson Correctable Situation",
    "open_requests": "Status",
    "plans": "Complexity PlanAssessment PlanRequirement PlanStep",
    "progress": "report_progress",
    "function_gate": "requires_approval",
    "workflow": "Workflow idempotent target_address",
}
__getattr__ = late_exports(__name__, _MODULES)
