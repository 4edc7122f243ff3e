"""Steps save files: they belong to the run, once, whatever happens to the worker."""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.errors import NotFoundError
from app.domain.run_protocol import LostRunError
from app.services.files.saved import FileToSave
from app.services.files.uploads import Files
from app.store.files import StoredFile
from app.store.record import AuditEntry
from assent.contracts import Verdict
from assent.files import FileError, SavedFile, open_file, save_file
from tests.flows import FlowState, effect
from tests.runtime.rig import Rig
from tests.runtime.small_graphs import gate, install

CONTENT = bytes(range(256)) * 5_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def saving(name: str = "package.zip", content: bytes = CONTENT) -> Any:
    """A step that saves a file."""

    def save(state: FlowState) -> FlowState:
        effect(state, "save")
        saved = save_file(name, io.BytesIO(content))
        return {"answers": [f"{saved.reference} {saved.name} {saved.sha256} {saved.size}"]}

    return save


def read(state: FlowState) -> FlowState:
    """A step that reads the file that an earlier one has saved."""
    with open_file(state["answers"][-1].split()[0]) as file:
        effect(state, f"read {hashlib.sha256(file.stream.read()).hexdigest()}")
    return {}


def of(rig: Rig, run_id: str) -> list[StoredFile]:
    return rig.services.saved_files.of(run_id)


def content_of(rig: Rig, file: StoredFile) -> bytes:
    _, pieces = rig.services.files.content(rig.reviewer, file.id)
    return b"".join(pieces)


def test_what_a_step_saves_belongs_to_the_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "test_saving", save=saving(), read=read)
    run_id = rig.begin("test_saving")
    [file] = of(rig, run_id)
    assert (file.name, file.size, file.sha256, file.owner_id) == ("package.zip", len(CONTENT), DIGEST, "")
    assert f"read {DIGEST}" in rig.effects(run_id) and content_of(rig, file) == CONTENT
    assert rig.run(run_id).state == "completed"
    with rig.services.sessions() as session:
        [entry] = session.query(AuditEntry).where(AuditEntry.action == "file.saved", AuditEntry.run_id == run_id).all()
    assert entry.detail["sha256"] == DIGEST
    with pytest.raises(NotFoundError):  # it is nobody's own, so that nobody can delete it
        rig.services.files.delete(rig.starter, file.id)


def test_a_step_that_runs_again_saves_the_same_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[bool] = [True]

    def save_and_fail(state: FlowState) -> FlowState:
        done = saving()(state)
        if broken:
            broken.clear()
            raise OSError("the disk is full")
        return done

    install(rig, monkeypatch, "test_saving_twice", save=save_and_fail, read=read)
    run_id = rig.begin("test_saving_twice")
    [first] = of(rig, run_id)
    rig.answer(rig.only(run_id), {"action": "retry"})
    rig.advance(run_id)
    assert [file.id for file in of(rig, run_id)] == [first.id]
    assert rig.effects(run_id)["save"] == 2 and f"read {DIGEST}" in rig.effects(run_id)


def test_other_content_of_the_same_name_replaces_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def save_both(state: FlowState) -> FlowState:
        saving()(state)
        with pytest.raises(FileError, match="name"):
            save_file("a/b", io.BytesIO(b""))
        return saving(content=b"other")(state)

    install(rig, monkeypatch, "test_replacing", save=save_both, read=read)
    run_id = rig.begin("test_replacing")
    [file] = of(rig, run_id)
    assert content_of(rig, file) == b"other"
    assert rig.sql("select count(*) as n from files where run_id = :run", run=run_id)[0].n == 1
    assert rig.sql("select count(*) as n from file_chunks c join files f on f.id = c.file_id where f.run_id = :run",
                   run=run_id)[0].n == 1  # fmt: skip


