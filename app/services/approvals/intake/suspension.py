"""Suspension: a run's requests are opened, and the run waits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import structlog
from sqlalchemy import bindparam, exists, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.domain.events import EventKind
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import SYSTEM, Actor, Makers
from app.domain.policy.verdicts import Decide, PolicyDecision
from app.domain.run_protocol import Journal, LostRunError
from app.domain.text import storable
from app.services.approvals.ground import Ground
from app.services.approvals.intake.automatic_answers import AutomaticAnswers
from app.services.approvals.intake.entry import enter
from app.services.approvals.intake.rejection_memory import remembered, still_rejects
from app.services.grants.use import ANY_ACTIVE, GRANT, GrantCandidate, find, may_be_granted
from app.services.record.events import event_row, publish
from app.services.requests.assessment import IncomingProposal, prepare
from app.services.requests.endings import end_pending
from app.services.requests.requester import REQUESTER_COLUMNS, VERSION_IN_FORCE, RequestSource, requester_from
from app.services.runs.journal import open_receipts, suspended, write
from app.services.runs.progress import go_on, rest_run
from app.store.people import Person
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import CORRECTS_LABEL, STEP_LABEL
from assent.dialects.base import Asked

log = structlog.get_logger(__name__)
SUPERSEDED = "The run now requests something else."

_ASKED = select(ApprovalRequest).where(ApprovalRequest.run_id == bindparam("run")).order_by(ApprovalRequest.opened_at)
_ANY_ASKED = exists().where(ApprovalRequest.run_id == bindparam("run"))
# The policy version and the existence of grants are read with the run, in one round trip. The query is built once
# because building it takes longer than running it.
_RUN = str(
    select(
        Run.workflow, Run.started_by_id, Run.started_by_name, Run.started_by_agent, Run.makers, Run.made_by,
        _ANY_ASKED.label("asked"),
        VERSION_IN_FORCE.label("policy"), ANY_ACTIVE.label("grants"), *REQUESTER_COLUMNS,
    )
    .outerjoin(Person, Person.id == Run.started_by_id)
    .where(Run.id == bindparam("run"))
    .compile(dialect=PGDialect_psycopg())
)  # fmt: skip


class Suspension:
    """Opens a request for each interrupt of a run."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._answers = AutomaticAnswers(ground)

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open a request for each interrupt that has none yet, and suspend the run.

        Pending requests that the run no longer makes, or makes with another value, are superseded. A decision that is
        made meanwhile has its own job, which finds the run suspended with an outcome waiting.

        Returns:
            False if nothing was written because the run is to be paused or canceled.

        Raises:
            LostRunError: another worker has taken the run since `attempt`.
        """
        now = self._ground.clock()
        found = next(iter(self._ground.sessions.execute(_RUN, {"run": run_id})), None)
        if found is None:
            raise LostRunError("There is no such run.", run_id=run_id)
        about = SimpleNamespace(**found | {"roles": json.loads(found["roles"] or "[]")})
        requester = requester_from(about.started_by_id, about.started_by_name, about)
        makers = Makers(frozenset(about.makers), about.made_by)
        asker = RequestSource(run_id, about.workflow, requester, about.started_by_agent, makers)
        known = self._known(run_id) if about.asked else []
        policy = self._ground.policy(about.policy)
        incoming = [prepare(asker, one, self._ground.assess, policy, now) for one in asked]
        stale = [
            row
            for row in known
            if row.state == RequestState.PENDING.value and not any(_same(row, other) for other in asked)
        ]
        batch = rest_run(run_id, attempt, now)
        if stale:
            ids = [row.id for row in stale]
            end_pending(batch, SYSTEM, run_id, RequestState.SUPERSEDED, now, SUPERSEDED, ids)
        # The failed step may be the one that should do what was approved. Its receipt is settled when the run is
        # suspended without a failure, or ends.
        failing = any(incoming.dialect == "error" for incoming in asked)
        write(batch, self._ground.sessions, journal, now, delivered=failing)
        outcomes = open_receipts(self._ground.sessions, run_id) if known else []
        if not failing:
            suspended(batch, journal, outcomes, now)
        # Of the decided requests only those remain whose outcome the run has not received; otherwise it asks again.
        untold = {outcome.request_id for outcome in outcomes if not outcome.status} - set(journal.delivered)
        standing = [row for row in known if row.state == RequestState.PENDING.value or row.id in untold]
        answered, resumes = [], False
        for proposal in incoming:
            if not any(_same(row, proposal.asked) for row in standing):
                previous = _predecessor(known, stale, proposal.asked)
                answered_by, decision = self._without_people(proposal, known, previous, about.grants, now)
                entered = enter(batch, _agent(proposal), proposal, previous, now, answered_by, decision=decision)
                resumes |= entered.resumes
                if answered_by:
                    answered.append(entered.id)
        if resumes:
            go_on(batch, run_id)
        state = RunState.QUEUED if resumes else RunState.SUSPENDED
        publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=state.value))
        if batch.run(self._ground.sessions) is not None:
            self._answers.answer_soon(answered)
            return True
        with self._ground.sessions.reads() as session:
            now_at = session.get_one(Run, run_id)
        if now_at.attempt == attempt and now_at.control:
            return False
        raise LostRunError("Another worker is running this run.", run_id=run_id)

    def _without_people(
        self, proposal: IncomingProposal, known: list[ApprovalRequest], previous: ApprovalRequest | None, grants: bool,
        now: datetime,
    ) -> tuple[str, PolicyDecision | None]:  # fmt: skip
        """What will answer the request, or what the policy decides about it; neither: people decide.

        A remembered rejection comes first, then a policy's rejection, and then people who wanted to see it again.
        """
        if answered_by := remembered(known, proposal.digest):
            return answered_by, None
        decision = proposal.decision
        if decision is not None and decision.verdict is Decide.REJECT:
            return "", decision if still_rejects(known, proposal.digest) else None
        if not may_be_granted(known, previous, proposal.digest):
            return "", None
        if grants and (granted_by := self._granted_by(proposal, now)):
            return granted_by, None
        return "", decision

    def _known(self, run_id: str) -> list[ApprovalRequest]:
        """All earlier requests of the run, oldest first."""
        with self._ground.sessions.reads() as session:
            return list(session.scalars(_ASKED, {"run": run_id}))

    def _granted_by(self, proposal: IncomingProposal, now: datetime) -> str:
        """The grant that approves this, or empty. If the lookup fails, people decide."""
        try:
            with self._ground.sessions.reads() as session:
                grant = find(session, GrantCandidate.opening(proposal), now)
        except Exception:
            log.warning("grants.failed", run=proposal.asker.run_id, exc_info=True)
            return ""
        return f"{GRANT}:{grant.id}" if grant else ""


def _agent(proposal: IncomingProposal) -> Actor:
    """The agent, for the audit log."""
    asked = proposal.asked
    name = storable(asked.document.get("agent") or asked.agent) or proposal.asker.workflow
    return Actor(kind="agent", id="", name=name, via=SYSTEM.via)


def _same(row: ApprovalRequest, asked: Asked) -> bool:
    """True if the request is for exactly the same proposal."""
    return row.interrupt_id == asked.interrupt_id and row.value_digest == asked.value_digest


def _predecessor(known: list[ApprovalRequest], stale: list[ApprovalRequest], asked: Asked) -> ApprovalRequest | None:
    """The request that a new one revises.

    It is the one that it names (because what that rested on had changed, or because its call failed and is corrected),
    or the one that it replaces, or the latest one of that node for which changes were requested, or the one whose
    outcome could not be used for the same interrupt.
    """
    changed = asked.document.get("changed")
    not_applied = changed.get("request_id") if isinstance(changed, dict) else None
    not_applied = not_applied or _label(asked.document, CORRECTS_LABEL)
    sent_back = [row for row in known if row.node == asked.node and row.state == RequestState.CHANGES_REQUESTED.value]
    candidates = (
        [row for row in known if row.id == not_applied and row.state != RequestState.PENDING.value]
        or [row for row in stale if row.node == asked.node]
        or [row for row in sent_back if _label(row.payload, STEP_LABEL) == _label(asked.document, STEP_LABEL)]
        or [row for row in known if row.interrupt_id == asked.interrupt_id and row.dialect != "error"]
    )
    replaced = {row.previous_id for row in known}
    free = [row for row in candidates if row.id not in replaced]
    return free[-1] if free else None


def _label(proposal: Any, name: str) -> Any:
    """The value of a proposal's label; None without one."""
    labels = proposal.get("labels") if isinstance(proposal, dict) else None
    return labels.get(name) if isinstance(labels, dict) else None
