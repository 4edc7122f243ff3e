"""What can happen, by name: what open pages, webhooks and those who are told hear of."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """Everything that can happen, as far as others are concerned."""

    REQUEST_OPENED = "request.opened"
    REQUEST_CHANGED = "request.changed"
    REQUEST_RESOLVED = "request.resolved"
    REQUEST_RECEIPT = "request.receipt"
    REQUEST_COMMENT = "request.comment"
    RUN_CHANGED = "run.changed"
    RUN_ARTIFACT = "run.artifact"
    STEP_STARTED = "step.started"
    STEP_ENDED = "step.ended"
    STEP_FAILED = "step.failed"
    GRANT_CHANGED = "grant.changed"


class RequestChange(StrEnum):
    """How a request changed: what an event of the kind `REQUEST_CHANGED` says in its payload, as ``what``.

    The words are stored, and the trigger on events that has notifications planned knows some of them.
    """

    ASKS_PEOPLE = "asks people"
    DECIDED = "decided"
    WITHDRAWN = "withdrawn"
    NEXT_STAGE = "next stage"
    EARLIER_STAGE = "earlier stage again"
    APPROVALS_LAPSED = "approvals lapsed"
    CLAIMED = "claimed"
    UNCLAIMED = "unclaimed"
    ASSIGNED = "assigned"
    UNASSIGNED = "unassigned"
    ESCALATED = "escalated"
    EXTENDED = "extended"
    WARNED = "warned"
    REOPENED = "reopened"
    HELD = "held"
    RELEASED = "released"
    NOT_CARRIED_OUT = "not carried out"
