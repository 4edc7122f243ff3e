"""Reasons that a team has written beforehand, for rejecting and for requesting changes. Pure."""

from __future__ import annotations

from enum import StrEnum


class ReasonUse(StrEnum):
    """What a prepared reason is offered for."""

    REJECT = "reject"
    CHANGES = "request_changes"
    BOTH = "both"

    @property
    def words(self) -> str:
        """Such as ``rejecting``."""
        return {"reject": "rejecting", "request_changes": "requesting changes"}.get(self.value, "both")
