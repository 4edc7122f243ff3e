"""The urgency of a request: what its requester asked for, and what counts. Pure."""

from __future__ import annotations

from typing import Any

from assent.contracts import Urgency


def asked_urgency(document: Any) -> Urgency:
    """The urgency that a proposal states; normal if it states none."""
    stated = document.get("urgency") if isinstance(document, dict) else None
    return Urgency(stated) if stated in set(Urgency) else Urgency.NORMAL


def counting_urgency(asked: Urgency, by_person: bool, most: Urgency) -> Urgency:
    """The urgency that counts.

    Args:
        by_person: a person opened the request, without an agent or a run.
        most: the highest that the policy allows agents.
    """
    return asked if by_person else min(asked, most, key=lambda urgency: urgency.rank)
