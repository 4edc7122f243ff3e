"""What a script says about the package, and the structure that it must have."""

from __future__ import annotations

import pytest

from tests.workflows.toolkit.valid import NEWER_SCRIPT, WHOLE_SCRIPT
from workflows.package_deployment.analysis import (
    Architecture,
    BundledPackage,
    BundleFacts,
    ContainedFile,
    PackageAnalysis,
    Technology,
)
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.findings import Level, ScriptFinding

PRODUCT = "{12345678-9ABC-4DEF-8123-456789ABCDEF}"
UPGRADE = "{AAAAAAAA-9ABC-4DEF-8123-456789ABCDEF}"
OTHER = "{BBBBBBBB-9ABC-4DEF-8123-456789ABCDEF}"


def analysis(**changes: object) -> PackageAnalysis:
    """Return what is known about the MSI that the script installs."""
    facts = {
        "file_name": "reader.msi",
        "size_bytes": 1_000,
        "sha256": "ab" * 32,
        "sha1": "cd" * 20,
        "technology": Technology.MSI,
        "product_name": "Reader",
        "version": "4.2.1",
        "architecture": Architecture.X64,
        "product_code": PRODUCT,
        "upgrade_code": UPGRADE,
        "files": [ContainedFile(path="bin\\helper.exe", size=3)],
    }
    return PackageAnalysis.model_validate(facts | changes)


def about_package(script: str, package: PackageAnalysis | None = None, *, fragment: bool = True) -> list[ScriptFinding]:
    """Return the findings about the package."""
    found = check_script(script, package or analysis(), fragment=fragment)
    return [finding for finding in found if finding.code.startswith("package.")]


@pytest.mark.parametrize("script", [WHOLE_SCRIPT, NEWER_SCRIPT], ids=["4.1", "4.2"])
def test_a_script_that_fits_its_package_has_no_findings(script: str) -> None:
    assert check_script(script, analysis()) == []


@pytest.mark.parametrize(
    ("script", "code", "level"),
    [
        (f"Start-ADTMsiProcess -Action Uninstall -ProductCode '{OTHER}'", "package.code", Level.ERROR),
        (f"Start-ADTMsiProcess -Action Uninstall -ProductCode '{UPGRADE}'", "package.code", Level.ERROR),
        (f"function Install-ADTDeployment {{ Start-ADTMsiProcess -Action Uninstall -ProductCode '{OTHER}' }}",
         "package.code", Level.WARNING),
        (f"Uninstall-ADTApplication -ProductCode '{OTHER}'", "package.code", Level.WARNING),
        (f"$t = @{{ ProductCode = '{OTHER}' }}\nStart-ADTMsiProcess -Action Repair @t", "package.code", Level.ERROR),
        (f"Get-Item 'HKLM:\\SOFTWARE\\{OTHER}'", "package.code", Level.WARNING),
        ("Start-ADTMsiProcess -FilePath 'raeder.msi'", "package.file", Level.ERROR),
        ("Start-ADTMsiProcess -FilePath \"$($adtSession.DirFiles)\\other-product.msi\"", "package.file", Level.WARNING),
        ("Start-ADTMsiProcess -FilePath reader.msi\nStart-ADTMsiProcess -FilePath reader2.msi",
         "package.file", Level.WARNING),
        ("Start-ADTProcess -FilePath 'prerequisite.exe'", "package.file", Level.WARNING),
        ("Start-ADTProcess -FilePath 'reader.msi'", "package.wrong_command", Level.ERROR),
        ("Start-ADTMsiProcess -FilePath 'helper.exe'", "package.wrong_command", Level.ERROR),
        ("Start-ADTProcess -FilePath 'C:\\Windows\\notepad.exe'", "package.not_used", Level.WARNING),
        (f"if ((Get-FileHash a).Hash -ne '{'ef' * 32}') {{ throw 'x' }}", "package.hash", Level.ERROR),
        (f"$thumbprint = '{'ef' * 20}'", "package.hash", Level.WARNING),
        ("$adtSession = @{ AppVersion = '4.1.9' }", "package.session", Level.WARNING),
        ("$adtSession = @{ AppArch = 'x86' }", "package.session", Level.WARNING),
    ],
)  # fmt: skip
def test_what_contradicts_the_analysis_is_found(script: str, code: str, level: Level) -> None:
    assert [(finding.code, finding.level) for finding in about_package(script)][:1] == [(code, level)]


