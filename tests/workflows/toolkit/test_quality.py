"""The named checks of a script's quality: each with a script that passes it and one that does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.toolkit.test_package_match import PRODUCT, analysis
from tests.workflows.toolkit.valid import NEWER_SCRIPT, WHOLE_SCRIPT
from workflows.package_deployment.analysis import Check, Confidence, PackageAnalysis, Signature, Switch, Technology
from workflows.package_deployment.toolkit.checks import check_script
from workflows.package_deployment.toolkit.findings import QualityCheck
from workflows.package_deployment.toolkit.quality import WEIGHTS, assess_quality

SIGNED = Signature(is_signed=True, digest=Check.MATCHES, signature=Check.MATCHES, chain=Check.MATCHES, signer="Example")


def checks(script: str, package: PackageAnalysis | None = None, **options: Any) -> dict[str, QualityCheck]:
    """Return the checks of a script by name."""
    package = package or analysis()
    return {check.name: check for check in assess_quality(script, package, check_script(script, package), **options)}


def passed(name: str, script: str, package: PackageAnalysis | None = None, **options: Any) -> float:
    """Return the share of a check that is passed."""
    return checks(script, package, **options)[name].passed


def test_the_weights_add_up_to_a_hundred_and_each_check_says_why() -> None:
    assert sum(WEIGHTS.values()) == 100
    found = checks(WHOLE_SCRIPT)
    assert list(found) == list(WEIGHTS)
    assert all(check.words.endswith(".") and check.title and check.weight == WEIGHTS[check.name]
               for check in found.values())  # fmt: skip


def test_a_good_script_passes_nearly_everything() -> None:
    found = checks(WHOLE_SCRIPT, analysis(signature=SIGNED))
    assert {check.name for check in found.values() if check.passed < 1} <= {"closes_applications"}
    newer = checks(NEWER_SCRIPT, analysis(signature=SIGNED))
    assert newer["install"].passed == newer["uninstall"].passed == newer["repair"].passed == 1


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("errors", "Show-ADTInstallationProgress\n", "Show-ADTInstallationProgres\n"),
        ("warnings", "Show-ADTInstallationProgress\n", "msiexec /i x\n"),
        ("install", "Start-ADTMsiProcess -Action Install -FilePath 'reader.msi'", "Write-ADTLogEntry -Message 'x' #"),
        ("install", "function Install-ADTDeployment", "function Install-Nothing"),
        ("uninstall", "Start-ADTMsiProcess -Action Uninstall", "Get-ADTApplication -Name x #"),
        ("repair", "function Repair-ADTDeployment", "function Repair-Nothing"),
        ("product_code", f"-Action Uninstall -ProductCode '{PRODUCT}'", "-Action Uninstall -FilePath 'reader.msi'"),
        ("product_code", f"Start-ADTMsiProcess -Action Uninstall -ProductCode '{PRODUCT}'",
         "Uninstall-ADTApplication -Name 'Reader'"),
        ("prerequisites", "CheckDiskSpace = $true", ""),
        ("restart", "AppRebootExitCodes = @(1641, 3010)", "AppRebootExitCodes = @(3010)"),
        ("logging", "Write-ADTLogEntry -Message $problem -Severity 3", ""),
        ("silent_mode", "    Show-ADTInstallationProgress\n", "    Show-ADTDialogBox -Text 'x' -Force\n"),
        ("silent_mode", "    Show-ADTInstallationProgress\n", "    $answer = Read-Host -Prompt 'Continue?'\n"),
        ("silent_mode", "    Show-ADTInstallationProgress\n", "    [System.Windows.Forms.MessageBox]::Show('x')\n"),
        ("paths", "    Show-ADTInstallationProgress\n", "    New-ADTFolder -LiteralPath 'C:\\Example'\n"),
        ("metadata", "AppScriptAuthor = 'Packaging team'", "AppScriptAuthor = ''"),
        ("metadata", ".SYNOPSIS", "."),
    ],
)  # fmt: skip
def test_what_is_missing_lowers_its_own_check(name: str, before: str, after: str) -> None:
    assert before in WHOLE_SCRIPT
    assert passed(name, WHOLE_SCRIPT.replace(before, after, 1)) < passed(name, WHOLE_SCRIPT)


def test_applications_are_closed_before_the_installation_and_the_uninstallation() -> None:
    both = WHOLE_SCRIPT.replace(
        "    Start-ADTMsiProcess -Action Uninstall",
        "    Show-ADTInstallationWelcome -CloseProcesses reader -Silent\n    Start-ADTMsiProcess -Action Uninstall",
    )
    assert passed("closes_applications", both) == 1
    assert passed("closes_applications", WHOLE_SCRIPT) == 0.5
    late = WHOLE_SCRIPT.replace("Show-ADTInstallationWelcome @welcome", "")
    assert passed("closes_applications", late) == 0


def test_the_package_is_judged_with_the_script() -> None:
    assert passed("signature", WHOLE_SCRIPT) == 0
    unchecked = SIGNED.model_copy(update={"chain": Check.NOT_CHECKED})
    assert passed("signature", WHOLE_SCRIPT, analysis(signature=unchecked)) == 0.7
    assert "root was not checked" in checks(WHOLE_SCRIPT, analysis(signature=unchecked))["signature"].words
    assert "was not checked" in checks(WHOLE_SCRIPT)["signature"].words
    unsigned = Signature(digest=Check.ABSENT)
    assert checks(WHOLE_SCRIPT, analysis(signature=unsigned))["signature"].words == "The package is not signed."
    foreign = SIGNED.model_copy(update={"chain": Check.DIFFERS})
    assert "root does not hold" in checks(WHOLE_SCRIPT, analysis(signature=foreign))["signature"].words
    forged = SIGNED.model_copy(update={"digest": Check.DIFFERS})
    assert passed("signature", WHOLE_SCRIPT, analysis(signature=forged)) == 0
    assert passed("detection", WHOLE_SCRIPT, analysis(product_code="")) == 0.6
    assert passed("detection", WHOLE_SCRIPT, analysis(product_code=""), has_detection_rule=True) == 1


def test_silent_switches_count_by_how_sure_they_are_and_whether_they_are_used() -> None:
    def package(confidence: Confidence) -> PackageAnalysis:
        switch = Switch(purpose="install", arguments="/S", confidence=confidence, reason="The usual ones.")
        return analysis(file_name="setup.exe", technology=Technology.NSIS, product_code="", switches=[switch])

    script = "function Install-ADTDeployment { Start-ADTProcess -FilePath 'setup.exe' -ArgumentList '/S' }"
    assert passed("silent_switches", script, package(Confidence.CERTAIN)) == 1
    assert passed("silent_switches", script, package(Confidence.LIKELY)) == 0.7
    assert passed("silent_switches", script.replace("/S", "/other"), package(Confidence.LIKELY)) == 0.35
    assert passed("silent_switches", script, analysis(technology=Technology.UNKNOWN)) == 0


def test_checks_that_do_not_apply_are_left_out() -> None:
    assert "product_code" not in checks(WHOLE_SCRIPT, analysis(technology=Technology.NSIS))
    without = {check.name for check in assess_quality(WHOLE_SCRIPT, None, [])}
    assert not without & {"product_code", "silent_switches", "signature", "detection"}


def test_a_script_that_cannot_be_read_passes_nothing() -> None:
    found = assess_quality("(" * 10_000, analysis(), [])
    assert {check.passed for check in found} == {0}
    assert assess_quality("", analysis(), check_script("", analysis()))
