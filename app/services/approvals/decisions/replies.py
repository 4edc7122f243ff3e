"""What people read after deciding: the progress, and what happens next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.lifecycle import RequestState
from app.domain.policy.fold import Progress, Resolution
from app.domain.policy.terms import ChangeWindow, Terms
from app.domain.policy.words import exact_span, listing
from app.domain.text import capitalized
from assent.contracts import Verdict

_SETTLED_WORDS = {
    RequestState.APPROVED: "Approved. The run continues.",
    RequestState.MODIFIED: "Approved with changes. The run continues with your changes.",
    RequestState.CHANGES_REQUESTED: "Changes requested. The agent receives your comment.",
    RequestState.REJECTED: "Rejected. The run has been notified.",
    RequestState.ANSWERED: "Answered. The run continues.",
}
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def settled_words(resolution: Resolution, terms: Terms, held_until: datetime | None, now: datetime) -> str:
    """The request's final state, after the decision that settled it."""
    if held_until is None:
        return _SETTLED_WORDS[resolution.state]
    opening = opening_words(terms.every_window, held_until, now)
    approved = "Approved with changes" if resolution.state is RequestState.MODIFIED else "Approved"
    return f"{approved}. The change window opens {opening}; the run waits until then."


def undoable_words(resolution: Resolution, due: datetime, now: datetime) -> str:
    """The request's coming state, while the decision that settles it can still be taken back."""
    left = exact_span(round((due - now).total_seconds()))
    return f"{capitalized(resolution.state.words)}. This takes effect in {left}; you can undo it until then."


def opening_words(windows: tuple[ChangeWindow, ...], opens: datetime, now: datetime) -> str:
    """When one of the windows opens, such as ``Mon 09:00 Europe/Berlin``; with the date if it is far ahead."""
    zone = next((window.timezone for window in windows if _clock(opens, window) == window.start), windows[0].timezone)
    local = opens.astimezone(ZoneInfo(zone))
    far = (opens - now).days >= len(_DAYS) - 1
    return f"{_DAYS[local.weekday()]} {f'{local:%Y-%m-%d} ' if far else ''}{local:%H:%M} {zone}"


def _clock(instant: datetime, window: ChangeWindow) -> str:
    return f"{instant.astimezone(ZoneInfo(window.timezone)):%H:%M}"


def counted_words(
    verdict: Verdict, after: Progress, before: int, names: list[str], rejections: int, terms: Terms, *, edited: bool
) -> str:
    """The effect of a decision that leaves the request pending.

    Args:
        before: the stage at which the person decided.
        names: of the stages of `terms`; empty for a stage without a name.
        edited: the proposal has changes by this person, other than parts left out.
    """
    if verdict is Verdict.REJECT:
        rejected = f"{rejections} of {terms.deny_threshold}"
        lasting = "It stays counted until you withdraw it, even if others change the proposal."
        return f"Your rejection is counted: {rejected}. {lasting}"
    counted = f"Counted: {after.words}."
    asked = names[after.current]
    if after.current > before:
        done = [name for name in names[before : after.current] if name]
        agreed = f" {listing(done)} {'has' if len(done) == 1 else 'have'} agreed;" if done else ""
        return f"{counted}{agreed} {asked or 'another person'} reviews next."
    if after.current < before:
        return f"{counted} Earlier approvals no longer apply; {asked or 'another person'} reviews again."
    if verdict is Verdict.ANSWER:
        return f"{counted} Another person must give the same answer{_of(asked)}."
    if verdict is Verdict.MODIFY and edited and terms.adds_second_person:
        return f"{counted} A second person{_of(asked)} must approve, because you changed it."
    return f"{counted} Another person{_of(asked)} is needed."


def withdrawn_words(after: Progress, before: int, names: list[str], *, late: bool = False) -> str:
    """The effect of a withdrawal. `late`: the deadline has passed meanwhile."""
    if late:
        return f"Your decision was withdrawn: {after.words}. The deadline has passed, so the request expires now."
    fallen = f" {names[after.current] or 'Another person'} reviews again." if after.current < before else ""
    return f"Your decision was withdrawn: {after.words}.{fallen} You can decide again."


def _of(name: str) -> str:
    return f" from {name}" if name else ""