def test_a_file_that_another_run_uses_stays_with_that_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "test_saving_first", save=saving(), gate=gate, again=saving(content=b"other"))
    run_id = rig.begin("test_saving_first")
    [file] = of(rig, run_id)
    user = rig.runs.start(rig.starter, "test_saving_first", {"effects": "", "text": ""})
    rig.sql("insert into run_files (run_id, file_id) values (:run, :file)", run=user.id, file=file.id)
    rig.decide(rig.only(run_id), Verdict.APPROVE)
    rig.advance(run_id)
    [newer] = of(rig, run_id)
    assert newer.id != file.id and content_of(rig, newer) == b"other"
    assert [used.id for used in rig.services.files.used_by(user.id)] == [file.id] and content_of(rig, file) == CONTENT


def wanted(run_id: str, attempt: int, content: bytes = CONTENT, name: str = "late.zip") -> FileToSave:
    pieces = (content[start : start + 1000] for start in range(0, len(content), 1000))
    return FileToSave(run_id, attempt, name, len(content), hashlib.sha256(content).hexdigest(), pieces)


def test_a_worker_that_has_lost_the_run_saves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    install(rig, monkeypatch, "test_saving_late", save=saving())
    run_id = rig.begin("test_saving_late", advance=False)
    rig.sql("update runs set state = 'running', attempt = 3 where id = :run", run=run_id)
    for attempt in (2, 4):
        with pytest.raises(LostRunError):
            rig.services.saved_files.save(wanted(run_id, attempt))

    def lost_meanwhile() -> Any:
        yield CONTENT[:1000]
        rig.sql("update runs set attempt = 4 where id = :run", run=run_id)
        yield CONTENT[1000:2000]

    found = replace(wanted(run_id, 3, CONTENT[:2000]), pieces=lost_meanwhile())
    with pytest.raises(LostRunError):
        rig.services.saved_files.save(found)
    assert of(rig, run_id) == []
    # What it has left makes room when the new worker saves the same file.
    rig.services.saved_files.save(wanted(run_id, 4, CONTENT[:2000]))
    assert [row.state for row in rig.sql("select state from files where run_id = :run", run=run_id)] == ["complete"]


@pytest.mark.parametrize("limit", ["per_person", "total"])
def test_limits_hold(rig: Rig, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    files: Files = rig.services.files
    used = 0 if limit != "total" else rig.sql("select coalesce(sum(greatest(size, 4096)), 0) as n from files")[0].n
    monkeypatch.setattr(files, "rules", replace(files.rules, **{limit: used + len(CONTENT)}))
    install(rig, monkeypatch, "test_saving_much", first=saving(), second=saving("second.zip", CONTENT + b"x"))
    run_id = rig.begin("test_saving_much")
    assert [file.name for file in of(rig, run_id)] == ["package.zip"]
    [request] = rig.pending(run_id)
    assert re.search("no room|has at most", request.payload["message"])


def test_what_is_made_of_the_largest_upload_may_be_larger(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    files: Files = rig.services.files
    monkeypatch.setattr(files, "rules", replace(files.rules, largest=len(CONTENT) - 1))
    install(rig, monkeypatch, "test_saving_large", save=saving())
    assert [file.size for file in of(rig, rig.begin("test_saving_large"))] == [len(CONTENT)]


def test_secrets_in_names_are_masked(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    install(rig, monkeypatch, "test_saving_secret", save=saving(f"{secret}.zip"))
    [file] = of(rig, rig.begin("test_saving_secret"))
    assert secret not in file.name and file.name.endswith(".zip")


def test_outside_of_the_portal_it_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "built").write_bytes(CONTENT)
    for _ in range(2):
        saved = save_file("package.zip", tmp_path / "built")
        assert saved == SavedFile(saved.reference, "package.zip", DIGEST, len(CONTENT))
        with open_file(saved.reference) as file:
            assert file.stream.read() == CONTENT
    for name, content in (("../x", tmp_path / "built"), ("x", tmp_path / "none")):
        with pytest.raises(FileError):
            save_file(name, content)
