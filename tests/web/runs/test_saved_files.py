"""Files that a run has saved: on its page, over the API, and to be downloaded by everybody who sees the run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from flask import Flask

from app.domain.lifecycle import RunState
from app.services.bundle import Services
from app.store.record import AuditEntry
from app.store.runs import Artifact
from assent.files import reference_to
from tests.factories import Caller, make_person, make_run, save_run_file
from tests.web.browsing import Browser

CONTENT = b"PK" + bytes(range(256)) * 4_000
NAME = "Paket für März <b>.zip"


def read_entries(services: Services, file_id: str) -> list[AuditEntry]:
    """The entries of the audit log for downloads of a file."""
    with services.sessions() as session:
        entries = session.query(AuditEntry).where(AuditEntry.action == "file.read").order_by(AuditEntry.seq).all()
    return [entry for entry in entries if entry.detail["file_id"] == file_id]


def test_an_artifact_s_download_is_on_the_audit_log(services: Services, browse: Callable[[str], Browser]) -> None:
    run = make_run(services.sessions)
    with services.sessions.begin() as session:
        session.add(Artifact(run_id=run.id, name="report.md", media_type="text/markdown", content="# Hosts"))
    browse("viewer").get(f"/runs/{run.id}/artifacts/report.md")
    with services.sessions() as session:
        [entry] = session.query(AuditEntry).where(AuditEntry.run_id == run.id).all()
    assert (entry.action, entry.detail["artifact"]) == ("run.artifact_read", "report.md")
    assert entry.source == "127.0.0.1" and entry.detail["client"].startswith("Werkzeug/")
    page = browse("auditor").get("/audit?action=run.artifact_read").text
    assert "downloaded an artifact" in page and "Werkzeug/" in page and "127.0.0.1" in page


def test_a_run_s_page_lists_its_files(services: Services, browse: Callable[[str], Browser]) -> None:
    run = make_run(services.sessions, state=RunState.RUNNING, attempt=1)
    viewer = browse("viewer")
    assert not viewer.get(f"/runs/{run.id}").one("section", id="run-files").all("li")
    file = save_run_file(services, run, NAME, CONTENT)
    page = viewer.get(f"/runs/{run.id}")
    listed = page.one("section", id="run-files")
    assert NAME in listed.text and "1.0 MB" in listed.text and hashlib.sha256(CONTENT).hexdigest() in listed.text
    assert NAME not in page.one("details", id="run-input").text
    viewer.get(listed.one("a").attributes["href"])
    assert viewer.response is not None and viewer.response.data == CONTENT
    assert viewer.response.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''Paket%20f")
    assert viewer.response.headers["X-Content-Type-Options"] == "nosniff"
    assert viewer.response.mimetype == "application/octet-stream"
    browse("anonymous").get(f"/files/{file.id}/content", 303)
    [entry] = read_entries(services, file.id)
    assert (entry.actor_name, entry.source, entry.run_id) == (viewer.person.name, "127.0.0.1", run.id)
    assert entry.detail["client"].startswith("Werkzeug/") and entry.detail["file"] == NAME


@pytest.mark.parametrize("size", [0, len(CONTENT)])
def test_programs_download_it(app: Flask, services: Services, size: int) -> None:
    run = make_run(services.sessions, state=RunState.RUNNING, attempt=1)
    file = save_run_file(services, run, NAME, CONTENT[:size])
    caller = Caller(app, make_person(services.sessions))
    [listed] = caller.get(f"/api/v1/runs/{run.id}").json["files"]
    assert (listed["name"], listed["size"], listed["sha256"]) == (NAME, size, file.sha256)
    about = caller.get(f"/api/v1/files/{file.id}").json
    assert (about["run_id"], about["owner_name"], about["reference"]) == (run.id, "", reference_to(file.id))
    answer = caller.get(f"/api/v1/files/{file.id}/content")
    assert (answer.status_code, answer.data) == (200, CONTENT[:size])
    assert answer.headers["Content-Disposition"].startswith("attachment")
    [entry] = read_entries(services, file.id)
    assert (entry.via, entry.source, entry.detail["size"]) == ("api", "127.0.0.1", size)
    assert caller.delete(f"/api/v1/files/{file.id}").status_code == 404
    begun = caller.post("/api/v1/files", {"name": "orders.csv", "size": 3}).json["id"]
    refused = caller.get(f"/api/v1/files/{begun}/content")
    assert (refused.status_code, refused.json["code"]) == (409, "conflict")


def test_working_files_are_offered_to_nobody(app: Flask, services: Services, browse: Callable[[str], Browser]) -> None:
    run = make_run(services.sessions, state=RunState.RUNNING, attempt=1)
    save_run_file(services, run, ".table.arrow", CONTENT)
    assert not browse("viewer").get(f"/runs/{run.id}").one("section", id="run-files").all("li")
    assert Caller(app, make_person(services.sessions)).get(f"/api/v1/runs/{run.id}").json["files"] == []
    assert [file.name for file in services.saved_files.of(run.id)] == [".table.arrow"]
