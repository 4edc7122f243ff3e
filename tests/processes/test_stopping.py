"""A worker that is told to end while a step takes longer than it may: nobody repeats the step beside it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.crew import Crew, until
from tests.processes.harness import Managed

pytestmark = pytest.mark.processes

IMPATIENT = "import app.worker.main as worker; worker.SHUTDOWN_SECONDS = 1.0; from app.cli.main import main; main()"


@pytest.fixture
def crew(database_url: str, tmp_path: Path) -> Iterator[Crew]:
    """A crew whose one worker gives its steps a second to end."""
    crew = Crew(database_url, tmp_path)
    crew.worker.kill()
    crew.worker = Managed("worker", [sys.executable, "-c", IMPATIENT, "worker"], crew.desk.environment, "worker.ready")
    crew.desk.processes.append(crew.worker)
    crew.worker.start()
    yield crew
    crew.close()


def test_a_step_that_does_not_end_in_time_ends_with_its_worker(crew: Crew) -> None:
    run = crew.start(hold=("apply",))
    crew.approve(run)
    crew.reached(run, "apply")
    crew.desk.worker()
    crew.worker.process.terminate()
    assert crew.worker.wait() == 75
    assert "worker.unfinished" in crew.worker.logs
    until(lambda: crew.effects(run)["apply"] == 2, 5.0, "the other takes the run up")
    crew.release(run, "apply")
    crew.whole(run)
