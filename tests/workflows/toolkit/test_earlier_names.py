"""Version 3's functions, parameters, and variables, and what version 4 has in their place."""

from __future__ import annotations

import pytest

from workflows.package_deployment.toolkit.catalog import catalog
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.cmdlets import cmdlet
from workflows.package_deployment.toolkit.earlier_names import SOURCE, VARIABLES, VARIABLES_SOURCE, functions
from workflows.package_deployment.toolkit.findings import Level


def translated(script: str) -> str:
    """Return the suggestion for a call of version 3."""
    found = [finding for finding in check_script(script, fragment=True) if finding.code == "command.version_3"]
    assert len(found) == 1
    assert found[0].level is Level.ERROR
    return found[0].suggestion


def test_all_that_takes_an_old_name_s_place_exists() -> None:
    assert len(functions()) >= 80
    for earlier in functions().values():
        for new in earlier.replacements:
            assert new in catalog() or cmdlet(new) or new == "$envHardwareType", earlier.name
        for old, change in earlier.parameters.items():
            target = catalog().get(earlier.replacements[0]) if earlier.replacements else None
            if change.name and target and change.name not in ("ErrorAction", "InformationAction"):
                assert target.parameter(change.name), (earlier.name, old)
    assert SOURCE.startswith("https://")
    assert VARIABLES_SOURCE.startswith("https://")


def test_properties_of_the_session_exist() -> None:
    session = catalog()["Open-ADTSession"]
    computed = {
        "currentdate", "currentdatetime", "currenttime", "currenttimezonebias", "installphase", "usedefaultmsi"
    }  # fmt: skip
    assert {name for name in VARIABLES if not session.parameter(name)} == computed


@pytest.mark.parametrize(
    ("script", "call"),
    [
        (
            "Execute-MSI -Action Install -Path 'a.msi' -Parameters '/qn' -Transform 'b.mst'",
            "Start-ADTMsiProcess -Action Install -FilePath 'a.msi' -ArgumentList '/qn' -Transforms 'b.mst'",
        ),
        (
            "Execute-Process -Path \"$dirFiles\\setup.exe\" -Parameters '/S' -WindowStyle Hidden",
            "Start-ADTProcess -FilePath \"$dirFiles\\setup.exe\" -ArgumentList '/S' -WindowStyle Hidden",
        ),
        (
            "Show-InstallationWelcome -CloseApps 'winword=Word,excel' -CloseAppsCountdown 60 -AllowDefer",
            "Show-ADTInstallationWelcome -CloseProcesses @{ Name = 'winword'; Description = 'Word' }, 'excel'"
            " -CloseProcessesCountdown 60 -AllowDefer",
        ),
        ("Write-Log -Message 'x' -Severity 2", "Write-ADTLogEntry -Message 'x' -Severity 2"),
        ("Exit-Script -ExitCode 3010", "Close-ADTSession -ExitCode 3010"),
        ("remove-msiapplications -Name 'x' -Exact", "Uninstall-ADTApplication -Name 'x' -NameMatch Exact"),
    ],
)
def test_calls_are_translated_with_their_parameters(script: str, call: str) -> None:
    suggestion = translated(script)
    assert suggestion.startswith(call)
    assert [f for f in check_script(call, fragment=True) if f.level is Level.ERROR] == []


def test_what_is_not_known_is_not_claimed() -> None:
    assert "No counterpart of -MaxLogHistory is known." in translated("Write-Log -Message x -MaxLogHistory 3")
    assert "is not known" in translated("Execute-MSI -Path a.msi -Invented 3")
    assert translated("Set-PinnedApplication -Action x") == "Nothing takes its place in version 4."
    assert "opposite" in translated("Show-InstallationPrompt -Message x -TopMost $false")
    assert "Add-ADTEdgeExtension or Remove-ADTEdgeExtension" in translated("Configure-EdgeExtension -Add")


def test_functions_of_earlier_versions_4_are_named_as_such() -> None:
    found = check_script("Get-ADTRunAsActiveUser", fragment=True)
    assert "4.0 and 4.1" in found[0].words


def test_variables_of_version_3_that_nothing_sets_are_found() -> None:
    found = check_script('Start-ADTProcess -FilePath "$dirFiles\\a.exe"', fragment=True)
    assert [(f.code, f.suggestion) for f in found] == [("variable.version_3", "Write $adtSession.DirFiles.")]
    for harmless in (
        "$appName = 'x'; Write-ADTLogEntry -Message $appName",
        "function f { param($AppName) Write-ADTLogEntry -Message $AppName }",
        "Write-ADTLogEntry -Message $adtSession.AppName",
        "Write-ADTLogEntry -Message $envComputerName",
    ):
        assert check_script(harmless, fragment=True) == []


def test_a_function_of_the_script_may_have_an_old_name() -> None:
    assert check_script("function Write-Log { param($Message) Write-Host $Message }\nWrite-Log x", fragment=True) == []
