"""How to tell that an application is installed: a rule, and a script that applies it.

The script needs Windows PowerShell 5.1 and nothing else. It looks into the 64-bit and the 32-bit view of the registry,
whichever process runs it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from workflows.package_deployment.analysis import PackageAnalysis, Scope, Technology
from workflows.package_deployment.scripts import instruction_model as asked
from workflows.package_deployment.scripts.block_rendering import VERSION_IN_NAME
from workflows.package_deployment.scripts.calls import written
from workflows.package_deployment.scripts.literals import Guid, Plain, Word, cleaned
from workflows.package_deployment.scripts.planning import application_name, product_code

UNINSTALL_KEY = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall"
_GUID = re.compile(r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}", re.IGNORECASE)
_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,3}")


class Target(StrEnum):
    """Who runs a detection script. They differ in what an exit code means."""

    INTUNE = "intune"
    """Installed: exit code 0 and output. Otherwise the exit code is 1."""
    CONFIGURATION_MANAGER = "configuration_manager"
    """Installed: output. The exit code is always 0, because others count as a failed check."""


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Plain = Field(default="", description="At least this one; empty: any")


class MsiRule(_Rule):
    """Installed if Windows Installer knows the product."""

    kind: Literal["msi"] = "msi"
    product_code: Guid
    for_user: bool = False


class RegistryRule(_Rule):
    """Installed if a key of the registry exists, with a value that is a version."""

    kind: Literal["registry"] = "registry"
    hive: Literal["HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"] = "HKEY_LOCAL_MACHINE"
    key: Word = Field(description="Without the hive")
    value_name: Plain = "DisplayVersion"


class EntryRule(_Rule):
    """Installed if the list of installed applications has a name. Only a script can look for it."""

    kind: Literal["entry"] = "entry"
    hive: Literal["HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"] = "HKEY_LOCAL_MACHINE"
    name: Word = Field(description="The name; in the list, a version may follow")


class FileRule(_Rule):
    """Installed if a file exists, with at least a version."""

    kind: Literal["file"] = "file"
    folder: Word = Field(description="May name environment variables, such as %ProgramFiles%")
    file: Word


DetectionRule = Annotated[MsiRule | RegistryRule | EntryRule | FileRule, Field(discriminator="kind")]


def detection_rule(analysis: PackageAnalysis, instructions: asked.Instructions) -> DetectionRule:
    """Return the rule that was asked for, or else the surest one that is known."""
    wishes = instructions.of(asked.DetectionWish)
    if wishes and (found := _wished(wishes[-1], analysis)):
        return found
    return _known(analysis)


def _wished(wish: asked.DetectionWish, analysis: PackageAnalysis) -> DetectionRule | None:
    version = wish.version or _version(analysis)
    if wish.by == "file" and "\\" in wish.path:
        folder, _, file = wish.path.rpartition("\\")
        return FileRule(folder=folder, file=file, version=wish.version)
    if wish.by == "registry" and wish.path:
        hive, _, key = wish.path.partition("\\")
        if not cleaned(key):
            return None
        return RegistryRule(
            hive="HKEY_CURRENT_USER" if hive.upper() in {"HKCU", "HKEY_CURRENT_USER"} else "HKEY_LOCAL_MACHINE",
            key=key,
            value_name=wish.name,
            version=wish.version,
        )
    if wish.by == "product_code" and product_code(analysis):
        return MsiRule(product_code=product_code(analysis), version=version, for_user=analysis.scope is Scope.USER)
    return None


def _known(analysis: PackageAnalysis) -> DetectionRule:
    version = _version(analysis)
    hive: Literal["HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER"] = (
        "HKEY_CURRENT_USER" if analysis.scope is Scope.USER else "HKEY_LOCAL_MACHINE"
    )
    code = product_code(analysis)
    if code and analysis.technology in {Technology.MSI, Technology.MSI_WRAPPER, Technology.INSTALLSHIELD}:
        return MsiRule(product_code=code, version=version, for_user=analysis.scope is Scope.USER)
    if entry := cleaned(analysis.uninstall_entry):
        return RegistryRule(hive=hive, key=f"{UNINSTALL_KEY}\\{entry}", version=version)
    if analysis.bundle and _GUID.fullmatch(bundle := cleaned(analysis.bundle.bundle_id)):
        return RegistryRule(hive=hive, key=f"{UNINSTALL_KEY}\\{bundle}", version=version)
    return EntryRule(hive=hive, name=application_name(analysis), version=version)


def _version(analysis: PackageAnalysis) -> str:
    version = cleaned(analysis.version)
    return version if _VERSION.fullmatch(version) else ""


_START = """\
# Tells whether the application is installed: %(says)s
$ErrorActionPreference = 'Stop'

