"""Packages: laid out for the toolkit, complete, reproducible, and exactly what was approved."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from tests.workflows.package_analyses import PRODUCT_CODE, analysis_of
from workflows.package_deployment.analysis import Check, Scope, Signature, Technology
from workflows.package_deployment.delivery import layout
from workflows.package_deployment.delivery.building import Package, build_package, output_folder
from workflows.package_deployment.delivery.contents import Approval, DeliveryError, PackageContents
from workflows.package_deployment.delivery.layout import entry
from workflows.package_deployment.delivery.toolkit_folder import Toolkit, operators_toolkit, read_toolkit
from workflows.package_deployment.delivery.variables import TOOLKIT_VARIABLE
from workflows.package_deployment.scripts.digests import script_bytes, script_digest
from workflows.package_deployment.scripts.generating import generate
from workflows.package_deployment.scripts.instruction_base import Mode

INSTALLER = b"not an installer, but its bytes" * 1_000
AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
REQUEST = (
    "Allow 3 deferrals. Require Windows 10 22H2, .NET Framework 4.8 and 2 GB free disk space. Suppress the restart."
)


@pytest.fixture
def installer(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(INSTALLER)
    return path


@pytest.fixture
def toolkit_folder(tmp_path: Path) -> Path:
    """The layout of the toolkit's template, with other content."""
    folder = tmp_path / "toolkit"
    for path, text in {
        "Invoke-AppDeployToolkit.exe": "launcher", "Invoke-AppDeployToolkit.ps1": "the template's own script",
        "PSAppDeployToolkit/PSAppDeployToolkit.psd1": "@{\r\n    ModuleVersion = '4.2.0'\r\n}",
        "PSAppDeployToolkit/PSAppDeployToolkit.psm1": "module", "PSAppDeployToolkit/lib/a.dll": "library",
        "Config/config.psd1": "@{}", "Strings/strings.psd1": "@{}", "Strings/de/strings.psd1": "@{}",
        "Assets/AppIcon.png": "icon", "Files/leftover.exe": "not ours",
    }.items():  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def contents(request: str = "", technology: Technology = Technology.MSI, **changes: Any) -> PackageContents:
    analysis = analysis_of(technology, **({"sha256": hashlib.sha256(INSTALLER).hexdigest()} | changes))
    made = generate(analysis, request, Mode.COMPREHENSIVE)
    return PackageContents(
        analysis=analysis, script=made.script, approved_sha256=made.draft.sha256, detection=made.draft.detection,
        plan=made.draft.plan, quality=made.quality.checks,
        instructions=made.instructions, findings=made.validation.findings,
        approvals=[Approval(who="Release manager", at=AT, comment="Fine")],
    )  # fmt: skip


def texts(package: Package) -> dict[str, str]:
    return {item.path: item.source.decode() for item in package.entries if isinstance(item.source, bytes)}


def test_a_package_is_laid_out_for_the_toolkit(installer: Path, toolkit_folder: Path, tmp_path: Path) -> None:
    package = build_package(contents(), installer, read_toolkit(toolkit_folder))
    assert package.missing == []
    folder = package.write_folder(tmp_path / "out")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found >= {
        "Invoke-AppDeployToolkit.ps1", "Invoke-AppDeployToolkit.exe", "Files/example-viewer-4.2.1.msi", "manifest.json",
        "PSAppDeployToolkit/PSAppDeployToolkit.psd1", "PSAppDeployToolkit/lib/a.dll", "Config/config.psd1",
        "Strings/de/strings.psd1", "Assets/AppIcon.png", "Documentation/report.md", "Documentation/intune.json",
        "Documentation/configuration-manager.json", "Documentation/Detect-Intune.ps1",
        "Documentation/Detect-ConfigurationManager.ps1",
    }  # fmt: skip
    assert "Files/leftover.exe" not in found
    assert (folder / "Files/example-viewer-4.2.1.msi").read_bytes() == INSTALLER


