"""Approval requests over REST."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from app.api import approval_bodies as bodies
from app.api import approval_models as models
from app.api.models import Empty
from app.api.registry import ApiCall, EndpointTable
from app.domain.destinations import destination_terms, is_secret
from app.domain.errors import InvalidInputError
from app.domain.notices import Channel
from app.domain.people import Action
from app.domain.tokens import WIDER_SIGHT, Scope
from app.http.decisions import DecisionIn, decide
from app.http.departures import client_has_gone
from app.notify.addresses import shown_address
from app.services.approvals.decisions.decision import DecisionResult
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.approvals.intake.gate import ExternalRequest, SealedCallback, withheld_until
from app.services.reading.queue_filter import QueueFilter
from app.services.vault.values import CALLBACK_ADDRESS, CALLBACK_SECRET
from assent.contracts import Question, Urgency, document_of

table = EndpointTable()
READ = (Scope.APPROVALS_READ, *WIDER_SIGHT)
DECIDE, ASK = (Scope.APPROVALS_DECIDE,), (Scope.APPROVALS_REQUEST,)
WAIT = (*READ, Scope.APPROVALS_REQUEST)
SPEAK = (Scope.APPROVALS_REQUEST, Scope.APPROVALS_DECIDE)


@table.add("GET", "/approvals", models.ApprovalList, query=bodies.ApprovalQuery, scopes=READ)
def list_approvals(call: ApiCall) -> Any:
    """List requests: pending ones by rank, resolved ones newest first."""
    call.actor.require(Action.SEE)
    asked = call.query
    wanted = QueueFilter(
        risk=asked.risk.value if asked.risk else "",
        urgency=asked.urgency.value if asked.urgency else "",
        workflow=asked.workflow,
        kind=asked.kind,
        text=asked.text,
        mine=call.actor.member if asked.mine else None,
        team=asked.team,
        unassigned=asked.unassigned,
        resolved=asked.status == "resolved",
        snoozer=call.actor.id if asked.snoozed is not None else "",
        snoozed=bool(asked.snoozed),
        viewer=call.actor,
    )
    page = call.portal.services.queue.page(wanted, asked.cursor or None, asked.limit)
    return {"items": page.rows, "total": page.total, "capped": page.capped, "next_cursor": page.next_cursor}


@table.add(
    "POST", "/approvals", models.ApprovalOut, body=bodies.ApprovalIn, status=201, scopes=ASK,
    location="/api/v1/approvals/{id}",
)  # fmt: skip
def open_approval(call: ApiCall) -> Any:
    """Request approval, from any agent anywhere."""
    asking = replace(asking_of(call.body), callback=_callback(call))
    # A program acts on what it reads with its token; in a browser's session nothing is delivered.
    collects = bool(call.client.token_id)
    opened = call.portal.services.checkpoints.open(call.actor, asking, call.made_as, collects=collects)
    return approval_document(call, opened.id)


@table.add("GET", "/approvals/<uuid:id>", models.ApprovalOut, scopes=READ)
def get_approval(call: ApiCall) -> Any:
    """Read a request with everything that a decision needs."""
    return _document(call)


@table.add("GET", "/approvals/<uuid:id>/outcome", models.OutcomeOut, query=bodies.OutcomeQuery, scopes=WAIT)
def get_outcome(call: ApiCall) -> Any:
    """Read the outcome of a request, and wait for it if `wait` says so."""
    deadline = time.monotonic() + call.query.wait
    if not call.query.wait:
        return _outcome(call)
    with call.portal.wakeups.waiting(call.id) as waiter:
        while True:
            found = _outcome(call)
            if found["resolved"] or client_has_gone() or not waiter.wait(deadline):
                return found


@table.add("GET", "/approvals/by-key", models.OutcomeOut, query=bodies.KeyQuery, scopes=WAIT, finds=True)
def find_approval(call: ApiCall) -> Any:
    """Find the request that the caller opened under an idempotency key within a day, with its outcome."""
    call.actor.require(Action.SEE)
    return _outcome(call, call.portal.services.once.opened(call.client.caller, call.query.key))


@table.add(
    "POST", "/approvals/<uuid:id>/decisions", models.DecisionResultOut, body=DecisionIn, status=201, scopes=DECIDE,
    conditional=True,
)  # fmt: skip
def decide_approval(call: ApiCall) -> Any:
    """Decide on a request."""
    return decision_document(decide(call.portal.services, call.actor, call.id, call.body, call.seen_version))


@table.add(
    "POST", "/approvals/<uuid:id>/withdrawal", models.DecisionResultOut, body=bodies.OptionalReasonIn, scopes=DECIDE,
)  # fmt: skip
def withdraw_decision(call: ApiCall) -> Any:
    """Withdraw your own decision while the request is pending."""
    return decision_document(call.portal.services.checkpoints.withdraw(call.id, call.actor, call.body.reason))


@table.add("POST", "/approvals/<uuid:id>/preview", models.PreviewOut, body=bodies.PreviewIn, scopes=DECIDE)
def preview_change(call: ApiCall) -> Any:
    """Preview a change: its risk, and the approvals that it would require. Changes nothing."""
    preview = call.portal.services.checkpoints.preview(call.id, call.actor, call.body.change)
    risk = preview.assessment
    return {
        "level": risk.level,
        "score": risk.score,
        "findings": risk.findings,
        "understood": risk.understood,
        "touches": risk.touches,
        "raised": preview.raised,
        "words": preview.words,
        "second_person": preview.second_person,
        "left_out": list(preview.left_out),
        "terms": preview.terms,
    }


@table.add("POST", "/approvals/<uuid:id>/comments", models.CommentOut, body=bodies.CommentIn, status=201, scopes=SPEAK)
def comment_approval(call: ApiCall) -> Any:
    """Add a comment, at a line if it names one."""
    sent: bodies.CommentIn = call.body
    place = CommentPlace(sent.part, sent.line, sent.digest, sent.reply_to)
    return call.portal.services.checkpoints.comment(call.id, call.actor, sent.comment, call.made_as, place)


@table.add("GET", "/approvals/<uuid:id>/comments", models.CommentList, scopes=READ)
def list_comments(call: ApiCall) -> Any:
    """List the comments on a request, with those at lines of earlier revisions."""
    view = call.portal.services.views.request(call.id, call.actor)
    threads = [
        {
            "comment": thread.root, "replies": thread.replies, "open": thread.is_open, "revision": thread.revision,
            "current_line": thread.current_line,
        }
        for thread in view.threads
    ]  # fmt: skip
    return {
        "comments": view.comments,
        "threads": threads,
        "open_comments": sum(thread.is_open for thread in view.threads),
        "must_be_resolved": view.terms.comments_resolved,
    }


@table.add(
    "POST",
    "/approvals/<uuid:id>/comments/<uuid:comment_id>/resolution",
    models.CommentOut,
    body=Empty,
    scopes=SPEAK,
)
def resolve_comment(call: ApiCall) -> Any:
    """Resolve a comment at a line."""
    return call.portal.services.checkpoints.settle_comment(call.id, call.path["comment_id"], call.actor, resolve=True)


@table.add("DELETE", "/approvals/<uuid:id>/comments/<uuid:comment_id>/resolution", models.CommentOut, scopes=SPEAK)
def reopen_comment(call: ApiCall) -> Any:
    """Reopen a comment at a line."""
    return call.portal.services.checkpoints.settle_comment(call.id, call.path["comment_id"], call.actor, resolve=False)


@table.add("POST", "/approvals/<uuid:id>/claim", models.ApprovalOut, body=bodies.ClaimIn, scopes=DECIDE)
def claim_approval(call: ApiCall) -> Any:
    """Claim a request, which shows others that you are working on it; they can still decide."""
    sent = call.body
    call.portal.services.checkpoints.claim(call.id, call.actor, sent.minutes, take_over=sent.take_over)
    return _document(call)


@table.add("DELETE", "/approvals/<uuid:id>/claim", models.ApprovalOut, scopes=DECIDE)
def release_approval(call: ApiCall) -> Any:
    """Release a claim."""
    call.portal.services.checkpoints.release_claim(call.id, call.actor)
    return _document(call)


@table.add("POST", "/approvals/<uuid:id>/assignment", models.ApprovalOut, body=bodies.AssignmentIn, scopes=DECIDE)
def assign_approval(call: ApiCall) -> Any:
    """Assign a request, or remove its assignment."""
    call.actor.require(Action.ASSIGN)
    person_id = call.portal.services.absences.named(call.body.person, "person")
    call.portal.services.checkpoints.assign(call.id, call.actor, person_id, call.body.reason)
    return _document(call)


@table.add(
    "POST", "/approvals/<uuid:id>/escalations", models.ApprovalOut, body=bodies.ReasonIn, status=201, scopes=DECIDE,
)  # fmt: skip
def escalate_approval(call: ApiCall) -> Any:
    """Escalate to the next step of the chain immediately; without further steps, raise the priority."""
    call.portal.services.checkpoints.escalate(call.id, call.actor, call.body.reason)
    return _document(call)


@table.add("POST", "/approvals/<uuid:id>/extension", models.ApprovalOut, body=bodies.ExtensionIn, scopes=DECIDE)
def extend_approval(call: ApiCall) -> Any:
    """Extend the deadline."""
    call.portal.services.checkpoints.extend(call.id, call.actor, call.body.until, call.body.reason)
    return _document(call)


@table.add("POST", "/approvals/<uuid:id>/snooze", models.ApprovalOut, body=bodies.SnoozeIn, scopes=DECIDE)
def snooze_approval(call: ApiCall) -> Any:
    """Take a request out of the queue for a while, for yourself or for everyone."""
    sent: bodies.SnoozeIn = call.body
    call.portal.services.checkpoints.snooze(
        call.id, call.actor, sent.until, sent.wakes, for_all=sent.for_all, reason=sent.reason
    )
    return _document(call)


@table.add("DELETE", "/approvals/<uuid:id>/snooze", models.ApprovalOut, query=bodies.SnoozeEnd, scopes=DECIDE)
def end_snooze(call: ApiCall) -> Any:
    """Bring a snoozed request back to the queue."""
    call.portal.services.checkpoints.end_snooze(call.id, call.actor, for_all=call.query.for_all)
    return _document(call)


@table.add("POST", "/approvals/<uuid:id>/reopening", models.ApprovalOut, body=bodies.ReasonIn, scopes=DECIDE)
def reopen_approval(call: ApiCall) -> Any:
    """Reopen a rejection, so that people decide if the same proposal comes again."""
    call.portal.services.checkpoints.reopen(call.id, call.actor, call.body.reason)
    return _document(call)


@table.add("POST", "/approvals/<uuid:id>/receipt", models.ReceiptOut, body=bodies.ReceiptIn, scopes=ASK)
def report_receipt(call: ApiCall) -> Any:
    """Report what was done with the outcome."""
    sent: bodies.ReceiptIn = call.body
    calls = [receipt.model_dump(mode="json") for receipt in sent.calls]
    return call.portal.services.checkpoints.report(call.id, call.actor, sent.status, sent.summary, sent.detail, calls)


@table.add("POST", "/approvals/<uuid:id>/cancel", models.ApprovalOut, body=bodies.OptionalReasonIn, scopes=SPEAK)
def cancel_approval(call: ApiCall) -> Any:
    """Cancel a request; the run or agent receives a rejection."""
    call.portal.services.checkpoints.cancel(call.id, call.actor, call.body.reason)
    return _document(call)


def _document(call: ApiCall) -> dict[str, Any]:
    return approval_document(call, call.id)


def _outcome(call: ApiCall, request_id: str = "") -> dict[str, Any]:
    # A program acts on what it reads with its token; reading in a browser's session delivers nothing.
    by_program, gone = bool(call.client.token_id), client_has_gone()
    found = call.portal.services.checkpoints.outcome(
        request_id or call.id, call.actor, collects=by_program and not gone
    )  # fmt: skip
    # Should a program that closed only one direction read it after all, it asks again.
    withheld = gone and by_program
    return {
        "request_id": found.request.id,
        "state": found.request.state,
        "resolved": found.resolved and not withheld,
        "outcome": found.outcome if not withheld else None,
        "receipt": found.receipt,
        "held_until": found.held_until,
    }


def _callback(call: ApiCall) -> SealedCallback | None:
    """The sealed callback. Raises InvalidInputError if its URL or secret is not valid."""
    given = call.body.callback
    if given is None:
        return None
    if not is_secret(given.secret):
        words = "must be whsec_ and 24 to 64 bytes in base64"
        raise InvalidInputError("This callback is not valid.", {"callback.secret": words})
    try:
        terms = destination_terms(Channel.WEBHOOK.value, "callback", given.url)
        shown = shown_address(terms, call.portal.settings.networks)
    except InvalidInputError as error:
        words = error.extra["fields"].get("address", error.message)
        raise InvalidInputError("This callback is not valid.", {"callback.url": words}) from None
    vault = call.portal.services.vault
    ag_ui = given.ag_ui.model_dump() if given.ag_ui is not None else None
    address, secret = vault.seal(terms.address, CALLBACK_ADDRESS), vault.seal(given.secret, CALLBACK_SECRET)
    return SealedCallback(address, shown, secret, ag_ui)


def asking_of(body: bodies.ApprovalIn) -> ExternalRequest:
    """The request as the use case takes it. Raises InvalidInputError."""
    proposal, schema = body.proposal, body.response_schema
    sent = body.model_fields_set
    if (proposal is not None) == ("value" in sent):
        raise InvalidInputError("Send either a proposal or a value.", {"proposal": "one of both is required"})
    if proposal is None:
        title = body.title.strip() or "An agent asks for an answer"
        document: dict[str, Any] = {"kind": "value", "title": title, "value": body.value}
        if body.urgency is not Urgency.NORMAL:
            document["urgency"] = body.urgency.value
        return ExternalRequest(document, body.workflow, schema, body.previous_id)
    if body.title:
        raise InvalidInputError("A proposal has its own title.", {"title": "not allowed with a proposal"})
    if "urgency" in sent:
        raise InvalidInputError("A proposal has its own urgency.", {"urgency": "not allowed with a proposal"})
    if isinstance(proposal, Question):
        schema = schema if schema is not None else proposal.answer_schema
    elif schema is not None:
        raise InvalidInputError(
            "Only a question or a value has an answer.", {"response_schema": "not for this kind of proposal"}
        )
    return ExternalRequest(document_of(proposal), body.workflow, schema, body.previous_id)


def decision_document(result: DecisionResult) -> dict[str, Any]:
    """The API document for a decision's result."""
    request = result.request
    return {
        "request_id": request.id,
        "state": request.state,
        "resolved": result.resolved,
        "digest": request.digest,
        "approvals": request.approvals,
        "quorum": request.quorum,
        "stage": request.stage,
        "held_until": request.held_until,
        "resolves_at": request.resolves_at,
        "words": result.words,
    }


