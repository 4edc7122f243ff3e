"""The terms of a request: what a policy required when the request was opened.

The terms are stored with the request, so a later change of the policy never affects an open request. All spans are
seconds from the opening, with working hours already converted.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from assent.contracts import RiskLevel, Urgency, Verdict


class OnExpiry(StrEnum):
    """What happens if nobody decides in time."""

    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class Unanswered(StrEnum):
    """The answer to a coding agent if nobody decides within the time that it waits."""

    DENY = "deny"
    ASK = "ask"
    """The person at the keyboard decides."""


class Edited(StrEnum):
    """Whether the approval of somebody who changed the proposal is enough."""

    EDITOR_COUNTS = "editor_counts"
    SECOND_PERSON = "second_person"


class _Term(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Stage(_Term):
    """People whose approval is required before the next stage begins. Nobody named: any reviewer.

    Attributes:
        people: email addresses in lower case.
        quorum: number of required approvals by different people.
    """

    name: str = ""
    teams: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    quorum: int = 1

    def same_approvers(self, other: Stage) -> bool:
        """True if the other stage has the same approvers, whatever its quorum."""
        return (set(self.teams), set(self.people)) == (set(other.teams), set(other.people))

    @property
    def open_to_all(self) -> bool:
        """True if any reviewer may approve."""
        return not self.teams and not self.people


class EscalationStep(_Term):
    """Additional approvers, and when they are added.

    Attributes:
        after_seconds: from the opening.
        words: the span as written in the policy, such as ``2 working hours``.
        priority: by how much the request's priority is raised.
    """

    after_seconds: int
    words: str
    teams: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    priority: int = 1


class ChangeWindow(_Term):
    """Hours in which approved changes may run.

    Attributes:
        days: 0 for Monday to 6 for Sunday; the day on which the window begins.
        start, end: ``HH:MM`` in the time zone; an end not after the start is on the next day.
        except_days: ISO dates on which it does not open.
    """

    timezone: str
    days: tuple[int, ...]
    start: str
    end: str
    except_days: tuple[str, ...] = ()


class WorkingTime(_Term):
    """An amount of working time, with the calendar in which it is counted.

    Attributes:
        week: the spans of each day from Monday to Sunday, as minutes of the day.
        holidays: ISO dates without working time, from the opening on.
    """

    seconds: int
    timezone: str
    week: tuple[tuple[tuple[int, int], ...], ...]
    holidays: tuple[str, ...] = ()


class Terms(_Term):
    """Everything that a request requires.

    Attributes:
        name: the rule's name, as shown on pages.
        policy_version: of the policy that was in force; None if there was none, or it could not be read.
        stages: in order.
        deny_threshold: number of rejections by different people that reject the request.
        reason_required: verdicts that require a comment.
        edited: whether a person who changed a proposal can be its only approver.
        reauthenticate_seconds: maximum age of the sign-in for a decision; None: no limit besides the session's.
        windows: change windows, one of which has to be open; empty: any time.
        further_windows: further sets of windows, one of each of which has to be open as well, after an edit to which
            another rule applied.
        deadline_seconds: from opening to expiry.
        deadline_again: the working time that an escalation on expiry adds; None: `deadline_seconds` again.
        warn_seconds: how long before expiry people are warned; 0: not at all.
        escalation: the chain.
        grants_allowed: whether a standing grant may approve requests under this rule.
        unanswered: the answer to a coding agent if nobody decides within the time that its hook waits.
        comments_resolved: an approval is refused while a comment at a line is open.
        grace_seconds: how long the decision that settles the request can be taken back; None: as the portal sets it.
        agent_urgency: the highest urgency that an agent can give its requests.
    """

    name: str
    policy_version: int | None = None
    stages: tuple[Stage, ...] = Field(default=(Stage(),), min_length=1)
    deny_threshold: int = 1
    reason_required: tuple[Verdict, ...] = (Verdict.REJECT, Verdict.REQUEST_CHANGES)
    edit_allowed: bool = True
    edited: Edited = Edited.EDITOR_COUNTS
    reauthenticate_seconds: int | None = None
    windows: tuple[ChangeWindow, ...] = ()
    further_windows: tuple[tuple[ChangeWindow, ...], ...] = ()
    deadline_seconds: int
    deadline_again: WorkingTime | None = None
    on_expiry: OnExpiry = OnExpiry.REJECT
    warn_seconds: int = 0
    escalation: tuple[EscalationStep, ...] = ()
    grants_allowed: bool = True
    unanswered: Unanswered = Unanswered.DENY
    comments_resolved: bool = False
    grace_seconds: int | None = None
    agent_urgency: Urgency = Urgency.NORMAL

    @property
    def quorum(self) -> int:
        """Required approvals across all stages."""
        return sum(stage.quorum for stage in self.stages)

    @property
    def adds_second_person(self) -> bool:
        """True if a changed proposal requires a second approval although `quorum` is 1."""
        return self.edited is Edited.SECOND_PERSON and self.quorum == 1

    @property
    def every_window(self) -> tuple[ChangeWindow, ...]:
        """All windows of all sets."""
        return sum(self.further_windows, self.windows)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as stored with the request."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Terms:
        """The inverse of `to_json`."""
        return cls.model_validate(value)


def stricter(old: Terms, new: Terms) -> Terms:
    """The terms after an edit raised the risk: the new rule's, plus everything that the old one required.

    The deadline and what happens on expiry stay as announced, except that a changed proposal is never approved on
    expiry.
    """
    fewest = [seconds for seconds in (old.reauthenticate_seconds, new.reauthenticate_seconds) if seconds is not None]
    return new.model_copy(
        update={
            "stages": new.stages if new.quorum >= old.quorum and _names_no_fewer(old, new) else _together(old, new),
            "deny_threshold": min(old.deny_threshold, new.deny_threshold),
            "reason_required": tuple(dict.fromkeys((*old.reason_required, *new.reason_required))),
            "edit_allowed": old.edit_allowed and new.edit_allowed,
            "edited": max(old.edited, new.edited, key=list(Edited).index),
            "reauthenticate_seconds": min(fewest) if fewest else None,
            "windows": new.windows or old.windows,
            "further_windows": _further_windows(old, new),
            "deadline_seconds": old.deadline_seconds,
            "deadline_again": old.deadline_again,
            "on_expiry": OnExpiry.REJECT if old.on_expiry is OnExpiry.APPROVE else old.on_expiry,
            "warn_seconds": old.warn_seconds,
            "escalation": old.escalation,
            "grants_allowed": old.grants_allowed and new.grants_allowed,
            "unanswered": old.unanswered if old.unanswered is new.unanswered else Unanswered.DENY,
            "comments_resolved": old.comments_resolved or new.comments_resolved,
            "grace_seconds": _longest(old.grace_seconds, new.grace_seconds),
            "agent_urgency": min(old.agent_urgency, new.agent_urgency, key=lambda urgency: urgency.rank),
        }
    )


def _longest(*spans: int | None) -> int | None:
    """The longest of those that are given."""
    return max((seconds for seconds in spans if seconds is not None), default=None)


def _names_no_fewer(old: Terms, new: Terms) -> bool:
    """True if the new stages require at least as many approvals as the old ones from each of their approvers."""
    named = [stage for stage in old.stages if not stage.open_to_all]
    return all(_asked_of(stage, new) >= _asked_of(stage, old) for stage in named)


def _asked_of(whom: Stage, terms: Terms) -> int:
    """How many approvals the terms require from the same approvers, across all stages."""
    return sum(stage.quorum for stage in terms.stages if stage.same_approvers(whom))


def _further_windows(old: Terms, new: Terms) -> tuple[tuple[ChangeWindow, ...], ...]:
    """The sets of windows that apply besides the new rule's, or besides the old rule's if the new one has none."""
    sets = (*old.further_windows, *new.further_windows, *((old.windows,) if new.windows else ()))
    return tuple(windows for windows in dict.fromkeys(sets) if windows and windows != (new.windows or old.windows))


def _together(old: Terms, new: Terms) -> tuple[Stage, ...]:
    """The old stages, plus the approvers that only the new ones name, with the higher of both quorums.

    If the new rule requires more approvals by any reviewers, those of the old rule's approvers count among them.
    """
    stages = list(old.stages)
    for stage in new.stages:
        same = [at for at, other in enumerate(stages) if other.same_approvers(stage)]
        if same:
            stages[same[0]] = stages[same[0]].model_copy(update={"quorum": max(stages[same[0]].quorum, stage.quorum)})
        elif not stage.open_to_all:
            stages.append(stage)
    missing = new.quorum - sum(stage.quorum for stage in stages)
    return (*stages, Stage(quorum=missing)) if missing > 0 else tuple(stages)


DEADLINE_SECONDS = {
    RiskLevel.CRITICAL: 4 * 3600,
    RiskLevel.HIGH: 8 * 3600,
    RiskLevel.MEDIUM: 24 * 3600,
    RiskLevel.LOW: 48 * 3600,
    RiskLevel.SAFE: 72 * 3600,
}
_WARN_SHARE = 8
"""Under the strict default, people are warned when an eighth of the time is left."""


def default_edited(risk: RiskLevel) -> Edited:
    """Whether an editor's approval is enough if no rule says so: not from high risk upward."""
    return Edited.SECOND_PERSON if risk.rank >= RiskLevel.HIGH.rank else Edited.EDITOR_COUNTS


def default_terms(risk: RiskLevel, expires_in_seconds: int | None = None) -> Terms:
    """The strict default: one reviewer who is not the requester, two for critical risk; rejected on expiry.

    From high risk upward, a person who changes a proposal cannot be its only approver.
    """
    deadline = expires_in_seconds or DEADLINE_SECONDS[risk]
    warn = deadline // _WARN_SHARE
    if risk is RiskLevel.CRITICAL:
        name, stage = "two reviewers (critical risk)", Stage(quorum=2)
    else:
        name, stage = "one reviewer", Stage()
    grants = risk.rank <= RiskLevel.MEDIUM.rank
    return Terms(
        name=name, stages=(stage,), edited=default_edited(risk), deadline_seconds=deadline, warn_seconds=warn,
        grants_allowed=grants,
    )  # fmt: skip
