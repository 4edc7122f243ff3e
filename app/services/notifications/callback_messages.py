"""Callbacks to agents outside runs once their requests are settled."""

from __future__ import annotations

from typing import Any

from app.domain.lifecycle import RequestState
from app.domain.notices import WebhookCall
from app.domain.people import SYSTEM
from app.services.approvals.intake.gate import note_handed_out, withheld_until
from app.services.clock import Clock
from app.services.notifications.destination_messages import json_bytes
from app.services.notifications.messages import ComposedNotice
from app.services.vault.ring import SealError
from app.services.vault.values import CALLBACK_ADDRESS, CALLBACK_SECRET, Vault
from app.store.engine import Sessions
from app.store.notify import CallbackRow, Delivery
from app.store.requests import ApprovalRequest, OutcomeRow, ReceiptRow
from assent.contracts import Outcome, ReceiptStatus

SETTLED_TOPIC = "approval.settled"
AG_UI_VERSION = "1.0"
_GIVEN_UP = frozenset({RequestState.CANCELLED.value, RequestState.EXPIRED.value})
"""States in which nobody has answered, unless the policy's default has approved."""


class CallbackComposer:
    """Composes callbacks for agents that prefer a callback to polling.

    Args:
        public_url: the portal's URL for people, without a trailing slash.
        vault: opens URLs and secrets.
    """

    def __init__(self, sessions: Sessions, clock: Clock, public_url: str, vault: Vault) -> None:
        self._sessions = sessions
        self._clock = clock
        self._url = public_url
        self._vault = vault

    def compose(self, delivery: Delivery) -> ComposedNotice:
        """The callback, as soon as the outcome is available."""
        with self._sessions.reads() as session:
            found = session.get(CallbackRow, delivery.request_id)
            request = session.get(ApprovalRequest, delivery.request_id)
            if found is None or request is None or request.state == RequestState.PENDING.value:
                return ComposedNotice(None, "The request is pending again.")
            outcome, receipt = session.get(OutcomeRow, request.id), session.get(ReceiptRow, request.id)
            # The run delivers the outcome itself: every attempt must be within the window, also after one that failed.
            handed_out = receipt if found.ag_ui is None else None
            opens = withheld_until(request, outcome, handed_out, self._clock())
        if opens is not None:
            return ComposedNotice(None, "Waiting for the change window.", later=opens)
        try:
            url = self._vault.open(found.address, CALLBACK_ADDRESS)
            secret = self._vault.open(found.secret, CALLBACK_SECRET)
        except SealError as error:
            return ComposedNotice(None, f"Its address and secret cannot be read: {error}")
        if found.ag_ui is None:
            body = {"type": SETTLED_TOPIC, "timestamp": delivery.created_at.isoformat(), "data": self._facts(request)}
            return ComposedNotice(WebhookCall(delivery.id, SETTLED_TOPIC, url, (secret,), json_bytes(body)))
        if receipt is not None and receipt.status != ReceiptStatus.DELIVERED.value:
            return ComposedNotice(None, "The agent has already reported what it did.")
        if outcome is not None and receipt is None:
            # Recorded first, because the agent may act and report before it answers; it may also have read a failed
            # callback.
            note_handed_out(self._sessions, request.id, SYSTEM, self._clock())
        run = self._run(delivery, request, found.ag_ui, outcome)
        return ComposedNotice(WebhookCall(delivery.id, SETTLED_TOPIC, url, (secret,), json_bytes(run), streams=True))

    def _facts(self, request: ApprovalRequest) -> dict[str, Any]:
        return {
            "request_id": request.id, "state": request.state, "url": f"{self._url}/requests/{request.id}",
            "outcome_url": f"{self._url}/api/v1/approvals/{request.id}/outcome",
        }  # fmt: skip

    def _run(
        self, delivery: Delivery, request: ApprovalRequest, asked: dict[str, Any], outcome: OutcomeRow | None
    ) -> dict[str, Any]:
        """AG-UI's `RunAgentInput` that continues from the interrupt. Its run has the delivery's id in every attempt."""
        answer: dict[str, Any] = {
            "interruptId": asked["interrupt_id"], "status": "cancelled", "metadata": {"assent": self._facts(request)},
        }  # fmt: skip
        approved = outcome is not None and Outcome.model_validate(outcome.body).approved
        if outcome is not None and (approved or request.state not in _GIVEN_UP):
            answer |= {"status": "resolved", "payload": {"approved": approved, **outcome.body}}
        return {
            "threadId": asked["thread_id"], "runId": delivery.id, "protocolVersion": AG_UI_VERSION, "state": {},
            "messages": [], "tools": [], "context": [], "forwardedProps": {}, "resume": [answer],
        }  # fmt: skip
