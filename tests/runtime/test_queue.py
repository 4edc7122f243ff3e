"""Which job a worker takes: its turn, and what is announced and found at the same moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from app.domain.run_protocol import Job, JobNotTakenError, RunBusyError
from app.services.clock import system_clock
from app.worker.queue import RunQueue


class Jobs:
    """The queue's table with one job, which one statement gets hold of."""

    def __init__(self) -> None:
        self.free = True
        self.again: list[int] = []
        self.looks = 0

    async def fetch_job(self, queues: list[str], worker: int) -> Any:
        self.looks += 1
        if not self.free:
            return None
        self.free = False
        return SimpleNamespace(id=7, task_kwargs={"run_id": "run"})

    async def retry_job_by_id_async(self, job_id: int, **when: Any) -> None:
        self.again.append(job_id)


class Advancer:
    """Advances one run at a time; taking a job takes a trip to the database."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.busy = False
        self.advanced = 0

    async def advance(self, run_id: str, job: Job) -> bool:
        if self.busy:
            raise JobNotTakenError(run_id) if job.worker is not None else RunBusyError(run_id)
        self.busy = True
        try:
            await asyncio.sleep(0)
            if job.worker is not None:
                if not self.jobs.free:
                    raise JobNotTakenError(run_id)
                self.jobs.free = False
            self.advanced += 1
            return True
        finally:
            self.busy = False


def make(jobs: Jobs, workers: list[int]) -> tuple[RunQueue, Advancer]:
    advancer = Advancer(jobs)
    queue = RunQueue(jobs, None, advancer, 10, system_clock)  # type: ignore[arg-type]
    queue._worker, queue._workers = 1, workers
    return queue, advancer


async def until_done(queue: RunQueue) -> None:
    while queue._hand:
        await asyncio.wait(queue._hand)


def test_a_job_that_is_announced_and_found_at_the_same_moment_is_done_at_once() -> None:
    async def both() -> None:
        jobs = Jobs()
        queue, advancer = make(jobs, [1])
        queue.announce(7, "run")
        await queue._take_all()
        await until_done(queue)
        assert (advancer.advanced, jobs.again) == (1, []), "it was put off"

    asyncio.run(both())


def test_each_run_is_the_turn_of_one_worker_and_all_of_them_get_some() -> None:
    queue, _ = make(Jobs(), [1, 2, 3])
    turns: list[list[int]] = []
    for run_id in map(str, range(60)):
        turns.append([])
        for worker in (1, 2, 3):
            queue._worker = worker
            turns[-1] += [worker] * queue._is_mine(run_id)
    assert {len(workers) for workers in turns} == {1}
    assert {worker for [worker] in turns} == {1, 2, 3}


def test_another_workers_turn_is_left_to_it_for_a_moment() -> None:
    async def later() -> None:
        jobs = Jobs()
        queue, advancer = make(jobs, [2, 1])
        queue.announce(7, "run")
        assert not queue._hand and jobs.free, "this run is the other worker's"
        await asyncio.wait_for(queue._look.wait(), 5)
        await queue._take_all()
        await until_done(queue)
        assert advancer.advanced == 1, "that one did not come"

    asyncio.run(later())


def test_jobs_that_others_always_take_are_not_looked_for_each_time() -> None:
    async def busy() -> tuple[int, bool]:
        jobs = Jobs()
        queue, _ = make(jobs, [2, 1])
        jobs.free = False
        for _ in range(10):
            queue.announce(7, "run")
            if queue._later is None:
                break
            await asyncio.wait_for(queue._look.wait(), 5)
            queue._look.clear()
            await queue._take_all()
        looks = jobs.looks
        jobs.free = True
        await queue._take_all()
        await until_done(queue)
        jobs.free = False
        queue.announce(7, "run")
        return looks, queue._later is not None

    looks, soon = asyncio.run(busy())
    assert looks == 3, "polling finds what is left over then"
    assert soon, "a job was left, so this one may be, too"
