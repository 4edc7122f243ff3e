"""Replays past requests and their decisions under another policy. Read-only."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.lifecycle import RequestState
from app.domain.plans import steps_of, tool_of
from app.domain.policy.access import Member
from app.domain.policy.facts import Facts, Policy, Requester
from app.domain.policy.terms import Terms
from app.domain.policy.verdicts import Decide, PolicyDecision, decided_by
from app.domain.policy.words import Difference, differences
from app.domain.reading_tools import NO_TOOLS
from app.domain.risk import Assessment, floor_of
from app.domain.weight import weigh
from app.services.approvals.ground import Ground
from app.services.policies.courses import Course, course, course_at_once, decision_difference
from app.services.requests.assessment import assess_under, decided_at_once
from app.services.requests.requester import requesters
from app.store.people import Person
from app.store.requests import ApprovalRequest, Decision
from assent.contracts import RiskLevel, Verdict, calls_of

MAX_REQUESTS = 5000
MAX_SECONDS = 10.0
_CHUNK = 100
_REFUSED = (RequestState.REJECTED.value, RequestState.CHANGES_REQUESTED.value)


@dataclass(frozen=True)
class ReplayedRequest:
    """A request with a different result.

    Attributes:
        state: its actual state.
        rule_before, rule_after: the rules' names.
        state_after: the state it would be in now with the same decisions; None: cannot be determined.
        consequences: the differences, a sentence each; empty: only the terms differ.
        unseen: people saw it, and would no longer have been asked.
        refused: people rejected it, requested changes, or changed it.
    """

    id: str
    title: str
    workflow: str
    kind: str
    environment: str
    risk: RiskLevel
    requester_name: str
    opened_at: datetime
    state: RequestState
    rule_before: str
    rule_after: str
    differences: tuple[Difference, ...]
    state_after: RequestState | None
    consequences: tuple[str, ...]
    unseen: bool = False
    refused: bool = False


@dataclass(frozen=True)
class RuleCount:
    """How many of the requests matched a rule, actually and under the other policy."""

    rule: str
    before: int
    after: int


@dataclass(frozen=True)
class Replay:
    """The result of replaying requests under another policy.

    Attributes:
        since: includes requests opened at this time or later.
        examined: how many requests were replayed, newest first.
        changed: those with a difference, newest first.
        stopped: why older ones were not replayed: ``limit``, ``time``, or empty if all were.
        oldest: when the oldest replayed request was opened; None if there was none.
        warnings: unknown names in the policy.
    """

    since: datetime
    examined: int
    changed: tuple[ReplayedRequest, ...]
    rules: tuple[RuleCount, ...]
    stopped: str
    oldest: datetime | None
    warnings: tuple[str, ...] = ()

    @property
    def unseen(self) -> list[ReplayedRequest]:
        """What people would no longer have seen, starting with what they rejected or changed."""
        return sorted((found for found in self.changed if found.unseen), key=lambda found: not found.refused)

    @property
    def unseen_refused(self) -> int:
        """How many of these people rejected or changed."""
        return sum(found.refused for found in self.unseen)


_REQUEST, _RULE = 500.0, 40.0
"""Microseconds that a request takes, and that each rule adds."""


def replay(
    ground: Ground, candidate: Policy, since: datetime, limit: int, seconds: float = MAX_SECONDS, rule_count: int = 1
) -> Replay:
    """Evaluate requests opened since then under `candidate`, and list every difference.

    The facts are those of the opening: what the agent proposed, without reviewers' changes. A request keeps the
    assessment of its current payload. If that was edited, or is from before assessments said what was understood, the
    proposal is assessed again with today's rules; the terms before an edit are determined again from the policy under
    which it was opened. Requesters and approvers have
    the roles and teams of today, because past ones are not stored.

    Args:
        limit: the maximum number of requests, the newest ones.
        seconds: the time after which no further request is replayed.
        rule_count: the number of rules in `candidate`, from which the duration is estimated.
    """
    started, now = time.monotonic(), ground.clock()
    with ground.sessions.reads() as session:
        ids = _newest(session, since, limit + 1)
        stopped = "limit" if len(ids) > limit else ""
        ids = ids[:limit]
        weigh(len(ids) * (_REQUEST + _RULE * rule_count))
        before: Counter[str] = Counter()
        after: Counter[str] = Counter()
        changed: list[ReplayedRequest] = []
        examined, oldest = 0, None
        for start in range(0, len(ids), _CHUNK):
            for case in _cases(session, ids[start : start + _CHUNK]):
                if time.monotonic() - started > seconds:
                    stopped = "time"
                    break
                found = _replay_one(ground, candidate, case, now)
                examined, oldest = examined + 1, case.request.opened_at
                before[found.rule_before] += 1
                after[found.rule_after] += 1
                if found.differences:
                    changed.append(found)
            if stopped == "time":
                break
    names = sorted(before.keys() | after.keys(), key=lambda name: (-after[name], -before[name], name))
    rules = tuple(RuleCount(name, before[name], after[name]) for name in names)
    return Replay(since, examined, tuple(changed), rules, stopped, oldest)


@dataclass(frozen=True)
class _Case:
    """A request with what else its replay needs; `for_people`: people decide on it although a rule would approve it."""

    request: ApprovalRequest
    decisions: Sequence[Decision]
    requester: Requester
    members: Mapping[str, Member]
    for_people: bool


def _newest(session: Session, since: datetime, limit: int) -> list[str]:
    """Ids of requests opened since then, newest first; both queries use an index."""
    row = ApprovalRequest
    pending = row.state == RequestState.PENDING.value
    queries = (
        select(row.id, row.opened_at).where(pending, row.opened_at >= since).order_by(row.opened_at.desc()),
        select(row.id, row.opened_at)
        .where(~pending, row.resolved_at >= since, row.opened_at >= since)
        .order_by(row.resolved_at.desc()),
    )
    found = [row for query in queries for row in session.execute(query.limit(limit))]
    return [row.id for row in sorted(found, key=lambda row: (row.opened_at, row.id), reverse=True)[:limit]]


def _cases(session: Session, ids: Sequence[str]) -> list[_Case]:
    rows = {row.id: row for row in session.scalars(select(ApprovalRequest).where(ApprovalRequest.id.in_(ids)))}
    decisions: dict[str, list[Decision]] = {}
    standing = select(Decision).where(Decision.request_id.in_(ids), Decision.withdrawn_at.is_(None))
    for decision in session.scalars(standing.order_by(Decision.at, Decision.id)):
        decisions.setdefault(decision.request_id, []).append(decision)
    deciders = {
        person
        for taken in decisions.values()
        for decision in taken
        for person in (decision.person_id, decision.on_behalf_of_id)
        if person
    }
    people = session.scalars(select(Person).where(Person.id.in_(deciders))) if deciders else ()
    members = {
        person.id: Member(person.id, person.name, person.email, frozenset(team.slug for team in person.teams))
        for person in people
    }
    asked_again = _asked_again(session, list(rows.values()))
    asked_by = requesters(session, [(row.requester_id, row.requester_name) for row in rows.values()])
    return [
        _Case(
            rows[request_id], decisions.get(request_id, []),
            asked_by.get(rows[request_id].requester_id or "") or Requester(name=rows[request_id].requester_name),
            members, request_id in asked_again,
        )
        for request_id in ids
        if request_id in rows
    ]  # fmt: skip


def _asked_again(session: Session, rows: Sequence[ApprovalRequest]) -> set[str]:
    """Requests that people wanted to see again, as `may_be_granted` says about runs; outside runs, every revision."""
    outside = {row.id for row in rows if row.run_id is None and row.previous_id is not None}
    row, earlier = aliased(ApprovalRequest), aliased(ApprovalRequest)
    refused = exists().where(
        earlier.run_id == row.run_id, earlier.id != row.id, earlier.state.in_(_REFUSED),
        earlier.resolved_at <= row.opened_at,
        or_(earlier.digest == row.proposed_digest, earlier.proposed_digest == row.proposed_digest),
    )  # fmt: skip
    runs = [row.id for row in rows if row.run_id is not None]
    repeated = set(session.scalars(select(row.id).where(row.id.in_(runs), refused)))
    return outside | repeated | _to_be_changed(session, {row.id: row.previous_id for row in rows if row.run_id})


def _to_be_changed(session: Session, previous: Mapping[str, str | None]) -> set[str]:
    """Requests for whose predecessor people requested changes, past predecessors that were superseded.

    Args:
        previous: by the request's id, the one that it revises.
    """
    row, found = ApprovalRequest, set()
    open_ends = {request_id: before for request_id, before in previous.items() if before}
    while open_ends:
        wanted = select(row.id, row.state, row.previous_id).where(row.id.in_(set(open_ends.values())))
        known = {before.id: before for before in session.execute(wanted)}
        ends = {request_id: known[before] for request_id, before in open_ends.items() if before in known}
        found |= {key for key, before in ends.items() if before.state == RequestState.CHANGES_REQUESTED.value}
        open_ends = {
            key: before.previous_id
            for key, before in ends.items()
            if before.state == RequestState.SUPERSEDED.value and before.previous_id
        }
    return found


def _registers(policy: Policy, proposal: dict[str, Any]) -> bool:
    """True if the policy registers one of the proposal's tools as reading."""
    tools = [str(call.get("tool", "")) for call in calls_of(proposal)] + list(map(tool_of, steps_of(proposal)))
    return any(policy.reading_tools.registered(tool) for tool in tools)


