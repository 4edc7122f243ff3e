"""The package as an app of Microsoft Intune, in the terms of Graph's ``win32LobApp`` (version 1.0)."""

from __future__ import annotations

import base64
from typing import Any

from workflows.package_deployment.analysis import Architecture, PackageAnalysis, Scope, Technology
from workflows.package_deployment.delivery.commands import (
    Meaning,
    command_line,
    description,
    exit_codes,
    requirements,
    restart_behavior,
)
from workflows.package_deployment.delivery.contents import PackageContents
from workflows.package_deployment.delivery.toolkit_folder import LAUNCHER, Toolkit
from workflows.package_deployment.scripts.blocks import RestartBehavior
from workflows.package_deployment.scripts.detection import (
    DetectionRule,
    EntryRule,
    MsiRule,
    RegistryRule,
    Target,
    detection_script,
)
from workflows.package_deployment.scripts.digests import script_bytes
from workflows.package_deployment.scripts.literals import cleaned
from workflows.package_deployment.scripts.planning import application_name, product_code

_TYPE = "#microsoft.graph."
_MEANINGS: dict[Meaning, str] = {
    "success": "success", "soft_restart": "softReboot", "hard_restart": "hardReboot", "retry": "retry",
    "failed": "failed",
}  # fmt: skip
_ARCHITECTURES = {
    Architecture.X64: "x64", Architecture.ARM64: "arm64", Architecture.X86: "x86,x64", Architecture.ARM: "arm"
}  # fmt: skip
_RELEASES = {
    17763: "1809", 18362: "1903", 18363: "1909", 19041: "2004", 19042: "2H20", 19043: "21H1", 19044: "Windows10_21H2",
    19045: "Windows10_22H2", 22000: "Windows11_21H2", 22621: "Windows11_22H2", 22631: "Windows11_23H2",
    26100: "Windows11_24H2",
}  # fmt: skip
"""What Intune calls the releases of Windows, by their builds."""
_OLDEST = "1809"


def intune_description(contents: PackageContents, toolkit: Toolkit | None, size: int) -> dict[str, Any]:
    """Return the app. Its content is the package's folder, wrapped with the Win32 Content Prep Tool.

    Args:
        size: Bytes of all files.
    """
    analysis = contents.analysis
    needed = requirements(contents)
    suppresses = restart_behavior(contents) is RestartBehavior.SUPPRESS
    app: dict[str, Any] = {
        "@odata.type": f"{_TYPE}win32LobApp",
        "displayName": application_name(analysis),
        "description": description(contents),
        "publisher": cleaned(analysis.manufacturer) or "Unknown",
        "notes": f"Version {cleaned(analysis.version)}; {size} bytes; script {contents.approved_sha256}",
        "fileName": "Invoke-AppDeployToolkit.intunewin",
        "setupFilePath": LAUNCHER if toolkit is None or toolkit.has_launcher else "Invoke-AppDeployToolkit.ps1",
        "installCommandLine": command_line("Install", toolkit),
        "uninstallCommandLine": command_line("Uninstall", toolkit),
        "applicableArchitectures": _ARCHITECTURES.get(analysis.architecture, "x86,x64"),
        "minimumSupportedWindowsRelease": _release(needed.windows_build if needed else None),
        "minimumFreeDiskSpaceInMB": needed.free_disk_mb if needed else None,
        "installExperience": {
            "@odata.type": f"{_TYPE}win32LobAppInstallExperience",
            "runAsAccount": "user" if analysis.scope is Scope.USER else "system",
            "deviceRestartBehavior": "suppress" if suppresses else "basedOnReturnCode",
        },
        "returnCodes": [
            {"@odata.type": f"{_TYPE}win32LobAppReturnCode", "returnCode": code, "type": _MEANINGS[meaning]}
            for code, meaning in sorted(exit_codes(contents).items())
        ],
        "rules": [*_detection(contents.detection), *_requirement_rules(needed.dotnet_release if needed else None)],
        "msiInformation": _msi(analysis),
    }
    return {key: value for key, value in app.items() if value is not None}


def _release(build: int | None) -> str:
    """Return the newest release that is not newer than a build."""
    return next((name for known, name in sorted(_RELEASES.items(), reverse=True) if build and known <= build), _OLDEST)


def _detection(rule: DetectionRule) -> list[dict[str, Any]]:
    compared = {"operator": "greaterThanOrEqual", "comparisonValue": rule.version} if rule.version else {
        "operator": "notConfigured", "comparisonValue": None
    }  # fmt: skip
    if isinstance(rule, MsiRule):
        return [{
            "@odata.type": f"{_TYPE}win32LobAppProductCodeRule", "ruleType": "detection",
            "productCode": rule.product_code,
            "productVersionOperator": "greaterThanOrEqual" if rule.version else "notConfigured",
            "productVersion": rule.version or None,
        }]  # fmt: skip
    if isinstance(rule, (EntryRule, RegistryRule)):
        # A rule of Intune looks into one view of the registry; the script looks into both.
        return [{
            "@odata.type": f"{_TYPE}win32LobAppPowerShellScriptRule", "ruleType": "detection", "displayName": None,
            "enforceSignatureCheck": False, "runAs32Bit": False, "runAsAccount": None,
            "scriptContent": base64.b64encode(script_bytes(detection_script(rule, Target.INTUNE))).decode(),
            "operationType": "notConfigured", "operator": "notConfigured", "comparisonValue": None,
        }]  # fmt: skip
    return [{
        "@odata.type": f"{_TYPE}win32LobAppFileSystemRule", "ruleType": "detection", "check32BitOn64System": False,
        "path": rule.folder, "fileOrFolderName": rule.file, "operationType": "version" if rule.version else "exists",
        **compared,
    }]  # fmt: skip


def _requirement_rules(dotnet_release: int | None) -> list[dict[str, Any]]:
    if not dotnet_release:
        return []
    return [{
        "@odata.type": f"{_TYPE}win32LobAppRegistryRule", "ruleType": "requirement", "check32BitOn64System": False,
        "keyPath": r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full", "valueName": "Release",
        "operationType": "integer", "operator": "greaterThanOrEqual", "comparisonValue": str(dotnet_release),
    }]  # fmt: skip


def _msi(analysis: PackageAnalysis) -> dict[str, Any] | None:
    if analysis.technology is not Technology.MSI or not product_code(analysis):
        return None
    kinds = {Scope.USER: "perUser", Scope.EITHER: "dualPurpose"}
    return {
        "@odata.type": f"{_TYPE}win32LobAppMsiInformation",
        "productCode": product_code(analysis),
        "productVersion": cleaned(analysis.version),
        "upgradeCode": cleaned(analysis.upgrade_code) or None,
        "requiresReboot": False,
        "packageType": kinds.get(analysis.scope, "perMachine"),
        "productName": application_name(analysis),
        "publisher": cleaned(analysis.manufacturer),
    }
