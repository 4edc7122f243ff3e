"""What would have happened to a request under other terms, with the decisions that people actually made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.changes import apply_change
from app.domain.errors import AssentError
from app.domain.lifecycle import RequestState
from app.domain.policy.access import PERSON, TEAM, Member, addressed, is_approver
from app.domain.policy.calendars import deadline_again, opening_under
from app.domain.policy.expiry import expiry_means
from app.domain.policy.fold import Progress, Vote, fold, progress, rejections
from app.domain.policy.terms import OnExpiry, Terms, stricter
from app.domain.policy.verdicts import Decide, PolicyDecision, decided_by
from app.domain.policy.words import Difference, listing, who_words
from app.domain.risk import Assessment
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict

_BY_OTHERS = frozenset({RequestState.CANCELLED, RequestState.SUPERSEDED})
"""States that neither decisions nor time can lead to."""
Evaluate = Callable[[Mapping[str, Any]], tuple[Assessment, Terms]]
"""The risk of a payload, and the terms that the other policy gives it."""


@dataclass(frozen=True)
class Course:
    """What would have happened.

    Attributes:
        state: the state the request would be in now; None if that cannot be determined.
        words: the differences, a sentence each.
    """

    state: RequestState | None
    words: tuple[str, ...]


def course(
    request: ApprovalRequest,
    proposal: Mapping[str, Any],
    risk: RiskLevel,
    old: Terms,
    new: Terms,
    decisions: Sequence[Decision],
    members: Mapping[str, Member],
    evaluate: Evaluate,
    now: datetime,
) -> Course:
    """Replay the decisions that have not been withdrawn under `new` terms.

    People have the teams of today, and manual steps (an extension, a cancellation) count as they happened.

    Args:
        proposal: what the agent proposed, with that `risk`.
        old: the request's terms when it was opened.
        decisions: those that have not been withdrawn, oldest first.
        members: those who decided, and on whose behalf, by id.
    """
    return _Replay(request, dict(proposal), risk, old, new, members, evaluate).tell(decisions, now)


def course_at_once(request: ApprovalRequest, decision: PolicyDecision, decisions: Sequence[Decision]) -> Course:
    """What would have happened if the policy had decided at once, before anybody else."""
    state = RequestState.APPROVED if decision.verdict is Decide.APPROVE else RequestState.REJECTED
    if decided_by(request.answered_by) is not None and request.state == state.value:
        return Course(state, ())
    names = listing(list(dict.fromkeys(vote.person_name for vote in decisions)))
    before = f", before {names} decided" if names else ""
    return Course(state, (f"Would have been {state.words} at once by “{decision.rule}”{before}.",))


def decision_difference(request: ApprovalRequest, decision: PolicyDecision | None) -> tuple[Difference, ...]:
    """The difference between what decided a request at once and what would have; empty: none."""
    was = decided_by(request.answered_by)
    before = f"{RequestState(request.state).words} by “{was[1]}”" if was is not None else "no"
    after = "no"
    if decision is not None:
        state = RequestState.APPROVED if decision.verdict is Decide.APPROVE else RequestState.REJECTED
        after = f"{state.words} by “{decision.rule}”"
    return (Difference("decision", "Decided at once", before, after),) if before != after else ()


@dataclass
class _Replay:
    """A request whose decisions are replayed."""

    request: ApprovalRequest
    payload: dict[str, Any]
    risk: RiskLevel
    old: Terms
    terms: Terms
    members: Mapping[str, Member]
    evaluate: Evaluate
    votes: list[Vote] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    escalation: int = 0
    escalated_to: list[str] = field(default_factory=list)
    editors: frozenset[str] = frozenset()
    state: RequestState = RequestState.PENDING
    ended_at: datetime | None = None
    unknown: bool = False

    def __post_init__(self) -> None:
        self.digest = self.request.proposed_digest
        self.expires_at = self.request.opened_at + timedelta(seconds=self.terms.deadline_seconds)
        if self.request.extended:
            self.expires_at = max(self.expires_at, self.request.expires_at)

    def tell(self, decisions: Sequence[Decision], now: datetime) -> Course:
        """Replay all decisions and expiry, and compare the result with what actually happened."""
        earlier = next((at for at, decision in enumerate(decisions) if not self._take(decision)), None)
        if self.unknown:
            return Course(None, (*self.words, "The result cannot be determined."))
        if self.ended_at is None:
            self._go_on(bool(decisions), now)
        elif earlier is not None:
            names = listing(list(dict.fromkeys(decision.person_name for decision in decisions[earlier:])))
            self._say(f"Would have been {self._settled} {self._how}, before {names} decided.")
        elif self.state.value != self.request.state:
            self._say(f"Would have been {self._settled} with the decision of {decisions[-1].person_name}.")
        self._hold()
        return Course(self.state, tuple(self.words))

    def _say(self, sentence: str) -> None:
        self.words.append(sentence)

    def _take(self, decision: Decision) -> bool:
        """Replay a decision at its time. False if it would no longer have been possible."""
        self._until(decision.at)
        if self.ended_at is not None or self.unknown:
            return False
        verdict = Verdict(decision.verdict)
        stage = self._progress().current
        if not self._asked(decision, stage):
            self._say(f"{decision.person_name} would not have been an approver.")
            self.unknown = verdict is Verdict.MODIFY
        elif verdict is Verdict.MODIFY and not self.terms.edit_allowed:
            self._say(f"{decision.person_name} could not have changed the proposal.")
            self.unknown = True
        else:
            newly = set(self.terms.reason_required) - set(self.old.reason_required)
            if verdict in newly and not decision.comment:
                self._say(f"{decision.person_name} would have had to give a reason.")
            self._count(decision, verdict, stage)
        return True

    def _progress(self) -> Progress:
        return progress(self.votes, self.digest, self.terms, self.editors)

    def _asked(self, decision: Decision, stage: int) -> bool:
        asked = addressed(self.terms.stages[min(stage, len(self.terms.stages) - 1)], self.escalated_to)
        deciders = (decision.person_id, decision.on_behalf_of_id or "")
        return not asked or any(
            is_approver(self.members[decider], asked) for decider in deciders if decider in self.members
        )

    def _count(self, decision: Decision, verdict: Verdict, stage: int) -> None:
        if verdict in (Verdict.APPROVE, Verdict.MODIFY, Verdict.ANSWER):
            self.digest = decision.digest
        vote = Vote(
            decision.person_id, verdict, decision.digest, stage, decision.on_behalf_of_id or "", decision.made.ids
        )
        if verdict is Verdict.MODIFY:
            self._change(decision)
            self.editors = vote.people if self.digest != self.request.proposed_digest else frozenset()
        self.votes.append(vote)
        changed = verdict is not Verdict.ANSWER and self.digest != self.request.proposed_digest
        resolution = fold(self.votes, self.digest, self.terms, changed, self.editors)
        if resolution is not None:
            self._end(resolution.state, decision.at)
        elif self._progress().current != stage:
            self.escalated_to = []

    def _change(self, decision: Decision) -> None:
        try:
            self.payload = apply_change(self.payload, decision.change)
        except AssentError:
            return
        assessment, terms = self.evaluate(self.payload)
        self.terms = stricter(self.terms, terms)
        self.risk = assessment.level

    def _until(self, moment: datetime) -> None:
        """Replay what would have happened by itself up to that moment."""
        while self.ended_at is None:
            chain = self.terms.escalation
            if self.escalation < len(chain):
                due = self.request.opened_at + timedelta(seconds=chain[self.escalation].after_seconds)
                if due <= moment and due < self.expires_at:
                    self._escalate()
                    continue
            if self.expires_at > moment:
                return
            self._expire()

    def _escalate(self) -> None:
        step = self.terms.escalation[self.escalation]
        self.escalation += 1
        self.escalated_to += [f"{TEAM}{team}" for team in step.teams] + [f"{PERSON}{person}" for person in step.people]

    def _expire(self) -> None:
        rejected = rejections(self.votes) > 0
        means = expiry_means(
            self.terms, risk=self.risk, kind=self.request.kind, escalation=self.escalation, rejected=rejected
        )
        if means is OnExpiry.ESCALATE:
            self._escalate()
            self.expires_at = deadline_again(self.terms, self.expires_at)
            return
        approved = RequestState.MODIFIED if self.digest != self.request.proposed_digest else RequestState.APPROVED
        self._end(approved if means is OnExpiry.APPROVE else RequestState.EXPIRED, self.expires_at)

    def _end(self, state: RequestState, at: datetime) -> None:
        self.state, self.ended_at = state, at

    def _go_on(self, decided: bool, now: datetime) -> None:
        """What happens after the decisions if none of them settled the request."""
        real = RequestState(self.request.state)
        self._until(self.request.resolved_at or now)
        if self.ended_at is not None:
            if self.state is not real:
                self._say(f"Would have been {self._settled} {self._how}.")
            return
        grant = self.request.answered_by.startswith("grant:") and not decided
        forbidden = grant and not self.terms.grants_allowed
        answered = bool(self.request.answered_by) and decided_by(self.request.answered_by) is None
        if real in _BY_OTHERS or (answered and not decided and not forbidden):
            self.state = real
        if self.state is real:
            return
        if forbidden:
            self._say("The standing grant could not have approved it.")
        self._say(f"Would still be waiting for {self._missing()}.")
        self._until(now)
        if self.ended_at is not None:
            self._say(f"Without that it would have been {self._settled} {self._how}.")

    @property
    def _settled(self) -> str:
        return "rejected" if self.state is RequestState.EXPIRED else self.state.words

    @property
    def _how(self) -> str:
        """When it ended, and that it expired if it did."""
        timed_out = "on expiry at" if self.ended_at == self.expires_at else "on"
        return f"{timed_out} {_when(self.ended_at or self.expires_at)}"

    def _missing(self) -> str:
        found = self._progress()
        parts = []
        for at, status in enumerate(found.stages):
            if not status.reached:
                stage = self.terms.stages[at]
                parts.append(f"{status.quorum - status.approvals} more from {who_words(stage.teams, stage.people)}")
        if parts:
            return ", then ".join(parts)
        return "more rejections"

    def _hold(self) -> None:
        """Note if a change window would have held what was approved, or did hold it and would not have."""
        if self.state not in (RequestState.APPROVED, RequestState.MODIFIED) or self.ended_at is None:
            return
        until = opening_under(self.terms, self.ended_at)
        held = opening_under(self.old, self.ended_at) if self.request.state == self.state.value else None
        if until is None and held is not None:
            self._say("Would not have waited for a change window.")
        elif until is not None and until != held:
            self._say(f"Would have waited for its change window until {_when(until)}.")


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
