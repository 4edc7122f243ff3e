"""Requests that were opened: the calls about them, and what comes back."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from assent.calls import Send
from assent.contracts import Outcome, ReceiptStatus
from assent.errors import UnfitOutcomeError
from assent.json_values import whole
from assent.masking import reveal
from assent.reports import storable_detail, storable_summary


@dataclass(frozen=True)
class Status:
    """How a request stands.

    Attributes:
        state: such as `pending`, `approved` or `expired`.
        resolved: whether anything more can come of it.
        outcome: what people made of it, once it can be acted on.
        receipt: what the portal knows to be done with the outcome.
        held_until: it is approved, and waits until then (RFC 3339) for its change window.
    """

    state: str
    resolved: bool
    outcome: Outcome | None
    receipt: dict[str, Any] | None
    held_until: str | None


@dataclass
class Opened:
    """A request as a program knows it.

    Attributes:
        id: of the request; enough to take up waiting again.
        url: the page on which people decide.
        receipt: what the portal knows to be done with the outcome, once it is there.
        state: how it stood when its outcome came, such as `approved`, `expired` or `cancelled`; empty before that.
    """

    id: str
    url: str
    receipt: dict[str, Any] | None = None
    state: str = field(default="", kw_only=True)
    _secrets: dict[str, str] = field(default_factory=dict, repr=False)
    _proposed_digest: str = field(default="", repr=False)

    def taken(self, found: dict[str, Any]) -> Outcome:
        """The outcome in the portal's answer, secrets put back. Raises UnfitOutcomeError."""
        outcome = Outcome.model_validate(found["outcome"])
        if self._proposed_digest and outcome.proposed_digest != self._proposed_digest:
            raise UnfitOutcomeError(f"The outcome of request {self.id} is one of another proposal.")
        self.receipt, self.state = found["receipt"], str(found["state"])
        return outcome.model_copy(update={"payload": reveal(outcome.payload, self._secrets)})

    def _status(self, found: dict[str, Any]) -> Status:
        outcome = self.taken(found) if found["outcome"] is not None else None
        return Status(str(found["state"]), bool(found["resolved"]), outcome, found["receipt"], found["held_until"])

    def looking(self) -> Send:
        """The call that looks how it stands, without waiting."""
        return Send("GET", f"/api/v1/approvals/{self.id}/outcome?wait=0")

    def reporting(self, status: ReceiptStatus | str, summary: str, detail: Any) -> Send:
        """The call that reports; whatever the summary and the details are, they are made fit to be sent.

        Raises ValueError: there is no such status.
        """
        body = {
            "status": ReceiptStatus(status).value,
            "summary": storable_summary(summary),
            "detail": storable_detail(detail),
        }
        return Send("POST", f"/api/v1/approvals/{self.id}/receipt", body, str(uuid.uuid4()))

    def cancelling(self, reason: str) -> Send:
        """The call that cancels."""
        return Send("POST", f"/api/v1/approvals/{self.id}/cancel", {"reason": whole(reason)}, str(uuid.uuid4()))
