"""The kinds of events that open pages, webhooks, and notifications are based on."""

from __future__ import annotations

from enum import StrEnum


class EventKind(StrEnum):
    """Every kind of event that is published."""

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
    """How a request changed: the value of ``what`` in the payload of a `REQUEST_CHANGED` event.

    The values are stored, and the database trigger that queues notifications depends on some of them.
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
    SNOOZED = "snoozed"
    UNSNOOZED = "returned"
    NOT_CARRIED_OUT = "not carried out"
    LACKS_APPROVERS = "lacks approvers"
    HAS_APPROVERS = "has approvers again"