@pytest.mark.parametrize(
    "script",
    [
        f"Start-ADTMsiProcess -Action Uninstall -ProductCode '{PRODUCT.lower()}'",
        f"Get-Item 'HKLM:\\SOFTWARE\\{UPGRADE}'",
        "Start-ADTMsiProcess -FilePath 'READER.MSI'",
        "Start-ADTMsiProcess -FilePath $adtSession.DefaultMsiFile",
        'Start-ADTMsiProcess -FilePath "$($adtSession.DirFiles)\\reader.msi"',
        "Start-ADTMsiProcess -FilePath reader.msi\nStart-ADTProcess -FilePath 'helper.exe'",
        "Start-ADTMsiProcess -FilePath reader.msi\nStart-ADTProcess -FilePath 'msiexec.exe' -ArgumentList '/x'",
        'Start-ADTMsiProcess -FilePath reader.msi\nStart-ADTProcess -FilePath "$envProgramFiles\\Reader\\unins000.exe"',
        f"if ((Get-FileHash a).Hash -ne '{'AB' * 32}') {{ throw 'x' }}",
        "Import-Module -FullyQualifiedName @{ ModuleName = 'x'; Guid = '8c3c366b-8606-4576-9f2d-4051144f7ca2' }",
        "$adtSession = @{ AppVersion = '4.2.1'; AppName = 'Reader'; AppArch = 'x64' }",
    ],
)
def test_what_agrees_with_the_analysis_is_not(script: str) -> None:
    assert about_package(script) == []


def test_codes_and_files_of_a_bundle_are_the_package_s() -> None:
    packages = [BundledPackage(id="a", kind="msi", name="inner.msi", product_code=OTHER)]
    bundle = analysis(
        file_name="reader.exe", technology=Technology.WIX_BURN, product_code="", bundle=BundleFacts(packages=packages)
    )
    script = f"Start-ADTProcess -FilePath 'reader.exe'\nStart-ADTMsiProcess -Action Uninstall -ProductCode '{OTHER}'"
    assert about_package(script, bundle) == []


@pytest.mark.parametrize(
    ("before", "after", "code", "level"),
    [
        ("DeploymentType,", "Other,", "structure.parameters", Level.ERROR),
        ("DeployMode,", "Other,", "structure.parameters", Level.WARNING),
        ("$adtSession = @{", "$other = @{", "structure.session", Level.ERROR),
        ("    AppVersion = '4.2.1'\n", "", "structure.session", Level.WARNING),
        ("function Install-ADTDeployment", "function Install-Nothing", "structure.part", Level.ERROR),
        ("function Uninstall-ADTDeployment", "function Uninstall-Nothing", "structure.part", Level.ERROR),
        ("function Repair-ADTDeployment", "function Repair-Nothing", "structure.part", Level.WARNING),
        ("PSAppDeployToolkit", "OtherModule", "structure.module", Level.ERROR),
        ("$adtSession = Open-ADTSession", "$null = Get-ADTSession #", "structure.open", Level.ERROR),
        ("Close-ADTSession", "Get-ADTSession #", "structure.close", Level.ERROR),
        ("    Close-ADTSession -ExitCode 60001\n", "", "structure.close", Level.WARNING),
        ('& "$($adtSession.DeploymentType)-ADTDeployment"', "Install-ADTDeployment", "structure.dispatch", Level.ERROR),
    ],
)
def test_what_the_script_lacks_is_found(before: str, after: str, code: str, level: Level) -> None:
    assert before in WHOLE_SCRIPT
    found = [f for f in check_script(WHOLE_SCRIPT.replace(before, after)) if f.code == code]
    assert [finding.level for finding in found][:1] == [level]


def test_a_part_of_a_script_needs_no_structure() -> None:
    assert check_script("Get-ADTPendingReboot", fragment=True) == []
    assert any(finding.code == "structure.session" for finding in check_script("Get-ADTPendingReboot"))
