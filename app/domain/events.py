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
