"""From an analysis and a request to a script that passes the checks of the toolkit."""

from __future__ import annotations

import itertools

import pytest

from tests.workflows.package_analyses import BUNDLE_ID, PRODUCT_CODE, UPGRADE_CODE, analysis_of
from tests.workflows.powershell_reading import commands_of, parsed
from workflows.package_deployment.analysis import Architecture, Confidence, ContainedFile, Scope, Switch, Technology
from workflows.package_deployment.scripts.detection import (
    EntryRule,
    FileRule,
    MsiRule,
    RegistryRule,
    Target,
    detection_script,
)
from workflows.package_deployment.scripts.digests import script_digest
from workflows.package_deployment.scripts.generating import Generated, generate, validate_script
from workflows.package_deployment.scripts.instruction_base import Mode
from workflows.package_deployment.toolkit.catalog import catalog
from workflows.package_deployment.toolkit.findings import Level

EVERYTHING = r"""
Close Word, Excel, and viewer.exe before installing. Block the apps from starting. Ask users to save.
Allow 3 deferrals until 2026-12-24. Prompt the user to restart with a countdown of 10 minutes.
- Use ALLUSERS=1 and the transform example.mst, and install the patch fix.msp.
- Require 2 GB of free disk space, Windows 10 22H2 or later, .NET Framework 4.8, 64-bit only, and no pending reboot.
- Remove the desktop shortcut; create a start menu shortcut 'Viewer' to "C:\Program Files\Example\viewer.exe".
- Set HKLM\SOFTWARE\Example\AutoUpdate to 0 (DWORD). Set HKCU\Software\Example\Tour to 'off'.
- Copy settings.ini to C:\ProgramData\Example. Copy user.ini to %AppData%\Example.
- Run setup-user.cmd once for each user.
- Uninstall earlier versions of Example Viewer. Treat exit code 5 as success. Logs to C:\Logs.
- Show a message "All done" at the end. Detect by the file C:\Program Files\Example\viewer.exe version 4.2.1.
"""


def part(script: str, kind: str) -> str:
    """Return the function of one kind of deployment."""
    return script.partition(f"function {kind}-ADTDeployment")[2].partition("\n}\n")[0]


@pytest.mark.parametrize("technology", Technology)
def test_every_script_passes_the_checks(technology: Technology) -> None:
    for mode, scope, request in (
        *itertools.product(Mode, Scope, [""]),
        *((mode, Scope.MACHINE, EVERYTHING) for mode in Mode),
    ):
        made = generate(analysis_of(technology, scope=scope), request, mode)
        # The patch that the request names is not in the package, which somebody has to add.
        found = [finding for finding in made.validation.findings if "fix.msp" not in finding.words]
        assert found == [], (mode, scope)
        assert made.instructions.not_understood == []
        parsed(made.script)
        parsed(made.detection_script)


@pytest.mark.parametrize("architecture", Architecture)
def test_every_architecture_passes_the_checks(architecture: Architecture) -> None:
    assert generate(analysis_of(architecture=architecture), mode=Mode.COMPREHENSIVE).validation.is_valid


def test_all_commands_are_known() -> None:
    script = generate(analysis_of(), EVERYTHING, Mode.COMPREHENSIVE).script
    toolkit = {name for name in commands_of(script) if "-ADT" in name and not name.endswith("-ADTDeployment")}
    assert toolkit and all(name in catalog() for name in toolkit)


def test_an_msi_is_installed_uninstalled_and_repaired_by_windows_installer() -> None:
    script = generate(analysis_of(), mode=Mode.QUICK).script
    assert "Start-ADTMsiProcess -Action 'Install' -FilePath 'example-viewer-4.2.1.msi'\n" in part(script, "Install")
    assert f"Start-ADTMsiProcess -Action 'Uninstall' -ProductCode '{PRODUCT_CODE}'\n" in part(script, "Uninstall")
    assert f"Start-ADTMsiProcess -Action 'Repair' -ProductCode '{PRODUCT_CODE}'\n" in part(script, "Repair")
    assert "RequireAdmin = $true" in script


