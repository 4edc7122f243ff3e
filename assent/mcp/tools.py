"""The tools. None of them can decide, claim, assign, escalate, or extend a deadline."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field, JsonValue

from assent.approval import AsyncApproval
from assent.contracts import Proposal, Verdict
from assent.errors import EndedError, WaitTimeoutError
from assent.mcp import permission
from assent.mcp.callers import Callers, Portal
from assent.mcp.waits import GAVE_UP, WaitProgress, progress, withdrawn_if_cancelled
from assent.open_requests import Status

PERMISSION_PATIENCE = 120.0
"""Seconds for which a permission prompt tries to open its request, enough for a restart of the portal."""
LONGEST_WAIT = 3_600
MOST_ASKED = 50
"""How many canceled requests for one use of a tool are skipped."""
DECIDED_BY_PEOPLE = ("changes_requested", "rejected", "answered")

RequestId = Annotated[str, Field(description="The request's id, as returned by request_approval")]
Wait = Annotated[float, Field(ge=0, le=LONGEST_WAIT, description="Seconds to wait for people before answering")]
Reported = Literal["applied", "partly_applied", "not_applied", "failed"]


class RequestStatus(BaseModel):
    """The status of a request."""

    id: str
    url: str = Field(description="The page where people decide")
    state: str
    resolved: bool = Field(description="True if the request is final")
    approved: bool = Field(description="True if it may be done, exactly as `payload` says")
    verdict: Verdict | None = None
    payload: JsonValue = Field(default=None, description="What may be done; reviewers may have changed it")
    answer: JsonValue = Field(default=None, description="The answer to a question")
    comment: str = Field(default="", description="The reviewers' comments")
    receipt: str = Field(default="", description="What was done with the outcome, as far as known")
    held_until: str | None = Field(default=None, description="When its change window opens, if it waits for one")
    next: str = Field(description="What to do now")


class Tools:
    """The tools of one portal.

    Args:
        callers: the portal, for all callers.
        workflow: default workflow name of requests; empty: `external`.
        environment: environment of permission prompts, for policies.
    """

    def __init__(self, callers: Callers, workflow: str = "", environment: str = "") -> None:
        self._callers = callers
        self._workflow = workflow
        self._environment = environment

    async def request_approval(
        self,
        context: Context,
        proposal: Annotated[Proposal, Field(description="The proposal to be approved. Leave `agent` empty.")],
        workflow: Annotated[str, Field(description="Workflow name, for policies")] = "",
        response_schema: Annotated[
            dict[str, Any] | None, Field(description="JSON Schema of the answer to a question")
        ] = None,
        previous_id: Annotated[
            str, Field(description="The request that this one revises, after changes were requested")
        ] = "",
        idempotency_key: Annotated[
            str, Field(max_length=255, description="Identifies the action: the same key finds the same request again")
        ] = "",
        wait_seconds: Wait = 0,
    ) -> RequestStatus:
        """Ask people to approve an action (a tool call, a script, a set of optimizations, a plan, any value) or to
        answer a question. Do not act before the result says `approved`, and then do exactly what `payload` says."""
        async with self._callers.portal(context.headers) as portal:
            # If this were canceled midway, it would be unknown whether there is a request to cancel.
            with anyio.CancelScope(shield=True):
                approval = await portal.client.approvals.request(
                    proposal, idempotency_key=idempotency_key, workflow=workflow or self._workflow,
                    previous_id=previous_id, response_schema=response_schema,
                )  # fmt: skip
            portal.keep(approval)
            if idempotency_key:
                return await self._after(context, approval, wait_seconds)
            async with withdrawn_if_cancelled(approval):
                return await self._after(context, approval, wait_seconds)

    async def wait_for_approval(self, context: Context, id: RequestId, wait_seconds: Wait = 45) -> RequestStatus:
        """Wait until people have decided on a request. If there is none yet, the result says so: call again."""
        async with self._callers.portal(context.headers) as portal:
            return await self._after(context, portal.approval(id), wait_seconds)

    async def approval_status(self, context: Context, id: RequestId) -> RequestStatus:
        """Get the status of a request, without waiting."""
        async with self._callers.portal(context.headers) as portal:
            return await self._after(context, portal.approval(id), 0)

    async def report_receipt(
        self,
        context: Context,
        id: RequestId,
        status: Annotated[Reported, Field(description="What was done with the outcome")],
        summary: Annotated[str, Field(description="In one or two sentences; at most 2,000 characters are kept")] = "",
        detail: Annotated[JsonValue, Field(description="Any additional JSON, such as counts")] = None,
    ) -> str:
        """Report what was actually done with an outcome, even if it failed: "approved" is not "done"."""
        async with self._callers.portal(context.headers) as portal:
            await portal.approval(id).report(status, summary, detail)
        return "Reported."

    async def withdraw_request(
        self, context: Context, id: RequestId, reason: Annotated[str, Field(description="Why")] = ""
    ) -> str:
        """Cancel a request that is no longer needed."""
        async with self._callers.portal(context.headers) as portal:
            await portal.approval(id).cancel(reason)
        return "Canceled."

    async def permission_prompt(
        self,
        context: Context,
        tool_name: Annotated[str, Field(description="The tool that would be run")],
        input: Annotated[dict[str, Any], Field(description="Its arguments")],
        tool_use_id: Annotated[str, Field(description="Id of this use; the same id finds the same request")] = "",
    ) -> str:
        """For permission prompts of coding agents, not for models: waits until people allow or deny the use of a tool,
        and returns the JSON that Claude Code's `--permission-prompt-tool` expects."""
        try:
            async with self._callers.portal(context.headers, PERMISSION_PATIENCE) as portal:
                return await self._permission(context, portal, tool_name, input, tool_use_id)
        except ToolError as error:
            return permission.denied(f"There was no decision: the request could not be opened. {error}")

    async def _permission(
        self, context: Context, portal: Portal, tool: str, arguments: dict[str, Any], use_id: str
    ) -> str:
        proposal = permission.asked(tool, arguments, self._environment)
        key = permission.key_of(tool, arguments, use_id)
        async with progress(context) as shown:
            for _ in range(MOST_ASKED):
                with anyio.CancelScope(shield=True):
                    approval = await portal.client.approvals.request(
                        proposal, idempotency_key=key, workflow=self._workflow
                    )
                    # A repeated prompt for the same use finds its first request, which may have been canceled by now.
                    state = (approval.kept_status() or await approval.status()).state
                if state != "cancelled":
                    answer = await self._answer(shown, approval, tool)
                    if answer:
                        return answer
                key = permission.key_after(key, approval)
        return permission.denied("The request was canceled repeatedly before it was decided.")

    @staticmethod
    async def _answer(shown: WaitProgress, approval: AsyncApproval, tool: str) -> str:
        """Return the answer to a permission prompt; empty: an earlier call of the same prompt just canceled it."""
        async with withdrawn_if_cancelled(approval):
            await shown.waits_for(approval)
            try:
                outcome = await approval.wait()
            except EndedError as error:
                return permission.denied(permission.ended(error.state))
        if approval.state == "cancelled" and GAVE_UP in outcome.comment:
            return ""
        return permission.answered(tool, outcome, approval)

    async def _after(self, context: Context, approval: AsyncApproval, wait_seconds: float) -> RequestStatus:
        """Return the status after waiting."""
        if (status := approval.kept_status()) is not None:
            return _standing(approval, status)  # a policy or a grant decided at once
        if wait_seconds:
            async with progress(context) as shown:
                await shown.waits_for(approval)
                with suppress(WaitTimeoutError, EndedError):
                    await approval.wait(wait_seconds)
        return _standing(approval, await approval.status())


