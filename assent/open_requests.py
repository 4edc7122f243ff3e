"""Open requests: the API calls about them, and their responses."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

from assent.calls import Send
from assent.contracts import CallReceipt, Outcome, ReceiptStatus
from assent.errors import UnfitOutcomeError
from assent.json_values import whole
from assent.masking import reveal
from assent.reports import status_of_all, storable_detail, storable_summary


@dataclass(frozen=True)
class Status:
    """The status of a request.

    Attributes:
        state: such as `pending`, `approved`, or `expired`.
        resolved: True if the request is final.
        outcome: the outcome, once it can be acted on.
        receipt: what was done with the outcome, as far as the portal knows.
        held_until: when its change window opens (RFC 3339), if it is approved and waits for one.
    """

    state: str
    resolved: bool
    outcome: Outcome | None
    receipt: dict[str, Any] | None
    held_until: str | None


@dataclass
class OpenRequest:
    """A request that this program opened or looked up.

    Attributes:
        id: the request's id; all that is needed to continue waiting.
        url: the page where people decide.
        receipt: what was done with the outcome, as far as the portal knows, once there is an outcome.
        state: its state when the outcome arrived, such as `approved`, `expired`, or `rejected`; empty before that.
    """

    id: str
    url: str
    receipt: dict[str, Any] | None = None
    state: str = field(default="", kw_only=True)
    _secrets: dict[str, str] = field(default_factory=dict, repr=False)
    _proposed_digest: str = field(default="", repr=False)
    _decided: dict[str, Any] | None = field(default=None, repr=False, kw_only=True)

    def receive_outcome(self, found: dict[str, Any]) -> Outcome:
        """Return the outcome in the portal's response, with secrets restored. Raises UnfitOutcomeError."""
        outcome = Outcome.model_validate(found["outcome"])
        if self._proposed_digest and outcome.proposed_digest != self._proposed_digest:
            raise UnfitOutcomeError(f"The outcome of request {self.id} belongs to another proposal.")
        self.receipt, self.state = found["receipt"], str(found["state"])
        return outcome.model_copy(update={"payload": reveal(outcome.payload, self._secrets)})

    def _status(self, found: dict[str, Any]) -> Status:
        outcome = self.receive_outcome(found) if found["outcome"] is not None else None
        return Status(str(found["state"]), bool(found["resolved"]), outcome, found["receipt"], found["held_until"])

    @property
    def undecided(self) -> bool:
        """True as long as no outcome was received."""
        return not self.state and self._decided is None

    def keep_outcome(self, found: dict[str, Any]) -> Self:
        """Keep the outcome if it comes with the response to the opening: a policy or a grant decided at once."""
        if found.get("outcome") is not None:
            final = {"resolved": True, "held_until": None}
            self._decided = {name: found[name] for name in ("state", "outcome", "receipt")} | final
        return self

    def kept_outcome(self) -> Outcome | None:
        """Return the outcome that came with the response to the opening, so that no call is necessary; else None."""
        return self.receive_outcome(self._decided) if self._decided is not None else None

    def kept_status(self) -> Status | None:
        """Return the status at the opening if the request was decided then; else None."""
        return self._status(self._decided) if self._decided is not None else None

    def status_call(self) -> Send:
        """Return the API call that gets the status, without waiting."""
        return Send("GET", f"/api/v1/approvals/{self.id}/outcome?wait=0")

    def receipt_call(self, status: ReceiptStatus | str, summary: str, detail: Any) -> Send:
        """Return the API call that reports a receipt; any summary and details are converted so that they can be sent.

        Raises ValueError: there is no such status.
        """
        body = {
            "status": ReceiptStatus(status).value,
            "summary": storable_summary(summary),
            "detail": storable_detail(detail),
        }
        return Send("POST", f"/api/v1/approvals/{self.id}/receipt", body, str(uuid.uuid4()))

    def call_receipts_call(self, receipts: Iterable[CallReceipt], summary: str) -> Send:
        """Return the API call that reports a receipt for each call of a batch.

        Raises ValueError: there are none, or one of them says nothing about what was done.
        """
        listed = list(receipts)
        send = self.receipt_call(status_of_all(receipt.status for receipt in listed), summary, None)
        calls = [
            {
                "id": receipt.id, "status": receipt.status.value, "summary": storable_summary(receipt.summary),
                "detail": storable_detail(receipt.detail),
            }
            for receipt in listed
        ]  # fmt: skip
        return replace(send, body=send.body | {"calls": calls})

    def cancel_call(self, reason: str) -> Send:
        """Return the API call that cancels the request."""
        return Send("POST", f"/api/v1/approvals/{self.id}/cancel", {"reason": whole(reason)}, str(uuid.uuid4()))
