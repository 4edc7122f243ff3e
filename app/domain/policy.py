"""Who must agree, by when, and what happens if nobody does.

`fold` turns decisions into a resolution or "not yet". It is pure: applying a resolution happens in one place, the
CheckpointManager. The terms are the strict defaults; they are kept with each request, so a later change of the
defaults never changes what an open request needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.domain.lifecycle import RequestState
from assent.contracts import NextAction, RiskLevel, Verdict
from assent.digests import digest_of

DEADLINE = {
    RiskLevel.CRITICAL: timedelta(hours=4),
    RiskLevel.HIGH: timedelta(hours=8),
    RiskLevel.MEDIUM: timedelta(hours=24),
    RiskLevel.LOW: timedelta(hours=48),
    RiskLevel.SAFE: timedelta(hours=72),
}


@dataclass(frozen=True)
class Terms:
    """What one request needs.

    Attributes:
        name: what the pages call it.
        quorum: approvals by different people that are needed.
        deadline_seconds: from opening to expiry.
        on_expiry: ``reject``: the run is told that the proposal was rejected.
        reason_required: verdicts that need a comment.
    """

    name: str
    quorum: int
    deadline_seconds: int
    on_expiry: str = "reject"
    reason_required: tuple[Verdict, ...] = (Verdict.REJECT, Verdict.REQUEST_CHANGES)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, as kept with the request."""
        return {
            "name": self.name,
            "quorum": self.quorum,
            "deadline_seconds": self.deadline_seconds,
            "on_expiry": self.on_expiry,
            "reason_required": [verdict.value for verdict in self.reason_required],
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Terms:
        """The inverse of `to_json`."""
        return cls(
            value["name"],
            value["quorum"],
            value["deadline_seconds"],
            value["on_expiry"],
            tuple(Verdict(each) for each in value["reason_required"]),
        )


def default_terms(risk: RiskLevel, expires_in_seconds: int | None = None) -> Terms:
    """The strict default: one reviewer who did not ask, two for critical risk; silence rejects."""
    deadline = expires_in_seconds or int(DEADLINE[risk].total_seconds())
    if risk is RiskLevel.CRITICAL:
        return Terms("two reviewers (critical risk)", 2, deadline)
    return Terms("one reviewer", 1, deadline)


@dataclass(frozen=True)
class Vote:
    """A decision as the fold sees it. `digest` is that of what the person agrees to (`answer_digest` for an answer)."""

    person_id: str
    verdict: Verdict
    digest: str


@dataclass(frozen=True)
class Resolution:
    """What the decisions amount to."""

    state: RequestState
    verdict: Verdict
    next_action: NextAction


@dataclass(frozen=True)
class Progress:
    """How far agreement has come."""

    approvals: int
    quorum: int

    @property
    def words(self) -> str:
        """Such as ``1 of 2``."""
        return f"{self.approvals} of {self.quorum}"


def answer_digest(digest: str, answer: Any) -> str:
    """What an answer to the question of that `digest` stands for: both, so that only equal answers agree."""
    return digest_of([digest, answer])


def progress(votes: Sequence[Vote], digest: str, terms: Terms) -> Progress:
    """Count the people who agree to what has this digest; older payloads' approvals no longer count.

    Of somebody who answered several times the latest answer counts.
    """
    agreeing = {
        vote.person_id for vote in votes if vote.verdict in (Verdict.APPROVE, Verdict.MODIFY) and vote.digest == digest
    }
    answers = {vote.person_id: vote.digest for vote in votes if vote.verdict is Verdict.ANSWER}
    agreeing |= {person for person, answered in answers.items() if answered == digest}
    return Progress(len(agreeing), terms.quorum)


def fold(votes: Sequence[Vote], digest: str, terms: Terms, changed: bool) -> Resolution | None:
    """What the votes make of a request whose current payload has `digest`.

    One rejection, or one request for changes, resolves it at once. Approval needs the quorum of different people on
    the current payload; somebody who edited it counts as one of them and so is never the only one where two are
    needed. A question is answered when the quorum of different people gave equal answers.

    Args:
        votes: all decisions so far, oldest first. A modification's digest is that of the payload it made.
        digest: what has to be agreed to: the current payload's, or the `answer_digest` of the latest answer.
        terms: what the request needs.
        changed: whether the current payload differs from the one the agent proposed.

    Returns:
        The resolution, or None while more decisions are needed.
    """
    for vote in votes:
        if vote.verdict is Verdict.REJECT:
            return Resolution(RequestState.REJECTED, Verdict.REJECT, NextAction.ABORT)
        if vote.verdict is Verdict.REQUEST_CHANGES:
            return Resolution(RequestState.CHANGES_REQUESTED, Verdict.REQUEST_CHANGES, NextAction.RETRY)
    reached = progress(votes, digest, terms)
    if reached.approvals < terms.quorum:
        return None
    if votes and votes[-1].verdict is Verdict.ANSWER:
        return Resolution(RequestState.ANSWERED, Verdict.ANSWER, NextAction.CONTINUE)
    if changed:
        return Resolution(RequestState.MODIFIED, Verdict.MODIFY, NextAction.CONTINUE)
    return Resolution(RequestState.APPROVED, Verdict.APPROVE, NextAction.CONTINUE)
