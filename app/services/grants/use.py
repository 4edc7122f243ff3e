"""Using a standing grant: it is looked up when a request is opened, and its use is counted when it answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Exists, exists, literal_column, select
from sqlalchemy.orm import Session

from app.domain.grants import GrantState, covers
from app.domain.lifecycle import RequestState
from app.domain.patterns import GRANTABLE_KINDS, Pattern, matches
from app.domain.people import Action, Via
from app.domain.policy.access import Member
from app.domain.policy.terms import Terms
from app.services.requests.assessment import IncomingProposal
from app.services.requests.requester import askers
from app.store.people import Person
from app.store.policies import Grant
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from app.store.writes import audit_entries_from
from assent.contracts import RiskLevel

GRANT = "grant"
ENDED = "grant.ended"
MAX_TRIED = 200
"""The maximum number of active grants of a workflow to check for one request."""

_ACTIVE = Grant.state == literal_column(f"'{GrantState.ACTIVE.value}'")
"""Not a parameter: a prepared statement could not use the index of active grants."""
ANY_ACTIVE: Exists = exists().where(_ACTIVE, Grant.workflow == Run.workflow)
"""Whether a run's workflow has an active grant, as part of a query on the run, so that it costs no extra round trip."""
USE = """
    with locked as materialized (
        select id from approval_requests
        where id = %(request)s and state = 'pending' and version = %(version)s for update)
    update grants set uses = uses + 1, version = version + 1,
        state = case when uses + 1 >= max_uses then 'used_up' else state end,
        ended_at = case when uses + 1 >= max_uses then %(now)s end,
        end_reason = case when uses + 1 >= max_uses then 'All its uses are used up.' else '' end
    where id = %(grant)s and state = 'active' and expires_at > %(now)s and uses < max_uses
        and exists (select from locked)
    returning id, uses, state"""
"""Uses a grant once if it has uses left and the request has not changed. Both rows are locked."""
RECORD_END = audit_entries_from(
    "guard", action=f"'{ENDED}'", detail="jsonb_build_object('grant', id, 'state', state, 'uses', uses)",
    request="%(request)s", run="%(used_run)s", where="state = 'used_up'",
)  # fmt: skip


@dataclass(frozen=True)
class GrantCandidate:
    """A proposal as grants see it."""

    workflow: str
    node: str
    environment: str
    risk: RiskLevel
    document: dict[str, Any]
    terms: Terms
    askers: frozenset[str]
    answers: bool

    @classmethod
    def of(cls, request: ApprovalRequest) -> GrantCandidate:
        """A stored request's proposal."""
        return cls(
            request.workflow, request.node, request.environment, RiskLevel(request.risk), request.payload,
            Terms.from_json(request.terms), askers(request), request.response_schema is not None,
        )  # fmt: skip

    @classmethod
    def opening(cls, incoming: IncomingProposal) -> GrantCandidate:
        """A new proposal."""
        asked, risk = incoming.asked, incoming.assessment.level
        return cls(
            incoming.asker.workflow, asked.node, asked.document.get("environment", ""), risk, asked.document,
            incoming.terms, incoming.asker.ids, asked.response_schema is not None,
        )  # fmt: skip


def find(session: Session, wanted: GrantCandidate, now: datetime) -> Grant | None:
    """The active grant that covers this and expires first, or None."""
    if not wanted.terms.grants_allowed or wanted.answers or wanted.document.get("kind") not in GRANTABLE_KINDS:
        return None
    query = (
        select(Grant)
        .where(
            _ACTIVE, Grant.workflow == wanted.workflow, Grant.node == wanted.node,
            Grant.kind == wanted.document["kind"], Grant.environment == wanted.environment, Grant.expires_at > now,
            Grant.uses < Grant.max_uses,
        )
        .order_by(Grant.expires_at, Grant.id)
        .limit(MAX_TRIED)
    )  # fmt: skip
    return next((grant for grant in session.scalars(query) if applies(session, grant, wanted)), None)


def applies(session: Session, grant: Grant, wanted: GrantCandidate) -> bool:
    """True if the grant's rule covers this, regardless of its uses and expiry.

    Both of its people must still be allowed to decide, neither may be the requester, and together they could have
    given the approvals that the policy requires.
    """
    same = (grant.workflow, grant.node, grant.kind, grant.environment) == (
        wanted.workflow, wanted.node, wanted.document.get("kind"), wanted.environment,
    )  # fmt: skip
    if not same or wanted.answers or wanted.risk.rank > RiskLevel(grant.max_risk).rank:
        return False
    if wanted.askers & (grant.proposers | grant.approvers):
        return False
    if not matches(Pattern.from_json(grant.pattern), wanted.document):
        return False
    people = givers(session, grant)
    return len(people) == 2 and covers(wanted.terms, people)


def givers(session: Session, grant: Grant) -> list[Member]:
    """The two people of a grant, without those who have left or may no longer decide."""
    ids = {grant.proposed_by_id, grant.approved_by_id} - {None}
    people = session.scalars(select(Person).where(Person.id.in_(ids), Person.active))
    actors = [person.as_actor(Via.WORKER) for person in people]
    return [actor.member for actor in actors if actor.may(Action.DECIDE)]


def may_be_granted(known: Iterable[ApprovalRequest], previous: ApprovalRequest | None, digest: str) -> bool:
    """False if people have requested changes to this or have rejected it in this run: they decide."""
    rows = {row.id: row for row in known}
    while previous is not None and previous.state == RequestState.SUPERSEDED.value:
        previous = rows.get(previous.previous_id or "")
    if previous is not None and previous.state == RequestState.CHANGES_REQUESTED.value:
        return False
    refused = (RequestState.REJECTED.value, RequestState.CHANGES_REQUESTED.value)
    return not any(row.state in refused and digest in (row.digest, row.proposed_digest) for row in rows.values())


def given_by(grant: Grant) -> str:
    """A grant and its two people, in words."""
    return f"Standing grant “{grant.title}”, approved by {grant.proposed_by_name} and {grant.approved_by_name}"
