"""`kill -9` of the worker at every kind of moment, then a restart: nothing lost, nothing doubled, no person's help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from assent.contracts import Verdict
from tests.processes.crew import SOON, Crew, until
from tests.processes.harness import Managed

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def module_crew(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for the module; use `crew`."""
    crew = Crew(module_database_url, tmp_path_factory.mktemp("crew"))
    crew.sql("create table if not exists filled (request_id text primary key)")
    yield crew
    crew.close()


@pytest.fixture
def crew(module_crew: Crew) -> Iterator[Crew]:
    """The module's crew with one worker at work, whatever the test before has done to it."""
    if not module_crew.worker.running:
        module_crew.worker.start()
    yield module_crew
    module_crew.continued()
    for extra in module_crew.desk.processes[1:]:
        if extra.running:
            extra.kill()
    del module_crew.desk.processes[1:]


# The ten moments, and some more


@pytest.mark.parametrize("moment", ["propose", "gate"])
def test_killed_before_anything_was_asked(crew: Crew, moment: str) -> None:
    run = crew.start(die_at=moment)
    crew.died()
    assert not crew.services.checkpoints.pending(run)
    crew.worker.start()
    crew.approve(run)
    crew.whole(run)


@pytest.mark.parametrize("moment", ["after-answer", "apply", "half-applied", "applied", "reported", "last"])
def test_killed_after_the_answer(crew: Crew, moment: str) -> None:
    run = crew.start(die_at=moment)
    crew.approve(run)
    crew.died()
    crew.worker.start()
    crew.whole(run)
    assert crew.effects(run)["propose"] == 1, "what came before the gate is not repeated"


@pytest.mark.parametrize("written", [False, True], ids=["before the commit", "after the commit"])
def test_killed_while_suspending(crew: Crew, written: bool) -> None:
    """The thread gets the interrupt, the request opens, and the job ends in one write, or none of that happens.

    The lock is on the job, not on the run: what the step before writes would wait for the run as well.
    """
    interrupted = "select 1 from checkpoint_writes where thread_id = %s and channel = '__interrupt__'"
    run = crew.start(hold=("propose",))
    crew.reached(run, "propose")
    with crew.locked("select 1 from procrastinate_jobs where lock = %s for update", f"run:{run}"):
        crew.release(run, "propose")
        blocked = crew.blocked("'suspended'")
        crew.worker.kill()
        if not written:
            crew.terminate(blocked)
    if written:
        crew.pending(run)
        assert crew.sql(interrupted, run) and crew.jobs(run) == []
    else:
        assert not crew.services.checkpoints.pending(run) and not crew.sql(interrupted, run)
        assert [status for _, status, _ in crew.jobs(run)] == ["doing"], "the dead one's job blocks the run"
    crew.worker.start()
    crew.approve(run)
    crew.whole(run)


def test_killed_between_decision_and_resume(crew: Crew) -> None:
    run = crew.start()
    request = crew.pending(run)
    crew.stopped()
    crew.decide(request)
    crew.worker.kill()
    assert crew.run(run).state == "queued"
    crew.worker.start()
    crew.whole(run)


def test_killed_while_it_takes_the_job(crew: Crew) -> None:
    run = crew.start()
    request = crew.pending(run)
    until(lambda: crew.jobs(run) == [], what="the first job is done")
    crew.stopped()
    crew.decide(request)
    with crew.locked("select 1 from runs where id = %s for update", run):
        crew.continued()
        blocked = crew.blocked("'running'")
        # A job that was announced is taken in one write with its run; one that was found by looking is taken before.
        [(_, status, _)] = crew.jobs(run)
        assert status in ("todo", "doing")
        crew.worker.kill()
        crew.terminate(blocked)
    assert crew.run(run).state == "queued"
    crew.worker.start()
    crew.whole(run)


