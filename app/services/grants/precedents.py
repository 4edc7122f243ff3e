"""What past requests say about standing grants: similar approvals that support one, and what a rule would have
approved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from app.domain.grants import EVIDENCE_DAYS, MAX_RISK, MIN_EVIDENCE, GrantState
from app.domain.lifecycle import RequestState
from app.domain.patterns import GRANTABLE_KINDS, Pattern, leaves_of, matches, suggest, words
from app.domain.policy.terms import Terms
from app.store.policies import Grant
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel
from assent.digests import digest_of

REHEARSAL_DAYS = 90
MAX_REHEARSED = 500
"""The maximum number of past requests to test a rule on, the newest ones."""
MAX_REHEARSED_BYTES = 32_000_000
"""The maximum number of rows to read for that."""
_AT_A_TIME = 50
MAX_LOOKED_AT = 1000
"""The maximum number of past requests to search for suggestions, the newest ones."""
MAX_PAYLOAD = 40_000
"""Longest proposal to consider for suggestions, in bytes as stored: longer ones are not routine."""
MAX_EVIDENCE = 50
REFUSED = (RequestState.REJECTED.value, RequestState.CHANGES_REQUESTED.value)
_DECIDED = (RequestState.APPROVED.value, RequestState.MODIFIED.value, *REFUSED)
_IDENTITY = frozenset({"tool", "language", "dialect", "target", "effect", "verb", "noun"})
"""Values that must be equal in similar proposals; a different one means a different action."""


@dataclass(frozen=True)
class GrantScope:
    """Where a grant applies."""

    workflow: str
    node: str
    kind: str
    environment: str

    @classmethod
    def of(cls, row: ApprovalRequest | Grant) -> GrantScope:
        """The scope of a request or a grant."""
        return cls(row.workflow, row.node, row.kind, row.environment)

    def conditions(self) -> list[Any]:
        """Conditions of a query for the requests in this scope."""
        return [
            ApprovalRequest.workflow == self.workflow, ApprovalRequest.node == self.node,
            ApprovalRequest.kind == self.kind, ApprovalRequest.environment == self.environment,
        ]  # fmt: skip


@dataclass(frozen=True)
class Precedent:
    """A past request. `who` decided; `refused`: people rejected it, changed it, or requested changes."""

    id: str
    title: str
    at: datetime
    state: RequestState
    who: str
    refused: bool


@dataclass(frozen=True)
class Suggestion:
    """A rule that can be proposed, and the approvals that support it.

    Attributes:
        key: identifies it until other requests are decided.
    """

    key: str
    scope: GrantScope
    title: str
    pattern: Pattern
    max_risk: RiskLevel
    evidence: list[Precedent]

    @property
    def words(self) -> list[str]:
        """The pattern in words."""
        return words(self.pattern)


@dataclass(frozen=True)
class Rehearsal:
    """What a rule would have approved.

    Attributes:
        considered: similar requests that it was tested on; `complete` is False if there were more.
        through: those that it would have approved, newest first.
    """

    days: int
    considered: int
    complete: bool
    through: list[Precedent]

    @property
    def refused(self) -> list[Precedent]:
        """Those that people did not approve as proposed."""
        return [past for past in self.through if past.refused]


def suggestions(session: Session, now: datetime) -> list[Suggestion]:
    """Rules supported by similar approvals of recent days, those with the most approvals first."""
    since = now - timedelta(days=EVIDENCE_DAYS)
    query = (
        select(ApprovalRequest)
        .where(
            ApprovalRequest.state != RequestState.PENDING.value, ApprovalRequest.resolved_at >= since,
            ApprovalRequest.state.in_(_DECIDED), ApprovalRequest.kind.in_(GRANTABLE_KINDS),
            ApprovalRequest.response_schema.is_(None), ApprovalRequest.answered_by == "",
            func.octet_length(ApprovalRequest.payload) <= MAX_PAYLOAD,
        )
        .order_by(ApprovalRequest.resolved_at.desc())
        .limit(MAX_LOOKED_AT)
    )  # fmt: skip
    alike: dict[str, list[ApprovalRequest]] = {}
    for row in session.scalars(query):
        key = _likeness(row)
        if key is not None:
            alike.setdefault(key, []).append(row)
    grants = session.scalars(select(Grant).where((Grant.ended_at.is_(None)) | (Grant.ended_at >= since))).all()
    found = [_suggestion(session, rows, grants) for rows in alike.values()]
    return sorted(
        (suggestion for suggestion in found if suggestion is not None),
        key=lambda suggestion: (-len(suggestion.evidence), suggestion.key),
    )


def _likeness(row: ApprovalRequest) -> str | None:
    """A key that is equal for similar requests: the same source, the same structure, and the same action and target."""
    leaves = leaves_of(_proposal(row))
    if leaves is None:
        return None
    same = [value for at, value in leaves.values() if len(at) == 1 and at[0] in _IDENTITY]
    return digest_of([*vars(GrantScope.of(row)).values(), sorted(leaves), same])


def _suggestion(session: Session, rows: Sequence[ApprovalRequest], grants: Sequence[Grant]) -> Suggestion | None:
    evidence: list[ApprovalRequest] = []
    for row in rows:
        # Newest first: approvals before a similar request was refused do not count.
        if row.state in REFUSED:
            break
        if speaks_for(row):
            evidence.append(row)
    evidence = [row for row in evidence if not _dealt_with(row, grants)][:MAX_EVIDENCE]
    if len(evidence) < MIN_EVIDENCE:
        return None
    pattern = suggest([row.payload for row in evidence])
    if pattern is None:
        return None
    scope = GrantScope.of(evidence[0])
    highest = max((RiskLevel(row.risk) for row in evidence), key=lambda level: level.rank)
    key = digest_of([vars(scope), pattern.to_json(), sorted(row.id for row in evidence)])[:32]
    return Suggestion(key, scope, evidence[0].title, pattern, highest, _past(session, evidence))


def speaks_for(row: ApprovalRequest) -> bool:
    """True if people approved it as proposed, under a rule that allows grants, and the risk is not high."""
    return (
        row.state == RequestState.APPROVED.value
        and not row.answered_by
        and row.digest == row.proposed_digest
        and RiskLevel(row.risk).rank <= MAX_RISK.rank
        and Terms.from_json(row.terms).grants_allowed
    )


def _dealt_with(row: ApprovalRequest, grants: Iterable[Grant]) -> bool:
    """True if a grant already covers it, is proposed, or was declined or revoked after it."""
    for grant in grants:
        if GrantScope.of(grant) != GrantScope.of(row) or not matches(Pattern.from_json(grant.pattern), row.payload):
            continue
        if not GrantState(grant.state).ended:
            return True
        refused = grant.state in (GrantState.DECLINED.value, GrantState.REVOKED.value)
        if refused and row.resolved_at is not None and grant.ended_at is not None and row.resolved_at <= grant.ended_at:
            return True
    return False


def rehearse(session: Session, scope: GrantScope, pattern: Pattern, max_risk: RiskLevel, now: datetime) -> Rehearsal:
    """Test a rule on recent proposals as agents made them, without reviewers' changes."""
    size = func.octet_length(ApprovalRequest.payload) + func.coalesce(func.octet_length(ApprovalRequest.proposed), 0)
    query = (
        select(ApprovalRequest.id, size.label("size"))
        .where(
            ApprovalRequest.state != RequestState.PENDING.value,
            ApprovalRequest.resolved_at >= now - timedelta(days=REHEARSAL_DAYS), *scope.conditions(),
        )
        .order_by(ApprovalRequest.resolved_at.desc(), ApprovalRequest.id)
        .limit(MAX_REHEARSED + 1)
    )  # fmt: skip
    found = session.execute(query).all()
    upto = accumulate(row.size for row in found)
    tried = [row.id for row, total in zip(found[:MAX_REHEARSED], upto, strict=False) if total <= MAX_REHEARSED_BYTES]
    through: list[Precedent] = []
    for start in range(0, len(tried), _AT_A_TIME):
        some = tried[start : start + _AT_A_TIME]
        rows = {row.id: row for row in session.scalars(_these(some))}
        fitting = [row for row in map(rows.get, some) if row is not None and _fits(row, pattern, max_risk)]
        through += _past(session, fitting)
        for row in rows.values():
            session.expunge(row)
    return Rehearsal(REHEARSAL_DAYS, len(tried), len(tried) == len(found), through)


