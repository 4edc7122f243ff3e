"""The tool `package_analyzer`: in the sandbox, and on the command line without a portal."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assent.sandbox import run_in_sandbox, sandbox_dependencies
from assent.toolbox import call
from assent.toolbox.calls import Limits as CallLimits
from tests.missing import missing
from tests.workflows.written_packages import written
from workflows.package_deployment import analyzer
from workflows.package_deployment.analysis import Depth, Technology
from workflows.package_deployment.digests import Digests
from workflows.package_deployment.sample import PRODUCT_CODE, write_sample_package
from workflows.package_deployment.tools import package_analyzer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> None:
    found = sandbox_dependencies()[0]
    if not found.available:
        missing(found.detail)


def test_the_tool_analyzes_in_the_sandbox(tmp_path: Path):
    path = write_sample_package(tmp_path)
    found = call(package_analyzer, {"package_path": str(path), "analysis_depth": "deep"}).document
    assert (found["technology"], found["product_code"]) == ("msi", PRODUCT_CODE)
    assert found["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found["file_name"], found["size_bytes"], found["depth"]) == (path.name, path.stat().st_size, "deep")
    assert [file["sha256"] != "" for file in found["files"]] == [True, True]


def test_without_metadata_there_are_the_digests_and_the_technology(tmp_path: Path):
    found = analyzer.analyze_package(str(write_sample_package(tmp_path)), extract_metadata=False)
    assert found.technology is Technology.MSI and found.sha256
    assert (found.product_code, found.files, found.msi, found.duration) == ("", [], None, None)


def test_the_command_line_prints_the_analysis_without_a_portal(tmp_path: Path):
    path = write_sample_package(tmp_path)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ASSENT_")}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "tools", "call", "package_analyzer",
         "--input", json.dumps({"package_path": str(path)})],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["product_code"] == PRODUCT_CODE


def test_what_cannot_be_analyzed_is_said_once(tmp_path: Path):
    with pytest.raises(analyzer.AnalysisError, match="No such file"):
        call(package_analyzer, {"package_path": str(tmp_path / "absent.msi")}, limits=CallLimits(attempts=3))
    with pytest.raises(analyzer.AnalysisError, match="only a run of the portal can open"):
        analyzer.analyze_package("assent-file:00000000-0000-0000-0000-000000000000")


def test_an_analysis_that_reaches_a_limit_has_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = str(write_sample_package(tmp_path))
    monkeypatch.setattr(analyzer, "USUAL", replace(analyzer.USUAL, argument_bytes=10))
    with pytest.raises(analyzer.AnalysisError, match=r"could not be analyzed\. .* bytes\. Try it with less depth\.$"):
        analyzer.analyze_package(path)
    with pytest.raises(analyzer.AnalysisError, match=r"could not be analyzed\. .* bytes\.$"):
        analyzer.analyze_package(path, Depth.QUICK)


def test_large_packages_may_use_more():
    usual, large = analyzer.limits_for(100 << 20), analyzer.limits_for(2 << 30)
    assert (usual.memory_bytes, usual.wall_seconds) == (400 << 20, 20.0)
    assert large.memory_bytes == usual.memory_bytes, "the package is mapped, which is no memory"
    assert 100 < large.wall_seconds <= analyzer.MOST_SECONDS


DIGESTS = Digests(3, "a" * 64, "b" * 40, "c" * 32)
HONEST = {"file_name": "a.msi", "size_bytes": 3, "sha256": "a" * 64, "technology": "msi"}


def test_what_the_sandbox_says_of_the_file_itself_does_not_count():
    """Code that has taken over the sandbox can write what it wants as the result."""
    lie = {"file_name": "b.msi", "size_bytes": 4, "sha256": "f" * 64, "sha1": "f", "md5": "f", "depth": "deep"}
    found = analyzer._checked(HONEST | lie, DIGESTS, "a.msi", Depth.QUICK)
    assert (found.file_name, found.size_bytes, found.depth) == ("a.msi", 3, Depth.QUICK)
    assert (found.sha256, found.sha1, found.md5) == DIGESTS[1:]


def test_texts_from_the_sandbox_are_made_fit_to_show_again():
    found = analyzer._checked(
        HONEST | {"product_name": "a\u202eb\x00", "notes": ["x" * 9_999], "version_resource": {"k\x1b": "v\x1b"}},
        DIGESTS, "a.msi", Depth.QUICK,
    )  # fmt: skip
    assert found.product_name == "a\ufffdb\ufffd" and len(found.notes[0]) == 4_000
    assert found.version_resource == {"k\ufffd": "v\ufffd"}


@pytest.mark.parametrize("document", [None, [], {}, HONEST | {"unknown": 1}, HONEST | {"technology": "rubbish"}])
def test_a_result_of_another_shape_is_refused(document: object):
    with pytest.raises(analyzer.AnalysisError, match="no valid result"):
        analyzer._checked(document, DIGESTS, "a.msi", Depth.QUICK)


def test_the_portal_does_not_load_the_readers(tmp_path: Path):
    words = "import sys, workflows.package_deployment.tools; print(*sys.modules)"
    loaded = set(subprocess.check_output([sys.executable, "-c", words], cwd=ROOT, text=True, timeout=60).split())
    assert "workflows.package_deployment.analyzer" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in ("olefile", "pefile", "lief")}
    assert not {name for name in loaded if name.startswith("workflows.package_deployment.installers")}


def test_a_broken_package_has_notes(tmp_path: Path):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:3_000])
    found = analyzer.analyze_package(str(path))
    assert found.technology is Technology.UNKNOWN and any("could not be read" in note for note in found.notes)


def test_readers_load_nothing_that_they_do_not_need():
    """They start for each installer: LangGraph alone would take longer to load than an installer takes to read."""
    found = run_in_sandbox(
        "tests.sandbox.actions:loaded", {"module": "workflows.package_deployment.installers.analyzing"},
        code=["tests", "workflows.package_deployment"],
    )  # fmt: skip
    heavy = {"app", "langgraph", "langchain_core", "langsmith", "sqlalchemy", "httpx", "flask", "psycopg", "numpy"}
    assert "pydantic" in found and heavy & set(found) == set()
