"""The tools. None of them decides, claims, assigns, escalates or gives more time, and none of them can be made to."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field, JsonValue

from assent.client import AsyncApproval, Status
from assent.contracts import Proposal, Verdict
from assent.errors import EndedError, WaitTimeoutError
from assent.mcp import permission
from assent.mcp.callers import Callers, Portal
from assent.mcp.waiting import GAVE_UP, Progress, progress, withdrawn_if_cancelled

PERMISSION_PATIENCE = 120.0
"""Seconds for which a permission prompt tries to open its request: a portal that restarts is back by then."""
LONGEST_WAIT = 3_600
MOST_ASKED = 50
"""How many withdrawn requests of one use of a tool are passed over."""
DECIDED_BY_PEOPLE = ("changes_requested", "rejected", "answered")

RequestId = Annotated[str, Field(description="The request's id, as request_approval returned it")]
Wait = Annotated[float, Field(ge=0, le=LONGEST_WAIT, description="Seconds to wait for people before answering")]
Reported = Literal["applied", "partly_applied", "not_applied", "failed"]


class Standing(BaseModel):
    """How a request stands."""

    id: str
    url: str = Field(description="The page on which people decide")
    state: str
    resolved: bool = Field(description="Whether anything more can come of it")
    approved: bool = Field(description="Whether it may be done, with `payload` as it stands here")
    verdict: Verdict | None = None
    payload: JsonValue = Field(default=None, description="What may be done; people may have changed it")
    answer: JsonValue = Field(default=None, description="The answer to a question")
    comment: str = Field(default="", description="What people said")
    receipt: str = Field(default="", description="What is known to be done with the outcome")
    held_until: str | None = Field(default=None, description="Approved, and waits until then for its change window")
    next: str = Field(description="What to do now")


class Tools:
    """The tools, for one portal.

    Args:
        callers: the portal, for whoever calls.
        workflow: what requests are filed under if the agent says nothing else; empty: `external`.
        environment: where permission prompts act, for policies.
    """

    def __init__(self, callers: Callers, workflow: str = "", environment: str = "") -> None:
        self._callers = callers
        self._workflow = workflow
        self._environment = environment

    async def request_approval(
        self,
        context: Context,
        proposal: Annotated[Proposal, Field(description="What is to be approved. Leave `agent` empty.")],
        workflow: Annotated[str, Field(description="What it is filed under, for policies")] = "",
        response_schema: Annotated[
            dict[str, Any] | None, Field(description="JSON Schema of the answer to a question")
        ] = None,
        previous_id: Annotated[
            str, Field(description="The request that this one revises, after changes were asked for")
        ] = "",
        idempotency_key: Annotated[
            str, Field(max_length=255, description="Names this very action: the same key finds the same request again")
        ] = "",
        wait_seconds: Wait = 0,
    ) -> Standing:
        """Ask people to approve an action (a tool call, a script, a set of optimizations, any value) or to answer a
        question. Do nothing of it before the answer says `approved`, and then exactly what `payload` says."""
        async with self._callers.portal(context.headers) as portal:
            # Cancelled in the middle of it, nobody would know whether there is a request to withdraw.
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

    async def wait_for_approval(self, context: Context, id: RequestId, wait_seconds: Wait = 45) -> Standing:
        """Wait until people have decided on a request. If nobody has by then, the answer says so: call it again."""
        async with self._callers.portal(context.headers) as portal:
            return await self._after(context, portal.approval(id), wait_seconds)

    async def approval_status(self, context: Context, id: RequestId) -> Standing:
        """How a request stands, without waiting."""
        async with self._callers.portal(context.headers) as portal:
            return await self._after(context, portal.approval(id), 0)

    async def report_receipt(
        self,
        context: Context,
        id: RequestId,
        status: Annotated[Reported, Field(description="What was done with the outcome")],
        summary: Annotated[str, Field(description="In one or two sentences; at most 2,000 characters are kept")] = "",
        detail: Annotated[JsonValue, Field(description="Any further JSON, such as counts")] = None,
    ) -> str:
        """Say what was really done with an outcome, also if it failed: "approved" is not "done"."""
        async with self._callers.portal(context.headers) as portal:
            await portal.approval(id).report(status, summary, detail)
        return "Noted."

    async def withdraw_request(
        self, context: Context, id: RequestId, reason: Annotated[str, Field(description="Why")] = ""
    ) -> str:
        """Take back what was asked, when it is no longer needed."""
        async with self._callers.portal(context.headers) as portal:
            await portal.approval(id).cancel(reason)
        return "Withdrawn."

    async def permission_prompt(
        self,
        context: Context,
        tool_name: Annotated[str, Field(description="The tool that would be run")],
        input: Annotated[dict[str, Any], Field(description="Its arguments")],
        tool_use_id: Annotated[str, Field(description="Of this use; the same again is the same request")] = "",
    ) -> str:
        """For coding agents' permission prompts, not for models: waits until people have allowed or denied a use of a
        tool, and answers with JSON as `--permission-prompt-tool` of Claude Code takes it."""
        try:
            async with self._callers.portal(context.headers, PERMISSION_PATIENCE) as portal:
                return await self._permission(context, portal, tool_name, input, tool_use_id)
        except ToolError as error:
            return permission.denied(f"Nobody has decided on this: Assent could not be asked. {error}")

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
                    # A use that is asked about again finds its first request, which may have been withdrawn by now.
                    state = (await approval.status()).state
                if state != "cancelled":
                    answer = await self._answer(shown, approval, tool)
                    if answer:
                        return answer
                key = permission.key_after(key, approval)
        return permission.denied("The request was withdrawn again and again before it was decided.")

    @staticmethod
    async def _answer(shown: Progress, approval: AsyncApproval, tool: str) -> str:
        """The answer to a permission prompt; empty: an earlier call of the same prompt has just withdrawn it."""
        async with withdrawn_if_cancelled(approval):
            await shown.waits_for(approval)
            try:
                outcome = await approval.wait()
            except EndedError as error:
                return permission.denied(permission.ended(error.state))
        if approval.state == "cancelled" and GAVE_UP in outcome.comment:
            return ""
        return permission.answered(tool, outcome, approval)

    async def _after(self, context: Context, approval: AsyncApproval, wait_seconds: float) -> Standing:
        """How it stands after waiting for so long."""
        if wait_seconds:
            async with progress(context) as shown:
                await shown.waits_for(approval)
                with suppress(WaitTimeoutError, EndedError):
                    await approval.wait(wait_seconds)
        return _standing(approval, await approval.status())


def _standing(approval: AsyncApproval, status: Status) -> Standing:
    outcome = status.outcome
    found = Standing(
        id=approval.id, url=approval.url, state=status.state, resolved=status.resolved,
        approved=outcome is not None and outcome.approved, receipt=str((status.receipt or {}).get("status", "")),
        held_until=status.held_until, next="",
    )  # fmt: skip
    if outcome is not None:
        found.answer, found.comment = outcome.answer, outcome.comment
        # What was withdrawn, or has expired, people have not rejected.
        found.verdict = outcome.verdict if outcome.approved or status.state in DECIDED_BY_PEOPLE else None
        found.payload = outcome.payload if outcome.approved else None
    found.next = _next(found)
    return found


def _next(found: Standing) -> str:
    if not found.resolved:
        return "Nobody has decided yet. Do nothing of it; call wait_for_approval with this id again."
    if found.approved:
        return (
            "Do exactly what `payload` says, and nothing else; then call report_receipt. A call whose `decision` there "
            "is not approve is not made: its `message` takes the place of its result."
        )
    if found.verdict == Verdict.ANSWER:
        return "Go on with `answer`."
    if found.verdict == Verdict.REQUEST_CHANGES:
        return "Do nothing of it. Change it as `comment` says and ask again, with this id as `previous_id`."
    if found.verdict == Verdict.REJECT:
        return "Do nothing of it: it was not approved."
    how = {"expired": "it expired before it was decided", "cancelled": "it was withdrawn before it was decided"}
    why = how.get(found.state, f"it ended without a decision ({found.state})")
    return f"Do nothing of it: {why}. Ask again, under another idempotency key, if it is needed."