def test_the_modes_differ_as_defined() -> None:
    quick, standard, comprehensive = (generate(analysis_of(), mode=mode).script for mode in Mode)
    for command in ("Show-ADTInstallationWelcome", "Show-ADTInstallationProgress", "-LogFileName"):
        assert command not in quick and command in standard and command in comprehensive
    for command in ("Get-ADTPendingReboot", "-AllowDefer", "RelatedProducts", "Show-ADTInstallationPrompt"):
        assert command not in standard and command in comprehensive


def test_an_msi_for_either_is_installed_for_the_machine_unless_asked_otherwise() -> None:
    analysis = analysis_of(scope=Scope.EITHER)
    assert "-AdditionalArgumentList 'ALLUSERS=1'" in generate(analysis).script
    for_user = generate(analysis, "Install per user.").script
    assert (
        "-AdditionalArgumentList 'ALLUSERS=2 MSIINSTALLPERUSER=1'" in for_user and "RequireAdmin = $false" in for_user
    )


def test_an_exe_without_known_arguments_ends_before_it_changes_anything() -> None:
    made = generate(analysis_of(Technology.UNKNOWN))
    assert "Start-ADTProcess" not in made.script
    assert "Close-ADTSession -ExitCode 69002" in part(made.script, "Install")
    assert any("install arguments" in note for note in made.instructions.notes)
    told = generate(analysis_of(Technology.UNKNOWN), "Use install arguments: /silent /norestart").script
    assert "Start-ADTProcess -FilePath 'example-viewer-4.2.1.exe' -ArgumentList '/silent /norestart'" in told


@pytest.mark.parametrize(
    "switch",
    [
        Switch(purpose="install", arguments="/s", confidence=Confidence.GUESS, reason="perhaps"),
        Switch(purpose="install", arguments='/f1"<file>"', confidence=Confidence.LIKELY, reason="needs a file"),
    ],
)
def test_arguments_that_are_a_guess_or_have_a_gap_are_not_used(switch: Switch) -> None:
    made = generate(analysis_of(Technology.INSTALLSHIELD, switches=[switch]))
    assert "Start-ADTProcess" not in part(made.script, "Install")


def test_each_technology_has_its_own_uninstaller() -> None:
    def uninstall(technology: Technology, **changes: object) -> str:
        return part(generate(analysis_of(technology, **changes), mode=Mode.QUICK).script, "Uninstall")

    assert "-ArgumentList '/uninstall /quiet /norestart'" in uninstall(Technology.WIX_BURN)
    inno = uninstall(Technology.INNO_SETUP)
    assert "Uninstall-ADTApplication" in inno and "-ApplicationType 'EXE'" in inno and "/VERYSILENT" in inno
    assert "'%LOCALAPPDATA%\\ExampleViewer\\Update.exe'" in uninstall(Technology.SQUIRREL)
    assert f"-ProductCode '{PRODUCT_CODE}'" in uninstall(Technology.MSI_WRAPPER)
    assert "-ExitCode 69002" in uninstall(Technology.NSIS, product_name="")


def test_the_script_is_the_same_for_the_same_input() -> None:
    first, second = (generate(analysis_of(), EVERYTHING, Mode.COMPREHENSIVE) for _ in range(2))
    assert first == second
    assert first.draft.sha256 == script_digest(second.script)
    assert Generated.model_validate_json(first.model_dump_json()) == first


def test_an_installer_writes_its_log_beside_that_of_the_deployment() -> None:
    bundle = analysis_of(Technology.WIX_BURN)
    log = "(Join-Path -Path $adtSession.LogPath -ChildPath 'Example_Viewer_4.2.1_Install.log')"
    arguments = f"""-ArgumentList ('/quiet /norestart /log "{{0}}"' -f {log})"""
    assert arguments in part(generate(bundle).script, "Install")
    assert "LogPath" not in generate(bundle, mode=Mode.QUICK).script
    assert "LogPath" not in part(generate(bundle, "Use install arguments: /quiet {0}").script, "Install")


def test_the_restart_is_handled_as_asked() -> None:
    def script(request: str) -> str:
        return generate(analysis_of(), request).script

    assert "Show-ADTInstallationRestartPrompt -Countdown 600" in script("Prompt for a restart in 10 minutes.")
    assert "Show-ADTInstallationRestartPrompt -SilentRestart -SilentCountdown 900" in script(
        "Force a restart after 15 minutes."
    )
    suppressed = script("Suppress the restart.")
    assert (
        "Open-ADTSession @adtSession -DeploymentType $DeploymentType -DeployMode $DeployMode -SuppressRebootPassThru "
        in (suppressed)
    )
    assert "RestartPrompt" not in script("")


