"""Assent's own dialect: what `assent.request_approval` sends and receives."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from assent.contracts import CONTRACT_VERSION, Outcome, proposal_adapter
from assent.dialects.base import Pending, Seen, masked


class AssentDialect:
    """``{"assent": "1", "proposal": {…}}``, answered with an `Outcome`."""

    name = "assent"
    alone = False
    may_be_passed_over = False
    acts = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        if not isinstance(value, dict) or set(value) != {"assent", "proposal"} or value["assent"] != CONTRACT_VERSION:
            return None
        try:
            proposal = proposal_adapter.validate_python(value["proposal"])
        except ValidationError:
            return None
        # The gate has masked it already, and masking again changes nothing, so the digest still fits.
        # An agent that speaks the dialect without the gate may have forgotten to.
        return Seen(masked(value["proposal"]), getattr(proposal, "answer_schema", None))

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        return outcome.model_dump(mode="json")