def test_the_manifest_has_the_digest_of_every_file(installer: Path, toolkit_folder: Path, tmp_path: Path) -> None:
    folder = build_package(contents(), installer, read_toolkit(toolkit_folder)).write_folder(tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = {item["path"]: (item["size"], item["sha256"]) for item in manifest["files"]}
    assert listed == {
        path.relative_to(folder).as_posix(): (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert manifest["script"]["sha256"] == listed["Invoke-AppDeployToolkit.ps1"][1]


def test_the_delivered_script_is_the_approved_one(installer: Path) -> None:
    approved = contents("Show a message 'Fertig – läuft' at the end")
    package = build_package(approved, installer, None)
    [script] = [item for item in package.entries if item.path == "Invoke-AppDeployToolkit.ps1"]
    assert script.sha256 == approved.approved_sha256 == package.script_sha256 == script_digest(approved.script)
    assert script.source == script_bytes(approved.script)


def test_a_script_that_was_not_approved_is_not_delivered(installer: Path) -> None:
    other = contents()
    with pytest.raises(DeliveryError, match="not the approved one"):
        build_package(other.model_copy(update={"script": other.script + "Stop-Computer\n"}), installer, None)


def test_an_approved_script_with_errors_is_not_delivered(installer: Path) -> None:
    wrong = contents().script.replace("Start-ADTMsiProcess", "Execute-MSI")
    changed = contents().model_copy(update={"script": wrong, "approved_sha256": script_digest(wrong)})
    with pytest.raises(DeliveryError, match=r"has errors, the first in line \d+"):
        build_package(changed, installer, None)


def test_another_installer_than_the_analyzed_one_is_not_delivered(installer: Path) -> None:
    with pytest.raises(DeliveryError, match="not the one that was analyzed"):
        build_package(contents(sha256="0" * 64), installer, None)


def test_a_zip_has_the_same_bytes_each_time(installer: Path, toolkit_folder: Path, tmp_path: Path) -> None:
    for number, name in enumerate(("a.zip", "b.zip")):
        for path in toolkit_folder.rglob("*"):
            os.utime(path, (number, number))
        build_package(contents(), installer, read_toolkit(toolkit_folder)).write_zip(tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.testzip() is None
        assert archive.namelist()[:-1] == sorted(archive.namelist()[:-1])
        assert archive.read("Files/example-viewer-4.2.1.msi") == INSTALLER


def test_a_repeated_delivery_leaves_the_same(installer: Path, tmp_path: Path) -> None:
    first = build_package(contents(), installer, None).write_folder(tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in first.rglob("*")}
    assert build_package(contents(), installer, None).write_folder(tmp_path / "out") == first
    assert {path: path.stat().st_mtime_ns for path in first.rglob("*")} == before
    assert [path.name for path in (tmp_path / "out").iterdir()] == [first.name]


def test_a_folder_that_was_changed_after_its_delivery_is_not_delivered_again(installer: Path, tmp_path: Path) -> None:
    package = build_package(contents(), installer, None)
    script = package.write_folder(tmp_path / "out") / "Invoke-AppDeployToolkit.ps1"
    approved = script.read_bytes()

    script.write_bytes(approved + b"Remove-Item C:\\Users -Recurse")
    with pytest.raises(DeliveryError, match="has been changed"):
        package.write_folder(tmp_path / "out")
    script.unlink()
    with pytest.raises(DeliveryError, match="cannot be read"):
        package.write_folder(tmp_path / "out")
    script.write_bytes(approved)
    assert package.write_folder(tmp_path / "out") == script.parent


def test_a_folder_that_cannot_be_finished_is_not_there(installer: Path, tmp_path: Path) -> None:
    package = build_package(contents(), installer, None)
    installer.write_bytes(b"changed meanwhile")
    with pytest.raises(DeliveryError, match="has changed"):
        package.write_folder(tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_an_ended_worker_has_left_is_removed(installer: Path, tmp_path: Path) -> None:
    abandoned, recent = tmp_path / ".partial-old", tmp_path / ".partial-new"
    for folder in (abandoned, recent):
        folder.mkdir()
    os.utime(abandoned, (0, 0))
    build_package(contents(), installer, None).write_folder(tmp_path)
    assert not abandoned.exists() and recent.exists()


def test_large_files_are_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * (3 << 20))
    sizes = []
    monkeypatch.setattr(layout, "_PART", 1 << 16)
    original = layout._parts_of

    def parts(file: Any) -> Any:
        for part in original(file):
            sizes.append(len(part))
            yield part

    monkeypatch.setattr(layout, "_parts_of", parts)
    item = entry("Files/large.bin", path)
    layout.write_zip([item], tmp_path / "x.zip")
    assert item.size == 3 << 20 and max(sizes) == 1 << 16 and sum(sizes) == 2 * (3 << 20)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a:b", "con.txt", "a/", "", "x" * 300, "a\\b", "a\nb"])
def test_a_package_has_safe_names_only(path: str) -> None:
    with pytest.raises(DeliveryError):
        entry(path, b"")


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(DeliveryError, match="Two files"):
        layout.with_manifest([entry("A.txt", b""), entry("a.txt", b"")], {})


def test_a_hostile_name_of_an_installer_becomes_a_safe_one(installer: Path, tmp_path: Path) -> None:
    hostile = contents(
        file_name="..\\..\\C:evil'$(x).msi", product_name="<script>alert(1)</script> | [x](javascript:y)"
    )
    package = build_package(hostile, installer, None)
    [name] = [item.path for item in package.entries if item.path.startswith("Files/")]
    assert name == "Files/.._.._C_evil'$(x).msi"
    package.write_zip(tmp_path / "x.zip")
    report = texts(package)["Documentation/report.md"]
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(report)
    assert "<script" not in shown and "<a " not in shown and "alert(1)" in shown


def test_without_a_toolkit_the_package_says_what_is_missing(installer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOOLKIT_VARIABLE, raising=False)
    assert operators_toolkit() is None
    package = build_package(
        contents("Use the transform corporate.mst. Copy a.ini to C:\\ProgramData\\X."), installer, None
    )
    assert not any(item.path.startswith("PSAppDeployToolkit") for item in package.entries)
    assert [words.split(",")[0].split(":")[0] for words in package.missing] == [
        "The toolkit", "Files\\corporate.mst", "SupportFiles\\a.ini"
    ]  # fmt: skip
    assert "corporate" in texts(package)["Documentation/report.md"]


def test_further_files_are_delivered_where_the_script_looks_for_them(installer: Path, tmp_path: Path) -> None:
    for name in ("corporate.mst", "a.ini"):
        (tmp_path / name).write_text(name)
    wanted = contents("Use the transform corporate.mst. Copy a.ini to C:\\ProgramData\\X.")
    further = {name: tmp_path / name for name in ("corporate.mst", "a.ini")}
    paths = {item.path for item in build_package(wanted, installer, None, further).entries}
    assert {"Files/corporate.mst", "SupportFiles/a.ini"} <= paths


@pytest.mark.parametrize(
    ("manifest", "words"),
    [("@{ }", "does not say"), ("@{\n ModuleVersion = '3.10.2'\n}", "version 3.10.2"), (None, "names no folder")],
)
def test_what_is_not_the_toolkit_is_refused(tmp_path: Path, manifest: str | None, words: str) -> None:
    if manifest:
        (tmp_path / "PSAppDeployToolkit.psd1").write_text(manifest)
    with pytest.raises(DeliveryError, match=words):
        read_toolkit(tmp_path)


def test_the_module_alone_is_a_toolkit_without_a_launcher(tmp_path: Path, installer: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/PSAppDeployToolkit.psd1").write_text("@{\n    ModuleVersion = '4.2.0'\n}", encoding="utf-16")
    toolkit = read_toolkit(tmp_path / "m")
    assert toolkit.version == "4.2.0" and not toolkit.has_launcher
    app = json.loads(texts(build_package(contents(), installer, toolkit))["Documentation/intune.json"])
    assert app["installCommandLine"].startswith("%SystemRoot%\\Sysnative\\")


def test_links_in_the_toolkit_are_not_followed(toolkit_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (toolkit_folder / "Assets/link").symlink_to(tmp_path / "secret")
    assert not any(path.endswith("link") for path in read_toolkit(toolkit_folder).files)


def test_intune_is_told_in_the_terms_of_graph(installer: Path, toolkit_folder: Path) -> None:
    package = build_package(contents(REQUEST), installer, read_toolkit(toolkit_folder))
    app = json.loads(texts(package)["Documentation/intune.json"])
    assert app["@odata.type"] == "#microsoft.graph.win32LobApp"
    assert app["installCommandLine"] == "Invoke-AppDeployToolkit.exe -DeploymentType Install"
    assert app["uninstallCommandLine"] == "Invoke-AppDeployToolkit.exe -DeploymentType Uninstall"
    assert (app["applicableArchitectures"], app["minimumSupportedWindowsRelease"]) == ("x64", "Windows10_22H2")
    assert app["minimumFreeDiskSpaceInMB"] == 2048
    assert app["installExperience"]["deviceRestartBehavior"] == "suppress"
    codes = {item["returnCode"]: item["type"] for item in app["returnCodes"]}
    assert (
        codes[0] == "success" and codes[3010] == "softReboot" and codes[1641] == "hardReboot" and codes[1602] == "retry"
    )
    detection, requirement = app["rules"]
    assert detection["productCode"] == PRODUCT_CODE and detection["productVersionOperator"] == "greaterThanOrEqual"
    assert requirement["ruleType"] == "requirement" and requirement["comparisonValue"] == "528040"
    assert app["msiInformation"]["packageType"] == "perMachine"


def test_a_rule_that_looks_into_both_views_is_a_script(installer: Path) -> None:
    package = build_package(contents(technology=Technology.NSIS), installer, None)
    app = json.loads(texts(package)["Documentation/intune.json"])
    [rule] = [item for item in app["rules"] if item["ruleType"] == "detection"]
    assert base64.b64decode(rule["scriptContent"]).decode("utf-8-sig") == (
        texts(package)["Documentation/Detect-Intune.ps1"].removeprefix("\ufeff")
    )


def test_configuration_manager_gets_an_application_and_a_deployment_type(installer: Path) -> None:
    package = build_package(contents(scope=Scope.USER), installer, None)
    document = json.loads(texts(package)["Documentation/configuration-manager.json"])
    kind = document["deploymentType"]
    assert (
        kind["RepairCommand"].endswith("-DeploymentType Repair")
        and kind["InstallationBehaviorType"] == "InstallForUser"
    )
    assert kind["ScriptText"].rstrip().endswith("exit 0")
    assert {"code": 3010, "class": "SoftReboot"} in document["returnCodes"]


def test_the_report_says_what_was_asked_found_and_approved(installer: Path, toolkit_folder: Path) -> None:
    package = build_package(contents(REQUEST + " Paint it blue."), installer, read_toolkit(toolkit_folder))
    report = texts(package)["Documentation/report.md"]
    for words in (
        "Release manager | approved |",
        "2026-11-30 12:00 UTC",
        "Paint it blue",
        package.script_sha256,
        "Whether the package is signed was not checked.",
        "3 deferrals",
    ):
        assert words in report.replace("\\", ""), words


def test_the_report_calls_only_what_was_looked_at_unsigned(installer: Path) -> None:
    absent = Signature(digest=Check.ABSENT)
    report = texts(build_package(contents(signature=absent), installer, None))["Documentation/report.md"]
    assert "The package is not signed." in report


def test_the_report_names_each_check_of_each_signature(installer: Path) -> None:
    note = "3 bytes are hidden behind the | signature."
    second = Signature(is_signed=True, digest=Check.DIFFERS, signature=Check.MATCHES, signer="CN=Second")
    first = Signature(
        is_signed=True, digest=Check.MATCHES, signature=Check.MATCHES, time_stamp_check=Check.MATCHES,
        time_stamp_chain=Check.DIFFERS, nested=[second], notes=[note],
    )  # fmt: skip
    report = texts(build_package(contents(signature=first), installer, None))["Documentation/report.md"]
    part = report[report.index("## Signature") : report.index("## Approval")]
    assert "| Time stamp | matches |\n| Chain of the time stamp | **differs** |" in part
    assert "| Revocation | not checked |" in part
    assert "- 3 bytes are hidden behind the \\| signature." in part
    assert "Signature 2 of the same file:" in part and "| Digest of the file | **differs** |" in part


def test_the_operator_names_where_folders_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ASSENT_PACKAGE_OUTPUT_DIR", raising=False)
    assert output_folder() is None
    monkeypatch.setenv("ASSENT_PACKAGE_OUTPUT_DIR", str(tmp_path))
    assert output_folder() == tmp_path


def test_another_version_of_the_toolkit_is_said(installer: Path) -> None:
    package = build_package(contents(), installer, Toolkit("4.1.8", {}))
    assert package.missing == ["The toolkit has version 4.1.8; the script was checked against 4.2.0."]
