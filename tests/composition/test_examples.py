"""The workflows in `examples/`, run on a folder of files, and the schema that editors check workflow files with."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from assent.composition import load_workflow
from assent.composition.document import duration
from assent.composition.editor_schema import editor_schema
from assent.composition.yaml_reader import read_tree
from assent.conformance import MisfitError, check_schema
from assent.contracts import ReceiptStatus, Verdict
from tests.composition.play import Play

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples" / "workflows").glob("*/workflow.yaml"))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the examples work on: two old files, and a new one."""
    folder = tmp_path / "archive"
    (folder / "2024").mkdir(parents=True)
    for name, size, days in (("2024/january.log", 50_000, 60), ("2024/february.log", 9_000, 40), ("today.log", 10, 0)):
        (folder / name).write_bytes(b"x" * size)
        os.utime(folder / name, (time.time() - days * 86_400,) * 2)
    monkeypatch.setenv("ASSENT_TARGET_ARCHIVE", str(folder))
    return folder


def run(name: str, **run_input: Any) -> Play:
    return Play(load_workflow(ROOT / "examples" / "workflows" / name), target="archive", **run_input)


def test_there_are_three() -> None:
    assert EXAMPLES == ["archive_old_files", "watch_disk_use", "weekly_cleanup"]


def test_old_files_are_compressed_as_far_as_people_approve(archive: Path) -> None:
    play = run("archive_old_files")
    [proposal] = play.proposals
    assert [call["args"]["name"] for call in proposal["calls"]] == ["2024/january.log", "2024/february.log"]
    play.decide(change=lambda payload: payload["calls"].pop(1))
    left = sorted(path.name for path in archive.rglob("*") if path.is_file())
    assert left == ["february.log", "january.log.gz", "today.log"]
    assert gzip.decompress((archive / "2024/january.log.gz").read_bytes()) == b"x" * 50_000
    assert play.result("compress")["output"][0]["name"] == "2024/january.log.gz"
    assert play.receipts[0].status is ReceiptStatus.APPLIED


def test_nothing_old_needs_nobody(archive: Path) -> None:
    play = run("archive_old_files", days=100)
    assert not play.asked and play.result("compress")["status"] == "skipped"


def test_a_report_is_written_above_the_limit(archive: Path) -> None:
    assert run("watch_disk_use", limit=5).result("report")["status"] == "skipped"
    play = run("watch_disk_use", note="As every week.")
    play.decide()
    written = (archive / "disk-use.md").read_text()
    assert written == "# Disk use of archive\n\n- 3 files with 0.06 MB\n- As every week.\n"


def test_the_composed_one_asks_at_both_gates(archive: Path) -> None:
    play = run("weekly_cleanup")
    play.decide()
    assert play.proposals[0]["args"]["lines"][1] == "2 old files were found, with 59000 bytes."
    play.decide(Verdict.REJECT)
    assert play.result("watch.report")["status"] == "rejected" and not (archive / "disk-use.md").exists()


def test_a_path_out_of_the_folder_is_refused(archive: Path) -> None:
    (archive / "link").symlink_to("/etc")
    play = run("archive_old_files")
    play.decide(change=lambda payload: payload["calls"][0]["args"].update(name="link/hostname"))
    assert "is not inside of archive" in play.proposals[0]["question"]
    assert Path("/etc/hostname").exists() or not Path("/etc/hostname.gz").exists()


# The schema for editors


def test_the_published_schema_is_that_of_the_code() -> None:
    published = (ROOT / "docs" / "workflow.schema.json").read_text()  # printed by bin/workflow-schema
    assert published == json.dumps(editor_schema(), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_fit_the_schema_and_name_it(name: str) -> None:
    file = ROOT / "examples" / "workflows" / name / "workflow.yaml"
    text = file.read_text()
    check_schema(read_tree(text).data, editor_schema(), "")
    mark = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / mark).resolve() == ROOT / "docs" / "workflow.schema.json"


def mistaken_fields() -> list[str]:
    """The files of the table of mistakes that are wrong in their fields, and not in what these refer to."""
    table = Path(__file__).with_name("mistakes.txt").read_text()
    cases = dict(part.split("\n", 1) for part in table.split("### ")[1:])
    head = cases.pop("HEAD")
    kinds = (
        "unknown field", "unknown step field", "missing fields", "version as number", "wrong type", "no value",
        "empty text", "bad workflow name", "bad id", "no target", "both targets", "bad choice", "gate choice",
        "bad duration", "duration without unit", "attempts", "retry unknown field", "group of one",
        "a step that is a text", "no steps",
    )  # fmt: skip
    return [cases[kind].split("===>\n")[0].replace("{HEAD}\n", head) for kind in kinds]


@pytest.mark.parametrize("text", mistaken_fields())
def test_mistakes_of_fields_do_not_fit_the_schema(text: str) -> None:
    with pytest.raises(MisfitError):
        check_schema(read_tree(text).data, editor_schema(), "")


@pytest.mark.parametrize("text", ["30s", "1.5h", "500 ms", "2min", "30", "s", "-5s", "1d", "1e3s"])
def test_the_schema_knows_the_same_durations(text: str) -> None:
    step = {"id": "a", "tool": "b", "timeout": text}
    document = {"name": "a", "version": "1", "title": "A", "steps": [step]}
    try:
        check_schema(document, editor_schema(), "")
    except MisfitError:
        assert duration(text) is None
    else:
        assert duration(text) is not None


def test_the_examples_have_no_mistakes_that_only_this_checkout_hides() -> None:
    """Each is complete with the folders beside it: tools of no other place are used."""
    from assent.toolbox.registry import Registry

    for name in EXAMPLES:
        load_workflow(ROOT / "examples" / "workflows" / name, Registry())