def test_programs_of_the_package_are_closed_but_not_its_helpers() -> None:
    analysis = analysis_of(
        files=[ContainedFile(path=f"x\\{name}.exe") for name in ("viewer", "updater", "crashpad_handler")]
    )
    script = generate(analysis).script
    assert "AppProcessesToClose = @(@{ Name = 'viewer' })" in script


def test_the_surest_rule_detects_the_application() -> None:
    assert generate(analysis_of()).draft.detection == MsiRule(product_code=PRODUCT_CODE, version="4.2.1")
    bundle = generate(analysis_of(Technology.WIX_BURN)).draft.detection
    assert isinstance(bundle, RegistryRule) and bundle.key.endswith(f"\\Uninstall\\{BUNDLE_ID}")
    assert isinstance(generate(analysis_of(Technology.NSIS)).draft.detection, EntryRule)
    per_user = generate(analysis_of(Technology.SQUIRREL)).draft.detection
    assert isinstance(per_user, EntryRule) and per_user.hive == "HKEY_CURRENT_USER"
    wished = generate(
        analysis_of(), "Detect by the file C:\\Program Files\\Example\\viewer.exe version 4.2.1"
    ).draft.detection
    assert wished == FileRule(folder="C:\\Program Files\\Example", file="viewer.exe", version="4.2.1")


def test_a_detection_script_says_what_its_management_system_expects() -> None:
    rule = MsiRule(product_code=PRODUCT_CODE, version="4.2.1")
    intune = detection_script(rule, Target.INTUNE)
    assert "RegistryView]::Registry64" in intune and "RegistryView]::Registry32" in intune
    assert intune.rstrip().endswith("exit 1")
    assert detection_script(rule, Target.CONFIGURATION_MANAGER).rstrip().endswith("exit 0")


def test_earlier_versions_are_found_by_the_upgrade_code() -> None:
    script = generate(analysis_of(), mode=Mode.COMPREHENSIVE).script
    assert f".RelatedProducts('{UPGRADE_CODE}')" in script and f"-ne '{PRODUCT_CODE}'" in script


def test_findings_are_errors_when_a_reviewer_writes_what_does_not_exist() -> None:
    analysis = analysis_of()
    script = generate(analysis).script.replace("Start-ADTMsiProcess -Action", "Start-ADTMsiProces -Action")
    found = validate_script(script, analysis)
    assert not found.is_valid and any(finding.level is Level.ERROR for finding in found.findings)


def test_a_log_among_the_arguments_counts_as_one() -> None:
    checks = {check.name: check for check in generate(analysis_of(Technology.WIX_BURN)).quality.checks}
    assert checks["silent_switches"].passed == 0.7
    assert checks["logging"].passed == 1, checks["logging"].words


def test_windows_are_shown_without_open_applications_only_if_people_have_asked_for_them() -> None:
    def script(request: str, mode: Mode = Mode.COMPREHENSIVE) -> str:
        return generate(analysis_of(), request, mode).script

    assert "NoProcessDetection = $true" in script("Allow 3 deferrals.")
    assert "NoProcessDetection" not in script("")
    assert "NoProcessDetection" not in script("No deferrals.") and "-AllowDefer" not in script("No deferrals.")
    assert "[System.String]$DeployMode = 'Silent'" in script("Without any user interaction.")


def test_only_earlier_versions_are_removed() -> None:
    version = "($_.DisplayVersion -as [System.Version])"
    wanted = f"-FilterScript {{ {version} -and {version} -lt [System.Version]'4.2.1' }}"
    assert wanted in generate(analysis_of(), mode=Mode.COMPREHENSIVE).script
    assert wanted in generate(analysis_of(Technology.NSIS), mode=Mode.COMPREHENSIVE).script
    odd = generate(analysis_of(Technology.NSIS, version="2026 R2"), mode=Mode.COMPREHENSIVE)
    assert "-FilterScript { $_.DisplayVersion -ne '2026 R2' }" in odd.script and odd.validation.findings == []
    other = generate(analysis_of(), "Uninstall earlier versions of Other Tool.").script
    assert "Uninstall-ADTApplication -Name '^Other\\ Tool" in other and "4.2.1' }" not in other