function Test-MinimumVersion
{
    param
    (
        [System.String]$Found,
        [System.String]$Wanted
    )

    if (!$Wanted)
    {
        return $true
    }
    $foundVersion = $null
    $wantedVersion = $null
    $areVersions = [System.Version]::TryParse($Found, [ref]$foundVersion)
    if ($areVersions -and [System.Version]::TryParse($Wanted, [ref]$wantedVersion))
    {
        return $foundVersion -ge $wantedVersion
    }
    return $Found -eq $Wanted
}

$wanted = %(version)s
$isInstalled = $false
"""
_VIEWS = """\
foreach ($view in [Microsoft.Win32.RegistryView]::Registry64, [Microsoft.Win32.RegistryView]::Registry32)
{
    $root = [Microsoft.Win32.RegistryKey]::OpenBaseKey([Microsoft.Win32.RegistryHive]::%(hive)s, $view)
%(look)s
}
"""
_ONE_KEY = """\
    $key = $root.OpenSubKey(%(key)s)
    if ($null -ne $key -and (Test-MinimumVersion -Found ([System.String]$key.GetValue(%(value)s)) -Wanted $wanted))
    {
        $isInstalled = $true
    }"""
_ENTRIES = """\
    $entries = $root.OpenSubKey(%(key)s)
    if ($null -eq $entries)
    {
        continue
    }
    foreach ($name in $entries.GetSubKeyNames())
    {
        $entry = $entries.OpenSubKey($name)
        if ($null -eq $entry -or [System.String]$entry.GetValue('DisplayName') -notmatch %(pattern)s)
        {
            continue
        }
        if (Test-MinimumVersion -Found ([System.String]$entry.GetValue('DisplayVersion')) -Wanted $wanted)
        {
            $isInstalled = $true
        }
    }"""
_FILE = """\
$path = [System.Environment]::ExpandEnvironmentVariables(%(path)s)
if ([System.IO.File]::Exists($path))
{
    $file = [System.Diagnostics.FileVersionInfo]::GetVersionInfo($path)
    $found = '{0}.{1}.{2}.{3}' -f $file.FileMajorPart, $file.FileMinorPart, $file.FileBuildPart, $file.FilePrivatePart
    if (Test-MinimumVersion -Found $found -Wanted $wanted)
    {
        $isInstalled = $true
    }
}
"""
_END = """\
if ($isInstalled)
{
    Write-Output -InputObject 'Installed'
    exit 0
}
exit %(missing)s
"""
_SAYS = {
    Target.INTUNE: "exit code 0 with output if so, 1 if not.",
    Target.CONFIGURATION_MANAGER: "output if so, none if not.",
}


def detection_script(rule: DetectionRule, target: Target) -> str:
    """Return the PowerShell script that applies a rule."""
    start = _START % {"says": _SAYS[target], "version": written(rule.version)}
    end = _END % {"missing": "1" if target is Target.INTUNE else "0"}
    return "\n".join([start, _look(rule), end])


def _look(rule: DetectionRule) -> str:
    if isinstance(rule, FileRule):
        return _FILE % {"path": written(f"{rule.folder}\\{rule.file}")}
    if isinstance(rule, MsiRule):
        hive, look = "LocalMachine", _key(f"{UNINSTALL_KEY}\\{rule.product_code}", "DisplayVersion")
        if rule.for_user:
            hive = "CurrentUser"
    else:
        hive = "CurrentUser" if rule.hive == "HKEY_CURRENT_USER" else "LocalMachine"
        if isinstance(rule, RegistryRule):
            look = _key(rule.key, rule.value_name)
        else:
            pattern = f"^{re.escape(rule.name)}{VERSION_IN_NAME}$"
            look = _ENTRIES % {"key": written(UNINSTALL_KEY), "pattern": written(pattern)}
    return _VIEWS % {"hive": hive, "look": look}


def _key(key: str, value: str) -> str:
    return _ONE_KEY % {"key": written(key), "value": written(value)}
