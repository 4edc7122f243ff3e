"""Deadlines as real workers keep them: late, in crowds, killed in the middle, and on clocks that jump."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.domain.lifecycle import RunState
from app.domain.policy.terms import EscalationStep, Terms
from app.services.requests.assessment import due_values
from app.store.engine import make_engine, make_sessions
from app.store.requests import ApprovalRequest
from bench.deadlines import ACTIONS, insert, rows
from tests.factories import make_request, make_run
from tests.processes.clocked_worker import MovableClock
from tests.processes.crew import until
from tests.processes.harness import Desk, Managed

pytestmark = pytest.mark.processes

HOUR = timedelta(hours=1)
LEADS = "timekeeper.leads"
ESCALATED, WARNED, EXPIRED = "request.escalated", "request.expiry_warned", "request.expired"
TERMS = Terms(
    name="test", deadline_seconds=8 * 3600, warn_seconds=3600,
    escalation=(EscalationStep(after_seconds=2 * 3600, words="2 hours", teams=("leads",)),),
)  # fmt: skip


class Times:
    """A database, workers on a clock that the test moves, and what the record says."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.url = database_url
        self.clock = MovableClock(folder / "clock")
        self.clock.set(timedelta(0))
        self.desk = Desk(database_url, folder, ASSENT_WORKFLOWS="bench.flow:WORKFLOW")
        self.engine = make_engine(database_url, application_name="assent tests")
        self.sessions = make_sessions(self.engine)
        self.connection = psycopg.connect(database_url, autocommit=True, application_name="assent tests")
        self._command = [sys.executable, "-m", "tests.processes.clocked_worker", str(folder / "clock")]

    def worker(self) -> Managed:
        """Start a worker."""
        worker = Managed("worker", self._command, self.desk.environment, r'"event": ?"worker\.ready"')
        self.desk.processes.append(worker)
        return worker.start()

    def close(self) -> None:
        """End everything."""
        self.desk.__exit__(None, None, None)
        self.connection.close()
        self.engine.dispose()

    def open(self, terms: Terms = TERMS, **values: Any) -> ApprovalRequest:
        """A pending request, of a run that waits."""
        run = make_run(self.sessions, state=RunState.SUSPENDED)
        deadline = timedelta(seconds=terms.deadline_seconds)
        request = make_request(self.sessions, run, terms=terms, expires_in=deadline, **values)
        due_at = due_values(request)["due_at"]
        self.sql("update approval_requests set due_at = %s where id = %s", due_at, request.id)
        return request

    def open_many(self, count: int, seconds_ahead: float, seed: int = 7) -> dict[str, str]:
        """Requests on all of which something is due in so many seconds, and what that is to be called."""
        made = rows(count, datetime.now(UTC) + timedelta(seconds=seconds_ahead), timedelta(0), seed)
        insert(self.url, made)
        return {row["id"]: ACTIONS[step] for step, _, row in made}

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement."""
        cursor = self.connection.execute(statement, values or None)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []

    def done(self, request: ApprovalRequest) -> list[tuple[str, dict[str, Any], datetime]]:
        """What time did to the request, in the order of the record."""
        return self.sql(
            "select action, detail::json, at from audit_entries where request_id = %s and actor_kind = 'system' "
            "and detail::json ->> 'due' is not null order by seq",
            request.id,
        )

    def actions(self, request: ApprovalRequest) -> list[str]:
        """The names of that."""
        return [action for action, _, _ in self.done(request)]

    def happened(self, *actions: str) -> int:
        """How many lines the record has of those actions."""
        return int(self.sql("select count(*) from audit_entries where action = any(%s)", list(actions))[0][0])

    def all_done(self, expected: dict[str, str], seconds: float = 60.0) -> None:
        """Wait until each has happened, and make sure that each happened once and nothing else did."""
        ids = list(expected)
        written = "select count(*) from audit_entries where request_id = any(%s)"
        until(lambda: self.sql(written, ids)[0][0] >= len(ids), seconds, "everything is done")
        found = self.sql("select request_id, action from audit_entries where request_id = any(%s)", ids)
        assert Counter(found) == Counter(expected.items())
        ended = [request_id for request_id, action in expected.items() if action == EXPIRED]
        assert self.sql("select count(*) from outcomes where request_id = any(%s)", ids) == [(len(ended),)]
        # Workers also look whether a request lacks approvers, as all of these do.
        query = (
            "select request_id, count(*) from events where request_id = any(%s) "
            "and coalesce(payload::json ->> 'what', '') <> 'lacks approvers' group by 1 having count(*) <> 1"
        )
        assert self.sql(query, ids) == []


@pytest.fixture
def times(database_url: str, tmp_path: Path) -> Iterator[Times]:
    times = Times(database_url, tmp_path)
    yield times
    times.close()


def test_after_a_day_without_a_worker_every_step_comes_in_its_order(times: Times) -> None:
    requests = [times.open() for _ in range(5)]
    times.clock.set(24 * HOUR)
    times.worker()
    until(lambda: times.happened(EXPIRED) == 5)
    for request in requests:
        steps = times.done(request)
        assert [action for action, _, _ in steps] == [ESCALATED, WARNED, EXPIRED]
        due = [datetime.fromisoformat(detail["due"]) for _, detail, _ in steps]
        assert due == [request.opened_at + hours * HOUR for hours in (2, 7, 8)]
        assert all(at > request.opened_at + 24 * HOUR for _, _, at in steps)
    until(lambda: times.sql("select count(*) from runs where state = 'suspended'") == [(0,)], what="the runs are told")


def test_a_clock_that_jumps_forward_and_back_repeats_nothing(times: Times) -> None:
    request = times.open()
    times.worker()
    times.clock.set(3 * HOUR)
    until(lambda: times.actions(request) == [ESCALATED])
    times.clock.set(-3 * HOUR)
    marker = times.open(TERMS.model_copy(update={"deadline_seconds": 1, "warn_seconds": 0, "escalation": ()}))
    times.clock.set(2.5 * HOUR)
    until(lambda: times.actions(marker) == [EXPIRED], what="the clock that went back is followed")
    times.clock.set(7.5 * HOUR)
    until(lambda: times.actions(request) == [ESCALATED, WARNED])
    times.clock.set(timedelta(0))
    times.clock.set(9 * HOUR)
    until(lambda: times.actions(request) == [ESCALATED, WARNED, EXPIRED])


def test_what_is_held_goes_on_when_its_window_opens(times: Times) -> None:
    opens = datetime.now(UTC) + 5 * HOUR
    request = times.open()
    times.sql(
        "update approval_requests set state = 'approved', resolved_at = now(), held_until = %s, due_at = %s "
        "where id = %s", opens, opens, request.id,
    )  # fmt: skip
    times.worker()
    marker = times.open(TERMS.model_copy(update={"deadline_seconds": 4 * 3600, "warn_seconds": 0, "escalation": ()}))
    times.clock.set(4.9 * HOUR)
    until(lambda: times.actions(marker) == [EXPIRED])
    assert times.actions(request) == []
    times.clock.set(5.1 * HOUR)
    until(lambda: times.actions(request) == ["request.released"])
    until(lambda: times.sql("select state from runs where id = %s", request.run_id) != [("suspended",)])


def test_a_thousand_in_one_second_all_come_once(times: Times) -> None:
    expected = times.open_many(1000, seconds_ahead=2.5)
    times.worker()
    times.worker()
    times.all_done(expected)


def test_another_worker_goes_on_where_a_killed_one_stopped(times: Times) -> None:
    first = times.worker()
    first.wait_for_log(LEADS)
    second = times.worker()
    expected = times.open_many(500, seconds_ahead=1.5)
    later = timedelta(minutes=30)  # so that something is left in any case
    expected |= times.open_many(500, seconds_ahead=later.total_seconds(), seed=8)
    until(lambda: times.happened(*ACTIONS.values()) > 100, what="the first is in the middle of it")
    first.kill()
    times.clock.set(later)
    second.wait_for_log(LEADS)
    times.all_done(expected)


def test_a_lost_connection_stops_nothing(times: Times) -> None:
    worker = times.worker()
    ours = (
        "from pg_stat_activity where datname = current_database() "
        "and application_name in ('assent worker timekeeper', 'assent worker deadlines')"
    )
    until(lambda: len(times.sql(f"select pid {ours}")) >= 2)
    times.sql(f"select pg_terminate_backend(pid) {ours}")
    request = times.open()
    times.clock.set(24 * HOUR)
    until(lambda: times.actions(request) == [ESCALATED, WARNED, EXPIRED])
    assert worker.running


def test_one_that_fails_and_those_that_are_held_keep_nobody(times: Times) -> None:
    broken, held, waits = times.open(), times.open(), times.open()
    whole = [times.open() for _ in range(60)]
    [(good,)] = times.sql("select terms from approval_requests where id = %s", broken.id)
    times.sql("update approval_requests set terms = '{}' where id = %s", broken.id)
    with psycopg.connect(times.url, application_name="assent tests lock") as holder:
        holder.execute("select from approval_requests where id = %s for update", (held.id,))
        holder.execute("select from runs where id = %s for update", (waits.run_id,))
        times.clock.set(24 * HOUR)
        worker = times.worker()
        until(lambda: times.happened(EXPIRED) == len(whole), what="the others expire")
        worker.wait_for_log("timekeeper.request_failed")
        assert times.actions(broken) == times.actions(held) == []
        assert times.actions(waits) == [ESCALATED, WARNED]
        holder.rollback()
    times.sql("update approval_requests set terms = %s where id = %s", good, broken.id)
    for request in (held, broken, waits):
        until(lambda request=request: times.actions(request) == [ESCALATED, WARNED, EXPIRED])  # type: ignore[misc]


def test_where_the_first_worker_stands_still_another_helps(times: Times) -> None:
    first = times.worker()
    first.wait_for_log(LEADS)
    times.worker()
    request = times.open()
    first.process.send_signal(signal.SIGSTOP)
    times.clock.set(24 * HOUR)
    until(lambda: times.actions(request) == [ESCALATED, WARNED, EXPIRED], 30, "another one helps")
    first.process.send_signal(signal.SIGCONT)
    later = times.open()
    until(lambda: times.actions(later) == [ESCALATED, WARNED, EXPIRED], what="the first goes on")
    assert times.actions(request) == [ESCALATED, WARNED, EXPIRED]
