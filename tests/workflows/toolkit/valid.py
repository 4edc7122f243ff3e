"""Valid parts of deployment scripts, as packagers write them: none of them has an error."""

from __future__ import annotations

SESSION_TABLE = """
$adtSession = @{
    AppVendor = 'Example Software'
    AppName = 'Reader'
    AppVersion = '4.2.1'
    AppArch = 'x64'
    AppLang = 'EN'
    AppRevision = '01'
    AppSuccessExitCodes = @(0)
    AppRebootExitCodes = @(1641, 3010)
    AppProcessesToClose = @('reader', @{ Name = 'readerhelper'; Description = 'Helper of Reader' })
    AppScriptVersion = '1.0.0'
    AppScriptDate = '2026-11-30'
    AppScriptAuthor = 'Packaging team'
    RequireAdmin = $true
    DeployAppScriptFriendlyName = $MyInvocation.MyCommand.Name
    DeployAppScriptParameters = $PSBoundParameters
    DeployAppScriptVersion = '4.2.0'
}
"""

WHOLE_SCRIPT = (
    """#Requires -Version 5.1
<#
.SYNOPSIS
Installs Reader.
#>
[CmdletBinding()]
param
(
    [Parameter(Mandatory = $false)]
    [ValidateSet('Install', 'Uninstall', 'Repair')]
    [System.String]$DeploymentType,

    [Parameter(Mandatory = $false)]
    [ValidateSet('Auto', 'Interactive', 'NonInteractive', 'Silent')]
    [System.String]$DeployMode,

    [Parameter(Mandatory = $false)]
    [System.Management.Automation.SwitchParameter]$SuppressRebootPassThru
)
"""
    + SESSION_TABLE
    + r"""
function Install-ADTDeployment
{
    [CmdletBinding()]
    param ()

    $adtSession.InstallPhase = "Pre-$($adtSession.DeploymentType)"
    $welcome = @{
        AllowDefer = $true
        DeferTimes = 3
        CheckDiskSpace = $true
        PersistPrompt = $true
    }
    if ($adtSession.AppProcessesToClose.Count -gt 0)
    {
        $welcome.Add('CloseProcesses', $adtSession.AppProcessesToClose)
    }
    Show-ADTInstallationWelcome @welcome
    Show-ADTInstallationProgress

    $adtSession.InstallPhase = $adtSession.DeploymentType
    Start-ADTMsiProcess -Action Install -FilePath 'reader.msi' -ArgumentList 'ALLUSERS=1 REBOOT=ReallySuppress /qn'
}

function Uninstall-ADTDeployment
{
    [CmdletBinding()]
    param ()

    $adtSession.InstallPhase = $adtSession.DeploymentType
    Start-ADTMsiProcess -Action Uninstall -ProductCode '{12345678-9ABC-4DEF-8123-456789ABCDEF}'
}

function Repair-ADTDeployment
{
    [CmdletBinding()]
    param ()

    $adtSession.InstallPhase = $adtSession.DeploymentType
    Start-ADTMsiProcess -Action Repair -ProductCode '{12345678-9ABC-4DEF-8123-456789ABCDEF}' -RepairFromSource
}

$ErrorActionPreference = [System.Management.Automation.ActionPreference]::Stop
$ProgressPreference = [System.Management.Automation.ActionPreference]::SilentlyContinue
Set-StrictMode -Version 1

try
{
    if (Test-Path -LiteralPath "$PSScriptRoot\PSAppDeployToolkit\PSAppDeployToolkit.psd1" -PathType Leaf)
    {
        Get-ChildItem -LiteralPath "$PSScriptRoot\PSAppDeployToolkit" -Recurse -File | Unblock-File -ErrorAction Ignore
        Import-Module -FullyQualifiedName @{ ModuleName = "$PSScriptRoot\PSAppDeployToolkit\PSAppDeployToolkit.psd1"
            Guid = '8c3c366b-8606-4576-9f2d-4051144f7ca2'; ModuleVersion = '4.2.0' } -Force
    }
    else
    {
        Import-Module -FullyQualifiedName @{ ModuleName = 'PSAppDeployToolkit'
            Guid = '8c3c366b-8606-4576-9f2d-4051144f7ca2'; ModuleVersion = '4.2.0' } -Force
    }
    $iadtParams = Get-ADTBoundParametersAndDefaultValues -Invocation $MyInvocation
    $adtSession = Remove-ADTHashtableNullOrEmptyValues -Hashtable $adtSession
    $adtSession = Open-ADTSession @adtSession @iadtParams -PassThru
}
catch
{
    $Host.UI.WriteErrorLine((Out-String -InputObject $_ -Width ([System.Int32]::MaxValue)))
    exit 60008
}

try
{
    & "$($adtSession.DeploymentType)-ADTDeployment"
    Close-ADTSession
}
catch
{
    $problem = "Something went wrong.`n$(Resolve-ADTErrorRecord -ErrorRecord $_)"
    Write-ADTLogEntry -Message $problem -Severity 3
    Close-ADTSession -ExitCode 60001
}
"""
)

