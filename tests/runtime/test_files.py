"""Steps read uploaded files, on whatever worker, and none but those of their own run."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.errors import InvalidInputError
from app.domain.people import Actor
from app.services.files.uploads import Files
from assent.contracts import Verdict
from assent.files import FileError, open_file, reference_to
from tests.runtime.rig import Rig

CONTENT = bytes(range(256)) * 10_000


def uploaded(rig: Rig, content: bytes = CONTENT, complete: bool = True, by: Actor | None = None) -> str:
    files: Files = rig.services.files
    uploader = by or rig.starter
    file = files.begin(uploader, "orders.csv", len(content))
    for start in range(0, len(content), files.rules.part_bytes):
        files.put(uploader, file.id, start, content[start : start + files.rules.part_bytes])
    if complete:
        files.complete(uploader, file.id)
    return file.id


def test_a_step_reads_the_file_of_the_input(rig: Rig) -> None:
    run_id = rig.begin("test_reader", report=reference_to(uploaded(rig)))
    result = rig.finish(run_id)
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (result["name"], result["size"], result["sha256"]) == ("orders.csv", len(CONTENT), digest)
    assert result["by_path"] == digest
    # Two steps have opened it, in many pieces, and the audit log says so once.
    opened = rig.sql("select from audit_entries where action = 'file.opened' and run_id = :run", run=run_id)
    assert len(opened) == 1


def test_a_run_cannot_begin_with_a_file_that_is_not_there_or_not_complete(rig: Rig) -> None:
    for file_id in (uploaded(rig, complete=False), "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(InvalidInputError) as refusal:
            rig.begin("test_reader", report=reference_to(file_id))
        assert list(refusal.value.extra["fields"]) == ["input.report"]


def test_somebody_elses_file_is_no_file_of_ones_own_until_a_run_uses_it(rig: Rig) -> None:
    reference = reference_to(uploaded(rig))
    with pytest.raises(InvalidInputError):
        rig.runs.start(rig.reviewer, "test_reader", {"effects": "", "report": reference})
    rig.begin("test_reader", report=reference)
    rig.runs.start(rig.reviewer, "test_reader", {"effects": "", "report": reference})


def test_a_step_cannot_open_a_file_that_its_run_does_not_name(rig: Rig) -> None:
    run_id = rig.begin("test_reader", advance=False, report=reference_to(uploaded(rig)))
    rig.sql("delete from run_files where run_id = :run", run=run_id)
    rig.advance(run_id)
    assert "names the file" in str(rig.run(run_id).error or rig.pending(run_id)[0].payload)


def test_steps_read_the_files_that_people_name_in_decisions(rig: Rig) -> None:
    run_id = rig.begin("test_choice")
    shared, own = uploaded(rig, b"shared"), uploaded(rig, b"own", by=rig.reviewer)
    change = {"calls": [{"id": "second", "args": {"file": reference_to(shared)}}]}
    with pytest.raises(InvalidInputError) as refusal:  # nobody but the starter sees that file
        rig.decide(rig.only(run_id), Verdict.MODIFY, change=change)
    assert list(refusal.value.extra["fields"]) == ["calls.second.args.file"]

    first, second = uploaded(rig, b"1", by=rig.reviewer), uploaded(rig, b"2", by=rig.reviewer)
    calls = {"first": reference_to(first), "second": reference_to(second)}
    change = {"calls": [{"id": call, "args": {"file": reference}} for call, reference in calls.items()]}
    rig.decide(rig.only(run_id), Verdict.MODIFY, change=change)
    rig.advance(run_id)
    request = rig.only(run_id)
    with pytest.raises(InvalidInputError) as refusal:
        rig.answer(request, {"file": reference_to(uploaded(rig, complete=False, by=rig.reviewer))})
    assert list(refusal.value.extra["fields"]) == ["answer.file"]
    rig.answer(request, {"file": reference_to(own)})
    rig.advance(run_id)
    result = rig.finish(run_id)
    assert (result["imported"], result["answered"]) == ("1 2", "own")
    assert {file.id for file in rig.services.files.used_by(run_id)} == {first, second, own}


def test_content_that_has_changed_is_not_read(rig: Rig) -> None:
    file_id = uploaded(rig)
    run_id = rig.begin("test_reader", advance=False, report=reference_to(file_id))
    rig.sql("update file_chunks set content = content || 'x' where file_id = :file and start > 0", file=file_id)
    rig.advance(run_id)
    assert "changed since" in str(rig.run(run_id).error or rig.pending(run_id)[0].payload)


def test_outside_of_the_portal_a_text_is_a_path(tmp_path) -> None:
    (tmp_path / "orders.csv").write_bytes(b"a,b")
    with open_file(str(tmp_path / "orders.csv")) as file:
        assert (file.name, file.size, file.stream.read(), file.path.read_bytes()) == ("orders.csv", 3, b"a,b", b"a,b")
    for missing in (str(tmp_path / "none"), reference_to("00000000-0000-0000-0000-000000000000")):
        with pytest.raises(FileError):
            open_file(missing)


def test_a_step_reads_a_file_of_the_operators_folder(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, secret = tmp_path / "inputs", tmp_path / "secret"
    folder.mkdir()
    (folder / "orders.csv").write_bytes(CONTENT)
    secret.write_text("swordfish")
    (folder / "out").symlink_to(secret)
    monkeypatch.setattr(rig.services.files, "rules", replace(rig.services.files.rules, input_folders=(folder,)))
    result = rig.finish(rig.begin("test_reader", report=str(folder / "orders.csv")))
    assert (result["name"], result["sha256"]) == ("orders.csv", hashlib.sha256(CONTENT).hexdigest())
    assert result["by_path"] == result["sha256"]
    for path in (str(secret), str(folder / "out"), "assent-file:1"):
        with pytest.raises(InvalidInputError) as refusal:
            rig.begin("test_reader", report=path)
        assert list(refusal.value.extra["fields"]) == ["input.report"]
    # A link that is put there once the run has begun leads nowhere either.
    run_id = rig.begin("test_reader", advance=False, report=str(folder / "orders.csv"))
    (folder / "orders.csv").unlink()
    (folder / "orders.csv").symlink_to(secret)
    rig.advance(run_id)
    assert "does not lead into a folder" in str(rig.run(run_id).error or rig.pending(run_id)[0].payload)
