"""The package as an application of Microsoft Configuration Manager.

The names are those of the parameters of ``New-CMApplication`` and ``Add-CMScriptDeploymentType``.
"""

from __future__ import annotations

from typing import Any

from workflows.package_deployment.analysis import Scope
from workflows.package_deployment.delivery.commands import (
    Meaning,
    command_line,
    description,
    exit_codes,
    requirements,
    restart_behavior,
)
from workflows.package_deployment.delivery.contents import PackageContents
from workflows.package_deployment.delivery.toolkit_folder import Toolkit
from workflows.package_deployment.scripts.blocks import RestartBehavior
from workflows.package_deployment.scripts.detection import Target, detection_script
from workflows.package_deployment.scripts.literals import cleaned
from workflows.package_deployment.scripts.planning import application_name

_MEANINGS: dict[Meaning, str] = {
    "success": "Success", "soft_restart": "SoftReboot", "hard_restart": "HardReboot", "retry": "FastRetry",
    "failed": "Failure",
}  # fmt: skip
_LEAST_MINUTES = 15
_USUAL_MOST_MINUTES = 60


def configuration_manager_description(contents: PackageContents, toolkit: Toolkit | None) -> dict[str, Any]:
    """Return the application and its deployment type."""
    analysis = contents.analysis
    name = f"{application_name(analysis)} {cleaned(analysis.version)}".strip()
    for_user = analysis.scope is Scope.USER
    estimated = max(1, -(-analysis.duration.seconds_high // 60)) if analysis.duration else 5
    behavior = restart_behavior(contents)
    needed = requirements(contents)
    return {
        "application": {
            "Name": name,
            "Description": description(contents),
            "Publisher": cleaned(analysis.manufacturer),
            "SoftwareVersion": cleaned(analysis.version),
            "LocalizedName": application_name(analysis),
        },
        "deploymentType": {
            "DeploymentTypeName": f"{name} (script)",
            "ContentLocation": "",
            "InstallCommand": command_line("Install", toolkit),
            "UninstallCommand": command_line("Uninstall", toolkit),
            "RepairCommand": command_line("Repair", toolkit),
            "ScriptLanguage": "PowerShell",
            "ScriptText": detection_script(contents.detection, Target.CONFIGURATION_MANAGER),
            "InstallationBehaviorType": "InstallForUser" if for_user else "InstallForSystem",
            "LogonRequirementType": "OnlyWhenUserLoggedOn" if for_user else "WhetherOrNotUserLoggedOn",
            "UserInteractionMode": "Normal",
            "RebootBehavior": "NoAction" if behavior is RestartBehavior.SUPPRESS else "BasedOnExitCode",
            "EstimatedRuntimeMins": estimated,
            "MaximumRuntimeMins": min(720, max(_LEAST_MINUTES, _USUAL_MOST_MINUTES, 2 * estimated)),
        },
        "returnCodes": [
            {"code": code, "class": _MEANINGS[meaning]} for code, meaning in sorted(exit_codes(contents).items())
        ],
        "requirements": {
            key: value
            for key, value in (
                ("architecture", analysis.architecture.value),
                ("freeDiskMB", needed.free_disk_mb if needed else None),
                ("windowsBuild", needed.windows_build if needed else None),
                ("dotNetRelease", needed.dotnet_release if needed else None),
            )
            if value
        },
    }
