"""Hooks of coding agents: a call in the agent's own format, and an answer in the same.

An agent that waits by itself sends its call once, with `wait`. The command `assent hook` sends it with `again`, waits
for the outcome of the pending request like any other agent, and sends the call once more, which answers it for good.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from flask import request as http_request
from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel, ValidationError

from app.api.registry import ApiCall, EndpointTable
from app.domain.errors import (
    AlreadyDecidedError,
    ExpiredError,
    ForbiddenError,
    IllegalTransitionError,
    InvalidInputError,
    NotFoundError,
)
from app.domain.policy.terms import Terms, Unanswered
from app.domain.tokens import Scope
from app.http.aside import HANDED_OVER, LARGEST_BODY
from app.http.body import PlainText, QueryArguments
from app.http.departures import client_has_gone
from app.services.approvals.intake.gate import CollectedOutcome, ExternalRequest
from assent.contracts import CallDecision, Outcome, ReceiptStatus, ToolCall, document_of
from assent.digests import digest_of
from assent.hooks.agents import AGENTS
from assent.hooks.calls import CallFormatError, CodingAgent, HookCall, Moment, Permission, Ruling
from assent.masking import mask
from assent.permissions import asked, ended, refusal

table = EndpointTable()
_NAMESPACE = uuid.UUID("0f5a3a52-6c3f-4a0f-8d63-2f0c3f4f5b1e")
_NARROW = frozenset({Scope.APPROVALS_REQUEST, Scope.APPROVALS_READ})
"""Scopes of a token that a coding agent may hold: it can read its own environment."""


class HookQuery(QueryArguments):
    """How long to wait for people, and for which call."""

    wait: float = Field(default=0, ge=0, le=60, allow_inf_nan=False, description="Seconds to wait for people")
    again: bool = Field(
        default=False, description="The caller will send the call again: `pending` is an answer, and nothing is denied"
    )
    use: PlainText = Field(
        default="", max_length=100, description="Identifies the call, for agents that do not do so themselves"
    )


class HookIn(BaseModel):
    """A call as the agent's hook describes it; see the page about coding agents."""

    model_config = ConfigDict(extra="allow", strict=True)


class HookOut(RootModel[dict[str, JsonValue]]):
    """The answer in the agent's format; or, with `again`, `pending` with the id and the address of the request."""


@table.add("POST", "/hooks/<agent:agent>", HookOut, body=HookIn, query=HookQuery, scopes=(Scope.APPROVALS_REQUEST,))
def answer_hook(call: ApiCall) -> Any:
    """Answer the hook of a coding agent about a tool call, in the agent's format."""
    agent = AGENTS[call.path["agent"]]
    _require_narrow(call)
    try:
        made = agent.parse(call.body.model_extra or {})
    except CallFormatError as error:
        raise InvalidInputError(f"This is not a call of {agent.title}: {error}.", {"": str(error)}) from None
    request_id = _id_of(call, agent, made)
    if made.moment is Moment.AFTER:
        _report(call, agent, made, request_id)
        return agent.answer(made, Ruling(Permission.ALLOW, ""))
    proposal = _proposal(agent, made)
    wanted = ExternalRequest(document_of(proposal), agent.name)
    checkpoints = call.portal.services.checkpoints
    opened = checkpoints.open(call.actor, wanted, request_id, collects=_collects(call))
    found = _wait(call, opened.id)
    if not found.resolved and found.held_until is None and call.query.again:
        address = call.portal.settings.public_url.rstrip("/")
        return {"pending": {"request_id": opened.id, "url": f"{address}/requests/{opened.id}"}}
    ruling = _ruling(agent, made, found) or _unanswered(call, agent, made, found)
    return agent.answer(made, ruling)


def _require_narrow(call: ApiCall) -> None:
    """Raise ForbiddenError for a token with which the agent could do more than request approval."""
    wider = [scope.value for scope in Scope if scope in call.client.scopes - _NARROW]
    if wider:
        raise ForbiddenError(
            f"This token also allows {', '.join(wider)}, and a coding agent can read its own environment. Create an "
            "agent's token that has only the scope approvals:request."
        )
    if call.client.token_id and call.actor.kind != "agent":
        raise ForbiddenError("This is a person's token. Create one for the agent, with the scope approvals:request.")


def _id_of(call: ApiCall, agent: CodingAgent, made: HookCall) -> str:
    """The id of the request about this call: the same when it is asked about again, and when it has been made."""
    use = made.use_id or call.query.use
    if not use:
        return str(uuid.uuid4())
    parts = [call.client.caller, agent.name, made.moment is Moment.PROMPT, made.session, use, made.tool, made.args]
    return str(uuid.uuid5(_NAMESPACE, digest_of(parts)))


def _proposal(agent: CodingAgent, made: HookCall) -> ToolCall:
    labels = {"session": made.session, "folder": made.folder, "hook": made.event, **dict(made.labels)}
    try:
        return asked(made.tool, made.args, labels={name: words for name, words in labels.items() if words})
    except ValidationError:
        raise InvalidInputError(f"This is not a call of {agent.title}.", {"tool_name": "not a tool's name"}) from None


