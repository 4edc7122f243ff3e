"""Taking a job of the queue together with its run: once, in its turn, or not at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.run_protocol import Job, JobNotTakenError, Journal, RunBusyError, RunSnapshot
from tests.services.desk import Desk


def jobs(desk: Desk, run_id: str) -> list[Any]:
    """The queue's rows for a run, oldest first."""
    with desk.engine.connect() as connection:
        query = text("select id, status, worker_id from procrastinate_jobs where args->>'run_id' = :run order by id")
        return list(connection.execute(query, {"run": run_id}))


@pytest.fixture
def worker(desk: Desk) -> int:
    """A worker that the queue knows."""
    with desk.engine.begin() as connection:
        made = "insert into procrastinate_workers default values returning id"
        return int(connection.execute(text(made)).scalar_one())


def decided(desk: Desk) -> str:
    """A run that a decision has woken."""
    request = desk.open()
    desk.decide(request, desk.person())
    assert request.run_id is not None
    return request.run_id


def test_of_many_that_try_one_gets_the_job_and_the_run(desk: Desk, worker: int) -> None:
    run = decided(desk)
    [job] = jobs(desk, run)

    def attempt(_: int) -> RunSnapshot | None:
        try:
            return desk.progress.begin(run, None, Job(job.id, worker))
        except JobNotTakenError:
            return None

    with ThreadPoolExecutor(4) as several:
        taken = [job for job in several.map(attempt, range(8)) if job is not None]
    assert [job.attempt for job in taken] == [2]
    assert [(job.status, job.worker_id) for job in jobs(desk, run)] == [("doing", worker)]


def test_a_job_waits_for_the_one_before_it_of_the_same_run(desk: Desk, worker: int) -> None:
    run = decided(desk)
    with desk.engine.begin() as connection:
        again = text(
            "insert into procrastinate_jobs (queue_name, task_name, lock, args) "
            "select queue_name, task_name, lock, args from procrastinate_jobs where args->>'run_id' = :run"
        )
        connection.execute(again, {"run": run})
    first, second = jobs(desk, run)
    for _ in range(2):
        with pytest.raises(JobNotTakenError):
            desk.progress.begin(run, None, Job(second.id, worker))
        assert [job.status for job in jobs(desk, run)][-1] == "todo"
        if first.status == "todo":
            taken = desk.progress.begin(run, None, Job(first.id, worker))
            first = jobs(desk, run)[0]
    assert taken is not None and first.status == "doing"
    desk.progress.complete(taken.attempt, Journal(run, job=first.id), {})
    assert desk.progress.begin(run, None, Job(second.id, worker)) is None, "there is nothing to do any more"
    assert [(job.id, job.status) for job in jobs(desk, run)] == [(second.id, "doing")]


def test_a_job_whose_run_is_held_is_taken_and_comes_back(desk: Desk, worker: int) -> None:
    run = decided(desk)
    [job] = jobs(desk, run)
    with desk.engine.connect() as other:
        other.execute(text("select pg_advisory_lock(4711)"))
        assert desk.progress.begin(run, 4711) is not None
        with pytest.raises(RunBusyError):
            desk.progress.begin(run, 4712, Job(job.id, worker))
        other.execute(text("select pg_advisory_unlock(4711)"))
    assert [job.status for job in jobs(desk, run)] == ["doing"]


def test_a_job_that_waits_for_its_time_or_is_gone_is_not_taken(desk: Desk, worker: int) -> None:
    run = decided(desk)
    [job] = jobs(desk, run)
    with desk.engine.begin() as connection:
        connection.execute(
            text("update procrastinate_jobs set scheduled_at = now() + interval '1 hour' where id = :id"),
            {"id": job.id},
        )
    for number in (job.id, job.id + 1_000_000):
        with pytest.raises(JobNotTakenError):
            desk.progress.begin(run, None, Job(number, worker))
    assert desk.run_state(run) == "queued"
