"""Gates of tools that change something: propose the call, and apply exactly what was approved.

Propose and apply in different nodes: a node runs again from its start when the answer arrives, and after a crash. ::

    def ask(state):  # the proposal depends on the state only, so that it is the same when this node runs again
        return {"outcome": request_approval(propose(create_index, state["plan"])).model_dump(mode="json")}

    def act(state):
        return {"result": apply(create_index, state["outcome"]).document}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from assent.contracts import Outcome, ReceiptStatus, RiskLevel, ToolCall
from assent.errors import Rejected
from assent.gate import report_receipt
from assent.toolbox.calls import USUAL, Limits, ToolResult, arun, run
from assent.toolbox.errors import (
    OutcomeUnknownError,
    ToolError,
    ToolFailedError,
    ToolInputError,
    ToolOutputError,
    ToolTimeoutError,
)
from assent.toolbox.ledger import begins
from assent.toolbox.model import Tool
from assent.toolbox.shapes import MisshapenError

VERSION_LABEL = "tool_version"
"""Label of a proposal: the version of the tool that is to be called."""


def propose(
    tool: Tool, inputs: Mapping[str, Any] | BaseModel, *, title: str = "", summary: str = "", environment: str = "",
    risk_floor: RiskLevel = RiskLevel.SAFE,
) -> ToolCall:  # fmt: skip
    """Return the proposal to call a tool. Nothing is called.

    Args:
        inputs: an object that fits the tool's input schema; reviewers may change it.
        title: in one line; empty: the tool's name in words.
        summary: the reason, in Markdown; empty: the tool's description.
        environment: where the tool would act, such as production.
        risk_floor: the assessed risk is never below this, nor below the tool's own.

    Raises:
        ToolInputError: the inputs do not fit.
    """
    try:
        document = tool.takes.document(tool.takes.read(inputs))
    except MisshapenError as misfit:
        raise ToolInputError(f"The inputs do not fit {tool.name}.", misfit.fields) from misfit
    return ToolCall(
        title=(title or tool.label)[:200], summary=summary or tool.description, tool=tool.name, args=document,
        args_schema=tool.takes.schema, environment=environment, labels={VERSION_LABEL: tool.version},
        risk_floor=max(risk_floor, tool.least_risk, key=lambda level: level.rank),
    )  # fmt: skip


def apply(tool: Tool, outcome: Outcome | Mapping[str, Any], *, limits: Limits = USUAL) -> ToolResult:
    """Call a tool with the arguments that people approved, and report the receipt of the request.

    A tool that may not be repeated is never called twice for one approval: if a worker died during the call, the
    next attempt raises OutcomeUnknownError.

    Args:
        outcome: of the proposal that `propose` returned, or its JSON.

    Raises:
        Rejected: the call was not approved. Nothing was called.
        OutcomeUnknownError: an earlier attempt ended before its result was stored. Nothing was called.
        ToolInputError: the outcome is not of this tool, or the approved arguments do not fit it. Nothing was called.
        ToolOutputError, ToolFailedError, ToolTimeoutError: the call failed; it may have changed something.
    """
    approval = _Approval(tool, outcome)
    inputs = approval.inputs()
    try:
        result = run(tool, inputs, limits=limits, request_id=approval.request_id)
    except ToolError as error:
        approval.failed(error)
        raise
    return approval.applied(result)


async def aapply(tool: Tool, outcome: Outcome | Mapping[str, Any], *, limits: Limits = USUAL) -> ToolResult:
    """As `apply`, without blocking the event loop."""
    approval = _Approval(tool, outcome)
    inputs = approval.inputs()
    try:
        result = await arun(tool, inputs, limits=limits, request_id=approval.request_id)
    except ToolError as error:
        approval.failed(error)
        raise
    return approval.applied(result)


class _Approval:
    """The outcome of a proposal to call a tool."""

    def __init__(self, tool: Tool, outcome: Outcome | Mapping[str, Any]) -> None:
        self._tool = tool
        self._outcome = outcome if isinstance(outcome, Outcome) else Outcome.model_validate(outcome)
        self.request_id = self._outcome.request_id

    def inputs(self) -> dict[str, Any]:
        """Return the approved arguments, once. Raises Rejected, ToolInputError, OutcomeUnknownError."""
        if not self._outcome.approved:
            raise Rejected(self._outcome)
        proposal = self._outcome.proposal
        if not isinstance(proposal, ToolCall) or proposal.tool != self._tool.name:
            raise self._refused(f"The outcome of request {self.request_id} is not of a call of {self._tool.name}.", {})
        if proposal.decision != "approve":
            raise Rejected(self._outcome)
        try:
            self._tool.takes.read(proposal.args)
        except MisshapenError as misfit:
            raise self._refused(f"The approved arguments do not fit {self._tool.name}.", misfit.fields) from misfit
        if not self._tool.idempotent and not self._tool.reads_only and not begins(self.request_id):
            raise OutcomeUnknownError(
                f"{self._tool.name} had been called for request {self.request_id} when its worker died. Whether it was "
                "carried out is not known, and calling it again is not safe. Check, and then decide."
            )
        return dict(proposal.args)

    def _refused(self, message: str, fields: dict[str, str]) -> ToolInputError:
        error = ToolInputError(message, fields)
        report_receipt(self._outcome, ReceiptStatus.NOT_APPLIED, str(error))
        return error

    def applied(self, result: ToolResult) -> ToolResult:
        """Report what the tool returned."""
        report_receipt(self._outcome, ReceiptStatus.APPLIED, f"{self._tool.full_name} was called.", result.document)
        return result

    def failed(self, error: ToolError) -> None:
        """Report that the call failed, and whether it may have changed something all the same."""
        doubt = isinstance(error, ToolTimeoutError | ToolOutputError | ToolFailedError) and not self._tool.reads_only
        status = ReceiptStatus.FAILED if doubt else ReceiptStatus.NOT_APPLIED
        report_receipt(self._outcome, status, str(error))
