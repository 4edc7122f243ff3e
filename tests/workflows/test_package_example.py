"""The example packages of the demo: built by real tools where they are, by our own writer where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.deployment_runs import DeploymentRun
from workflows.package_deployment.analysis import Technology
from workflows.package_deployment.analyzer import analyze_package
from workflows.package_deployment.example import EXE_NAME, FOLDERS_VARIABLE, examples, make_examples
from workflows.package_deployment.sample import FILE_NAME, write_sample_package


def build(folder: Path, monkeypatch: pytest.MonkeyPatch, tools: bool) -> None:
    """Build the packages, with or without the tools for it."""
    with monkeypatch.context() as patched:
        if not tools:
            patched.setattr("shutil.which", lambda _: None)
        make_examples(folder)


@pytest.mark.parametrize("tools", [True, False])
def test_the_examples_can_be_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: bool) -> None:
    folder, empty = tmp_path / "packages", tmp_path / "empty"
    empty.mkdir()
    build(folder, monkeypatch, tools)
    names = {FILE_NAME, EXE_NAME} if tools else {FILE_NAME}
    assert {path.name for path in folder.iterdir()} == names
    assert ((folder / FILE_NAME).read_bytes() == write_sample_package(empty).read_bytes()) is not tools
    assert analyze_package(str(folder / FILE_NAME)).technology is Technology.MSI

    monkeypatch.setenv(FOLDERS_VARIABLE, f"{tmp_path / 'none'}, {folder}")
    found = examples()
    assert {Path(example["package"]).name for example in found} == names
    for example in found:
        proposal = DeploymentRun(example).start().proposal
        levels = [finding["level"] for finding in proposal.get("findings", [])]
        assert proposal["kind"] == "script" and "error" not in levels

    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    build(folder, monkeypatch, tools)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before, "what is there stays"


def test_without_a_folder_there_are_no_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDERS_VARIABLE, raising=False)
    assert examples() == ()