def _fits(row: ApprovalRequest, pattern: Pattern, max_risk: RiskLevel) -> bool:
    return RiskLevel(row.risk).rank <= max_risk.rank and matches(pattern, _proposal(row))


def _these(ids: Sequence[str]) -> Select[ApprovalRequest]:
    return select(ApprovalRequest).where(ApprovalRequest.id.in_(ids))


def past(session: Session, ids: Sequence[str]) -> list[Precedent]:
    """These requests, newest first."""
    rows = session.scalars(_these(ids)).all()
    return _past(session, sorted(rows, key=lambda row: row.resolved_at or row.opened_at, reverse=True))


def _past(session: Session, rows: Sequence[ApprovalRequest]) -> list[Precedent]:
    decided = select(Decision.request_id, Decision.person_name).where(
        Decision.request_id.in_([row.id for row in rows]), Decision.withdrawn_at.is_(None)
    )
    names: dict[str, list[str]] = {}
    for request_id, name in session.execute(decided.order_by(Decision.at)):
        names.setdefault(request_id, []).append(name)
    return [
        Precedent(
            row.id, row.title, row.resolved_at or row.opened_at, RequestState(row.state),
            " and ".join(dict.fromkeys(names.get(row.id, []))),
            row.state in (*REFUSED, RequestState.MODIFIED.value),
        )
        for row in rows
    ]  # fmt: skip


def _proposal(row: ApprovalRequest) -> dict[str, Any]:
    proposal: dict[str, Any] = row.proposed if row.proposed is not None else row.payload
    return proposal
