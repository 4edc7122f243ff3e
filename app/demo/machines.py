"""Proposals that run scripts on machines."""

from __future__ import annotations

from assent.contracts import Script
from assent.findings import AgentFinding, Attachment, FindingLevel

_CLEAN = """\
#!/usr/bin/env bash
set -euo pipefail

# Old releases: keep the three newest.
cd /srv/shop/releases
ls -1t | tail -n +4 | xargs -r -d '\\n' rm -rf --

# Logs that were shipped already.
find /var/log/shop -name '*.log.gz' -mtime +14 -delete
df -h /srv
"""
_ROTATE = """\
#!/usr/bin/env bash
set -euo pipefail

install -m 0644 /opt/ops/shop-logrotate /etc/logrotate.d/shop
logrotate --debug /etc/logrotate.d/shop
"""
_VPN = """\
$computers = Get-Content -Path .\\workstations.txt

Invoke-Command -ComputerName $computers -ScriptBlock {
    $product = Get-Package -Name 'Example VPN 3*' -ErrorAction SilentlyContinue
    if ($product) {
        $product | Uninstall-Package -Force
        Remove-Item -Path 'C:\\Program Files\\Example VPN' -Recurse -Force
    }
}
"""
_SPACE = """\
Get-CimInstance -ClassName Win32_LogicalDisk -Filter 'DriveType=3' |
    Select-Object -Property DeviceID,
        @{ Name = 'FreeGB'; Expression = { [math]::Round($_.FreeSpace / 1GB, 1) } } |
    Sort-Object -Property FreeGB
"""
_PACKAGE = """\
[CmdletBinding()]
param(
    [ValidateSet('Install', 'Uninstall')]
    [string] $Action = 'Install'
)

$ErrorActionPreference = 'Stop'
$log = Join-Path -Path $env:TEMP -ChildPath 'ExampleEditor-4.2.log'

if ($Action -eq 'Install') {
    $arguments = '/i', 'ExampleEditor-4.2.msi', '/qn', '/norestart', '/l*v', $log
}
else {
    $arguments = '/x', '{6F1C0E52-2B0A-4C1B-9E0B-5D7C7C1E4A42}', '/qn', '/norestart', '/l*v', $log
}

$process = Start-Process -FilePath msiexec.exe -ArgumentList $arguments -Wait -PassThru
exit $process.ExitCode
"""


def clean_disk() -> Script:
    """A shell script that deletes files."""
    return Script(
        title="Free disk space on web-2",
        language="bash",
        content=_CLEAN,
        target="shop-web-2",
        environment="production",
        summary="`/srv` is 94 % full. Without this, the next release does not fit.",
        findings=[AgentFinding(level=FindingLevel.INFO, words="14 of 17 releases would go.", line=6)],
    )


def rotate_logs() -> Script:
    """A shell script that changes a setting."""
    return Script(
        title="Rotate the shop's logs daily",
        language="bash",
        content=_ROTATE,
        target="shop-web-1",
        environment="staging",
        summary="Weekly files have grown to 11 GB.",
    )


def remove_vpn() -> Script:
    """A PowerShell script for many machines."""
    return Script(
        title="Remove 12 VPN clients",
        language="powershell",
        content=_VPN,
        target="12 workstations",
        environment="production",
        summary="All twelve have used the new client for at least two weeks.",
    )


def remove_vpn_pilot() -> Script:
    """The same script, tried on two machines before."""
    return remove_vpn().model_copy(
        update={
            "title": "Remove 2 VPN clients",
            "target": "2 workstations",
            "summary": "A trial: both workstations belong to the IT team.",
        }
    )


def restart_spooler() -> Script:
    """A PowerShell script that restarts a service."""
    return Script(
        title="Restart the print spooler",
        language="powershell",
        target="print-2",
        environment="production",
        summary="Eleven jobs are stuck.",
        content="Restart-Service -Name Spooler\nGet-Service -Name Spooler\n",
    )


def measure_space() -> Script:
    """A PowerShell script that only reads."""
    return Script(
        title="Measure free space on the file server",
        language="powershell",
        content=_SPACE,
        target="files-1",
        environment="production",
    )


def package_editor() -> Script:
    """A script that installs a program, delivered rather than run."""
    return Script(
        title="Package Editor 4.2",
        language="powershell",
        content=_PACKAGE,
        target="software catalog",
        environment="workstations",
        effect="deliver",
        summary="The script installs silently and removes the program again. Tried on a clean machine, twice.",
        attachments=[
            Attachment(
                title="What the installer says",
                content="| | |\n|---|---|\n| Product | Example Editor |\n| Version | 4.2.0 |\n| Scope | per machine |\n"
                "| Signed by | Example Software |\n",
            )
        ],
    )


def shell(title: str, content: str, environment: str, target: str, summary: str = "") -> Script:
    """A short shell script."""
    return Script(
        title=title, language="bash", content=content, environment=environment, target=target, summary=summary
    )
