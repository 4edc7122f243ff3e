"""Workers and people on one database, for tests that kill the workers."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.domain.ballot import Ballot
from app.domain.lifecycle import RunState
from app.domain.people import Actor, Role, Via
from app.services.bundle import build_services
from app.store.engine import make_engine
from app.store.people import Person
from app.store.requests import ApprovalRequest
from app.store.runs import Run
from assent.contracts import Verdict
from tests.factories import make_person
from tests.processes import crash_flows
from tests.processes.harness import SECRET_KEY, Desk, Managed

SOON = 60.0
"""Seconds after which something that should happen at once counts as not happening."""
PART = {"items": [{"id": "a"}, {"id": "c", "statement": "create index c2"}]}


def until(condition: Callable[[], Any], seconds: float = SOON, what: str = "") -> Any:
    """Look every 10 ms until the condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or condition}"
        time.sleep(0.01)
    return found


class Crew:
    """One database with its people, its workers, and short ways to what tests do to them."""

    def __init__(self, database_url: str, folder: Path, workflows: str = crash_flows.ALL) -> None:
        self.url = database_url
        self.folder = folder
        self.desk = Desk(
            database_url, folder, ASSENT_WORKFLOWS=workflows, ASSENT_TARGET_CRASH=database_url,
            ASSENT_WORKER_CONCURRENCY="4",
        )  # fmt: skip
        self.services = build_services(
            make_engine(database_url, application_name="assent tests"), secret_key=SECRET_KEY
        )
        self.starter_person = make_person(self.services.sessions, "Release engineer", [Role.REVIEWER])
        self.reviewer_person: Person = make_person(self.services.sessions, "DBA on call", [Role.REVIEWER])
        self.seconds: Counter[str] = Counter()
        self.second = make_person(self.services.sessions, "SRE", [Role.REVIEWER]).as_actor(Via.PAGE)
        self.starter = self.starter_person.as_actor(Via.PAGE)
        self.reviewer: Actor = self.reviewer_person.as_actor(Via.PAGE)
        self._connection = psycopg.connect(database_url, autocommit=True, application_name="assent tests")
        self.worker = self.desk.worker()

    def close(self) -> None:
        """End everything."""
        self.desk.__exit__(None, None, None)
        self._connection.close()
        self.services.engine.dispose()

    # Runs

    def start(self, workflow: str = "crash_gate", hold: tuple[str, ...] = (), **run_input: Any) -> str:
        """Start a run; `hold` names the places at which its steps wait until `release`."""
        effects = self.folder / f"effects{len(list(self.folder.glob('effects*')))}"
        effects.touch()
        for name in hold:
            Path(f"{effects}.{name}.held").touch()
        return self.services.runs.start(self.starter, workflow, {"effects": str(effects)} | run_input).id

    def aside(self, run_id: str, name: str) -> Path:
        """A file beside the run's effects."""
        return Path(f"{self.run(run_id).input['effects']}.{name}")

    def reached(self, run_id: str, name: str) -> None:
        """Wait until the run has come to a place."""
        path = self.aside(run_id, f"{name}.reached")
        until(path.exists, what=f"the run reaches {name}")

    def release(self, run_id: str, name: str) -> None:
        """Let a held step go on."""
        self.aside(run_id, f"{name}.held").unlink()

    def run(self, run_id: str) -> Run:
        """The run as stored."""
        with self.services.sessions() as session:
            return session.get_one(Run, run_id)

    def pending(self, run_id: str, seconds: float = SOON) -> ApprovalRequest:
        """Wait for the one request of the run."""
        [request] = until(lambda: self.services.checkpoints.pending(run_id), seconds, "a request")
        return request

    def decide(self, request: ApprovalRequest, verdict: Verdict = Verdict.MODIFY, **values: Any) -> None:
        """The reviewer approves two of three items, one of them changed, unless told otherwise.

        Where the change needs a second person, that one agrees.
        """
        if verdict is Verdict.MODIFY:
            values.setdefault("change", PART)
        result = self.services.checkpoints.decide(request.id, self.reviewer, Ballot(verdict, request.digest, **values))
        if not result.resolved:
            now = self.services.views.request(request.id, self.second).request
            self.services.checkpoints.decide(request.id, self.second, Ballot(Verdict.APPROVE, now.digest))
            self.seconds[str(request.run_id)] += 1

    def approve(self, run_id: str) -> ApprovalRequest:
        """Wait for the request and approve a part of it."""
        request = self.pending(run_id)
        self.decide(request)
        return request

    def finished(self, run_id: str, seconds: float = SOON) -> Run:
        """Wait for the run to come to its end, and make sure that it is a good one."""
        until(lambda: self.run(run_id).finished_at, seconds, "the run ends")
        run = self.run(run_id)
        assert (run.state, run.error) == (RunState.COMPLETED.value, None)
        return run

    def effects(self, run_id: str) -> Counter[str]:
        """How often each step was begun."""
        return Counter(Path(self.run(run_id).input["effects"]).read_text().splitlines())

    def receipt(self, run_id: str) -> tuple[str, bool, str] | None:
        """Status, whether it was reported, and summary of what is known of the run's one outcome."""
        query = (
            "select status, explicit, summary from receipts where request_id in "
            "(select id from approval_requests where run_id = %s)"
        )
        return next(iter(self.sql(query, run_id)), None)

    def carried_out(self, run_id: str) -> list[str]:
        """What the run has done to the outside, in order."""
        return self.aside(run_id, "done").read_text().splitlines()

    def whole(self, run_id: str) -> None:
        """Nothing is lost and nothing is there twice: one request, one decision, one outcome, one end, no job left."""
        self.finished(run_id)
        assert self.carried_out(run_id) == ["create index a", "create index c2"]
        self.once(run_id)

    def once(self, run_id: str, words: int = 1) -> None:
        """The record has each thing once."""
        of_run = "where request_id in (select id from approval_requests where run_id = %s)"
        assert self.sql("select count(*) from approval_requests where run_id = %s", run_id) == [(words,)]
        decided = words + self.seconds[run_id]
        for table, expected in (("decisions", decided), ("outcomes", words), ("receipts", words)):
            assert self.sql(f"select count(*) from {table} {of_run}", run_id) == [(expected,)], table
        actions = Counter(row[0] for row in self.sql("select action from audit_entries where run_id = %s", run_id))
        assert actions["request.opened"] == actions["request.resolved"] == words, actions
        assert actions["request.decided"] == decided, actions
        assert actions["run.started"] == actions["run.completed"] == 1, actions
        until(lambda: self.jobs(run_id) == [], what="its jobs are done")

    def jobs(self, run_id: str) -> list[tuple[int, str, int | None]]:
        """Id, state and worker of the jobs that advance the run."""
        query = "select id, status::text, worker_id from procrastinate_jobs where lock = %s order by id"
        return self.sql(query, f"run:{run_id}")

    # The database behind everybody's back

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run a statement."""
        cursor = self._connection.execute(statement, values or None)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []

    @contextmanager
    def locked(self, statement: str, *values: Any) -> Iterator[psycopg.Connection]:
        """Hold the rows that the statement locks, until the block ends."""
        with psycopg.connect(self.url, application_name="assent tests lock") as connection:
            assert connection.execute(statement, values).fetchall()  # type: ignore[arg-type]
            yield connection
            connection.rollback()

    def blocked(self, like: str) -> list[int]:
        """Wait until statements of the portal that contain the text wait for a lock; gives their backends."""
        query = (
            "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' "
            "and application_name not like 'assent tests%%' and query ilike %s"
        )
        return [pid for (pid,) in until(lambda: self.sql(query, f"%{like}%"), what=f"{like} waits for a lock")]

    def terminate(self, pids: list[int]) -> None:
        """End backends, so that what they were about to do never happens, and wait until they are gone."""
        for pid in pids:
            self.sql("select pg_terminate_backend(%s)", pid)
        until(lambda: not self.sql("select 1 from pg_stat_activity where pid = any(%s)", pids), what="backends end")

    # Workers

    def died(self, worker: Managed | None = None) -> None:
        """Wait for a worker to kill itself."""
        assert (worker or self.worker).wait(SOON) == -signal.SIGKILL

    def stopped(self, worker: Managed | None = None) -> None:
        """Stop a worker where it is, as a machine that stalls would."""
        (worker or self.worker).process.send_signal(signal.SIGSTOP)

    def continued(self) -> None:
        """Let the worker go on, if it stands still."""
        if self.worker.running:
            self.worker.process.send_signal(signal.SIGCONT)
