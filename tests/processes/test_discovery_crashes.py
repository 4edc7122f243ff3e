"""`kill -9` in every phase of asset discovery: no asset is lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assent.contracts import Verdict
from assent.files import reference_to
from tests.processes.crew import Crew
from tests.processes.discovery_flows import AFTER, ALL, STEPS, WITHIN

pytestmark = pytest.mark.processes
ROWS = [
    f"srv-{n:03};CZ{n:06};192.0.2.{n}{':22' * (n < 9)};{n % 8 + 1},5 GB;KST-{n % 5};App {n % 7}" for n in range(1, 201)
]
MACHINES = "\n".join(["Name;Serial number;IP;RAM;Zuordnung;Application", *ROWS])
HOSTS = json.dumps([{"host": f"SRV-{n:03}", "address": f"192.0.2.{n}"} for n in range(101, 221)])
ASSETS = {f"srv-{n:03}" for n in range(1, 221)}


@pytest.fixture(scope="module")
def crew(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """One crew for the module."""
    crew = Crew(module_database_url, tmp_path_factory.mktemp("crew"), ALL)
    yield crew
    crew.close()


def upload(crew: Crew, name: str, content: bytes) -> str:
    """Upload a file, and return its reference."""
    files = crew.services.files
    file = files.begin(crew.starter, name, len(content))
    files.put(crew.starter, file.id, 0, content)
    files.complete(crew.starter, file.id)
    return reference_to(file.id)


def begin(crew: Crew, folder: Path) -> str:
    """Start a run whose worker dies where the files in this folder say."""
    files = [upload(crew, "machines.csv", MACHINES.encode()), upload(crew, "hosts.json", HOSTS.encode())]
    given = {"files": files, "name": str(folder), "ask_mapping": "always", "ask_migration": True}
    return crew.services.runs.start(crew.starter, "asset_discovery", given).id


def see_through(crew: Crew, run_id: str) -> None:
    """Start the worker again whenever it has died, and approve what the run asks, until it has ended."""
    while crew.run(run_id).finished_at is None:
        if not crew.worker.running:
            crew.died()
            crew.worker.start()
        for request in crew.services.checkpoints.pending(run_id):
            crew.decide(request, Verdict.APPROVE)


@pytest.mark.parametrize("moment", [WITHIN, AFTER])
def test_no_asset_is_lost_or_doubled_wherever_the_worker_dies(crew: Crew, tmp_path: Path, moment: str) -> None:
    steps = [name for name in STEPS if name not in ("recleanse", "take_merges")]
    if moment == WITHIN:  # those that take over decisions have no progress
        steps = [name for name in steps if not name.startswith("take_")]
    for name in steps:
        (tmp_path / f"{moment}-{name}").touch()
    run_id = begin(crew, tmp_path)
    see_through(crew, run_id)
    run = crew.run(run_id)
    assert (run.state, run.error) == ("completed", None)
    assert list(tmp_path.iterdir()) == [], "the worker has died in every step"
    [file] = [file for file in crew.services.saved_files.of(run_id) if file.name == "inventory.json"]
    assets = json.loads(b"".join(crew.services.files.content(crew.reviewer, file.id)[1]))
    names = [asset["name"].lower() for asset in assets]
    assert len(names) == len(set(names)) and set(names) == ASSETS
    assert run.result["figures"]["validation"]["rows"] == 320
    requests = crew.sql("select title from approval_requests where run_id = %s", run_id)
    assert len(requests) == len(set(requests)), "nothing is asked twice"