NEWER_SCRIPT = (
    """[CmdletBinding()]
param
(
    [ValidateSet('Install', 'Uninstall', 'Repair')][System.String]$DeploymentType,
    [ValidateSet('Auto', 'Interactive', 'NonInteractive', 'Silent')][System.String]$DeployMode,
    [System.Management.Automation.SwitchParameter]$SuppressRebootPassThru
)
"""
    + SESSION_TABLE
    + r"""
New-Variable -Name Pre-Install -Force -Value {
    Show-ADTInstallationWelcome -CloseProcesses $adtSession.AppProcessesToClose -AllowDefer -DeferTimes 2
    Show-ADTInstallationProgress -StatusMessage 'Reader is being installed.'
}

New-Variable -Name Install -Force -Value {
    Start-ADTMsiProcess -Action Install -FilePath "$($adtSession.DirFiles)\reader.msi"
}

New-Variable -Name Uninstall -Force -Value {
    Uninstall-ADTApplication -Name 'Reader' -NameMatch Exact -ApplicationType MSI
}

New-Variable -Name Repair -Force -Value {
    Start-ADTMsiProcess -Action Repair -FilePath 'reader.msi'
}

try
{
    Import-Module -FullyQualifiedName @{ ModuleName = 'PSAppDeployToolkit'; ModuleVersion = '4.2.0' } -Force
    $iadtParams = Get-ADTBoundParametersAndDefaultValues -Invocation $MyInvocation
    $adtSession = Remove-ADTHashtableNullOrEmptyValues -Hashtable $adtSession
    $adtSession = Open-ADTSession @adtSession @iadtParams -PassThru
    Remove-Variable -Name iadtParams -Force -Confirm:$false
}
catch
{
    exit 60008
}

try
{
    $type = $adtSession.DeploymentType
    Get-Variable -Name "Pre-$($adtSession.DeploymentType)", $type, "Post-$($adtSession.DeploymentType)" -EA Ignore | . {
        process
        {
            if (![System.String]::IsNullOrWhiteSpace($_.Value))
            {
                $adtSession.InstallPhase = $_.Name
                . $_.Value
            }
        }
    }
    Close-ADTSession
}
catch
{
    Write-ADTLogEntry -Message "Failed.`n$(Resolve-ADTErrorRecord -ErrorRecord $_)" -Severity Error
    Close-ADTSession -ExitCode 60001
}
"""
)