def _wait(call: ApiCall, request_id: str) -> CollectedOutcome:
    """The outcome as it is once people have decided or the time is up."""
    checkpoints = call.portal.services.checkpoints
    found = checkpoints.outcome(request_id, call.actor, collects=_collects(call))
    if found.resolved or not call.query.wait or _in_helper():
        return found
    deadline = time.monotonic() + call.query.wait
    with call.portal.wakeups.waiting(request_id) as waiter:
        while True:
            found = checkpoints.outcome(request_id, call.actor, collects=_collects(call))
            if found.resolved or client_has_gone() or not waiter.wait(deadline):
                return found


def _collects(call: ApiCall) -> bool:
    """True if the answer hands the outcome to a program: in a browser's session, or to nobody, it does not."""
    return bool(call.client.token_id) and not client_has_gone()


def _in_helper() -> bool:
    """True in a helper process, which is stopped after a while and in which nothing may wait."""
    return HANDED_OVER in http_request.environ or (http_request.content_length or 0) > LARGEST_BODY


def _ruling(agent: CodingAgent, made: HookCall, found: CollectedOutcome) -> Ruling | None:
    """The answer for what has been decided; None: nothing has."""
    state = found.request.state
    if found.held_until is not None:
        when = found.held_until.isoformat(timespec="minutes")
        return Ruling(Permission.DENY, f"This is approved, but must not run before {when}. Try again then.")
    if not found.resolved:
        return None
    if found.outcome is None:
        return Ruling(Permission.DENY, ended(state))
    done = found.receipt
    if done is not None and done.status != ReceiptStatus.DELIVERED.value:
        return Ruling(Permission.DENY, f"This call has been made already: {done.status}.")
    outcome = Outcome.model_validate(found.outcome)
    if not outcome.approved:
        return Ruling(Permission.DENY, _refused(found, outcome))
    return _approved(agent, made, found, outcome)


def _refused(found: CollectedOutcome, outcome: Outcome) -> str:
    by_policy = found.request.answered_by.startswith("policy:")
    return found.request.note if by_policy else refusal(outcome, found.request.state)


def _approved(agent: CodingAgent, made: HookCall, found: CollectedOutcome, outcome: Outcome) -> Ruling:
    """Allow exactly what was approved."""
    try:
        payload = ToolCall.model_validate(outcome.payload)
    except ValidationError:
        return Ruling(Permission.DENY, "The approved proposal is not a tool call, so nothing may be run.")
    if payload.tool != made.tool:
        return Ruling(Permission.DENY, f"The approved call is of {payload.tool!r}, so nothing may be run.")
    if payload.decision != CallDecision.APPROVE:
        return Ruling(Permission.DENY, payload.message or "People decided that this call must not be made.")
    reason = found.request.note or outcome.comment or "Approved."
    if outcome.digest == outcome.proposed_digest or payload.args == made.args:
        return Ruling(Permission.ALLOW, reason)
    if made.event not in agent.can_change or mask(made.args)[1]:
        # A changed call with a masked secret would be made with the mask instead of the secret.
        return Ruling(
            Permission.DENY, "People approved a changed call. Make this one instead: " + str(payload.args)[:4_000]
        )
    return Ruling(Permission.ALLOW, reason, payload.args)


def _unanswered(call: ApiCall, agent: CodingAgent, made: HookCall, found: CollectedOutcome) -> Ruling:
    """End a request that nobody has decided in the time that the agent waits, and say what follows from that."""
    request = found.request
    terms = Terms.from_json(request.terms)
    seconds = int((call.portal.services.clock() - request.opened_at).total_seconds())
    asks = terms.unanswered is Unanswered.ASK and made.event in agent.can_ask
    reason = "People have to decide, and the hook does not wait for them"
    if seconds > 0:
        reason = f"Nobody decided in the {seconds} s that {agent.title} waited"
    if asks:
        reason += f". The rule “{terms.name}” leaves that to the person at the keyboard."
    else:
        reason += ", so the call was denied."
    try:
        call.portal.services.checkpoints.cancel(request.id, call.actor, reason)
    except (AlreadyDecidedError, ExpiredError):
        late = call.portal.services.checkpoints.outcome(request.id, call.actor, collects=_collects(call))
        return _ruling(agent, made, late) or Ruling(Permission.DENY, ended(late.request.state))
    return Ruling(Permission.ASK if asks else Permission.DENY, reason)


def _report(call: ApiCall, agent: CodingAgent, made: HookCall, request_id: str) -> None:
    """Note that the call was made. Calls from before the hook was set up are unknown; nothing is said about them."""
    if not made.made:
        return
    checkpoints = call.portal.services.checkpoints
    status = ReceiptStatus.FAILED if made.failed else ReceiptStatus.APPLIED
    words = f"{agent.title} reports that the call {'failed' if made.failed else 'was made'}."
    try:
        checkpoints.report(request_id, call.actor, status, words)
    except NotFoundError:
        return
    except (IllegalTransitionError, InvalidInputError):
        # Either the person at the keyboard was asked, or the agent did it all the same.
        checkpoints.comment(request_id, call.actor, f"{words} It had not been approved here.", _comment_id(request_id))


def _comment_id(request_id: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"comment {request_id}"))
