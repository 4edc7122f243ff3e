"""One bad workflow stops no other: it is listed as broken, and can be mended."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import ConflictError
from app.domain.people import Role, Via
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from tests import broken_flows
from tests.factories import make_person
from tests.processes.harness import Desk

pytestmark = pytest.mark.processes


@pytest.fixture
def services(database_url: str) -> Iterator[Services]:
    """The use cases on the database of the processes."""
    services = build_services(make_engine(database_url, application_name="assent tests"))
    yield services
    services.engine.dispose()


def ready(desk: Desk) -> Any:
    with urllib.request.urlopen(f"{desk.url}/readyz", timeout=30) as answer:
        return json.load(answer)


def ended(services: Services, run_id: str) -> Any:
    """The run, once it has come to its end."""
    deadline = time.monotonic() + 60
    while (run := services.runs.recent(limit=200)) and next(r for r in run if r.id == run_id).finished_at is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return next(r for r in run if r.id == run_id)


def test_one_bad_workflow_stops_no_other(database_url: str, tmp_path: Path, services: Services) -> None:
    starter = make_person(services.sessions, "Release engineer", [Role.REVIEWER]).as_actor(Via.PAGE)
    effects = tmp_path / "effects"
    effects.touch()
    with Desk(database_url, tmp_path, ASSENT_WORKFLOWS=broken_flows.ALL) as desk:
        worker = desk.worker()
        desk.web()
        assert [entry.name for entry in services.runs.catalog()] == ["good"]
        good = services.runs.start(starter, "good", {"effects": str(effects)})
        assert ended(services, good.id).state == "completed"

        told = services.runs.broken()
        assert set(told) == set(broken_flows.SAID)
        for name, words in broken_flows.SAID.items():
            assert words in told[name], (name, told[name])
        assert broken_flows.SECRET not in str(told) and broken_flows.SECRET not in worker.logs
        seen = ready(desk)
        assert seen["status"] == "ok" and seen["broken_workflows"] == told
        assert "worker.broken" not in worker.logs and worker.running

        # Mended, it is there at once, and nobody reads of what a worker said that is gone.
        worker.kill()
        worker.start(ASSENT_TEST_MODEL_KEY="set")
        assert "keyless" not in services.runs.broken() and "keyless" not in ready(desk)["broken_workflows"]
        run = services.runs.start(starter, "keyless", {"effects": str(effects)})
        assert ended(services, run.id).state == "completed"

        # Broken again: its runs fail with words, and can be retried where it is mended.
        worker.kill()
        held = services.runs.start(starter, "keyless", {"effects": str(effects)})
        worker.start()
        failed = ended(services, held.id)
        assert failed.state == "failed" and "“keyless” is broken" in str(failed.error)
        with services.sessions.begin() as session:
            session.connection().exec_driver_sql(
                "update workflow_offers set seen_at = now() - interval '61 s' where name = 'keyless' and error = ''"
            )
        with pytest.raises(ConflictError, match="is broken: KeyError"):
            services.runs.start(starter, "keyless", {"effects": str(effects)})
        worker.kill()
        worker.start(ASSENT_TEST_MODEL_KEY="set")
        services.runs.retry(starter, held.id)
        assert ended(services, held.id).state == "completed"