@pytest.mark.parametrize("written", [False, True], ids=["statement lost", "statement done"])
def test_killed_while_a_statement_runs(crew: Crew, written: bool) -> None:
    run = crew.start("crash_statement")
    request = crew.pending(run)
    with psycopg.connect(crew.url, autocommit=True, application_name="assent tests lock") as holder:
        holder.execute("select pg_advisory_lock(4711)")
        crew.decide(request, Verdict.APPROVE)
        blocked = waiting_statement(crew)
        crew.worker.kill()
        if not written:
            crew.terminate(blocked)
    filled = "select count(*) from filled where request_id = %s"
    if written:
        until(lambda: crew.sql(filled, request.id) == [(1,)], what="the server ends what the dead one began")
    crew.worker.start()
    crew.finished(run)
    assert crew.sql(filled, request.id) == [(1,)]
    crew.once(run)


def waiting_statement(crew: Crew) -> list[int]:
    """The backends in which the workflow's own statement waits."""
    query = "select pid from pg_stat_activity where wait_event = 'advisory' and query like '%%insert into filled%%'"
    return [pid for (pid,) in until(lambda: crew.sql(query), what="the statement runs")]


def test_killed_long_after_the_answer_in_the_gates_own_step(crew: Crew) -> None:
    """Until the step ends, LangGraph has not kept the answer; by then the portal has written down that it began."""
    run = crew.start(hold=("gate",))
    crew.approve(run)
    crew.reached(run, "gate")
    began = "select count(*) from events where run_id = %s and kind = 'step.started' and payload like '%%\"gate\"%%'"
    until(lambda: crew.sql(began, run) == [(2,)], what="the step's second start is noted")
    crew.worker.kill()
    crew.release(run, "gate")
    crew.worker.start()
    crew.whole(run)


def test_killed_while_a_step_fails(crew: Crew) -> None:
    run = crew.start("crash_fail", die_at="failing")
    crew.died()
    crew.worker.start()
    request = crew.pending(run)
    assert request.kind == "error"
    crew.aside(run, "mended").touch()
    crew.decide(request, Verdict.ANSWER, answer={"action": "retry"})
    crew.finished(run)
    crew.once(run)


# Hazard 7 and 8: others carry on


def test_another_worker_carries_on_long_before_the_dead_ones_heartbeat_is_missed(crew: Crew) -> None:
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    crew.desk.worker()
    crew.worker.kill()
    crew.release(run, "apply")
    # Meant to take less than five seconds, and here the machine is busy; by heartbeats it would take at least thirty.
    until(lambda: crew.effects(run)["apply"] == 2, 25.0, "the other takes the run up")
    crew.whole(run)


def test_a_worker_without_its_lease_ends_with_75_and_another_carries_on(crew: Crew) -> None:
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    held = (
        "select pid from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' "
        "and application_name = 'assent worker lease' and datname = current_database()"
    )
    leases = {pid for (pid,) in crew.sql(held)}
    crew.desk.worker()
    assert len(leases) == 1
    crew.terminate(list(leases))
    assert crew.worker.wait(10) == 75
    assert "lease_lost" in crew.worker.logs
    crew.release(run, "apply")
    crew.whole(run)


def test_a_lost_connection_to_the_database_is_no_fault_of_the_run(crew: Crew) -> None:
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    others = "select pid from pg_stat_activity where application_name in ('assent worker checkpoints', 'assent worker')"
    crew.terminate([pid for (pid,) in crew.sql(others)])
    crew.release(run, "apply")
    crew.whole(run)


def test_a_worker_that_only_looked_dead_is_not_doubled(crew: Crew) -> None:
    """It stands still, others believe it dead, and its job is taken from it; then it moves again."""
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    crew.stopped()
    other = crew.desk.worker()
    crew.sql("update procrastinate_jobs set worker_id = null where lock = %s", f"run:{run}")
    other.wait_for_log("job.rescued")
    attempts = "select max(attempts) >= 2 from procrastinate_jobs where lock = %s"
    until(lambda: crew.sql(attempts, f"run:{run}") == [(True,)], what="the other finds the run held, twice")
    assert crew.effects(run)["apply"] == 1
    crew.continued()
    crew.release(run, "apply")
    crew.whole(run)
    assert crew.effects(run) == {"propose": 1, "apply": 1, "last": 1}, "no step ran twice"


