"""Rows of the queue, made from the columns that a list needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.domain.lifecycle import RequestState
from app.domain.policy.expiry import expiry_means
from app.domain.policy.terms import OnExpiry, Terms
from app.domain.ranking import explain
from app.domain.review_time import NO_PACE, Pace, minutes_words
from app.domain.risk import is_clear
from app.services.requests.situation import (
    AGREEING,
    Names,
    addresses_in,
    consequence,
    escalation_by,
    named,
    names_of,
    stage_name,
)
from app.services.requests.votes import decider
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Urgency, Verdict

_OPEN = RequestState.PENDING.value


@dataclass(frozen=True)
class QueueRow:
    """One row of the queue.

    Attributes:
        understood: everything that would run has been read; see `app.domain.risk.Assessment`.
        asked: names of the current approvers (teams and people); empty: any reviewer.
        agreed: names of the people whose approvals count so far.
        stage_name: of the current stage; empty if there is only one and it has no name.
        stages: how many there are.
        consequence: what happens if nobody decides in time, such as ``is rejected``.
        shortage: why too few people can decide it; empty if enough can.
    """

    id: str
    title: str
    risk: RiskLevel
    score: float
    understood: bool
    kind: str
    state: RequestState
    workflow: str
    agent: str
    environment: str
    run_id: str | None
    requester_name: str
    approvals: int
    quorum: int
    priority: int
    urgency: Urgency
    review_seconds: int
    on_expiry: str
    opened_at: datetime
    expires_at: datetime
    attention_at: datetime
    resolved_at: datetime | None
    version: int
    digest: str
    rule: str
    policy_version: int | None
    asked: tuple[str, ...]
    agreed: tuple[str, ...]
    stage: int
    stages: int
    stage_name: str
    consequence: str
    claimed_by_id: str | None
    claimed_by_name: str
    claimed_until: datetime | None
    assigned_to_id: str | None
    assigned_to_name: str
    held_until: datetime | None
    resolves_at: datetime | None
    answered_by: str
    snoozed_until: datetime | None
    shortage: str

    @property
    def progress(self) -> str:
        """Such as ``0 of 2``."""
        return f"{self.approvals} of {self.quorum}"

    @property
    def why_here(self) -> str:
        """Why it ranks where it does, in words."""
        return explain(self.risk, self.priority, self.urgency)

    @property
    def review_words(self) -> str:
        """How long a review takes, such as ``about 2 min``; empty if it is not known."""
        return minutes_words(self.review_seconds) if self.review_seconds else ""


COLUMNS = (
    ApprovalRequest.id, ApprovalRequest.title, ApprovalRequest.risk, ApprovalRequest.assessment, ApprovalRequest.kind,
    ApprovalRequest.state, ApprovalRequest.workflow, ApprovalRequest.agent, ApprovalRequest.environment,
    ApprovalRequest.run_id, ApprovalRequest.requester_name, ApprovalRequest.approvals, ApprovalRequest.quorum,
    ApprovalRequest.priority, ApprovalRequest.urgency, ApprovalRequest.review_seconds, ApprovalRequest.terms,
    ApprovalRequest.opened_at, ApprovalRequest.expires_at,
    ApprovalRequest.attention_at, ApprovalRequest.resolved_at, ApprovalRequest.version, ApprovalRequest.digest,
    ApprovalRequest.policy_version, ApprovalRequest.stage, ApprovalRequest.addressed_to, ApprovalRequest.escalation,
    ApprovalRequest.claimed_by_id, ApprovalRequest.claimed_by_name, ApprovalRequest.claimed_until,
    ApprovalRequest.assigned_to_id, ApprovalRequest.assigned_to_name, ApprovalRequest.held_until,
    ApprovalRequest.resolves_at, ApprovalRequest.answered_by, ApprovalRequest.snoozed_until,
    ApprovalRequest.was_snoozed, ApprovalRequest.shortage,
)  # fmt: skip


def rows_of(session: Session, found: Sequence[Any], pace: Pace = NO_PACE) -> list[QueueRow]:
    """Rows of the queue; what only some of them need is read for all of those at once.

    Args:
        pace: how long people took, for the estimates.
    """
    terms = [Terms.from_json(row.terms) for row in found]
    names = names_of(session, {a for row, own in zip(found, terms, strict=True) for a in _addresses(row, own)})
    agreed = _agreed(session, [row.id for row in found if row.approvals and row.state == _OPEN])
    silent = [row.id for row, own in zip(found, terms, strict=True) if own.on_expiry is OnExpiry.APPROVE]
    rejected = _rejected(session, silent)
    return [
        _row(row, own, names, agreed.get(row.id, ()), row.id in rejected, pace)
        for row, own in zip(found, terms, strict=True)
    ]


def _addresses(row: Any, terms: Terms) -> set[str]:
    """The addresses to look up; none if any reviewer can decide, in one stage, and the request does not escalate."""
    plain = not row.addressed_to and len(terms.stages) == 1 and terms.on_expiry is not OnExpiry.ESCALATE
    return set() if plain else addresses_in(terms, row.addressed_to)


def _agreed(session: Session, ids: list[str]) -> dict[str, tuple[str, ...]]:
    """The approvers who agreed to each request so far, in order."""
    if not ids:
        return {}
    query = (
        select(Decision)
        .where(Decision.request_id.in_(ids), Decision.withdrawn_at.is_(None), Decision.verdict.in_(AGREEING))
        .join(ApprovalRequest, ApprovalRequest.id == Decision.request_id)
        .where(or_(Decision.digest == ApprovalRequest.digest, Decision.verdict == Verdict.ANSWER.value))
        .order_by(Decision.at)
    )
    found: dict[str, tuple[str, ...]] = {}
    for decision in session.scalars(query):
        found[decision.request_id] = (*found.get(decision.request_id, ()), decider(decision))
    return found


def _rejected(session: Session, ids: list[str]) -> set[str]:
    """Those of these requests that have a rejection which did not settle them."""
    if not ids:
        return set()
    rejects = Decision.verdict == Verdict.REJECT.value
    query = select(Decision.request_id).where(Decision.request_id.in_(ids), Decision.withdrawn_at.is_(None), rejects)
    return set(session.scalars(query))


def _row(row: Any, terms: Terms, names: Names, agreed: tuple[str, ...], rejected: bool, pace: Pace) -> QueueRow:
    risk = RiskLevel(row.risk)
    steps = escalation_by(terms, row.opened_at, row.expires_at, row.escalation)
    means = expiry_means(terms, risk=risk, kind=row.kind, escalation=steps, rejected=rejected, snoozed=row.was_snoozed)
    return QueueRow(
        id=row.id,
        title=row.title,
        risk=risk,
        score=row.assessment["score"],
        understood=is_clear(row.assessment, row.kind),
        kind=row.kind,
        state=RequestState(row.state),
        workflow=row.workflow,
        agent=row.agent,
        environment=row.environment,
        run_id=row.run_id,
        requester_name=row.requester_name,
        approvals=row.approvals,
        quorum=row.quorum,
        priority=row.priority,
        urgency=Urgency(row.urgency),
        review_seconds=pace.seconds(row.kind, row.review_seconds),
        on_expiry=means.value,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
        attention_at=row.attention_at,
        resolved_at=row.resolved_at,
        version=row.version,
        digest=row.digest,
        rule=terms.name,
        policy_version=row.policy_version,
        asked=named(row.addressed_to, names),
        agreed=agreed,
        stage=row.stage,
        stages=len(terms.stages),
        stage_name=stage_name(terms, min(row.stage, len(terms.stages) - 1), names),
        consequence=consequence(terms, means, steps, names),
        claimed_by_id=row.claimed_by_id,
        claimed_by_name=row.claimed_by_name,
        claimed_until=row.claimed_until,
        assigned_to_id=row.assigned_to_id,
        assigned_to_name=row.assigned_to_name,
        held_until=row.held_until,
        resolves_at=row.resolves_at,
        answered_by=row.answered_by,
        snoozed_until=row.snoozed_until,
        shortage=row.shortage if row.state == _OPEN else "",
    )
