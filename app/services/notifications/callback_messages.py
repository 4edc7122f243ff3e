"""Callbacks to agents outside runs once their requests are settled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from app.domain.lifecycle import RequestState
from app.domain.notices import WebhookCall
from app.domain.people import SYSTEM
from app.services.approvals.intake.gate import note_handed_out, withheld_until
from app.services.clock import Clock
from app.services.notifications.conversations import InterruptAnswer, answers_with, waits_for
from app.services.notifications.destination_messages import json_bytes
from app.services.notifications.messages import ComposedNotice
from app.services.vault.ring import SealError
from app.services.vault.values import CALLBACK_ADDRESS, CALLBACK_SECRET, Vault
from app.store.engine import Sessions
from app.store.notify import CallbackRow, Delivery
from app.store.requests import ApprovalRequest, OutcomeRow, ReceiptRow
from assent.contracts import Outcome

SETTLED_TOPIC = "approval.settled"
UNREADABLE = "Its address and secret cannot be read: {}"
RunEnded = Callable[[str, Mapping[str, Any]], None]
AG_UI_VERSION = "1.0"
_GIVEN_UP = frozenset({RequestState.CANCELLED.value, RequestState.EXPIRED.value})
"""States in which nobody has answered, unless the policy's default has approved."""


class CallbackComposer:
    """Composes callbacks for agents that prefer a callback to polling.

    Args:
        public_url: the portal's URL for people, without a trailing slash.
        vault: opens URLs and secrets.
        run_ended: called with the id of a request and the event with which the run ended that its answer began.
    """

    def __init__(
        self, sessions: Sessions, clock: Clock, public_url: str, vault: Vault, run_ended: RunEnded | None = None
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._url = public_url
        self._vault = vault
        self._run_ended = run_ended

    def compose(self, delivery: Delivery) -> ComposedNotice:
        """The callback, as soon as the outcome is available."""
        with self._sessions.reads() as session:
            found = session.get(CallbackRow, delivery.request_id)
            request = session.get(ApprovalRequest, delivery.request_id)
            if found is None or request is None or request.state == RequestState.PENDING.value:
                return ComposedNotice(None, "The request is pending again.")
            if found.ag_ui is not None:
                return self._answering(delivery, request, found, answers_with(session, found))
            outcome, receipt = session.get(OutcomeRow, request.id), session.get(ReceiptRow, request.id)
            opens = withheld_until(request, outcome, receipt, self._clock())
        if opens is not None:
            return ComposedNotice(None, "Waiting for the change window.", later=opens)
        try:
            url, secret = self._opened(found)
        except SealError as error:
            return ComposedNotice(None, UNREADABLE.format(error))
        body = {"type": SETTLED_TOPIC, "timestamp": delivery.created_at.isoformat(), "data": self._facts(request)}
        return ComposedNotice(WebhookCall(delivery.id, SETTLED_TOPIC, url, (secret,), json_bytes(body)))

    def _answering(
        self, delivery: Delivery, request: ApprovalRequest, found: CallbackRow, answers: list[InterruptAnswer]
    ) -> ComposedNotice:
        """The call that runs the agent again, with all answers of its conversation."""
        if all(answer.reported for answer in answers):
            return ComposedNotice(None, "The agent has already reported what it did.")
        if (waits := waits_for(request.id, answers, self._clock())) is not None:
            reason, later = waits
            return ComposedNotice(None, reason, later=later)
        try:
            url, secret = self._opened(found)
        except SealError as error:
            return ComposedNotice(None, UNREADABLE.format(error))
        for answer in answers:
            if answer.outcome is not None and answer.receipt is None:
                # Recorded first, because the agent may act and report before it answers; it may also have read a failed
                # callback.
                note_handed_out(self._sessions, answer.request.id, SYSTEM, self._clock())
        body = json_bytes(self._run(delivery, found.ag_ui, answers))
        ended = partial(self._run_ended, request.id) if self._run_ended is not None else None
        call = WebhookCall(delivery.id, SETTLED_TOPIC, url, (secret,), body, streams=True, ended=ended)
        others = (answer.delivery_id for answer in answers if answer.delivery_id != delivery.id)
        return ComposedNotice(call, included=tuple(others))

    def _opened(self, found: CallbackRow) -> tuple[str, str]:
        """The address and the secret. Raises SealError."""
        return self._vault.open(found.address, CALLBACK_ADDRESS), self._vault.open(found.secret, CALLBACK_SECRET)

    def _facts(self, request: ApprovalRequest) -> dict[str, Any]:
        return {
            "request_id": request.id, "state": request.state, "url": f"{self._url}/requests/{request.id}",
            "outcome_url": f"{self._url}/api/v1/approvals/{request.id}/outcome",
        }  # fmt: skip

    def _run(self, delivery: Delivery, asked: dict[str, Any], answers: list[InterruptAnswer]) -> dict[str, Any]:
        """AG-UI's `RunAgentInput` that continues from the interrupts. Its run has the delivery's id each time."""
        return {
            "threadId": asked["thread_id"], "runId": delivery.id, "protocolVersion": AG_UI_VERSION, "state": {},
            "messages": [], "tools": [], "context": [], "forwardedProps": {},
            # Of two requests about one interrupt, the later one counts.
            "resume": list({answer.callback.ag_ui["interrupt_id"]: self._entry(answer) for answer in answers}.values()),
        }  # fmt: skip

    def _entry(self, given: InterruptAnswer) -> dict[str, Any]:
        request, outcome = given.request, given.outcome
        entry: dict[str, Any] = {
            "interruptId": given.callback.ag_ui["interrupt_id"], "status": "cancelled",
            "metadata": {"assent": self._facts(request)},
        }  # fmt: skip
        approved = outcome is not None and Outcome.model_validate(outcome.body).approved
        if outcome is not None and (approved or request.state not in _GIVEN_UP):
            entry |= {"status": "resolved", "payload": {"approved": approved, **outcome.body}}
        return entry
