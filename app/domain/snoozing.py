"""Snoozing a request: until when, and what brings it back earlier. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.policy.terms import Terms

MOST = 200
"""How many requests one person can have snoozed for themselves at a time."""
_LAST_SHARE = 8
"""Where nobody is warned, a request returns to everyone when an eighth of its time is left, as if they were."""


class WakesOn(StrEnum):
    """What ends a snooze before its time."""

    COMMENT = "comment"
    CHANGE = "change"
    """A decision, an edit, or another deadline."""
    ESCALATION = "escalation"


def latest_for_all(opened_at: datetime, expires_at: datetime, terms: Terms) -> datetime:
    """Until when a request can be snoozed for everyone: the time of its warning, so that it is never missed."""
    left = terms.warn_seconds or (expires_at - opened_at).total_seconds() / _LAST_SHARE
    return expires_at - timedelta(seconds=left)
