"""The documents about the terms of a request: its stages, deadline, escalation, and change window."""

from __future__ import annotations

from pydantic import Field

from app.api.models import Output
from app.domain.policy.terms import Edited, OnExpiry, Unanswered
from assent.contracts import Urgency, Verdict


class StageTermsOut(Output):
    """Approvals required before the next stage; without teams and people, from any reviewer."""

    name: str
    teams: list[str]
    people: list[str]
    quorum: int


class WorkingTimeOut(Output):
    """A working time, and the calendar in which it is counted. Weeks begin on Monday."""

    seconds: int
    timezone: str
    week: list[list[tuple[int, int]]] = Field(description="The working hours of each day, in minutes after midnight")
    holidays: list[str]


class EscalationStepOut(Output):
    """Further approvals to require, and when."""

    after_seconds: int = Field(description="Seconds after the request is opened")
    words: str
    teams: list[str]
    people: list[str]
    priority: int


class ChangeWindowOut(Output):
    """Hours in which approved changes may run. Days are 0 for Monday to 6 for Sunday."""

    timezone: str
    days: list[int]
    start: str
    end: str
    except_days: list[str]


class TermsOut(Output):
    """What the policy's rule required when the request was opened. Times are seconds after the opening."""

    name: str
    policy_version: int | None
    stages: list[StageTermsOut]
    quorum: int
    deny_threshold: int
    reason_required: list[Verdict]
    edit_allowed: bool
    edited: Edited = Field(description="What the approval of the person who changed the proposal counts for")
    reauthenticate_seconds: int | None
    windows: list[ChangeWindowOut]
    further_windows: list[list[ChangeWindowOut]] = Field(description="Further sets; one window of each must be open")
    deadline_seconds: int
    deadline_again: WorkingTimeOut | None = Field(description="The new time limit if expiry escalates, as working time")
    on_expiry: OnExpiry
    warn_seconds: int
    escalation: list[EscalationStepOut]
    grants_allowed: bool
    unanswered: Unanswered = Field(description="The answer to a coding agent if nobody decides while it waits")
    comments_resolved: bool = Field(description="Approvals are refused while comments at lines are open")
    grace_seconds: int | None = Field(description="How long the settling decision can be undone; null: as configured")
    agent_urgency: Urgency = Field(description="The highest urgency that an agent can give its requests")