def _standing(approval: AsyncApproval, status: Status) -> RequestStatus:
    outcome = status.outcome
    found = RequestStatus(
        id=approval.id, url=approval.url, state=status.state, resolved=status.resolved,
        approved=outcome is not None and outcome.approved, receipt=str((status.receipt or {}).get("status", "")),
        held_until=status.held_until, next="",
    )  # fmt: skip
    if outcome is not None:
        found.answer, found.comment = outcome.answer, outcome.comment
        # A canceled or expired request was not rejected by people.
        found.verdict = outcome.verdict if outcome.approved or status.state in DECIDED_BY_PEOPLE else None
        found.payload = outcome.payload if outcome.approved else None
    found.next = _next(found)
    return found


def _next(found: RequestStatus) -> str:
    if not found.resolved:
        return "There is no decision yet. Do not act; call wait_for_approval with this id again."
    if found.approved:
        return (
            "Do exactly what `payload` says, and nothing else; then call report_receipt. Do not make calls in it whose "
            "`decision` is not approve: use their `message` as the result."
        )
    if found.verdict == Verdict.ANSWER:
        return "Continue with `answer`."
    if found.verdict == Verdict.REQUEST_CHANGES:
        return "Do not act. Revise the proposal as `comment` says, and request approval with this id as `previous_id`."
    if found.verdict == Verdict.REJECT:
        return "Do not act: it was not approved."
    how = {"expired": "it expired before it was decided", "cancelled": "it was canceled before it was decided"}
    why = how.get(found.state, f"it ended without a decision ({found.state})")
    return f"Do not act: {why}. If it is still needed, request approval again under another idempotency key."
