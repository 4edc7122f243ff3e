"""A run that is started at the command line may name files in the operator's folders, as on its page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.domain.people import Role
from app.services.bundle import Services
from assent.files import UploadedFile
from tests.cli.conftest import Told
from tests.factories import make_person, make_workflow


class Report(BaseModel):
    """A file."""

    orders: UploadedFile


def test_a_file_in_a_listed_folder(
    told: Told, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workflow(services.sessions, "test_report", input_schema=Report.model_json_schema())
    person = make_person(services.sessions, "Starter", [Role.REVIEWER])
    (tmp_path / "orders.csv").write_text("a,b")
    words = ("run", "start", "test_report", "--as", person.email, "--input")
    given = json.dumps({"orders": str(tmp_path / "orders.csv")})
    told(*words, given, code=1)
    monkeypatch.setenv("ASSENT_INPUT_FOLDERS", str(tmp_path))
    told(*words, given)
    told(*words, json.dumps({"orders": str(tmp_path / "none.csv")}), code=1)
