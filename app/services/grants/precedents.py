"""What the past says about standing grants: like approvals from which one may be proposed, and what a rule would have
let through."""

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
"""Most past requests that a rule is tried on, the newest ones."""
MAX_REHEARSED_BYTES = 32_000_000
"""Most that is read for it."""
_AT_A_TIME = 50
MAX_LOOKED_AT = 1000
"""Most past requests that are looked at for suggestions, the newest ones."""
MAX_PAYLOAD = 40_000
"""Longest proposal, in bytes as stored, that is looked at for suggestions: what is longer is not small routine."""
MAX_EVIDENCE = 50
REFUSED = (RequestState.REJECTED.value, RequestState.CHANGES_REQUESTED.value)
_DECIDED = (RequestState.APPROVED.value, RequestState.MODIFIED.value, *REFUSED)
_IDENTITY = frozenset({"tool", "language", "dialect", "target", "verb", "noun"})
"""Leaves in which like proposals are equal; what differs here is another thing to do."""


@dataclass(frozen=True)
class Scope:
    """Where a grant holds."""

    workflow: str
    node: str
    kind: str
    environment: str

    @classmethod
    def of(cls, row: ApprovalRequest | Grant) -> Scope:
        """That of a request or a grant."""
        return cls(row.workflow, row.node, row.kind, row.environment)

    def conditions(self) -> list[Any]:
        """The requests within, for a query."""
        return [
            ApprovalRequest.workflow == self.workflow, ApprovalRequest.node == self.node,
            ApprovalRequest.kind == self.kind, ApprovalRequest.environment == self.environment,
        ]  # fmt: skip


@dataclass(frozen=True)
class Past:
    """A request of the past. `who` decided; `refused`: people rejected or changed it, or sent it back."""

    id: str
    title: str
    at: datetime
    state: RequestState
    who: str
    refused: bool


@dataclass(frozen=True)
class Suggestion:
    """A rule that may be proposed, and the approvals that speak for it.

    Attributes:
        key: names it for as long as the past does not change.
    """

    key: str
    scope: Scope
    title: str
    pattern: Pattern
    max_risk: RiskLevel
    evidence: list[Past]

    @property
    def words(self) -> list[str]:
        """The pattern for people."""
        return words(self.pattern)


@dataclass(frozen=True)
class Rehearsal:
    """What a rule would have let through.

    Attributes:
        considered: like requests that it was tried on; `complete` is False if there were more.
        through: those that it would have let through, newest first.
    """

    days: int
    considered: int
    complete: bool
    through: list[Past]

    @property
    def refused(self) -> list[Past]:
        """Those which people did not let through as they were."""
        return [each for each in self.through if each.refused]


def suggestions(session: Session, now: datetime) -> list[Suggestion]:
    """Rules that like approvals of the last days speak for, those with the most approvals first."""
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
    return sorted((each for each in found if each is not None), key=lambda each: (-len(each.evidence), each.key))


def _likeness(row: ApprovalRequest) -> str | None:
    """The same for requests that are alike: where they come from, which leaves they have, and what they do to what."""
    leaves = leaves_of(_proposal(row))
    if leaves is None:
        return None
    same = [value for at, value in leaves.values() if len(at) == 1 and at[0] in _IDENTITY]
    return digest_of([*vars(Scope.of(row)).values(), sorted(leaves), same])


def _suggestion(session: Session, rows: Sequence[ApprovalRequest], grants: Sequence[Grant]) -> Suggestion | None:
    evidence: list[ApprovalRequest] = []
    for row in rows:
        # Newest first: what was approved before somebody refused the like of it speaks for nothing any more.
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
    scope = Scope.of(evidence[0])
    highest = max((RiskLevel(row.risk) for row in evidence), key=lambda each: each.rank)
    key = digest_of([vars(scope), pattern.to_json(), sorted(row.id for row in evidence)])[:32]
    return Suggestion(key, scope, evidence[0].title, pattern, highest, _past(session, evidence))


def speaks_for(row: ApprovalRequest) -> bool:
    """True for what people approved as it was proposed, under a rule that allows grants, and without much risk."""
    return (
        row.state == RequestState.APPROVED.value
        and not row.answered_by
        and row.digest == row.proposed_digest
        and RiskLevel(row.risk).rank <= MAX_RISK.rank
        and Terms.from_json(row.terms).grants_allowed
    )


def _dealt_with(row: ApprovalRequest, grants: Iterable[Grant]) -> bool:
    """True if a grant covers it already, is proposed, or was declined or revoked after it."""
    for grant in grants:
        if Scope.of(grant) != Scope.of(row) or not matches(Pattern.from_json(grant.pattern), row.payload):
            continue
        if not GrantState(grant.state).ended:
            return True
        refused = grant.state in (GrantState.DECLINED.value, GrantState.REVOKED.value)
        if refused and row.resolved_at is not None and grant.ended_at is not None and row.resolved_at <= grant.ended_at:
            return True
    return False


def rehearse(session: Session, scope: Scope, pattern: Pattern, max_risk: RiskLevel, now: datetime) -> Rehearsal:
    """Try a rule on what was proposed in the last days: what agents proposed, not what reviewers made of it."""
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
    through: list[Past] = []
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


def past(session: Session, ids: Sequence[str]) -> list[Past]:
    """These requests, newest first."""
    rows = session.scalars(_these(ids)).all()
    return _past(session, sorted(rows, key=lambda row: row.resolved_at or row.opened_at, reverse=True))


def _past(session: Session, rows: Sequence[ApprovalRequest]) -> list[Past]:
    decided = select(Decision.request_id, Decision.person_name).where(
        Decision.request_id.in_([row.id for row in rows]), Decision.withdrawn_at.is_(None)
    )
    names: dict[str, list[str]] = {}
    for request_id, name in session.execute(decided.order_by(Decision.at)):
        names.setdefault(request_id, []).append(name)
    return [
        Past(
            row.id, row.title, row.resolved_at or row.opened_at, RequestState(row.state),
            " and ".join(dict.fromkeys(names.get(row.id, []))),
            row.state in (*REFUSED, RequestState.MODIFIED.value),
        )
        for row in rows
    ]  # fmt: skip


def _proposal(row: ApprovalRequest) -> dict[str, Any]:
    proposal: dict[str, Any] = row.proposed if row.proposed is not None else row.payload
    return proposal
