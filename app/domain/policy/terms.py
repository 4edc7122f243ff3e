"""What one request needs, as a rule of a policy said when it was opened.

The terms are kept with the request, so a later change of the policy never changes what an open request needs. All
spans are seconds from the opening, with working hours already worked out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from assent.contracts import RiskLevel, Verdict


class OnExpiry(StrEnum):
    """What it means that nobody decided in time."""

    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class Edited(StrEnum):
    """What the approval of somebody who changed the proposal is worth."""

    EDITOR_COUNTS = "editor_counts"
    SECOND_PERSON = "second_person"


class _Term(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Stage(_Term):
    """People who have to agree before the next stage is asked. Nobody named: any reviewer.

    Attributes:
        people: email addresses in lower case.
        quorum: approvals by different people that are needed.
    """

    name: str = ""
    teams: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    quorum: int = 1

    def asks_the_same(self, other: Stage) -> bool:
        """True if the other stage asks the same people, of however many."""
        return (set(self.teams), set(self.people)) == (set(other.teams), set(other.people))

    @property
    def open_to_all(self) -> bool:
        """True if any reviewer is asked."""
        return not self.teams and not self.people


class EscalationStep(_Term):
    """Whom to ask as well, and when.

    Attributes:
        after_seconds: from the opening.
        words: the span as the policy says it, such as ``2 working hours``.
        priority: by how much the request's priority is raised.
    """

    after_seconds: int
    words: str
    teams: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    priority: int = 1


class ChangeWindow(_Term):
    """Hours in which what was approved may be done.

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
    """So much working time, with the calendar in which it is counted.

    Attributes:
        week: the spans of Monday to Sunday, as minutes of the day.
        holidays: ISO dates without working time, from the opening on.
    """

    seconds: int
    timezone: str
    week: tuple[tuple[tuple[int, int], ...], ...]
    holidays: tuple[str, ...] = ()


class Terms(_Term):
    """Everything that one request needs.

    Attributes:
        name: the rule's, as the pages call it.
        policy_version: of the policy that was in force; None where none was, or it could not be read.
        stages: asked one after the other.
        deny_threshold: rejections by different people that reject the request.
        reason_required: verdicts that need a comment.
        edited: whether a person who changed a proposal can be its only approver.
        reauthenticate_seconds: how long ago a sign-in may be for a decision; None: as long as the session lives.
        windows: of which one has to be open; empty: at any time.
        further_windows: sets of which one has to be open as well, after an edit that came under another rule.
        deadline_seconds: from opening to expiry.
        deadline_again: what an expiry that escalates gives once more, where that is working time; None: the same
            seconds.
        warn_seconds: how long before expiry people are warned; 0: not at all.
        escalation: the chain.
        grants_allowed: whether a standing grant may answer requests under this rule.
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

    @property
    def quorum(self) -> int:
        """Approvals needed over all stages."""
        return sum(stage.quorum for stage in self.stages)

    @property
    def adds_second_person(self) -> bool:
        """True if a changed proposal needs one approval more than `quorum`, which is that of one person."""
        return self.edited is Edited.SECOND_PERSON and self.quorum == 1

    @property
    def every_window(self) -> tuple[ChangeWindow, ...]:
        """All that are named, of whichever set."""
        return sum(self.further_windows, self.windows)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as kept with the request."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Terms:
        """The inverse of `to_json`."""
        return cls.model_validate(value)


def stricter(old: Terms, new: Terms) -> Terms:
    """What holds after an edit raised the risk: the new rule, but nothing that the old one asked for is lost.

    The deadline, and what its passing means, stay as people were told; only that silence approves nothing that somebody
    has changed.
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
        }
    )


def _names_no_fewer(old: Terms, new: Terms) -> bool:
    """True if of everybody whose team or name the old stages ask for the new ones ask for at least as many."""
    named = [stage for stage in old.stages if not stage.open_to_all]
    return all(_asked_of(stage, new) >= _asked_of(stage, old) for stage in named)


def _asked_of(whom: Stage, terms: Terms) -> int:
    """How many approvals the terms ask for of the same people, over all stages."""
    return sum(stage.quorum for stage in terms.stages if stage.asks_the_same(whom))


def _further_windows(old: Terms, new: Terms) -> tuple[tuple[ChangeWindow, ...], ...]:
    """The sets of windows that hold besides those of the new rule, or of the old one where the new one has none."""
    sets = (*old.further_windows, *new.further_windows, *((old.windows,) if new.windows else ()))
    return tuple(windows for windows in dict.fromkeys(sets) if windows and windows != (new.windows or old.windows))


def _together(old: Terms, new: Terms) -> tuple[Stage, ...]:
    """The old stages and whoever the new ones name besides, with as many people as either asks for.

    Where the new rule asks for more people of no particular kind, those whom the old one names are among them.
    """
    stages = list(old.stages)
    for stage in new.stages:
        same = [at for at, other in enumerate(stages) if other.asks_the_same(stage)]
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
"""Under the strict default people are warned when an eighth of the time is left."""


def default_edited(risk: RiskLevel) -> Edited:
    """What an editor's approval is worth where no rule says it: from high risk on not enough."""
    return Edited.SECOND_PERSON if risk.rank >= RiskLevel.HIGH.rank else Edited.EDITOR_COUNTS


def default_terms(risk: RiskLevel, expires_in_seconds: int | None = None) -> Terms:
    """The strict default: one reviewer who is not the requester, two for critical risk; silence rejects.

    From high risk on, a person who changes a proposal cannot be its only approver.
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
