"""The tools script_generator and package_builder, called as agents call them."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from assent.toolbox import call
from assent.toolbox.errors import ApprovalRequiredError, ToolError, ToolInputError
from tests.workflows.package_analyses import analysis_of
from workflows.package_deployment.delivery.tool_work import PackageBuildError, build
from workflows.package_deployment.delivery.variables import OUTPUT_VARIABLE, TOOLKIT_VARIABLE
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.tool_models import BuildInput, GeneratedScript
from workflows.package_deployment.tools import package_analyzer, package_builder, script_generator

CONTENT = b"an installer" * 500


@pytest.fixture
def installer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (OUTPUT_VARIABLE, TOOLKIT_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "example-viewer-4.2.1.msi"
    path.write_bytes(CONTENT)
    return path


def generated(**inputs: object) -> GeneratedScript:
    analysis = analysis_of(sha256=hashlib.sha256(CONTENT).hexdigest())
    output = call(script_generator, {"package_metadata": analysis.model_dump(mode="json"), **inputs}).output
    assert isinstance(output, GeneratedScript)
    return output


def test_a_script_is_generated_with_everything_that_is_known_about_it() -> None:
    made = generated(custom_instructions="Close Excel. Paint it blue.", generation_mode="comprehensive",
                     template_preferences=["author: Packaging team"], suggestions=["No progress bar"])  # fmt: skip
    assert made.validation_results.is_valid and made.validation_results.findings == []
    assert made.script_metadata.sha256 == script_digest(made.script_content)
    assert made.script_metadata.filled_by == "rules"
    assert "AppScriptAuthor = 'Packaging team'" in made.script_content
    assert "Show-ADTInstallationProgress" not in made.script_content
    assert any("Paint it blue" in words for words in made.suggestions)
    assert "Uninstall-ADTDeployment" in made.script_metadata.uninstall
    assert "Registry64" in made.script_metadata.detection_script
    assert all(check.weight and check.title and check.words for check in made.quality)
    found = {name["function"] for row in made.script_metadata.functions for name in row["functions"]}
    assert "Show-ADTInstallationWelcome" in found


@pytest.mark.parametrize("inputs", [{"generation_mode": "huge"}, {"package_metadata": {}}, {"code": "Stop-Computer"}])
def test_inputs_are_validated(inputs: dict) -> None:
    with pytest.raises(ToolInputError):
        generated(**inputs)


def test_a_package_is_built_only_after_approval(installer: Path) -> None:
    with pytest.raises(ApprovalRequiredError):
        metadata = analysis_of().model_dump(mode="json")
        call(package_builder, {"package_path": str(installer), "package_metadata": metadata, "script_content": "x"})


def inputs_for(installer: Path, **changes: object) -> BuildInput:
    made = generated()
    return BuildInput.model_validate(
        {
            "package_path": str(installer), "script_content": made.script_content,
            "script_metadata": made.script_metadata,
            "script_sha256": made.script_metadata.sha256,
            "package_metadata": analysis_of(sha256=hashlib.sha256(CONTENT).hexdigest()), **changes,
        }
    )  # fmt: skip


def test_a_zip_is_built(installer: Path) -> None:
    built = build(inputs_for(installer))
    assert hashlib.sha256(Path(built.place).read_bytes()).hexdigest() == built.sha256
    with zipfile.ZipFile(built.place) as archive:
        assert hashlib.sha256(archive.read("Invoke-AppDeployToolkit.ps1")).hexdigest() == built.script_sha256
        assert len(archive.namelist()) == built.files
        assert json.loads(archive.read("manifest.json"))["missing"] == built.missing
    assert build(inputs_for(installer)).sha256 == built.sha256


def test_a_folder_is_built_where_the_operator_keeps_packages(
    installer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PackageBuildError, match=OUTPUT_VARIABLE):
        build(inputs_for(installer, deliver="folder"))
    monkeypatch.setenv(OUTPUT_VARIABLE, str(tmp_path / "packages"))
    first, second = (build(inputs_for(installer, deliver="folder")) for _ in range(2))
    assert first == second and Path(first.place, "Files", installer.name).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"script_sha256": "0" * 64}, "not the approved one"),
        ({"script_content": "Execute-MSI -Path 'x.msi'", "script_sha256": ""}, "has errors"),
        ({"package_path": "/nowhere/x.msi"}, "nowhere"),
        ({"package_metadata": analysis_of()}, "not the one that was analyzed"),
    ],
)
def test_a_package_is_refused_with_the_reason(installer: Path, changes: dict, words: str) -> None:
    with pytest.raises(ToolError, match=words):
        build(inputs_for(installer, **changes))


def test_the_how_to_lists_the_tools() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
    section = text.partition("## Tools of package deployment\n")[2].partition("\n## ")[0]
    rows = set(re.findall(r"(?m)^\| `(\w+)` \| (\w+) \| (\w+) \|", section))
    tools = (package_analyzer, script_generator, package_builder)
    assert rows == {(tool.name, tool.effect.value, tool.least_risk.value) for tool in tools}
