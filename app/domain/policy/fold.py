"""The result of all decisions on a request. Pure: only the CheckpointManager applies it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from app.domain.lifecycle import RequestState
from app.domain.policy.terms import Terms
from assent.contracts import NextAction, Verdict
from assent.digests import digest_of

NO_STAGE = -1
"""The stage of a vote that counts for none, because its own edit changed the required approvers."""


@dataclass(frozen=True)
class Vote:
    """A decision that counts; withdrawn decisions are left out.

    Attributes:
        person_id: who decided.
        digest: of what the person agrees to (`answer_digest` for an answer).
        stage: the stage of the terms that it is for, from 0, or `NO_STAGE`.
        principal_id: the absent person on whose behalf a delegate decided; empty otherwise.
        makers: who made the link or token with which it was cast, and so may be the same person.
    """

    person_id: str
    verdict: Verdict
    digest: str
    stage: int = 0
    principal_id: str = ""
    makers: frozenset[str] = frozenset()

    @property
    def people(self) -> frozenset[str]:
        """Ids of everybody who could have cast this vote."""
        return (frozenset({self.person_id, self.principal_id}) - {""}) | self.makers


@dataclass(frozen=True)
class Resolution:
    """The result of the decisions."""

    state: RequestState
    verdict: Verdict
    next_action: NextAction


@dataclass(frozen=True)
class StageProgress:
    """The progress of one stage."""

    name: str
    approvals: int
    quorum: int

    @property
    def reached(self) -> bool:
        """True when the stage has its quorum."""
        return self.approvals >= self.quorum


@dataclass(frozen=True)
class Progress:
    """The progress of all stages."""

    stages: tuple[StageProgress, ...]

    @property
    def approvals(self) -> int:
        """Approvals that count, across all stages."""
        return sum(min(stage.approvals, stage.quorum) for stage in self.stages)

    @property
    def quorum(self) -> int:
        """Approvals required, across all stages."""
        return sum(stage.quorum for stage in self.stages)

    @property
    def current(self) -> int:
        """The current stage: the first without its quorum; the number of stages when all have it."""
        return next((at for at, stage in enumerate(self.stages) if not stage.reached), len(self.stages))

    @property
    def reached(self) -> bool:
        """True when no further approval is required."""
        return self.current == len(self.stages)

    @property
    def words(self) -> str:
        """Such as ``1 of 2``."""
        return f"{self.approvals} of {self.quorum}"


def answer_digest(digest: str, answer: Any) -> str:
    """A digest of the question with that `digest` and an answer to it, so that only equal answers agree."""
    return digest_of([digest, answer])


def to_agree(votes: Sequence[Vote], digest: str) -> str:
    """The digest to agree on: that of the payload, or that of the latest answer to the question in it."""
    answers = [vote.digest for vote in votes if vote.verdict is Verdict.ANSWER]
    return answers[-1] if answers else digest


def progress(votes: Sequence[Vote], digest: str, terms: Terms, editors: Collection[str] = ()) -> Progress:
    """Count the people who agree to the payload of this `digest`, or to the latest answer to it.

    Approvals of older payloads no longer count. A person counts once across all stages, and so does somebody on whose
    behalf a delegate decided. If somebody answered several times, their latest answer counts. Where the terms require
    a second person after an edit, an editor's approval counts, and the stage that it is for requires one more.

    Args:
        editors: ids of the people who edited the current payload; empty if it is as the agent proposed it.
    """
    digest = to_agree(votes, digest)
    latest = {vote.person_id: vote for vote in votes if vote.verdict is Verdict.ANSWER}
    agreeing = [
        vote
        for vote in votes
        if vote.digest == digest
        and (
            vote.verdict in (Verdict.APPROVE, Verdict.MODIFY)
            or (vote.verdict is Verdict.ANSWER and latest[vote.person_id] is vote)
        )
    ]
    counted: set[str] = set()
    stages = []
    for at, stage in enumerate(terms.stages):
        approvals, edits = 0, 0
        for vote in agreeing:
            if vote.stage == at and not vote.people & counted:
                approvals += 1
                edits += bool(vote.people & set(editors))
                counted |= vote.people
        needed = stage.quorum + min(edits, 1) if terms.adds_second_person else stage.quorum
        stages.append(StageProgress(stage.name, approvals, needed))
    return Progress(tuple(stages))


def fold(
    votes: Sequence[Vote], digest: str, terms: Terms, changed: bool, editors: Collection[str] = ()
) -> Resolution | None:
    """Resolve a request whose current payload has `digest`, if the votes suffice.

    A request for changes resolves it at once, and so does the number of rejections of the current payload that the
    terms set. Approval requires each stage's quorum of different people on the current payload; somebody who edited it
    counts as one of them, and so is never the only one where two are required, or a second person after an edit. A
    question is answered when the quorum of different people gave equal answers.

    Args:
        votes: all decisions that count, oldest first. A modification's digest is that of the resulting payload.
        digest: of the current payload.
        terms: of the request.
        changed: whether the current payload differs from the one that the agent proposed.
        editors: who changed it, as in `progress`.

    Returns:
        The resolution, or None while more decisions are required.
    """
    if any(vote.verdict is Verdict.REQUEST_CHANGES for vote in votes):
        return Resolution(RequestState.CHANGES_REQUESTED, Verdict.REQUEST_CHANGES, NextAction.RETRY)
    if rejections(votes) >= terms.deny_threshold:
        return Resolution(RequestState.REJECTED, Verdict.REJECT, NextAction.ABORT)
    if not progress(votes, digest, terms, editors).reached:
        return None
    if any(vote.verdict is Verdict.ANSWER for vote in votes):
        return Resolution(RequestState.ANSWERED, Verdict.ANSWER, NextAction.CONTINUE)
    if changed:
        return Resolution(RequestState.MODIFIED, Verdict.MODIFY, NextAction.CONTINUE)
    return Resolution(RequestState.APPROVED, Verdict.APPROVE, NextAction.CONTINUE)


def rejections(votes: Sequence[Vote]) -> int:
    """The number of different people who reject. A rejection counts until it is withdrawn, whatever others edit."""
    counted: set[str] = set()
    number = 0
    for vote in votes:
        if vote.verdict is Verdict.REJECT and not vote.people & counted:
            number += 1
            counted |= vote.people
    return number