FRAGMENTS = {
    "msi with a transform": (
        "Start-ADTMsiProcess -Action 'Install' -FilePath 'setup.msi' -Transforms 'en.mst', 'site.mst'"
        " -AdditionalArgumentList 'INSTALLDIR=C:\\Apps' -LogFileName 'setup' -PassThru"
    ),
    "default action": "Start-ADTMsiProcess -FilePath setup.msi",
    "patch": "Start-ADTMspProcess -FilePath 'fix.msp' -AdditionalArgumentList 'REINSTALLMODE=omus'",
    "patches from the pipeline": "$adtSession.DefaultMspFiles | Start-ADTMsiProcess -Action Patch",
    "exe": (
        "Start-ADTProcess -FilePath \"$($adtSession.DirFiles)\\setup.exe\" -ArgumentList '/S', '/norestart'"
        " -WindowStyle Hidden -SuccessExitCodes 0, 1707 -RebootExitCodes 3010"
    ),
    "exe that waits for msiexec": (
        "Start-ADTProcess -FilePath setup.exe -ArgumentList '/quiet' -WaitForMsiExec -MsiExecWaitTime 600"
    ),
    "exe with a limit": (
        "$result = Start-ADTProcess -FilePath 'setup.exe' -ArgumentList '/q' -Timeout 00:30:00"
        " -TimeoutAction Stop -CreateNoWindow -PassThru\nif ($result.ExitCode -ne 0) { throw 'failed' }"
    ),
    "exe without waiting": "Start-ADTProcess -FilePath 'agent.exe' -NoWait",
    "as the user": "Start-ADTProcessAsUser -FilePath \"$env:ProgramFiles\\Reader\\reader.exe\" -ArgumentList '/first'",
    "uninstall by name": "Uninstall-ADTApplication -Name 'Reader', 'Reader Help' -NameMatch 'Contains' -Force",
    "uninstall by filter": (
        "Uninstall-ADTApplication -FilterScript { $_.DisplayName -match '^Reader' -and $_.Publisher -eq 'Example' }"
        " -ApplicationType EXE -ArgumentList '/S'"
    ),
    "uninstall what was found": "Get-ADTApplication -Name Reader | Uninstall-ADTApplication",
    "beginnings of parameters": "Get-ADTApplication -Name 'x' -IncludeUpd",
    "registry": (
        "Set-ADTRegistryKey -Key 'HKLM:\\SOFTWARE\\Example' -Name 'Updates' -Value 0 -Type DWord\n"
        "Set-ADTRegistryKey -LiteralPath HKEY_CURRENT_USER\\Software\\Example -Name N -Value 'x' -SID $_.SID"
    ),
    "registry for all users": (
        "Invoke-ADTAllUsersRegistryAction -ScriptBlock {\n"
        "    Set-ADTRegistryKey -Key 'HKCU\\Software\\Example' -Name 'Seen' -Value 1 -Type DWord -SID $_.SID\n}"
    ),
    "registry value removed": "Remove-ADTRegistryKey -Key 'HKLM:\\SOFTWARE\\Example' -Name 'Old'",
    "registry tree removed": "Remove-ADTRegistryKey -LiteralPath 'HKLM:\\SOFTWARE\\Example' -Recurse -Confirm:$false",
    "switch with a variable": "$force = $true\nUpdate-ADTGroupPolicy -Target Computer -Force:$force",
    "size": "if ((Get-ADTFreeDiskSpace) -lt 500) { throw 'full' }\n$least = 1MB * 3; $most = 2GB",
    "shortcut": (
        "New-ADTShortcut -LiteralPath \"$envCommonStartMenuPrograms\\Reader.lnk\""
        " -TargetPath \"$envProgramFiles\\Reader\\reader.exe\" -IconLocation 'reader.ico' -IconIndex 0"
        " -WindowStyle Normal"
    ),
    "desktop icons removed": "Remove-ADTDesktopShortcut -SinceSessionStart",
    "files": (
        "New-ADTFolder 'C:\\ProgramData\\Example'\n"
        "Copy-ADTFile -Path \"$($adtSession.DirSupportFiles)\\*\" -Destination C:\\ProgramData\\Example -Recurse\n"
        "Remove-ADTFile -LiteralPath 'C:\\ProgramData\\Example\\old.cfg', 'C:\\old.txt'"
    ),
    "files by position": "Copy-ADTFile 'a.txt' 'C:\\Temp\\a.txt'",
    "files of users": (
        "Copy-ADTFileToUserProfiles -Path 'settings.json' -Destination 'AppData\\Roaming\\Example'\n"
        "Remove-ADTFileFromUserProfiles -Path 'AppData\\Local\\Example\\cache' -Recurse"
    ),
    "ini": (
        "Set-ADTIniValue -FilePath 'C:\\Example\\app.ini' -Section 'Main' -Key 'Lang' -Value 'en'\n"
        "$lang = Get-ADTIniValue -FilePath 'C:\\Example\\app.ini' -Section Main -Key Lang\n"
        "Set-ADTIniSection -FilePath 'app.ini' -Section 'S' -Content @{ A = 1; B = 'two' }"
    ),
    "environment variable": (
        "Set-ADTEnvironmentVariable -Variable 'EXAMPLE_HOME' -Value 'C:\\Example' -Target Machine\n"
        "Set-ADTEnvironmentVariable -Variable PATH -Value 'C:\\Example\\bin' -Append -Target Machine\n"
        "Update-ADTEnvironmentPsProvider"
    ),
    "services": (
        "if (Test-ADTServiceExists -Name 'ExampleService')\n{\n"
        "    Stop-ADTServiceAndDependencies -Name 'ExampleService'\n"
        "    Set-ADTServiceStartMode -Name 'ExampleService' -StartMode 'Automatic (Delayed Start)'\n"
        "    Start-ADTServiceAndDependencies -Service 'ExampleService' -PendingStatusWait 30\n}"
    ),
    "prompt": (
        "$answer = Show-ADTInstallationPrompt -Title 'Reader' -Message 'Continue?' -ButtonLeftText 'Yes'"
        " -ButtonRightText 'No' -Icon Question -Timeout 60 -MessageAlignment Left"
    ),
    "prompt with input": (
        "Show-ADTInstallationPrompt -Message 'Name of the server' -RequestInput -DefaultValue 'srv1'"
        " -ButtonRightText OK"
    ),
    "dialog box": "Show-ADTDialogBox -Title 'Reader' -Text 'Done.' -Buttons OkCancel -Icon Information -NoWait",
    "balloon": "Show-ADTBalloonTip 'Reader is ready.' -Icon Info",
    "restart": (
        "Show-ADTInstallationRestartPrompt -Countdown 600 -CountdownNoHide 60\n"
        "Show-ADTInstallationRestartPrompt -NoCountdown"
    ),
    "welcome with a countdown": (
        "Show-ADTInstallationWelcome -CloseProcesses 'reader', @{ Name = 'helper'; Description = 'Helper' }"
        " -CloseProcessesCountdown 300 -BlockExecution -PromptToSave"
    ),
    "silent welcome": "Show-ADTInstallationWelcome -CloseProcesses reader -Silent",
    "active setup": (
        "Set-ADTActiveSetup -StubExePath \"$envProgramData\\Example\\setup.ps1\" -Key 'Reader' -Description 'Reader'"
        " -ArgumentList '-Quiet' -Version '1,0,0'"
    ),
    "font and library": "Add-ADTFont -Path 'Fonts\\Example.ttf'\nRegister-ADTDll -FilePath 'C:\\Example\\x.dll'",
    "permissions": (
        "Set-ADTItemPermission -Path 'C:\\Example' -User 'S-1-5-32-545' -Permission 'Read, Modify'"
        " -Inheritance ObjectInherit"
    ),
    "wim": (
        "Mount-ADTWimFile -ImagePath 'app.wim' -Path 'C:\\Mount' -Index 1\n"
        "try { Start-ADTProcess -FilePath 'C:\\Mount\\setup.exe' } finally { Dismount-ADTWimFile -Path 'C:\\Mount' }"
    ),
    "retries": (
        "Invoke-ADTCommandWithRetries -Command Copy-ADTFile -Path 'a' -Destination 'b' -Retries 5 -SleepDuration 10"
    ),
    "retries of a cmdlet": "Invoke-ADTCommandWithRetries -Command Get-Item -LiteralPath 'C:\\a' -Retries 2",
    "log": (
        "Write-ADTLogEntry -Message 'Begins.', 'Goes on.' -Severity Warning -Source 'Install'\n"
        "'from the pipeline' | Write-ADTLogEntry"
    ),
    "edge": (
        "Add-ADTEdgeExtension -ExtensionID 'abcdefghijklmnopabcdefghijklmnop' -InstallationMode force_installed"
        " -UpdateUrl 'https://edge.microsoft.com/extensionwebstorebase/v1/crx'"
    ),
    "switch statement": (
        "switch -Regex ($env:PROCESSOR_ARCHITECTURE)\n{\n"
        "    '^AMD64$' { $file = 'x64.msi'; break }\n    default { $file = 'x86.msi' }\n}\n"
        "Start-ADTMsiProcess -FilePath $file"
    ),
    "built-in cmdlets": (
        "$path = Join-Path -Path $env:ProgramData -ChildPath 'Example'\n"
        "if (-not (Test-Path -LiteralPath $path -PathType Container))\n{\n"
        "    New-Item -Path $path -ItemType Directory -Force | Out-Null\n}\n"
        "Get-ChildItem -Path $path -Filter *.log -File | Where-Object { $_.Length -gt 1MB } | Remove-Item -Force\n"
        "Get-ItemProperty -Path HKLM:\\SOFTWARE\\Example -Name Version -ErrorAction SilentlyContinue |"
        " Select-Object -ExpandProperty Version\n"
        "Get-Process -Name reader -ea 0 | Stop-Process -Force\n"
        "Start-Sleep -Seconds 5"
    ),
    "where without a block": "Get-Service | Where-Object Status -EQ Running | ForEach-Object Name",
    "scheduled task": (
        "$action = New-ScheduledTaskAction -Execute 'reader.exe' -Argument '/update'\n"
        "$trigger = New-ScheduledTaskTrigger -Daily -At 3am\n"
        "Register-ScheduledTask -TaskName 'Reader' -Action $action -Trigger $trigger -User SYSTEM -RunLevel Highest"
    ),
    "own function": (
        "function Test-Reader\n{\n    [CmdletBinding()]\n"
        "    param ([Parameter(Mandatory = $true)][string]$Name, [switch]$Deep)\n    Test-Path -LiteralPath $Name\n}\n"
        "Test-Reader -Name 'C:\\Reader' -Deep\nTest-Reader 'C:\\Reader'"
    ),
    "table of one command": (
        "$copy = @{\n    Path = 'a.txt'\n    Destination = 'C:\\Temp'\n    Recurse = $true\n}\n"
        "$copy.FileCopyMode = 'Robocopy'\n$copy['NoClobber'] = $true\nCopy-ADTFile @copy"
    ),
    "continued line and comments": (
        "Start-ADTMsiProcess `\n    -Action Install `\n    -FilePath 'a.msi' # the package\n<# nothing #>"
    ),
    "name of the module": (
        "PSAppDeployToolkit\\Write-ADTLogEntry -Message 'x'\nMicrosoft.PowerShell.Management\\Get-Item -Path C:\\"
    ),
    "common parameters": (
        "Remove-ADTFolder -Path 'C:\\Example' -ErrorAction SilentlyContinue -WhatIf -Verbose:$false -EV +problem"
    ),
    "error record": (
        "try { Stop-ADTServiceAndDependencies -Name Spooler } catch {\n"
        "    throw (New-ADTErrorRecord -Exception $_.Exception -Category InvalidOperation -ErrorId 'X')\n}"
    ),
    "block that is called": "& {\n    Write-ADTLogEntry -Message 'x'\n}\n$work = { Get-ADTLoggedOnUser }\n& $work",
    "typographic quotes": "Write-ADTLogEntry –Message ‘It’’s done’",
}  # fmt: skip
"""By what they show."""
