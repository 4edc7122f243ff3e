"""From blocks to the text of ``Invoke-AppDeployToolkit.ps1``, in the structure of the toolkit's version 4.2.

The same blocks give the same text. Values are written by `calls` and nowhere else; all other lines are constants.
"""

from __future__ import annotations

from typing import Final, Literal

from workflows.package_deployment.analysis import Scope
from workflows.package_deployment.scripts import blocks
from workflows.package_deployment.scripts.block_rendering import ARCHITECTURES, RUNNING, render_block
from workflows.package_deployment.scripts.calls import Call, Variable, table, written

TOOLKIT_VERSION: Final = "4.2.0"
"""The version of the toolkit that scripts are written for."""
_INDENT = "    "
_HEAD = """\
<#
.SYNOPSIS
Installs, uninstalls, or repairs an application with PSAppDeployToolkit.

.DESCRIPTION
Needs version 4.2 of the toolkit, in the folder PSAppDeployToolkit beside this script or installed as a module.

.PARAMETER DeploymentType
What is done: Install, Uninstall, or Repair.

.PARAMETER DeployMode
Whether windows are shown: Auto decides by what runs on the computer.

.PARAMETER SuppressRebootPassThru
Ends with 0 instead of the exit code that asks for a restart.
#>
[CmdletBinding()]
param
(
    [Parameter(Mandatory = $false)]
    [ValidateSet('Install', 'Uninstall', 'Repair')]
    [System.String]$DeploymentType = 'Install',

    [Parameter(Mandatory = $false)]
    [ValidateSet('Auto', 'Interactive', 'NonInteractive', 'Silent')]
    [System.String]$DeployMode = %(mode)s,

    [Parameter(Mandatory = $false)]
    [System.Management.Automation.SwitchParameter]$SuppressRebootPassThru
)
"""

_START = """\
# Start: load the toolkit, and open the session
$ErrorActionPreference = [System.Management.Automation.ActionPreference]::Stop
$ProgressPreference = [System.Management.Automation.ActionPreference]::SilentlyContinue
Set-StrictMode -Version '1.0'
try
{
    $toolkitModule = Join-Path -Path $PSScriptRoot -ChildPath 'PSAppDeployToolkit\\PSAppDeployToolkit.psd1'
    if (Test-Path -LiteralPath $toolkitModule -PathType 'Leaf')
    {
        Import-Module -Name $toolkitModule -Force
    }
    else
    {
        Import-Module -Name 'PSAppDeployToolkit' -MinimumVersion %(version)s -Force
    }
    $adtSession = Remove-ADTHashtableNullOrEmptyValues -Hashtable $adtSession
    $adtSession = %(open)s
}
catch
{
    $Host.UI.WriteErrorLine((Out-String -InputObject $_ -Width 1000))
    exit 60008
}
"""

_RUN = """\
# Run: what the session says, and nothing else
try
{
    switch ($adtSession.DeploymentType)
    {
        'Install' { Install-ADTDeployment }
        'Uninstall' { Uninstall-ADTDeployment }
        'Repair' { Repair-ADTDeployment }
    }
    Close-ADTSession
}
catch
{
    Write-ADTLogEntry -Message (Resolve-ADTErrorRecord -ErrorRecord $_) -Severity 'Error'
    Close-ADTSession -ExitCode 60001
}
"""


def render(plan: blocks.ScriptPlan) -> str:
    """Return the script of a plan, with line feeds and without a byte order mark."""
    session = plan.session
    opened = Call(
        "Open-ADTSession",
        DeploymentType=Variable.DEPLOYMENT_TYPE,
        DeployMode=Variable.DEPLOY_MODE,
        SuppressRebootPassThru=True if session.suppresses_restart else Variable.SUPPRESS_RESTART,
        PassThru=True,
    )
    parts = [
        _HEAD % {"mode": written(session.mode)},
        "\n".join(["# What is deployed", "$adtSession = @{", *_session(session), "}", ""]),
        _function("Install", plan.install),
        _function("Uninstall", plan.uninstall),
        _function("Repair", plan.repair),
        _START
        % {"version": written(TOOLKIT_VERSION), "open": str(opened).replace("Session ", "Session @adtSession ", 1)},
        _RUN,
    ]
    return "\n".join(parts)


def part_of(script: str, kind: Literal["Install", "Uninstall", "Repair"]) -> str:
    """Return the function of one kind of deployment in a script, or an empty text."""
    _, start, rest = script.partition(f"function {kind}-ADTDeployment\n")
    body, end, _ = rest.partition("\n}\n")
    return f"{start}{body}{end}" if end else ""


def _session(session: blocks.Session) -> list[str]:
    processes = [_process(process) for process in session.processes]
    needs_rights = {Scope.MACHINE: True, Scope.USER: False}.get(session.scope)
    return [
        *table(
            {
                "AppVendor": session.vendor,
                "AppName": session.name,
                "AppVersion": session.version,
                "AppArch": ARCHITECTURES.get(session.architecture, ""),
                "AppLang": session.language,
                "AppRevision": session.revision,
                "AppSuccessExitCodes": session.success_codes,
                "AppRebootExitCodes": session.restart_codes,
            },
            _INDENT,
        ),
        f"{_INDENT}AppProcessesToClose = @({', '.join(processes)})",
        *table(
            {
                "AppScriptVersion": session.script_version,
                "AppScriptDate": session.date or None,
                "AppScriptAuthor": session.author,
                "InstallTitle": session.title or None,
                "RequireAdmin": needs_rights,
                "NoProcessDetection": True if session.is_seen else None,
            },
            _INDENT,
        ),
        f"{_INDENT}DeployAppScriptFriendlyName = $MyInvocation.MyCommand.Name",
        f"{_INDENT}DeployAppScriptParameters = $PSBoundParameters",
        *table({"DeployAppScriptVersion": TOOLKIT_VERSION}, _INDENT),
    ]


def _process(process: blocks.Process) -> str:
    description = f"; Description = {written(process.description)}" if process.description else ""
    return f"@{{ Name = {written(process.name)}{description} }}"


def _function(kind: str, phase: blocks.Phase) -> str:
    """Return the function of one kind of deployment."""
    asks = any(
        isinstance(block, blocks.RestartHandling)
        and block.behavior in {blocks.RestartBehavior.PROMPT, blocks.RestartBehavior.FORCE}
        for block in phase.after
    )
    lines = [f"function {kind}-ADTDeployment", "{", "    [CmdletBinding()]", "    param", "    (", "    )"]
    for name, comment, part in (
        (f"Pre-{kind}", "Before", phase.before),
        (kind, "The main step", phase.main),
        (f"Post-{kind}", "After", phase.after),
    ):
        lines += ["", f"    # {comment}", f"    $adtSession.InstallPhase = {written(name)}"]
        if asks and part is phase.main:
            lines.append("    $processResults = @()")
        for block in part:
            keeps = asks and part is phase.main and isinstance(block, RUNNING)
            lines += [f"{_INDENT}{line}" for line in render_block(block, keeps_result=keeps)]
    return "\n".join([*lines, "}", ""])
