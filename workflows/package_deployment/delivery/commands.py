"""How a package is started, and what its exit codes mean, for all management systems."""

from __future__ import annotations

from typing import Literal

from workflows.package_deployment.delivery.contents import PackageContents
from workflows.package_deployment.delivery.toolkit_folder import LAUNCHER, Toolkit
from workflows.package_deployment.scripts import instruction_model as asked
from workflows.package_deployment.scripts.block_rendering import NO_SILENT_WAY, PREREQUISITE_FAILED
from workflows.package_deployment.scripts.blocks import RestartBehavior
from workflows.package_deployment.scripts.instruction_base import Origin, Source

SCRIPT = "Invoke-AppDeployToolkit.ps1"
_POWERSHELL = r"%SystemRoot%\Sysnative\WindowsPowerShell\v1.0\powershell.exe"
"""From a 32-bit agent on 64-bit Windows, this is the 64-bit PowerShell, which the toolkit needs."""

Meaning = Literal["success", "soft_restart", "hard_restart", "retry", "failed"]
_USUAL: dict[int, Meaning] = {
    0: "success", 1707: "success", 3010: "soft_restart", 1641: "hard_restart", 1618: "retry", 60001: "failed",
    60008: "failed", PREREQUISITE_FAILED: "failed", NO_SILENT_WAY: "failed",
}  # fmt: skip


def command_line(purpose: Literal["Install", "Uninstall", "Repair"], toolkit: Toolkit | None) -> str:
    """Return the command line that starts the script."""
    if toolkit is None or toolkit.has_launcher:
        return f"{LAUNCHER} -DeploymentType {purpose}"
    return f"{_POWERSHELL} -NoProfile -ExecutionPolicy Bypass -File {SCRIPT} -DeploymentType {purpose}"


def exit_codes(contents: PackageContents) -> dict[int, Meaning]:
    """Return what exit codes mean. A deferral ends with 1602, and is tried again."""
    codes = _USUAL.copy()
    if any(item.is_allowed for item in contents.instructions.of(asked.Deferral)):
        codes[1602] = "retry"
    for item in contents.instructions.of(asked.ExitCodes):
        for code in item.codes:
            codes.setdefault(code, "success" if item.meaning == "success" else "soft_restart")
    return codes


def restart_behavior(contents: PackageContents) -> RestartBehavior:
    """Return what happens if a restart is needed."""
    wishes = contents.instructions.of(asked.Restart)
    return wishes[-1].behavior if wishes else RestartBehavior.PASS_ON


def requirements(contents: PackageContents) -> asked.Requirement | None:
    """Return all prerequisites as one, or None if there are none."""
    fields: dict[str, object] = {}
    for item in contents.instructions.of(asked.Requirement):
        fields |= {key: value for key, value in item.model_dump().items() if value and key != "source"}
    if not fields:
        return None
    source = Source(origin=Origin.REQUEST, words="all prerequisites")
    return asked.Requirement.model_validate(fields | {"source": source})


def description(contents: PackageContents) -> str:
    """Return a line that describes the application."""
    analysis = contents.analysis
    by = f" by {analysis.manufacturer}" if analysis.manufacturer else ""
    return f"{contents.plan.session.name if contents.plan else analysis.product_name} {analysis.version}{by}".strip()
