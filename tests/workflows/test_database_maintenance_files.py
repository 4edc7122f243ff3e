"""Files that a run's input names: only those inside the operator's directory are read or written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import MaintenanceRun, Shop
from workflows.database_maintenance import WORKFLOW, backup
from workflows.database_maintenance.files import OutsideError, base_directory, inside
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import TargetError
from workflows.database_maintenance.sample import SAMPLE_WORKLOAD, sample_workload
from workflows.database_maintenance.workload import WorkloadError, load_workload

Maintenance = Callable[[dict[str, Any]], MaintenanceRun]
BY_CODE = "shipment by tracking code"


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's directory, beside a folder of somebody else's with a workload in it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret.json").write_text('["SELECT 1"]')
    directory = tmp_path / "allowed"
    (directory / "team").mkdir(parents=True)
    (directory / "team" / "slow.json").write_text('["SELECT 1"]')
    (directory / "link.json").symlink_to(elsewhere / "secret.json")
    (directory / "linked").symlink_to(elsewhere)
    (directory / "circle").symlink_to(directory / "circle")
    (directory / "latest.json").symlink_to(directory / "team" / "slow.json")
    monkeypatch.setenv("ASSENT_MAINTENANCE_DIR", str(directory))
    return directory


OUTSIDE = [
    "../elsewhere/secret.json",
    "team/../../elsewhere/secret.json",
    "../allowed-too/secret.json",
    "/etc/secret.json",
    "ABSOLUTE",
    "link.json",
    "linked/secret.json",
    "linked/missing.json",
]


def named(name: str, allowed: Path) -> str:
    return str(allowed.parent / "elsewhere" / "secret.json") if name == "ABSOLUTE" else name


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_leads_out_is_neither_read_nor_written(name: str, allowed: Path) -> None:
    with pytest.raises(OutsideError, match="ASSENT_MAINTENANCE_DIR"):
        inside(named(name, allowed))
    with pytest.raises(WorkloadError, match="outside the directory") as caught:
        load_workload(named(name, allowed), "postgres")
    assert "SELECT" not in str(caught.value)
    settings = MaintenanceInput(target="shop", backup_directory=named(name, allowed))
    with pytest.raises(TargetError, match="outside the directory"):
        backup.directory(settings)


@pytest.mark.parametrize("name", ["circle/x.json", "a\0.json", "~/x.json", "x" * 5000 + ".json", "x/" * 5000 + ".json"])
def test_names_that_no_file_can_have_are_refused_in_words(name: str, allowed: Path) -> None:
    with pytest.raises(WorkloadError) as caught:
        load_workload(name, "postgres")
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 6000


@pytest.mark.parametrize("name", ["team/slow.json", "./team/../team/slow.json", "latest.json", "ABSOLUTE"])
def test_what_stays_inside_is_read(name: str, allowed: Path) -> None:
    name = str(allowed / "team" / "slow.json") if name == "ABSOLUTE" else name
    queries, _ = load_workload(name, "postgres")
    assert [query.sql for query in queries] == ["SELECT 1"]


def test_a_folder_or_a_pipe_is_no_workload(allowed: Path) -> None:
    os.mkfifo(allowed / "pipe.json")
    (allowed / "folder.sql").mkdir()
    for name in ("pipe.json", "folder.sql", "missing.sql"):
        with pytest.raises(WorkloadError, match=f"no workload file {name}"):
            load_workload(name, "postgres")


def test_the_directory_itself_may_be_a_link(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = allowed.parent / "by-link"
    link.symlink_to(allowed)
    monkeypatch.setenv("ASSENT_MAINTENANCE_DIR", str(link))
    assert inside("team/slow.json") == inside(str(link / "team" / "slow.json"))


def test_the_default_is_in_the_data_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSENT_MAINTENANCE_DIR", "")
    monkeypatch.setenv("ASSENT_DATA_DIR", str(tmp_path / "data"))
    assert base_directory() == tmp_path / "data" / "maintenance"
    default = backup.directory(MaintenanceInput(target="shop"))
    assert default == (tmp_path / "data" / "maintenance" / "backups").resolve()


@pytest.mark.parametrize("field", ["workload", "backup_directory"])
@pytest.mark.parametrize("name", ["../elsewhere/secret.json", "/etc/secret.json", "link.json"])
def test_a_run_that_names_something_outside_stops_at_its_health_check(
    field: str, name: str, allowed: Path, shop: Shop, maintenance: Maintenance
) -> None:
    before = sorted(path.name for path in (allowed.parent / "elsewhere").iterdir())
    run = maintenance(shop.input(BY_CODE, **{field: name}, backup_required=False)).start()
    assert run.steps == ["health", "report"] and run.values["status"] == "unhealthy"
    check = next(check for check in run.values["health"]["checks"] if check["name"] == "named_files")
    assert not check["ok"] and "is outside the directory" in check["message"]
    assert check["message"] in run.values["report"] and "Traceback" not in run.values["report"]
    assert sorted(path.name for path in (allowed.parent / "elsewhere").iterdir()) == before


def test_the_examples_name_what_the_demo_makes(allowed: Path) -> None:
    sample_workload(inside(SAMPLE_WORKLOAD), orders=1000)
    for example in WORKFLOW.examples:
        settings = MaintenanceInput.model_validate(example)
        assert load_workload(settings.workload, "postgres")[0]
    for example in MaintenanceInput.model_json_schema()["properties"]["workload"]["examples"]:
        assert load_workload(example, "postgres")[0]
    assert json.loads((allowed / SAMPLE_WORKLOAD).read_text())["queries"]
