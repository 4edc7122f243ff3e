"""The CheckpointManager on a real database, driven as a worker would drive it; no worker runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select, text

from app.domain.ballot import Ballot
from app.domain.lifecycle import RunState
from app.domain.people import Actor, Role, Via
from app.domain.reading_tools import ReadingTools
from app.domain.risk import Assessment, Finding, assess
from app.domain.run_protocol import Journal
from app.services.approvals.decisions.decision import DecisionResult
from app.services.approvals.manager import CheckpointManager
from app.services.reading.queue import Queue
from app.services.runs.control import Runs
from app.services.runs.progress import RunProgress
from app.store.engine import Sessions, make_engine, make_sessions
from app.store.people import Person
from app.store.record import AuditEntry, Event
from app.store.requests import ApprovalRequest, Decision, OutcomeRow, ReceiptRow
from app.store.runs import Run
from assent.contracts import RiskLevel, Verdict
from assent.dialects.base import Asked
from assent.digests import digest_of
from tests.factories import make_person, make_run, script

AtOnce = Callable[[list[Callable[[], Any]]], list[Any]]
"""The fixture `at_once`."""


class SettableClock:
    """The time, which a test may move."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def assess_words(document: dict[str, Any], _tools: ReadingTools) -> Assessment:
    """A risk that follows from one word, so that these tests do not hang on the rules: drop, delete, or neither."""
    words = str(document)
    level = RiskLevel.CRITICAL if "drop table" in words else RiskLevel.HIGH if "delete" in words else RiskLevel.MEDIUM
    return assess([Finding("test.word", level, "It has the word.", 1)])


def asked(document: dict[str, Any], **values: Any) -> Asked:
    """What a run asks, as a dialect would have understood it."""
    fields: dict[str, Any] = {
        "interrupt_id": secrets.token_hex(16), "dialect": "assent", "document": document,
        "value_digest": digest_of(document), "response_schema": None, "node": "ask", "agent": "test agent",
    }  # fmt: skip
    return Asked(**fields | values)


@dataclass
class Desk:
    """The use cases that these tests drive, and short ways to common situations."""

    engine: Engine
    sessions: Sessions
    clock: SettableClock
    checkpoints: CheckpointManager
    runs: Runs
    progress: RunProgress
    queue: Queue

    def person(self, name: str = "Reviewer", roles: Iterable[Role] = (Role.REVIEWER,)) -> Actor:
        """Somebody who acts from a page."""
        return make_person(self.sessions, name, roles).as_actor(Via.PAGE, "192.0.2.7")

    def run(self, requester: Actor | None = None, **values: Any) -> Run:
        """A run that a worker has taken up once."""
        starter = None
        if requester is not None:
            with self.sessions() as session:
                starter = session.get_one(Person, requester.id)
        return make_run(self.sessions, starter, RunState.RUNNING, **{"attempt": 1} | values)

    def suspend(self, run: Run, *what: Asked) -> list[ApprovalRequest]:
        """The run asks, taken up again first if a decision has woken it; what it waits for then, in the order asked."""
        taken = self.progress.begin(run.id) if self.run_state(run.id) == "queued" else None
        self.checkpoints.suspend(run.id, taken.attempt if taken else 1, what, Journal(run.id))
        order = [question.interrupt_id for question in what]
        return sorted(self.checkpoints.pending(run.id), key=lambda request: order.index(request.interrupt_id))

    def open(
        self, document: dict[str, Any] | None = None, requester: Actor | None = None, **values: Any
    ) -> ApprovalRequest:
        """A pending request of a run of its own."""
        document = script("select 1") if document is None else document
        return self.suspend(self.run(requester), asked(document, **values))[0]

    def decide(
        self, request: ApprovalRequest, actor: Actor, verdict: Verdict = Verdict.APPROVE, **values: Any
    ) -> DecisionResult:
        """Decide on what the request shows."""
        return self.checkpoints.decide(request.id, actor, Ballot(verdict, **{"digest": request.digest} | values))

    def keep(self, request: ApprovalRequest) -> int:
        """Do everything that is due on the request; how many steps that were."""
        steps = 0
        while self.checkpoints.keep(request.id):
            steps += 1
            assert steps < 50, "time never comes to an end"
        return steps

    def fresh(self, request: ApprovalRequest) -> ApprovalRequest:
        """The request as stored now."""
        with self.sessions() as session:
            return session.get_one(ApprovalRequest, request.id)

    def run_state(self, run_id: str | None) -> str:
        """The state of a run as stored now."""
        with self.sessions() as session:
            return session.get_one(Run, run_id).state

    def outcome(self, request: ApprovalRequest) -> OutcomeRow | None:
        """What the run will be told, if anything yet."""
        with self.sessions() as session:
            return session.get(OutcomeRow, request.id)

    def receipt(self, request: ApprovalRequest) -> ReceiptRow | None:
        """What became of the outcome, if anything yet."""
        with self.sessions() as session:
            return session.get(ReceiptRow, request.id)

    def decisions(self, request: ApprovalRequest) -> list[Decision]:
        """Everybody's words on it, oldest first."""
        with self.sessions() as session:
            return list(
                session.scalars(select(Decision).where(Decision.request_id == request.id).order_by(Decision.at))
            )

    def audit(self, request: ApprovalRequest) -> list[AuditEntry]:
        """The request's lines of the record."""
        with self.sessions() as session:
            query = select(AuditEntry).where(AuditEntry.request_id == request.id).order_by(AuditEntry.seq)
            return list(session.scalars(query))

    def events(self, request: ApprovalRequest) -> list[str]:
        """Kinds of the events about the request."""
        with self.sessions() as session:
            query = select(Event.kind).where(Event.request_id == request.id).order_by(Event.id)
            return list(session.scalars(query))

    def jobs(self, run_id: str | None) -> int:
        """How many jobs wait to advance the run."""
        query = text("select count(*) from procrastinate_jobs where status = 'todo' and lock = :lock")
        with self.sessions() as session:
            return session.execute(query, {"lock": f"run:{run_id}"}).scalar_one()

    def counts(self) -> dict[str, int]:
        """Rows of each table that a decision may touch, to show that nothing was stored."""
        tables = ("decisions", "outcomes", "audit_entries", "events", "procrastinate_jobs", "comments", "receipts")
        with self.sessions() as session:
            return {name: session.execute(text(f"select count(*) from {name}")).scalar_one() for name in tables}


def make_desk(database_url: str, pool_size: int = 5) -> Desk:
    """The use cases over that database."""
    engine = make_engine(database_url, pool_size=pool_size, application_name="assent tests")
    sessions, clock = make_sessions(engine), SettableClock()
    return Desk(
        engine=engine, sessions=sessions, clock=clock,
        checkpoints=CheckpointManager(sessions, clock, assess_words),
        runs=Runs(sessions, clock), progress=RunProgress(sessions, clock), queue=Queue(sessions, clock),
    )  # fmt: skip
