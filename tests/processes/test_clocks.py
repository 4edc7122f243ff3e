"""Workers and web processes whose clocks differ: each step after a gate runs once, and each question is asked once."""

from __future__ import annotations

import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from app.domain.people import Role, Via
from assent.contracts import Verdict
from tests.factories import csrf_token, make_person, make_sign_in, session_cookie
from tests.processes.crash_flows import GATES
from tests.processes.crew import SOON, Crew, until
from tests.processes.harness import SECRET_KEY, Managed

pytestmark = pytest.mark.processes
BEHIND, AHEAD = -180.0, 180.0
DIFFERENCES = [AHEAD, *(pytest.param(seconds, marks=pytest.mark.soak) for seconds in (-3.0, 3.0, BEHIND))]


@pytest.fixture(scope="module")
def module_crew(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for the module; use `crew`."""
    crew = Crew(module_database_url, tmp_path_factory.mktemp("crew"))
    yield crew
    crew.close()


@pytest.fixture
def crew(module_crew: Crew) -> Iterator[Crew]:
    """The module's crew with one worker at work, whose clock is right."""
    if not module_crew.worker.running:
        module_crew.worker.start()
    yield module_crew
    module_crew.continued()


@pytest.fixture(scope="module", params=DIFFERENCES)
def other(module_crew: Crew, request: pytest.FixtureRequest) -> Iterator[Managed]:
    """A second worker, whose clock is off."""
    worker = module_crew.desk.worker(ahead=request.param)
    yield worker
    worker.kill()


def decide_at_once(crew: Crew, runs: list[str], most: int = GATES) -> Counter[str]:
    """Approve whatever a run asks in the moment it asks, until each has asked so often, or has ended."""
    decided: dict[str, str] = {}
    asked: Counter[str] = Counter()
    deadline = time.monotonic() + SOON
    while any(asked[run] < most and not crew.run(run).finished_at for run in runs):
        assert time.monotonic() < deadline, asked
        for request in [request for run in runs for request in crew.services.checkpoints.pending(run)]:
            run = str(request.run_id)
            if request.id not in decided and asked[run] < most:
                crew.decide(request, Verdict.APPROVE)
                decided[request.id] = run
                asked[run] += 1
        time.sleep(0.005)
    return asked


def each_thing_once(crew: Crew, run: str) -> None:
    """All gates were asked, and all steps ran, once each and in their order."""
    crew.finished(run)
    lines = Path(crew.run(run).input["effects"]).read_text().splitlines()
    assert lines == [f"{what} {number}" for number in range(GATES) for what in ("approved", "acted")]
    crew.once(run, words=GATES)


def test_two_workers_whose_clocks_differ_do_each_thing_once(crew: Crew, other: Managed) -> None:
    runs = [crew.start("many_gates") for _ in range(4)]
    decide_at_once(crew, runs)
    for run in runs:
        each_thing_once(crew, run)


def test_a_run_that_goes_from_one_clock_to_the_other_does_each_thing_once(crew: Crew, other: Managed) -> None:
    run = crew.start("many_gates")
    for number in range(GATES):
        request = crew.pending(run)
        until(lambda: crew.jobs(run) == [], what="the worker that asked has put the run down")
        resting = (crew.worker, other)[number % 2]
        resting.process.send_signal(signal.SIGSTOP)
        try:
            crew.decide(request, Verdict.APPROVE)
            until(lambda old=request.id: old not in [request.id for request in crew.services.checkpoints.pending(run)]
                  and (crew.run(run).finished_at or crew.services.checkpoints.pending(run)))  # fmt: skip
        finally:
            resting.process.send_signal(signal.SIGCONT)
    each_thing_once(crew, run)
    assert len(set(crew.aside(run, "workers").read_text().split())) == 2


def test_a_job_is_tried_again_and_put_back_by_the_databases_time(crew: Crew, other: Managed) -> None:
    """A worker that is ahead must not make others wait until their clocks have come so far."""
    other.stop()  # so that it is the first that takes the run
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    crew.stopped()
    other.start()
    crew.sql("update procrastinate_jobs set worker_id = null where lock = %s", f"run:{run}")
    attempts = "select attempts, extract(epoch from scheduled_at - now()) from procrastinate_jobs where lock = %s"
    until(lambda: crew.sql(attempts, f"run:{run}")[0][0] >= 2, what="the other finds the run held, twice")
    assert all(waits is None or waits < 1 for _, waits in crew.sql(attempts, f"run:{run}"))
    crew.continued()
    crew.release(run, "apply")
    crew.whole(run)
    assert crew.effects(run) == {"propose": 1, "apply": 1, "last": 1}
    dated = "select bool_and(abs(extract(epoch from at - now())) < 100) from events where run_id = %s"
    assert crew.sql(dated, run) == [(True,)], "what happened is dated by one clock"


@pytest.mark.parametrize("ahead", [(0.0, BEHIND), pytest.param((AHEAD, BEHIND), marks=pytest.mark.soak)], ids=str)
def test_a_worker_that_is_replaced_by_one_whose_clock_is_behind(crew: Crew, ahead: tuple[float, float]) -> None:
    worker = crew.worker
    if ahead[0]:
        worker.kill()
        worker = crew.desk.worker(ahead=ahead[0])
    runs = [crew.start("many_gates") for _ in range(2)]
    decide_at_once(crew, runs, most=2)
    for run in runs:
        crew.pending(run)
    worker.kill()
    worker = crew.desk.worker(ahead=ahead[1])
    decide_at_once(crew, runs, most=GATES - 2)
    for run in runs:
        each_thing_once(crew, run)
    worker.kill()


@pytest.mark.parametrize("days", [2, pytest.param(-2, marks=pytest.mark.soak)])
def test_over_a_web_process_whose_clock_is_off_people_sign_in_and_decide(crew: Crew, days: int) -> None:
    """Links, sessions, and deadlines are written by one process and read by another."""
    request = crew.pending(crew.start())
    people, admin = crew.services.people, make_person(crew.services.sessions, "Admin", [Role.ADMIN])
    link = people.make_link(admin.as_actor(Via.PAGE), crew.reviewer.id)
    web = crew.desk.web(ahead=timedelta(days=days).total_seconds())
    assert requests.get(f"{crew.desk.url}/sign-in/{link}", timeout=SOON).status_code == 200, "the link is still good"
    browser, csrf = requests.Session(), secrets.token_hex(20)
    session = make_sign_in(crew.services.sessions, crew.reviewer_person)
    browser.cookies.set("assent_session", session_cookie(SECRET_KEY, session, csrf))
    browser.headers["X-CSRFToken"] = csrf_token(SECRET_KEY, csrf)
    answer = browser.post(
        f"{crew.desk.url}/api/v1/approvals/{request.id}/decisions", timeout=SOON,
        json={"verdict": "approve", "digest": request.digest, "comment": "So it is."},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    crew.finished(str(request.run_id))
    crew.once(str(request.run_id))
    dated = "select abs(extract(epoch from at - now())) < 100 from decisions where request_id = %s"
    assert crew.sql(dated, request.id) == [(True,)]
    web.kill()
