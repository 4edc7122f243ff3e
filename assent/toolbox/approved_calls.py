"""Calls with approval for programs that are not runs of the portal: request, wait, read again, and call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from assent.approval import Approval, AsyncApproval, opened_or_withdrawn
from assent.bodies import Report
from assent.client import Assent, AsyncAssent
from assent.contracts import Basis, Changed, Outcome, Question, Receipt, ReceiptStatus, RiskLevel, ToolCall, Urgency
from assent.errors import Rejected
from assent.function_gate import areports_to, reports_to
from assent.reports import reporting_to
from assent.toolbox.basis import AGAIN, asks_people, question_about, summary_of
from assent.toolbox.calls import USUAL, Limits, ToolResult
from assent.toolbox.errors import BasisChangedError
from assent.toolbox.gates import aapply, apply, propose
from assent.toolbox.model import Tool

Reads = Callable[[], Iterable[Basis]]
"""Reads what the proposal is made from, with `read`; called each time before the proposal is made."""


def _nothing() -> Iterable[Basis]:
    return ()


def _ignored(request: Approval | AsyncApproval) -> None:
    pass


@dataclass
class ApprovedCall:
    """A call of a tool that people approve first.

    The call is made with what they approved, in this process. What the proposal rests on is read here as well, once
    before the proposal and once before the call. If it has changed, nothing is called, and the call is proposed again,
    as a revision. After every third time in a row, people are asked whether to go on.

    Attributes:
        inputs: an object that fits the tool's input schema; reviewers may change it.
        rests_on: reads what the proposal is made from; by default, nothing.
        reads: the tools to read with, as for `changes_since`.
        title: in one line; empty: the tool's name in words.
        summary: the reason, in Markdown; empty: the tool's description.
        environment: where the tool acts, such as production.
        workflow: the workflow name of its requests, for policies.
        risk_floor: the assessed risk is never below this, nor below the tool's own.
        urgency: how soon a decision is needed.
        limits: for the call itself.
        on_request: called with each request of the call once it is open, for example to print its address.

    A receipt that cannot be reported is logged, and does not make the call fail: the caller would repeat it.
    """

    tool: Tool
    inputs: Mapping[str, Any]
    rests_on: Reads = _nothing
    reads: Iterable[Tool] = ()
    title: str = ""
    summary: str = ""
    environment: str = ""
    workflow: str = ""
    risk_floor: RiskLevel = RiskLevel.SAFE
    urgency: Urgency = Urgency.NORMAL
    limits: Limits = USUAL
    on_request: Callable[[Approval | AsyncApproval], None] = _ignored
    _previous: str = ""
    _changed: Changed | None = None

    def make(self, client: Assent, timeout: float | None = None) -> ToolResult:
        """Request approval, wait, and make the call. If the wait ends without an outcome, the request is withdrawn.

        Args:
            timeout: seconds after which to give up waiting for people; None: never.

        Raises:
            Rejected: the call was not approved. Nothing was called.
            BasisChangedError: what it rests on kept changing, and people decided to stop. Nothing was called.
            WaitTimeoutError, EndedError, ApiError, UnreachableError: as for `Approvals.request` and `Approval.wait`.
            ToolInputError, ToolOutputError, ToolFailedError, ToolTimeoutError: as for `apply`.
        """
        while True:
            with client.approvals.request(
                self._proposal(), workflow=self.workflow, previous_id=self._previous
            ) as request:
                self.on_request(request)
                outcome = request.wait(timeout)
            report = reports_to(request)
            try:
                with reporting_to(partial(_tell, report)):
                    return apply(self.tool, outcome, limits=self.limits, reads=self.reads)
            except Rejected as error:
                report.now(ReceiptStatus.NOT_APPLIED, str(error))
                raise
            except BasisChangedError as error:
                question = self._again(request.id, error.changed)
            if question is not None:
                with client.approvals.request(question, workflow=self.workflow) as asked:
                    self._check(asked.wait(timeout))

    async def amake(self, client: AsyncAssent, timeout: float | None = None) -> ToolResult:  # noqa: ASYNC109 - as `make`
        """As `make`, without blocking the event loop."""
        while True:
            opening = client.approvals.request(
                await asyncio.to_thread(self._proposal), workflow=self.workflow, previous_id=self._previous
            )
            async with await opened_or_withdrawn(opening) as request:
                self.on_request(request)
                outcome = await request.wait(timeout)
            report, receipts = areports_to(request), list[Receipt]()
            try:
                with reporting_to(receipts.append):
                    return await aapply(self.tool, outcome, limits=self.limits, reads=self.reads)
            except Rejected as error:
                await report.later(ReceiptStatus.NOT_APPLIED, str(error))
                raise
            except BasisChangedError as error:
                question = self._again(request.id, error.changed)
            finally:
                for receipt in receipts:
                    await report.later(receipt.status, receipt.summary, receipt.detail)
            if question is not None:
                opening = client.approvals.request(question, workflow=self.workflow)
                async with await opened_or_withdrawn(opening) as asked:
                    self._check(await asked.wait(timeout))

    def _proposal(self) -> ToolCall:
        return propose(
            self.tool, self.inputs, title=self.title, summary=self.summary, environment=self.environment,
            risk_floor=self.risk_floor, urgency=self.urgency, rests_on=list(self.rests_on()), changed=self._changed,
        )  # fmt: skip

    def _again(self, request_id: str, changed: Changed) -> Question | None:
        """Prepare the next proposal, and return the question to be answered before it."""
        self._previous, self._changed = request_id, changed
        if not asks_people(changed):
            return None
        question = question_about(changed, self.title or self.tool.label)
        return question.model_copy(update={"environment": self.environment, "urgency": self.urgency})

    def _check(self, outcome: Outcome) -> None:
        """Raise BasisChangedError unless people want the proposal to be made again."""
        assert self._changed is not None
        if outcome.answer != AGAIN:
            raise BasisChangedError(f"People decided to stop. {summary_of(self._changed)}", self._changed)


def _tell(report: Report, receipt: Receipt) -> None:
    report.now(receipt.status, receipt.summary, receipt.detail)
