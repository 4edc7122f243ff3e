"""`assent run erase` and `assent files delete`: shown first, confirmed, and refused while a run needs it."""

from __future__ import annotations

from click.testing import CliRunner

from app.cli.main import cli
from app.domain.lifecycle import RunState
from app.domain.people import Actor, Role, Via
from app.services.bundle import Services
from app.store.files import FileUse, StoredFile
from tests.cli.conftest import Told
from tests.factories import make_person, make_run


def used_file(services: Services, state: RunState) -> tuple[StoredFile, str]:
    owner = make_person(services.sessions, "Uploader", [Role.REVIEWER])
    file = services.files.begin(owner.as_actor(Via.PAGE), "hosts.csv", 0)
    run = make_run(services.sessions, owner, state)
    with services.sessions.begin() as session:
        session.add(FileUse(run_id=run.id, file_id=file.id))
    return file, run.id


def test_a_file_with_what_is_derived_from_it(services: Services, told: Told) -> None:
    file, run_id = used_file(services, RunState.COMPLETED)
    assert "add --derived" in told("files", "delete", file.id, code=1)
    said = CliRunner().invoke(cli, ["files", "delete", file.id, "--derived"], input="n\n")
    assert said.exit_code == 1 and "hosts.csv" in said.output and run_id in said.output
    told("files", "delete", file.id, "--derived", "--yes")
    assert services.erasure.preview(make_admin(services), run_id).deleted == []


def test_a_live_run_blocks_it(services: Services, told: Told) -> None:
    file, run_id = used_file(services, RunState.SUSPENDED)
    assert "has not ended" in told("files", "delete", file.id, "--derived", "--yes", code=1)
    assert "has not ended" in told("run", "erase", run_id, "--yes", code=1)


def make_admin(services: Services) -> Actor:
    return make_person(services.sessions, "Operator on call", [Role.ADMIN]).as_actor(Via.PAGE)
