"""Terms in words, and the differences between two terms. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.policy.terms import ChangeWindow, Edited, EscalationStep, OnExpiry, Stage, Terms, Unanswered
from assent.contracts import Verdict

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
ANYONE = "any reviewer"
ON_EXPIRY = {
    OnExpiry.REJECT: "it is rejected",
    OnExpiry.APPROVE: "it is approved if its risk is low and nobody rejected it; otherwise it is rejected",
    OnExpiry.ESCALATE: "it takes the next step of the escalation chain; after the last step, it is rejected",
}
_VERDICTS = {
    Verdict.APPROVE: "approval",
    Verdict.MODIFY: "approval with changes",
    Verdict.REQUEST_CHANGES: "request for changes",
    Verdict.REJECT: "rejection",
    Verdict.ANSWER: "answer",
}


@dataclass(frozen=True)
class Difference:
    """One difference between two terms.

    Attributes:
        what: stable name for programs, such as ``stages``.
        label: for people.
        before, after: the values, in words.
    """

    what: str
    label: str
    before: str
    after: str


def differences(old: Terms, new: Terms) -> tuple[Difference, ...]:
    """All differences between the terms, most important first, apart from the policy's version."""
    return tuple(
        Difference(aspect.what, aspect.label, aspect.words(old), aspect.words(new))
        for aspect in ASPECTS
        if aspect.value(old) != aspect.value(new)
    )


def listing(words: Sequence[str], last: str = "and") -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def exact_span(seconds: int) -> str:
    """An exact span, such as ``2 d 3 h``, or ``1 min 30 s`` for 90."""
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def expiry_words(consequence: str, when: str) -> str:
    """A consequence with its time: ``expires at 12:00, then rejected``, ``escalates to DBA leads at 12:00``."""
    ends, _, then = consequence.partition("is ")
    return f"expires {when}, then {then}" if then and not ends else f"{consequence} {when}"


def who_words(teams: Iterable[str], people: Iterable[str]) -> str:
    """The approvers of a stage or step: ``team dba or lead@example.com``."""
    return listing([*(f"team {team}" for team in teams), *people], "or") or ANYONE


def stage_words(stage: Stage) -> str:
    """A stage, such as ``2 of team dba``, preceded by its name."""
    words = f"{stage.quorum} of {who_words(stage.teams, stage.people)}"
    return f"{stage.name}: {words}" if stage.name else words


def stages_words(terms: Terms) -> str:
    """All stages in order."""
    return ", then ".join(map(stage_words, terms.stages))


def step_words(step: EscalationStep) -> str:
    """A step of the chain, such as ``after 2 working hours team dba-leads, priority +1``."""
    raised = f", priority +{step.priority}" if step.priority else ""
    who = who_words(step.teams, step.people) if step.teams or step.people else "nobody else"
    return f"after {step.words} {who}{raised}"


def window_words(window: ChangeWindow) -> str:
    """A change window, such as ``Mon–Fri 22:00–04:00 Europe/Berlin``."""
    hours = "all day" if window.start == window.end else f"{window.start}–{window.end}"
    except_days = f", not on {listing(window.except_days)}" if window.except_days else ""
    return f"{day_words(window.days)} {hours} {window.timezone}{except_days}"


def day_words(days: Iterable[int]) -> str:
    """Days of the week, 0 for Monday, with three or more in a row as a range: ``Mon–Fri``, ``Sat, Sun``."""
    chosen = sorted(set(days))
    if len(chosen) == len(_DAYS):
        return "every day"
    runs: list[list[int]] = []
    for day in chosen:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    words = [
        f"{_DAYS[run[0]]}–{_DAYS[run[-1]]}" if len(run) > 2 else ", ".join(_DAYS[day] for day in run) for run in runs
    ]
    return ", ".join(words)


def windows_words(windows: Sequence[ChangeWindow]) -> str:
    """All change windows."""
    return "; ".join(map(window_words, windows)) or "at any time"


def reasons_words(verdicts: Iterable[Verdict]) -> str:
    """The decisions that require a comment."""
    return listing([_VERDICTS[verdict] for verdict in Verdict if verdict in set(verdicts)]) or "none"


def _stages(terms: Terms) -> Any:
    return [(stage.name, set(stage.teams), set(stage.people), stage.quorum) for stage in terms.stages]


@dataclass(frozen=True)
class Aspect:
    """One aspect of terms: its name for programs and for people, its value, and its words."""

    what: str
    label: str
    value: Callable[[Terms], Any]
    words: Callable[[Terms], str]


ASPECTS = (
    Aspect("rule", "Rule", lambda terms: terms.name, lambda terms: terms.name),
    Aspect("stages", "Approvals", _stages, stages_words),
    Aspect(
        "deny_threshold", "Rejections required", lambda terms: terms.deny_threshold,
        lambda terms: str(terms.deny_threshold),
    ),
    Aspect("edit_allowed", "Edits", lambda terms: terms.edit_allowed, lambda terms: _yes(terms.edit_allowed)),
    Aspect(
        "edited", "After an edit", lambda terms: terms.edited,
        lambda terms: "a second person" if terms.edited is Edited.SECOND_PERSON else "the editor counts",
    ),
    Aspect(
        "reason_required", "Reason required for", lambda terms: set(terms.reason_required),
        lambda terms: reasons_words(terms.reason_required),
    ),
    Aspect(
        "reauthenticate", "Maximum sign-in age", lambda terms: terms.reauthenticate_seconds,
        lambda terms: (
            "as long as the session lasts"
            if terms.reauthenticate_seconds is None
            else exact_span(terms.reauthenticate_seconds)
        ),
    ),
    Aspect("windows", "Change windows", lambda terms: terms.windows, lambda terms: windows_words(terms.windows)),
    Aspect(
        "deadline", "Deadline", lambda terms: terms.deadline_seconds,
        lambda terms: exact_span(terms.deadline_seconds),
    ),
    Aspect("on_expiry", "If nobody decides", lambda terms: terms.on_expiry, lambda terms: ON_EXPIRY[terms.on_expiry]),
    Aspect(
        "warning", "Warning before", lambda terms: terms.warn_seconds,
        lambda terms: exact_span(terms.warn_seconds) if terms.warn_seconds else "none",
    ),
    Aspect(
        "escalation", "Escalation", lambda terms: terms.escalation,
        lambda terms: "; ".join(map(step_words, terms.escalation)) or "none",
    ),
    Aspect(
        "unanswered", "If a coding agent cannot wait longer", lambda terms: terms.unanswered,
        lambda terms: (
            "the person at its keyboard decides" if terms.unanswered is Unanswered.ASK else "the call is denied"
        ),
    ),
    Aspect(
        "comments", "Line comments", lambda terms: terms.comments_resolved,
        lambda terms: "resolved before an approval" if terms.comments_resolved else "may stay open",
    ),
    Aspect(
        "grace", "Undo", lambda terms: terms.grace_seconds,
        lambda terms: (
            "as configured" if terms.grace_seconds is None
            else exact_span(terms.grace_seconds) if terms.grace_seconds else "not possible"
        ),
    ),
    Aspect(
        "agent_urgency", "Highest urgency of agents", lambda terms: terms.agent_urgency,
        lambda terms: terms.agent_urgency.value,
    ),
    Aspect("grants", "Standing grants", lambda terms: terms.grants_allowed, lambda terms: _yes(terms.grants_allowed)),
)  # fmt: skip
"""All aspects of terms."""


def _yes(allowed: bool) -> str:
    return "allowed" if allowed else "not allowed"