def test_a_worker_told_to_end_finishes_its_step_and_the_next_one_carries_on(crew: Crew) -> None:
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    mark = crew.worker.logs.count("worker.stopping")
    crew.worker.process.terminate()
    until(lambda: crew.worker.logs.count("worker.stopping") > mark, what="the worker has heard it")
    crew.release(run, "apply")
    assert crew.worker.wait() == 0
    assert crew.effects(run) == {"propose": 1, "apply": 1} and crew.run(run).state == "queued"
    crew.worker.start()
    crew.whole(run)
    assert crew.effects(run) == {"propose": 1, "apply": 1, "last": 1}, "no step ran twice"


@pytest.mark.parametrize("moment", ["reported", "last"])
def test_a_receipt_is_as_durable_as_its_step(crew: Crew, moment: str) -> None:
    """The outcome is known to have arrived long before the step reports, and the kill comes right after that."""
    run = crew.start(hold=("apply",), die_at=moment)
    crew.approve(run)
    crew.reached(run, "apply")
    until(lambda: crew.receipt(run), what="the delivery is noted")
    crew.release(run, "apply")
    crew.died()
    crew.worker.start()
    crew.whole(run)
    assert crew.receipt(run) == ("applied", True, "Created what was approved.")


# Hazard 11


def test_a_decision_in_the_moment_the_request_appears_just_works(crew: Crew) -> None:
    with psycopg.connect(crew.url, autocommit=True) as listener:
        listener.execute("listen assent_events")
        for _ in range(5):
            run = crew.start()
            opened = "select request_id from events where id = any(%s) and kind = 'request.opened' and run_id = %s"
            request = None
            while request is None:
                told = [notice.payload for notice in listener.notifies(timeout=SOON, stop_after=1)]
                assert told, "no event came"
                ids = [int(number) for payload in told for number in payload.split(",")]
                request = next(iter(crew.sql(opened, ids, run)), None)
            crew.decide(crew.pending(run))
            crew.whole(run)


# The same again and again


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(15))
def test_killed_at_any_moment(crew: Crew, seed: int) -> None:
    """Five runs at once, and a kill at a moment nobody chose, three times over."""
    chance = random.Random(seed)
    runs = [crew.start() for _ in range(5)]
    decided: set[str] = set()
    for _ in range(3):
        deadline = time.monotonic() + chance.uniform(0.05, 1.5)
        while time.monotonic() < deadline:
            decide_what_waits(crew, runs, decided)
        crew.worker.kill()
        crew.worker.start(wait=False)
    crew.worker.wait_for_log(crew.worker.ready)

    def all_done() -> bool:
        decide_what_waits(crew, runs, decided)
        return all(crew.run(run).finished_at for run in runs)

    until(all_done, 60, "all runs end")
    for run in runs:
        crew.whole(run)


def decide_what_waits(crew: Crew, runs: list[str], decided: set[str]) -> None:
    """Approve whatever is pending."""
    for run in runs:
        for request in crew.services.checkpoints.pending(run):
            assert request.id not in decided
            crew.decide(request)
            decided.add(request.id)
        time.sleep(0.005)


ENDS: dict[str, Callable[[Managed], object]] = {"kill": Managed.kill, "term": Managed.stop}


@pytest.mark.soak
@pytest.mark.parametrize("end", list(ENDS))
def test_restarts_in_a_row_while_runs_come_in(crew: Crew, end: str) -> None:
    runs: list[str] = []
    decided: set[str] = set()
    for _ in range(8):
        runs += [crew.start() for _ in range(3)]
        decide_what_waits(crew, runs, decided)
        ENDS[end](crew.worker)
        crew.worker.start()
    until(lambda: decide_what_waits(crew, runs, decided) or all(crew.run(run).finished_at for run in runs), 60)
    for run in runs:
        crew.whole(run)
