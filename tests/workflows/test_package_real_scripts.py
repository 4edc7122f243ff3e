"""Scripts for real installers, built in the test run or fetched from a registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows import nsis_installers, wixl_packages
from tests.workflows.inno_setups import Setup
from tests.workflows.powershell_reading import parsed
from tests.workflows.written_packages import written
from workflows.package_deployment.analysis import PackageAnalysis, Scope, Technology
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.scripts.detection import MsiRule, RegistryRule, Target, detection_script
from workflows.package_deployment.scripts.generating import Draft, draft_script, validate_script
from workflows.package_deployment.scripts.instruction_base import Mode
from workflows.package_deployment.scripts.instructions import structure
from workflows.package_deployment.scripts.rendering import part_of

HOSTILE = "It’s ‘$(x)’ `; Stop-Computer; '\r\nStop-Computer"
Build = Callable[[Path], Path]


def inno(folder: Path) -> Path:
    path = folder / "setup.exe"
    texts = {"AppName": "Example Reader", "AppVersion": "2.0.1", "AppId": "{{5F1D3C7A-0000-4000-8000-0123456789AB}",
             "Uninstallable": "yes", "CreateUninstallRegKey": "yes"}  # fmt: skip
    path.write_bytes(Setup(texts=texts).build())
    return path


def nsis(folder: Path) -> Path:
    return nsis_installers.build_nsis(folder, lines=nsis_installers.ENTRY)


def msi(**source: str) -> Build:
    return lambda folder: wixl_packages.build(folder, wixl_packages.source(**source))


BUILDS: dict[str, Build] = {
    "msi per machine": msi(),
    "msi per user": msi(package='InstallScope="perUser"'),
    "msi that was written": lambda folder: written(folder),
    "msi with a hostile name": lambda folder: written(
        folder, properties={"ProductName": HOSTILE, "Manufacturer": HOSTILE}
    ),
    "nsis": nsis,
    "inno setup": inno,
}


@pytest.fixture(scope="module", params=BUILDS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> PackageAnalysis:
    """The analysis of a real installer."""
    return analyze(BUILDS[request.param](tmp_path_factory.mktemp("installer")))


def drafted(analysis: PackageAnalysis, request: str = "", mode: Mode = Mode.QUICK) -> Draft:
    return draft_script(analysis, structure(request, analysis, mode))


@pytest.mark.parametrize("mode", Mode)
def test_the_script_of_a_real_installer_passes_the_checks(found: PackageAnalysis, mode: Mode) -> None:
    draft = drafted(found, "Close the app. Suppress the restart.", mode)
    assert [item for item in validate_script(draft.script, found).findings if item.level == "error"] == []
    parsed(draft.script)
    for target in Target:
        parsed(detection_script(draft.detection, target))


def test_the_codes_of_the_installer_are_in_the_script(found: PackageAnalysis) -> None:
    draft = drafted(found)
    uninstall = part_of(draft.script, "Uninstall")
    if found.technology is Technology.MSI:
        assert f"-Action 'Uninstall' -ProductCode '{found.product_code}'" in uninstall
        assert draft.detection == MsiRule(
            product_code=found.product_code, version=found.version, for_user=found.scope is Scope.USER
        )
    else:
        assert found.uninstall_entry and f"$_.PSChildName -eq '{found.uninstall_entry}'" in uninstall
        assert isinstance(draft.detection, RegistryRule) and draft.detection.key.endswith(found.uninstall_entry)
