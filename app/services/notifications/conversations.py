"""Conversations of AG-UI agents: a run that ended with several interrupts is continued with all answers at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from app.domain.lifecycle import RequestState
from app.domain.notices import DeliveryState, NoticeKind
from app.services.approvals.intake.gate import withheld_until
from app.store.notify import CallbackRow, Delivery
from app.store.requests import ApprovalRequest, OutcomeRow, ReceiptRow
from assent.contracts import ReceiptStatus

LOOKED_AFTER = timedelta(hours=1)
"""When an answer that waits for others is looked at again, in case the call that was to bring it was lost."""
_SOON = timedelta(seconds=5)
_ENDED = tuple(state.value for state in (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.SUPPRESSED))


@dataclass(frozen=True)
class InterruptAnswer:
    """One of the answers with which a run continues.

    Attributes:
        delivery_id: the callback that was planned for it; empty: none yet.
    """

    request: ApprovalRequest
    callback: CallbackRow
    outcome: OutcomeRow | None
    receipt: ReceiptRow | None
    delivery_id: str

    @property
    def reported(self) -> bool:
        """True if the agent has said what it did with the outcome."""
        return self.receipt is not None and self.receipt.status != ReceiptStatus.DELIVERED.value


def answers_with(session: Session, callback: CallbackRow) -> list[InterruptAnswer]:
    """The answers that the agent has not been called with, in the order in which it requested them.

    Those of the callback's conversation, the callback's own among them; pending ones too.
    """
    called = exists().where(
        Delivery.request_id == ApprovalRequest.id, Delivery.kind == NoticeKind.CALLBACK.value,
        Delivery.state.in_(_ENDED),
    )  # fmt: skip
    same = CallbackRow.request_id == callback.request_id
    if callback.conversation is not None:
        open_too = or_(ApprovalRequest.state == RequestState.PENDING.value, ~called)
        same = or_(same, (CallbackRow.conversation == callback.conversation) & open_too)
    planned = (
        select(Delivery.id)
        .where(Delivery.request_id == ApprovalRequest.id, Delivery.kind == NoticeKind.CALLBACK.value)
        .order_by(Delivery.created_at.desc())
        .limit(1)
        .correlate(ApprovalRequest)
        .scalar_subquery()
    )
    query = (
        select(ApprovalRequest, CallbackRow, OutcomeRow, ReceiptRow, planned)
        .join(CallbackRow, CallbackRow.request_id == ApprovalRequest.id)
        .outerjoin(OutcomeRow, OutcomeRow.request_id == ApprovalRequest.id)
        .outerjoin(ReceiptRow, ReceiptRow.request_id == ApprovalRequest.id)
        .where(same)
        .order_by(ApprovalRequest.opened_at, ApprovalRequest.id)
    )
    return [
        InterruptAnswer(request, found, outcome, receipt, delivery_id or "")
        for request, found, outcome, receipt, delivery_id in session.execute(query)
    ]


def waits_for(request_id: str, answers: Sequence[InterruptAnswer], now: datetime) -> tuple[str, datetime] | None:
    """Why the agent cannot be called with the answer to this request yet, and when to look again; None: it can.

    The answer that came last brings the others.
    """
    if any(answer.request.state == RequestState.PENDING.value for answer in answers):
        return "Waiting for the other answers of this conversation.", now + LOOKED_AFTER
    # The run delivers the outcomes itself: every attempt must be within the window, also after one that failed.
    opens = [withheld_until(answer.request, answer.outcome, None, now) for answer in answers]
    if held := [at for at in opens if at is not None]:
        return "Waiting for the change window.", max(held)
    if not all(answer.delivery_id for answer in answers):
        return "Waiting for the other answers of this conversation.", now + _SOON
    last = max(answers, key=lambda answer: (answer.request.resolved_at or now, answer.request.id)).request.id
    if last != request_id:
        return f"The call for request {last} brings this answer.", now + LOOKED_AFTER
    return None
