"""Runs of AG-UI agents that the portal began and that end with further interrupts: it opens the next requests.

A program that begins a run itself reads its events, and opens the requests. Nobody else reads those of a run that
continues with an answer.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import select

from app.domain.errors import AssentError
from app.domain.tokens import Scope
from app.services.approvals.intake.gate import ExternalRequest, SealedCallback
from app.services.bundle import Services
from app.store.notify import CallbackRow
from app.store.requests import ApprovalRequest
from assent.contracts import document_of
from assent.digests import digest_of

log = structlog.get_logger(__name__)
MOST_INTERRUPTS = 50
"""How many interrupts of one run are asked about."""
_NAMESPACE = uuid.UUID("9a1f0b4c-2c0e-4d0e-8f57-0f7f3c1c6a52")
_LONGEST_ID = 200
_LONGEST_TITLE = 200
_NOT_SHOWN = frozenset({"id", "responseSchema", "expiresAt"})


class NextInterrupts:
    """Opens requests for the interrupts with which a run has ended, in the name of the agent that requested before."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def ask(self, request_id: str, event: Mapping[str, Any]) -> None:
        """Open the requests that the agent has not opened itself.

        Args:
            request_id: the request whose answer began the run.
            event: the event with which the run ended.
        """
        interrupts = interrupts_in(event)
        if not interrupts:
            return
        with self._services.sessions.reads() as session:
            request = session.get_one(ApprovalRequest, request_id)
            callback = session.get_one(CallbackRow, request_id)
            query = select(CallbackRow.ag_ui).where(CallbackRow.conversation == callback.conversation)
            known = {asked["interrupt_id"] for asked in session.scalars(query)}
        actor = self._services.tokens.acting_for(
            request.requester_id or "", request.opened_by_agent, Scope.APPROVALS_REQUEST
        )
        if actor is None:
            log.warning("callback.not_asked_again", request=request_id, reason="the agent's token no longer works")
            return
        for interrupt in interrupts:
            if interrupt["id"] in known:
                continue
            where = {"thread_id": callback.ag_ui["thread_id"], "interrupt_id": interrupt["id"]}
            again = SealedCallback(callback.address, callback.shown, callback.secret, where)
            made_as = str(uuid.uuid5(_NAMESPACE, digest_of([callback.conversation, interrupt["id"]])))
            try:
                wanted = asked_by(interrupt, request.workflow)
                self._services.checkpoints.open(actor, replace(wanted, callback=again), made_as)
            except AssentError as error:
                log.warning("callback.not_asked_again", request=request_id, reason=str(error)[:300])


def interrupts_in(event: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The usable interrupts with which a run ended, at most `MOST_INTERRUPTS`."""
    outcome = event.get("outcome")
    found = outcome.get("interrupts") if isinstance(outcome, dict) and outcome.get("type") == "interrupt" else None
    listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    usable = [one for one in listed if isinstance(one.get("id"), str) and 0 < len(one["id"]) <= _LONGEST_ID]
    return usable[:MOST_INTERRUPTS]


def asked_by(interrupt: Mapping[str, Any], workflow: str) -> ExternalRequest:
    """The request about an interrupt: the proposal in its metadata (``assent.proposal``), or its value."""
    metadata = interrupt.get("metadata")
    ours = metadata.get("assent") if isinstance(metadata, dict) else None
    if isinstance(ours, dict) and "proposal" in ours:
        try:
            document = document_of(ours["proposal"])
            return ExternalRequest(document, workflow, document.get("answer_schema"))
        except ValidationError:
            log.info("callback.no_proposal", interrupt=interrupt["id"])
    words = interrupt.get("message") or interrupt.get("reason")
    line = words.strip().partition("\n")[0] if isinstance(words, str) else ""
    value = {name: part for name, part in interrupt.items() if name not in _NOT_SHOWN and part is not None}
    schema = interrupt.get("responseSchema")
    document = {"kind": "value", "title": line[:_LONGEST_TITLE] or "An agent asks for an answer", "value": value}
    return ExternalRequest(document, workflow, schema if isinstance(schema, dict) else None)
