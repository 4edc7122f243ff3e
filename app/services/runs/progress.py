"""The worker's side of a run: starting to run it, recording what happens, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app.domain.errors import NotFoundError
from app.domain.events import EventKind, RequestChange
from app.domain.lifecycle import RequestState, RunState
from app.domain.people import SYSTEM
from app.domain.policy.terms import Terms
from app.domain.run_protocol import Job, JobNotTakenError, Journal, LostRunError, RunBusyError, RunSnapshot, Statement
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.record.events import event_row, publish
from app.services.requests.endings import end_held, end_pending
from app.services.requests.outcomes import not_before
from app.services.runs.journal import CANCELLED, conclude, open_receipts, put_receipt, suspended, write
from app.store.batch import Batch, execute_all, text_of
from app.store.engine import Sessions
from app.store.jobs import TAKE
from app.store.runs import Run
from app.store.writes import events_from
from assent.contracts import ReceiptStatus
from assent.dialects.base import OutcomeDelivery
from assent.json_values import read_back

_UNDELIVERED = """
    from approval_requests as request join outcomes on outcomes.request_id = request.id
    where request.run_id = runs.id and outcomes.held_until is null
        and not exists (
            select from receipts where receipts.request_id = request.id and receipts.delivered_at is not null)"""
_NOBODY_HOLDS = "(holder is null or holder = %(holder)s or pg_try_advisory_xact_lock_shared(holder))"


def _take_up(condition: str = "") -> str:
    """The UPDATE with which a worker takes a run, if there is something to do and `condition` holds as well."""
    return f"""
    update runs set state = 'running', holder = %(holder)s, attempt = attempt + 1, version = version + 1,
        updated_at = %(now)s, started_at = coalesce(started_at, %(now)s)
    where id = %(run)s {condition} and case state
        when 'queued' then true
        when 'suspended' then exists (select {_UNDELIVERED})
        when 'running' then {_NOBODY_HOLDS}
        else false end
    returning id, workflow, workflow_version, input, attempt, control, ask_next, started_by_id, (
        select json_agg(json_build_object(
            'request_id', request.id, 'interrupt_id', request.interrupt_id, 'dialect', request.dialect,
            'value_digest', request.value_digest, 'node', request.node, 'response_schema', request.response_schema,
            'outcome', outcomes.body,
            'reported', exists (select from receipts where receipts.request_id = request.id),
            'terms', case when request.terms::json #> '{{windows,0}}' is not null then request.terms end)
            order by outcomes.at)
        {_UNDELIVERED}) as deliveries,
        (select json_agg(interrupt_id) from approval_requests where run_id = runs.id and state = 'pending') as open"""


_BEGIN = _take_up()
_BEGIN_WITH_JOB = f"""
    with taken as ({TAKE}), begun as ({_take_up("and exists (select from taken)")})
    select begun.* from taken left join begun on true"""
_WORTH_ANOTHER_LOOK = text(f"""
    select state in ('queued', 'running') or (state = 'suspended' and exists (select {_UNDELIVERED}))
    from runs where id = :run""")
_HELD_NOW = "json_to_recordset(%(held)s::json) as held(id text, until timestamptz)"
_HOLD_OUTCOMES = f"""
    update outcomes set held_until = held.until from {_HELD_NOW}
    where request_id = held.id and exists (select from guard) returning request_id"""
_HOLD_REQUESTS = f"""
    update approval_requests as request set held_until = held.until, due_at = held.until, version = version + 1
    from {_HELD_NOW} where request.id = held.id and exists (select from guard)
    returning request.id, request.run_id, request.state"""
_TELL_HELD = events_from(
    "also_1", EventKind.REQUEST_CHANGED, f"json_build_object('state', state, 'what', '{RequestChange.HELD}')::text",
    at="%(now)s", run="run_id", request="id",
)  # fmt: skip
_BEGIN_CALL = """
    with mine as (select id from runs where id = %(run)s and attempt = %(attempt)s and state = 'running' for share),
        begun as (
            insert into begun_calls (run_id, key, begun_at) select id, %(key)s, %(now)s from mine
            on conflict do nothing returning key)
    select exists (select from mine) as held, exists (select from begun) as first"""
_HELD = "where id = %(run)s and attempt = %(attempt)s and state = 'running'"


def rest_run(run_id: str, attempt: int, now: datetime) -> Batch:
    """A batch that suspends a run until people decide; it has no effect if the run is to be paused or canceled."""
    return Batch(
        "update runs set state = %(rest)s, version = version + 1, updated_at = %(now)s where id = %(run)s "
        "and attempt = %(attempt)s and state in ('running', 'suspended') and control = '' returning id",
        {"run": run_id, "attempt": attempt, "now": now, "rest": RunState.SUSPENDED.value},
    )


def go_on(batch: Batch, run_id: str) -> None:
    """Make a batch of `rest_run` queue the run instead of suspending it, because an outcome is there already."""
    batch.set("rest", RunState.QUEUED.value)
    batch.advance(run_id)


class RunProgress:
    """What workers write about the runs that they execute."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def begin(
        self, run_id: str, holder: int | None = None, job: Job | None = None, read: Statement | None = None
    ) -> RunSnapshot | None:
        """Take the run if there is something to do; None if it is waiting or has ended.

        Its event is written with the first step, or with the state in which the run stops (`Journal.began`).

        If the run's worker died before it could pause or cancel the run, that is done here.

        Args:
            holder: key of the advisory lock that shows that the caller's process is alive. A run that is being
                executed is only taken from another process if that one's lock is free.
            job: the job for this run; one that names a worker is taken with the run.
            read: returns one row or none. It is read in the same round trip, and sees what the previous worker has
                written about the run, because taking a run waits for that.

        Raises:
            RunBusyError: a live process is executing it. The job was taken.
            JobNotTakenError: the job is gone, someone else's, or waits for another one of the run.
        """
        now = self._clock()
        values: dict[str, Any] = {"run": run_id, "now": now, "holder": holder}
        taking = job is not None and job.worker is not None
        if job is not None and taking:
            values |= {"job": job.id, "worker": job.worker}
        query = _BEGIN_WITH_JOB if taking else _BEGIN
        found = execute_all(self._sessions, [Statement(query, values), *([read] if read else [])])
        taken, row = next(iter(found[0]), None), next(iter(found[1]), None) if read else None
        if taken is None and taking:
            raise JobNotTakenError("This job cannot be taken.", run_id=run_id)
        if taken is None or taken["id"] is None:
            self._refuse_if_busy(run_id)
            return None
        if taken["control"]:
            self.drained(taken["attempt"], Journal(run_id))
            return None
        return RunSnapshot(
            id=run_id,
            workflow=taken["workflow"],
            version=taken["workflow_version"],
            input=read_back(taken["input"]),
            attempt=taken["attempt"],
            reported=frozenset(row["request_id"] for row in taken["deliveries"] or [] if row.pop("reported")),
            deliveries=[_delivery(row, now) for row in taken["deliveries"] or []],
            open=frozenset(taken["open"] or []),
            started_by=taken["started_by_id"] or "",
            read=row,
            ask_next=taken["ask_next"],
        )

    def begin_call(self, run_id: str, attempt: int, key: str) -> bool:
        """Store that an approved call begins, before it is made.

        Returns:
            False if it had begun before, so that whether it was made is not known.

        Raises:
            LostRunError: another worker has taken over the run.
        """
        values = {"run": run_id, "attempt": attempt, "key": key, "now": self._clock()}
        [row] = self._sessions.execute(_BEGIN_CALL, values)
        if not row["held"]:
            raise LostRunError("Another worker is running this run.", run_id=run_id)
        return bool(row["first"])

    def note(self, attempt: int, journal: Journal) -> None:
        """Write what has happened so far while the run continues. Raises LostRunError."""
        now = self._clock()
        batch = Batch(
            f"update runs set updated_at = %(now)s {_HELD} returning id",
            {"run": journal.run_id, "attempt": attempt, "now": now},
        )
        write(batch, self._sessions, journal, now)
        self._write(batch, journal.run_id)

    def refuse(self, run_id: str, attempt: int, request_id: str, reason: str) -> None:
        """Record that an outcome does not fit the run's current request, so it will not be delivered."""
        now = self._clock()
        batch = Batch(
            f"update runs set updated_at = %(now)s {_HELD} returning id",
            {"run": run_id, "attempt": attempt, "now": now},
        )
        batch.also(
            "update approval_requests set note = %(note)s where id = %(request)s and exists (select from guard)",
            note=reason, request=request_id,
        )  # fmt: skip
        put_receipt(batch, run_id, request_id, ReceiptStatus.NOT_APPLIED, now, explicit=True, summary=reason)
        self._write(batch, run_id)

    def doubt(self, run_id: str, attempt: int) -> None:
        """A failed step is to be skipped: the results of outcomes that the run received before cannot be concluded.

        Raises LostRunError.
        """
        now = self._clock()
        batch = Batch(
            f"update runs set updated_at = %(now)s {_HELD} returning id",
            {"run": run_id, "attempt": attempt, "now": now},
        )
        suspended(batch, Journal(run_id, doubtful=True), open_receipts(self._sessions, run_id), now)
        self._write(batch, run_id)

    def hold(self, run_id: str, attempt: int, until: Mapping[str, datetime]) -> None:
        """Hold outcomes until their change windows open, which have closed since people decided. Raises LostRunError.

        Args:
            until: when the windows open, by request.
        """
        now = self._clock()
        held = [{"id": request_id, "until": opens.isoformat()} for request_id, opens in until.items()]
        batch = Batch(
            f"update runs set updated_at = %(now)s {_HELD} returning id",
            {"run": run_id, "attempt": attempt, "now": now, "held": json.dumps(held)},
        )
        batch.also(_HOLD_OUTCOMES)
        batch.also(_HOLD_REQUESTS)
        for request_id, opens in until.items():
            record(batch, SYSTEM, "request.held", now, request_id=request_id, run_id=run_id, until=opens.isoformat())
        batch.also(_TELL_HELD)
        self._write(batch, run_id)

    def passed_on_request(self, run_id: str, attempt: int) -> None:
        """People agreed to the step before which somebody wanted the run to ask. Raises LostRunError."""
        values = {"run": run_id, "attempt": attempt, "now": self._clock()}
        self._write(Batch(f"update runs set ask_next = '', updated_at = %(now)s {_HELD} returning id", values), run_id)

    def complete(self, attempt: int, journal: Journal, result: Any) -> None:
        """The run has completed. Raises LostRunError."""
        self._end(attempt, journal, RunState.COMPLETED, result=result)

    def fail(self, attempt: int, journal: Journal, problem: str) -> None:
        """The run cannot continue; a person can retry it. Raises LostRunError."""
        self._end(attempt, journal, RunState.FAILED, problem=problem)

    def drained(self, attempt: int, journal: Journal) -> None:
        """The run stopped between two steps because a person paused or canceled it, or the worker is shutting down."""
        while not self._rested(attempt, journal, asked := self._asked(journal.run_id)):
            with self._sessions.reads() as session:
                run = session.get_one(Run, journal.run_id)
            ours = run.attempt == attempt and run.state == RunState.RUNNING.value
            if not ours or run.control == asked:
                raise LostRunError("Another worker is running this run.", run_id=journal.run_id)
            # The requested control has changed since it was read.

    def _rested(self, attempt: int, journal: Journal, asked: str) -> bool:
        """Stop the run as requested; False if another worker has it, or the request has changed."""
        now = self._clock()
        state = {"pause": RunState.PAUSED, "cancel": RunState.CANCELLED}.get(asked, RunState.QUEUED)
        finished = now if state.finished else None
        batch = Batch(
            "update runs set state = %(state)s, control = '', version = version + 1, updated_at = %(now)s, "
            f"finished_at = %(finished)s {_HELD} and control = %(asked)s returning id",
            {"run": journal.run_id, "attempt": attempt, "now": now, "state": state.value, "finished": finished,
             "asked": asked},
        )  # fmt: skip
        if state is RunState.CANCELLED:
            end_pending(batch, SYSTEM, journal.run_id, RequestState.CANCELLED, now, "the run was canceled")
            end_held(batch, journal.run_id, now)
            conclude(batch, journal, open_receipts(self._sessions, journal.run_id), now, CANCELLED)
            record(batch, SYSTEM, "run.cancelled", now, run_id=journal.run_id)
        write(batch, self._sessions, journal, now, delivered=state is not RunState.CANCELLED)
        if state is RunState.QUEUED:
            # This process ends; another one continues the run.
            batch.advance(journal.run_id)
        publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=journal.run_id, state=state.value))
        return batch.run(self._sessions) is not None

    def _end(self, attempt: int, journal: Journal, state: RunState, result: Any = None, problem: str = "") -> None:
        now = self._clock()
        run_id = journal.run_id
        batch = Batch(
            "update runs set state = %(state)s, control = '', version = version + 1, updated_at = %(now)s, "
            f"finished_at = %(now)s, result = %(result)s, error = %(error)s {_HELD} returning id",
            {"run": run_id, "attempt": attempt, "now": now, "state": state.value, "result": text_of(result),
             "error": text_of({"message": problem} if problem else None)},
        )  # fmt: skip
        end_pending(batch, SYSTEM, run_id, RequestState.CANCELLED, now, f"the run has {state.value}")
        write(batch, self._sessions, journal, now, delivered=False)
        conclude(batch, journal, open_receipts(self._sessions, run_id), now, problem)
        record(batch, SYSTEM, f"run.{state.value}", now, run_id=run_id, problem=problem)
        publish(batch, event_row(EventKind.RUN_CHANGED, now, run_id=run_id, state=state.value))
        self._write(batch, run_id)

    def _refuse_if_busy(self, run_id: str) -> None:
        """Raise if the run is being executed. Work for a suspended run has a job of its own; for a run that is not
        suspended, the present job has to be retried."""
        with self._sessions.reads() as session:
            if session.scalar(_WORTH_ANOTHER_LOOK, {"run": run_id}):
                raise RunBusyError("Another worker is running this run.", run_id=run_id)

    def _asked(self, run_id: str) -> str:
        with self._sessions.reads() as session:
            run = session.get(Run, run_id)
        if run is None:
            raise NotFoundError("There is no such run.", run_id=run_id)
        return run.control

    def _write(self, batch: Batch, run_id: str) -> None:
        if batch.run(self._sessions) is None:
            raise LostRunError("Another worker is running this run.", run_id=run_id)


def _delivery(row: dict[str, Any], now: datetime) -> OutcomeDelivery:
    schema, terms = row["response_schema"], row.pop("terms")
    outcome = read_back(row["outcome"])
    opens = None
    if terms:
        # The window may have closed since people decided: the run was paused, or no worker was available.
        opens = not_before(outcome["verdict"], outcome["next_action"], Terms.model_validate_json(terms), now)
    parsed = {"outcome": outcome, "response_schema": read_back(schema) if schema else None}
    return OutcomeDelivery(**row | parsed, not_before=opens)
