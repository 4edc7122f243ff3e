"""Gates of tools that change something: propose the call, and apply exactly what was approved.

Propose and apply in different nodes: a node runs again from its start when the answer arrives, and after a crash. ::

    def ask(state):  # the proposal depends on the state only, so that it is the same when this node runs again
        return {"outcome": request_approval(propose(create_index, state["plan"])).model_dump(mode="json")}

    def act(state):
        return {"result": apply(create_index, state["outcome"]).document}
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from assent.contracts import Changed, Outcome, ReceiptStatus, RiskLevel, ToolCall, Urgency, resting_on
from assent.errors import Rejected
from assent.gate import report_receipt
from assent.toolbox.basis import achanges_since, changes_since, summary_of
from assent.toolbox.calls import USUAL, Limits, ToolResult, arun, run
from assent.toolbox.errors import (
    BasisChangedError,
    OutcomeUnknownError,
    ToolChangedError,
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
PIN_LABEL = "tool_pin"
"""Label of a proposal: what an MCP server said about the tool when the call was proposed, as a digest."""


def propose(
    tool: Tool, inputs: Mapping[str, Any] | BaseModel, *, title: str = "", summary: str = "", environment: str = "",
    risk_floor: RiskLevel = RiskLevel.SAFE, urgency: Urgency = Urgency.NORMAL, rests_on: Iterable[Any] = (),
    changed: Any = None,
) -> ToolCall:  # fmt: skip
    """Return the proposal to call a tool. Nothing is called.

    Args:
        inputs: an object that fits the tool's input schema; reviewers may change it.
        title: in one line; empty: the tool's name in words.
        summary: the reason, in Markdown; empty: the tool's description.
        environment: where the tool would act, such as production.
        risk_floor: the assessed risk is never below this, nor below the tool's own.
        urgency: how soon a decision is needed.
        rests_on: what the proposal was made from, as `assent.toolbox.read` returned it, or its JSON. `apply` reads it
            again.
        changed: of the `BasisChangedError` that `apply` has raised, if this is proposed again because of it.

    Raises:
        ToolInputError: the inputs do not fit.
    """
    try:
        document = tool.takes.document(tool.takes.read(inputs))
    except MisshapenError as misfit:
        raise ToolInputError(f"The inputs do not fit {tool.name}.", misfit.fields) from misfit
    labels = {VERSION_LABEL: tool.version} | ({PIN_LABEL: tool.pin} if tool.pin else {})
    proposal = ToolCall(
        title=(title or tool.label)[:200], summary=summary or _described(tool), tool=tool.name, args=document,
        args_schema=tool.takes.schema_for(document), environment=environment, labels=labels,
        risk_floor=max(risk_floor, tool.least_risk, key=lambda level: level.rank), urgency=urgency,
    )  # fmt: skip
    made: ToolCall = resting_on(proposal, rests_on, changed) if rests_on or changed else proposal
    return made


def _described(tool: Tool) -> str:
    """Return the description of a tool for reviewers: what an MCP server says about its own tools is quoted as such."""
    if not tool.pin:
        return tool.description
    quoted = "\n".join(f"> {line}" for line in tool.description.splitlines())
    return f"The MCP server `{tool.name.partition('.')[0]}` describes its tool like this:\n\n{quoted}"[:20_000]


def apply(
    tool: Tool, outcome: Outcome | Mapping[str, Any], *, limits: Limits = USUAL, reads: Iterable[Tool] = ()
) -> ToolResult:
    """Call a tool with the arguments that people approved, and report the receipt of the request.

    What the proposal rests on is read again first.

    A tool that may not be repeated is never called twice for one approval: if a worker died during the call, the
    next attempt raises OutcomeUnknownError.

    Args:
        outcome: of the proposal that `propose` returned, or its JSON.
        reads: the tools to read with, as for `changes_since`.

    Raises:
        Rejected: the call was not approved. Nothing was called.
        BasisChangedError: what the proposal rests on has changed. Nothing was called; propose it again.
        OutcomeUnknownError: an earlier attempt ended before its result was stored. Nothing was called.
        ToolInputError: the outcome is not of this tool, or the approved arguments do not fit it. Nothing was called.
        ToolChangedError: another version is called than was approved, or an MCP server says something else about the
            tool than when it was proposed. Nothing was called.
        ToolOutputError, ToolFailedError, ToolTimeoutError: the call failed; it may have changed something.
    """
    approval = _Approval(tool, outcome)
    approval.check()
    if approval.must_read():
        _refuse_if_changed(approval.outcome, changes_since(approval.outcome, reads))
    inputs = approval.inputs()
    try:
        result = run(tool, inputs, limits=limits, request_id=approval.request_id)
    except ToolError as error:
        approval.failed(error)
        raise
    return approval.applied(result)


async def aapply(
    tool: Tool, outcome: Outcome | Mapping[str, Any], *, limits: Limits = USUAL, reads: Iterable[Tool] = ()
) -> ToolResult:
    """As `apply`, without blocking the event loop."""
    approval = _Approval(tool, outcome)
    approval.check()
    if await asyncio.to_thread(approval.must_read):
        _refuse_if_changed(approval.outcome, await achanges_since(approval.outcome, reads))
    inputs = await asyncio.to_thread(approval.inputs)
    try:
        result = await arun(tool, inputs, limits=limits, request_id=approval.request_id)
    except ToolError as error:
        approval.failed(error)
        raise
    return approval.applied(result)


def difference_from(tool: Tool, labels: Mapping[str, str]) -> str:
    """Return how a tool differs from the one of a proposal with these labels, in a sentence; empty: it does not."""
    if tool.pin and labels.get(PIN_LABEL) != tool.pin:
        return f"What the MCP server says about {tool.name} has changed since the call was proposed."
    approved = labels.get(VERSION_LABEL, tool.version)
    if approved != tool.version:
        return f"The call was approved for version {approved} of {tool.name}, not for {tool.version}."
    return ""


def check_basis(outcome: Outcome, reads: Iterable[Tool]) -> None:
    """Read again what several calls in one proposal rest on, before the first of them, as `apply` does before its call.

    Not if an earlier attempt may have made one: its own effect would look like a change by somebody else.

    Raises:
        BasisChangedError: something has changed. The receipt says so.
    """
    if not begins(f"{outcome.request_id}/reads") and not begins(outcome.request_id):
        return
    _refuse_if_changed(outcome, changes_since(outcome, reads))
    begins(outcome.request_id)


def _refuse_if_changed(outcome: Outcome, changed: Changed | None) -> None:
    """Report that nothing is applied if something has changed. Raises BasisChangedError."""
    if changed is None:
        return
    summary = summary_of(changed)
    report_receipt(outcome, ReceiptStatus.NOT_APPLIED, summary, changed.model_dump(mode="json"))
    raise BasisChangedError(summary, changed)


class _Approval:
    """The outcome of a proposal to call a tool."""

    def __init__(self, tool: Tool, outcome: Outcome | Mapping[str, Any]) -> None:
        self._tool = tool
        self.outcome = outcome if isinstance(outcome, Outcome) else Outcome.model_validate(outcome)
        self.request_id = self.outcome.request_id
        self._args: dict[str, Any] = {}
        self._rests = isinstance(self.outcome.payload, dict) and bool(self.outcome.payload.get("rests_on"))
        self._is_first: bool | None = None
        self._difference = ""

    def check(self) -> None:
        """Check that this call was approved. Raises Rejected, ToolInputError."""
        if not self.outcome.approved:
            raise Rejected(self.outcome)
        proposal = self.outcome.proposal
        if not isinstance(proposal, ToolCall) or proposal.tool != self._tool.name:
            raise self._refused(f"The outcome of request {self.request_id} is not of a call of {self._tool.name}.", {})
        if proposal.decision != "approve":
            raise Rejected(self.outcome)
        try:
            self._tool.takes.read(proposal.args)
        except MisshapenError as misfit:
            raise self._refused(f"The approved arguments do not fit {self._tool.name}.", misfit.fields) from misfit
        self._args = dict(proposal.args)
        self._difference = difference_from(self._tool, proposal.labels)

    def must_read(self) -> bool:
        """Return whether to read again what the proposal rests on.

        Not if an earlier attempt may have made the call: its own effect would look like a change by somebody else.
        """
        if not self._rests or begins(f"{self.request_id}/reads"):
            return self._rests
        self._is_first = begins(self.request_id)
        return self._is_first

    def inputs(self) -> dict[str, Any]:
        """Return the approved arguments, once. Raises OutcomeUnknownError, ToolChangedError."""
        if self._is_first is None and (self._rests or not self._tool.may_repeat):
            self._is_first = begins(self.request_id)
        if self._is_first is False and not self._tool.may_repeat:
            raise OutcomeUnknownError(
                f"{self._tool.name} had been called for request {self.request_id} when its worker died. Whether it was "
                "carried out is not known, and calling it again is not safe. Check, and then decide."
            )
        if self._difference:
            # Only now: an earlier attempt may have made the call before the tool changed.
            changed = ToolChangedError(f"{self._difference} The call was not made: propose it again.")
            report_receipt(self.outcome, ReceiptStatus.NOT_APPLIED, str(changed))
            raise changed
        return self._args

    def _refused(self, message: str, fields: dict[str, str]) -> ToolInputError:
        error = ToolInputError(message, fields)
        report_receipt(self.outcome, ReceiptStatus.NOT_APPLIED, str(error))
        return error

    def applied(self, result: ToolResult) -> ToolResult:
        """Report what the tool returned."""
        report_receipt(self.outcome, ReceiptStatus.APPLIED, f"{self._tool.full_name} was called.", result.document)
        return result

    def failed(self, error: ToolError) -> None:
        """Report that the call failed, and whether it may have changed something all the same."""
        doubt = isinstance(error, ToolTimeoutError | ToolOutputError | ToolFailedError) and not self._tool.reads_only
        status = ReceiptStatus.FAILED if doubt else ReceiptStatus.NOT_APPLIED
        report_receipt(self.outcome, status, str(error))