def approval_document(call: ApiCall, request_id: str) -> dict[str, Any]:
    """The API document for a request. Raises NotFoundError, ForbiddenError."""
    services = call.portal.services
    view = services.views.request(request_id, call.actor)
    request, situation = view.request, view.situation
    withheld = withheld_until(request, view.outcome, view.receipt, services.clock())
    same = (
        "id", "version", "title", "kind", "state", "note", "workflow", "run_id", "node", "agent", "environment",
        "requester_name", "opened_by_agent", "payload", "digest", "proposed_digest", "response_schema", "approvals",
        "quorum", "priority", "urgency", "revision", "opened_at", "expires_at", "resolved_at", "policy_version",
        "stage", "addressed_to", "assigned_to_name", "escalation", "extended", "answered_by", "held_until",
        "resolves_at", "reopened_at", "snoozed_until",
    )  # fmt: skip
    return {name: getattr(request, name) for name in same} | {
        "requester_made_by": request.made_by,
        "risk": view.assessment,
        "terms": view.terms,
        "why_here": view.why_here,
        "previous_id": view.previous.id if view.previous is not None else None,
        "next_id": view.next_id,
        "stages": situation.stages,
        "asked": situation.asked,
        "ahead": situation.ahead,
        "windows": situation.windows,
        "opens_at": situation.opens_at,
        "next_step": situation.next_step,
        "shortage": situation.shortage,
        "rejections": situation.rejections,
        "claimed_by_name": request.claimed_by_name if situation.claimed else "",
        "claimed_until": request.claimed_until if situation.claimed else None,
        "on_behalf_of": view.on_behalf_of,
        "sign_in_first": view.sign_in_first,
        "acts": view.acts.names,
        "verdicts": list(view.verdicts),
        "why_not": view.why_not,
        "decisions": view.decisions,
        "comments": view.comments,
        "outcome": view.outcome.body if view.outcome and not withheld else None,
        "receipt": view.receipt,
    }
