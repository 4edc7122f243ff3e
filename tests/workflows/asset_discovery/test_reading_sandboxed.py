"""Reading in the sandbox, and what comes out of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assent.files import OpenedFile, using_files
from assent.sandbox import SandboxUnavailableError, sandbox_dependencies
from tests.missing import missing
from tests.workflows.asset_discovery.dev_files import TRUTHS, file_of
from workflows.asset_discovery.reading import ReadingError, ReadingLimits, read, read_reference, read_sandboxed
from workflows.asset_discovery.reading import sandboxed as sandboxed_module
from workflows.asset_discovery.reading.limits import USUAL
from workflows.asset_discovery.reading.transfer import received, sent
from workflows.asset_discovery.tables import Table


@pytest.fixture
def _sandbox() -> None:
    found = sandbox_dependencies()[0]
    if not found.available:
        missing(found.detail)


class _RunFiles:
    def open(self, reference: str) -> OpenedFile:
        path = Path(reference)
        return OpenedFile(path.name, path.stat().st_size, path.open("rb"))

    def save(self, name: str, stream: object) -> Any:
        raise AssertionError


def _assert_same(found: list[Table], expected: list[Table]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.frame.equals(other.frame) and one.frame.schema == other.frame.schema
        left, right = vars(one).copy(), vars(other).copy()
        del left["frame"], right["frame"]
        assert left == right


@pytest.mark.usefixtures("_sandbox")
@pytest.mark.parametrize("name", ["servicenow_cmdb_ci", "hardwareliste_moorwede", "aws_describe_instances"])
def test_the_sandbox_reads_what_would_be_read_here(name: str):
    with using_files(_RunFiles()):
        _assert_same(read_reference(str(file_of(name))), read(file_of(name)))


@pytest.mark.usefixtures("_sandbox")
def test_errors_come_out_of_the_sandbox_in_the_same_words(tmp_path: Path):
    damaged = tmp_path / "list.json"
    damaged.write_text('{"servers": [')
    with pytest.raises(ReadingError, match=r"list\.json is damaged JSON") as inside:
        read_sandboxed(damaged)
    with pytest.raises(ReadingError) as here:
        read(damaged)
    assert str(inside.value) == str(here.value)
    with pytest.raises(ReadingError, match="at most 0 MiB"):
        read_sandboxed(damaged, limits=ReadingLimits(file_bytes=5))
    with pytest.raises(ReadingError, match="cannot be opened"):
        read_reference(str(tmp_path / "missing.csv"))


def test_without_a_sandbox_only_people_at_their_own_machine_can_read(monkeypatch: pytest.MonkeyPatch):
    def unavailable(*_arguments: object, **_more: object) -> object:
        raise SandboxUnavailableError("bubblewrap is not installed.")

    monkeypatch.setattr(sandboxed_module, "run_in_sandbox", unavailable)
    path = file_of("nmap_sweep")
    _assert_same(read_reference(str(path)), read(path))
    with using_files(_RunFiles()), pytest.raises(ReadingError, match=r"in a sandbox only\. bubblewrap"):
        read_reference(str(path))


@pytest.mark.parametrize("name", TRUTHS)
def test_tables_are_the_same_after_their_way(name: str):
    tables = read(file_of(name))
    _assert_same(received(sent(tables), file_of(name).name, USUAL), tables)


def test_cells_with_the_separators_are_the_same_after_their_way(tmp_path: Path):
    path = tmp_path / "odd.csv"
    path.write_text("name;note\nsrv1;a\x1eb\nsrv2;\x1d\nsrv3;\n")
    _assert_same(received(sent(read(path)), "odd.csv", USUAL), read(path))


def _first(change: Callable[[dict[str, Any]], object]) -> Callable[[list[Any]], object]:
    return lambda document: change(document[0])


@pytest.mark.parametrize(
    "spoil",
    [
        _first(lambda table: table["cells"].pop()),
        _first(lambda table: table["cells"].__setitem__(0, "one cell")),
        _first(lambda table: table["cells"].__setitem__(0, [1] * len(table["rows"]))),
        _first(lambda table: table["keys"].__setitem__(0, table["keys"][1])),
        _first(lambda table: table["headings"].pop()),
        _first(lambda table: table["rows"].reverse()),
        _first(lambda table: table["rows"].__setitem__(0, -3)),
        _first(lambda table: table["lines"].pop()),
        _first(lambda table: table["problems"].append({"row": 1})),
        _first(lambda table: table["problems"][0].__setitem__("kind", "fine")),
        _first(lambda table: table["problems"][0].__setitem__("value", "x" * 10_000)),
        _first(lambda table: table.__setitem__("more", 1)),
        _first(lambda table: table.pop("notes")),
        lambda document: document.append(7),
        lambda document: document.extend(document * 200),
    ],
)
def test_what_a_taken_over_sandbox_sends_is_refused(spoil: Callable[[list[Any]], object]):
    document = copy.deepcopy(sent(read(file_of("nmap_sweep"))))
    spoil(document)
    with pytest.raises(ReadingError, match="no valid tables"):
        received(document, "nmap_sweep.csv", USUAL)


@pytest.mark.parametrize("answer", [None, [], {}, "x", {"tables": None}, {"error": 7}])
def test_an_answer_of_another_form_is_refused(answer: object, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandboxed_module, "run_in_sandbox", lambda *_arguments, **_more: answer)
    with pytest.raises(ReadingError, match="no valid tables"):
        read_sandboxed(file_of("nmap_sweep"))
