"""Assent's own dialect: what `assent.request_approval` asks and receives."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from app.runtime.dialects.base import Seen
from assent.contracts import CONTRACT_VERSION, Outcome, proposal_adapter


class AssentDialect:
    """``{"assent": "1", "proposal": {…}}``, answered with an `Outcome`."""

    name = "assent"

    def recognise(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        if not isinstance(value, dict) or set(value) != {"assent", "proposal"} or value["assent"] != CONTRACT_VERSION:
            return None
        try:
            proposal = proposal_adapter.validate_python(value["proposal"])
        except ValidationError:
            return None
        # The document is masked by the gate already, and stays to the letter what the gate digested.
        return Seen(value["proposal"], getattr(proposal, "answer_schema", None))

    def answer(self, outcome: Outcome, response_schema: dict[str, Any] | None) -> Any:
        return outcome.model_dump(mode="json")