def _replay_one(ground: Ground, candidate: Policy, case: _Case, now: datetime) -> ReplayedRequest:
    row = case.request
    edited = row.proposed is not None and row.proposed_digest != row.digest
    proposal = row.proposed if edited else row.payload
    again = edited or "understood" not in row.assessment
    stored = Assessment.from_json(row.assessment).original()
    plain = ground.assess(proposal, NO_TOOLS) if again or stored.relies_on_registration else stored

    def under(policy: Policy) -> Assessment:
        # Which tools only read is a part of the reading, so it cannot be changed in what was stored.
        if _registers(policy, proposal):
            return assess_under(policy, ground.assess, proposal)
        return policy.assessed(plain, floor_of(proposal))

    assessment = under(candidate)
    opened = _facts(case, proposal, assessment)
    old = Terms.from_json(row.terms)
    if edited:
        policy = ground.policy_of(row.policy_version)
        was = _facts(case, proposal, under(policy))
        old = policy.terms(was, row.opened_at)
    ruling = candidate.ruling(opened, row.opened_at)
    new = ruling.terms
    decision = _at_once(
        case,
        decided_at_once(
            candidate, ground.assess, ruling, proposal, opened, row.opened_at, row.response_schema is not None
        ),
    )
    decided = decided_by(row.answered_by)

    def evaluate(payload: Mapping[str, Any]) -> tuple[Assessment, Terms]:
        assessed = assess_under(candidate, ground.assess, dict(payload))
        return assessed, candidate.terms(_facts(case, dict(payload), assessed), row.opened_at)

    found = (*decision_difference(row, decision), *differences(old, new))
    replayed = Course(RequestState(row.state), ())
    unseen = decision is not None and not row.answered_by
    if decision is not None:
        replayed = course_at_once(row, decision, case.decisions)
    elif found:
        replayed = course(row, proposal, assessment.level, old, new, case.decisions, case.members, evaluate, now)
    refusals = (Verdict.REJECT, Verdict.REQUEST_CHANGES, Verdict.MODIFY)
    return ReplayedRequest(
        id=row.id,
        title=row.title,
        workflow=row.workflow,
        kind=row.kind,
        environment=row.environment,
        risk=assessment.level,
        requester_name=row.requester_name,
        opened_at=row.opened_at,
        state=RequestState(row.state),
        rule_before=decided[1] if decided is not None else old.name,
        rule_after=decision.rule if decision is not None else new.name,
        differences=found,
        state_after=replayed.state,
        consequences=replayed.words,
        unseen=unseen,
        refused=any(vote.verdict in refusals for vote in case.decisions),
    )


def _at_once(case: _Case, decision: PolicyDecision | None) -> PolicyDecision | None:
    """What the policy would have decided at once, in the order of all that can answer a request without people."""
    answered_by = case.request.answered_by
    if decision is None or answered_by.startswith("rejection:"):
        return None
    if decision.verdict is Decide.APPROVE and (case.for_people or answered_by.startswith("grant:")):
        return None
    return decision


def _facts(case: _Case, document: dict[str, Any], assessment: Assessment) -> Facts:
    row = case.request
    return Facts.of(
        document, assessment, workflow=row.workflow, node=row.node, agent=row.agent, requester=case.requester
    )
