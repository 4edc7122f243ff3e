"""A run asks: requests are opened for it, and it rests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from types import SimpleNamespace

import structlog
from sqlalchemy import bindparam, exists, select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from app.domain.events import EventKind
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import SYSTEM, Actor, Makers
from app.domain.run_protocol import Journal, LostRunError
from app.domain.text import storable
from app.services.approvals.ground import Ground
from app.services.approvals.intake.automatic_answers import Answering
from app.services.approvals.intake.entry import enter
from app.services.approvals.intake.rejection_memory import remembered
from app.services.grants.use import ANY_ACTIVE, GRANT, Wanted, find, may_be_granted
from app.services.record.events import event_row, publish
from app.services.requests.assessment import Incoming, prepare
from app.services.requests.endings import end_pending
from app.services.requests.requester import NEWEST_VERSION, REQUESTER_COLUMNS, Asker, requester_from
from app.services.runs.journal import open_receipts, suspended, write
from app.services.runs.progress import rest_run
from app.store.people import Person
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.dialects.base import Asked

log = structlog.get_logger(__name__)
SUPERSEDED = "The run now requests something else."

_ASKED = select(ApprovalRequest).where(ApprovalRequest.run_id == bindparam("run")).order_by(ApprovalRequest.opened_at)
_ANY_ASKED = exists().where(ApprovalRequest.run_id == bindparam("run"))
# Which policy is in force, and whether there are grants, is read with the run: one trip to the server. Put together
# once, because that takes longer than the reading.
_RUN = str(
    select(
        Run.workflow, Run.started_by_id, Run.started_by_name, Run.started_by_agent, Run.makers, Run.made_by,
        _ANY_ASKED.label("asked"),
        NEWEST_VERSION.label("policy"), ANY_ACTIVE.label("grants"), *REQUESTER_COLUMNS,
    )
    .outerjoin(Person, Person.id == Run.started_by_id)
    .where(Run.id == bindparam("run"))
    .compile(dialect=PGDialect_psycopg())
)  # fmt: skip


class Suspending:
    """Opens a request for each thing a run asks."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._answering = Answering(ground)

    def suspend(self, run_id: str, attempt: int, asked: Sequence[Asked], journal: Journal) -> bool:
        """Open a request for each thing asked that is not open yet, and let the run rest.

        What the run asked before and no longer asks, or asks with another value, is superseded. A decision that
        comes meanwhile has its own job, which finds the run suspended with an outcome waiting.

        Returns:
            False if nothing was written because somebody wants the run paused or cancelled.

        Raises:
            LostRunError: the run was taken up by somebody else since `attempt`.
        """
        now = self._ground.clock()
        found = next(iter(self._ground.sessions.execute(_RUN, {"run": run_id})), None)
        if found is None:
            raise LostRunError("There is no such run.", run_id=run_id)
        about = SimpleNamespace(**found | {"roles": json.loads(found["roles"] or "[]")})
        requester = requester_from(about.started_by_id, about.started_by_name, about)
        makers = Makers(frozenset(about.makers), about.made_by)
        asker = Asker(run_id, about.workflow, requester, about.started_by_agent, makers)
        known = self._known(run_id) if about.asked else []
        policy = self._ground.policy(about.policy)
        incoming = [prepare(asker, one, self._ground.assess, policy, now) for one in asked]
        stale = [
            row
            for row in known
            if row.state == RequestState.PENDING.value and not any(_same(row, each) for each in asked)
        ]
        batch = rest_run(run_id, attempt, now)
        if stale:
            ids = [row.id for row in stale]
            end_pending(batch, SYSTEM, run_id, RequestState.SUPERSEDED, now, SUPERSEDED, ids)
        # A step that failed may be the one that was to do what was approved: what comes of that shows when the run
        # rests without a failure, or ends.
        failing = any(each.dialect == "error" for each in asked)
        write(batch, self._ground.sessions, journal, now, delivered=failing)
        outcomes = open_receipts(self._ground.sessions, run_id) if known else []
        if not failing:
            suspended(batch, journal, outcomes, now)
        # Of what was decided only that stands which the run has yet to be told; otherwise it asks the same once more.
        untold = {each.request_id for each in outcomes if not each.status} - set(journal.delivered)
        standing = [row for row in known if row.state == RequestState.PENDING.value or row.id in untold]
        answered = []
        for proposal in incoming:
            if not any(_same(row, proposal.asked) for row in standing):
                previous = _predecessor(known, stale, proposal.asked)
                answered_by = remembered(known, proposal.digest)
                if not answered_by and about.grants and may_be_granted(known, previous, proposal.digest):
                    answered_by = self._granted_by(proposal, now)
                request_id = enter(batch, _agent(proposal), proposal, previous, now, answered_by)
                if answered_by:
                    answered.append(request_id)
        publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=RunState.SUSPENDED.value))
        if batch.run(self._ground.sessions) is not None:
            self._answering.answer_soon(answered)
            return True
        with self._ground.sessions.reads() as session:
            now_at = session.get_one(Run, run_id)
        if now_at.attempt == attempt and now_at.control:
            return False
        raise LostRunError("Another worker is running this run.", run_id=run_id)

    def _known(self, run_id: str) -> list[ApprovalRequest]:
        """What the run has asked before, oldest first."""
        with self._ground.sessions.reads() as session:
            return list(session.scalars(_ASKED, {"run": run_id}))

    def _granted_by(self, proposal: Incoming, now: datetime) -> str:
        """What lets this through, or empty; whatever goes wrong while looking for it, people can decide."""
        try:
            with self._ground.sessions.reads() as session:
                grant = find(session, Wanted.opening(proposal), now)
        except Exception:
            log.warning("grants.failed", run=proposal.asker.run_id, exc_info=True)
            return ""
        return f"{GRANT}:{grant.id}" if grant else ""


def _agent(proposal: Incoming) -> Actor:
    """Who asks, for the record."""
    asked = proposal.asked
    name = storable(asked.document.get("agent") or asked.agent) or proposal.asker.workflow
    return Actor(kind="agent", id="", name=name, via=SYSTEM.via)


def _same(row: ApprovalRequest, asked: Asked) -> bool:
    """True if the request stands for exactly what reviews next."""
    return row.interrupt_id == asked.interrupt_id and row.value_digest == asked.value_digest


def _predecessor(known: list[ApprovalRequest], stale: list[ApprovalRequest], asked: Asked) -> ApprovalRequest | None:
    """The request that a new one revises.

    It is the one that it replaces, or the last one of that node sent back for changes, or the one whose outcome could
    not be used for the same interrupt.
    """
    candidates = (
        [row for row in stale if row.node == asked.node]
        or [row for row in known if row.node == asked.node and row.state == RequestState.CHANGES_REQUESTED.value]
        or [row for row in known if row.interrupt_id == asked.interrupt_id and row.dialect != "error"]
    )
    replaced = {row.previous_id for row in known}
    free = [row for row in candidates if row.id not in replaced]
    return free[-1] if free else None
