"""PSAppDeployToolkit: what its functions do, those of version 4 and, by their older names, those of version 3."""

from __future__ import annotations

from app.risk.powershell.rules import (
    HIGH,
    INSTALLS,
    LOCAL,
    LOW,
    MACHINE,
    MEDIUM,
    PSADT,
    RESTARTS_SERVICE,
    SHOWS,
    STOPS_SERVICE,
)
from app.risk.powershell.table import does, reads
from app.risk.rules import word_set

_V3 = {
    "Block-AppExecution": "Block-ADTAppExecution",
    "Close-InstallationProgress": "Close-ADTInstallationProgress",
    "ConvertTo-NTAccountOrSID": "ConvertTo-ADTNTAccountOrSID",
    "Convert-RegistryPath": "Convert-ADTRegistryPath",
    "Copy-ContentToCache": "Copy-ADTContentToCache",
    "Copy-File": "Copy-ADTFile",
    "Copy-FileToUserProfiles": "Copy-ADTFileToUserProfiles",
    "Disable-TerminalServerInstallMode": "Disable-ADTTerminalServerInstallMode",
    "Enable-TerminalServerInstallMode": "Enable-ADTTerminalServerInstallMode",
    "Execute-MSI": "Start-ADTMsiProcess",
    "Execute-MSP": "Start-ADTMspProcess",
    "Execute-Process": "Start-ADTProcess",
    "Execute-ProcessAsUser": "Start-ADTProcessAsUser",
    "Exit-Script": "Close-ADTSession",
    "Get-DeferHistory": "Get-ADTDeferHistory",
    "Get-FileVersion": "Get-ADTFileVersion",
    "Get-FreeDiskSpace": "Get-ADTFreeDiskSpace",
    "Get-HardwarePlatform": "Get-ADTOperatingSystemInfo",
    "Get-IniValue": "Get-ADTIniValue",
    "Get-InstalledApplication": "Get-ADTApplication",
    "Get-LoggedOnUser": "Get-ADTLoggedOnUser",
    "Get-MsiExitCodeMessage": "Get-ADTMsiExitCodeMessage",
    "Get-MsiTableProperty": "Get-ADTMsiTableProperty",
    "Get-ObjectProperty": "Get-ADTObjectProperty",
    "Get-PEFileArchitecture": "Get-ADTPEFileArchitecture",
    "Get-PendingReboot": "Get-ADTPendingReboot",
    "Get-RegistryKey": "Get-ADTRegistryKey",
    "Get-RunningProcesses": "Get-ADTRunningProcesses",
    "Get-SchedulerTask": "Get-ADTApplication",
    "Get-ServiceStartMode": "Get-ADTServiceStartMode",
    "Get-Shortcut": "Get-ADTShortcut",
    "Get-UniversalDate": "Get-ADTConfig",
    "Get-UserProfiles": "Get-ADTUserProfiles",
    "Get-WindowTitle": "Get-ADTWindowTitle",
    "Install-MSUpdates": "Install-ADTMSUpdates",
    "Install-SCCMSoftwareUpdates": "Install-ADTSCCMSoftwareUpdates",
    "Invoke-HKCURegistrySettingsForAllUsers": "Invoke-ADTAllUsersRegistryAction",
    "Invoke-ObjectMethod": "Invoke-ADTObjectMethod",
    "Invoke-RegisterOrUnregisterDLL": "Invoke-ADTRegSvr32",
    "Invoke-SCCMTask": "Invoke-ADTSCCMTask",
    "New-Folder": "New-ADTFolder",
    "New-MsiTransform": "New-ADTMsiTransform",
    "New-Shortcut": "New-ADTShortcut",
    "New-ZipFile": "New-ADTZipFile",
    "Register-DLL": "Register-ADTDll",
    "Remove-ContentFromCache": "Remove-ADTContentFromCache",
    "Remove-File": "Remove-ADTFile",
    "Remove-FileFromUserProfiles": "Remove-ADTFileFromUserProfiles",
    "Remove-Folder": "Remove-ADTFolder",
    "Remove-IniValue": "Remove-ADTIniValue",
    "Remove-InvalidFileNameChars": "Remove-ADTInvalidFileNameChars",
    "Remove-MSIApplications": "Uninstall-ADTApplication",
    "Remove-RegistryKey": "Remove-ADTRegistryKey",
    "Resolve-Error": "Resolve-ADTErrorRecord",
    "Send-Keys": "Send-ADTKeys",
    "Set-ActiveSetup": "Set-ADTActiveSetup",
    "Set-DeferHistory": "Set-ADTDeferHistory",
    "Set-IniValue": "Set-ADTIniValue",
    "Set-ItemPermission": "Set-ADTItemPermission",
    "Set-MsiProperty": "Set-ADTMsiProperty",
    "Set-PinnedApplication": "Set-ADTShortcut",
    "Set-RegistryKey": "Set-ADTRegistryKey",
    "Set-ServiceStartMode": "Set-ADTServiceStartMode",
    "Set-Shortcut": "Set-ADTShortcut",
    "Show-BalloonTip": "Show-ADTBalloonTip",
    "Show-DialogBox": "Show-ADTDialogBox",
    "Show-HelpConsole": "Show-ADTHelpConsole",
    "Show-InstallationProgress": "Show-ADTInstallationProgress",
    "Show-InstallationPrompt": "Show-ADTInstallationPrompt",
    "Show-InstallationRestartPrompt": "Show-ADTInstallationRestartPrompt",
    "Show-InstallationWelcome": "Show-ADTInstallationWelcome",
    "Show-WelcomePrompt": "Show-ADTInstallationWelcome",
    "Start-MSIProcess": "Start-ADTMsiProcess",
    "Start-ServiceAndDependencies": "Start-ADTServiceAndDependencies",
    "Stop-ServiceAndDependencies": "Stop-ADTServiceAndDependencies",
    "Test-Battery": "Test-ADTBattery",
    "Test-IsMutexAvailable": "Test-ADTMutexAvailability",
    "Test-MSUpdates": "Test-ADTMSUpdates",
    "Test-NetworkConnection": "Test-ADTNetworkConnection",
    "Test-PowerPoint": "Test-ADTPowerPoint",
    "Test-RegistryValue": "Test-ADTRegistryValue",
    "Test-ServiceExists": "Test-ADTServiceExists",
    "Unblock-AppExecution": "Unblock-ADTAppExecution",
    "Unregister-DLL": "Unregister-ADTDll",
    "Update-Desktop": "Update-ADTDesktop",
    "Update-GroupPolicy": "Update-ADTGroupPolicy",
    "Update-SessionEnvironmentVariables": "Update-ADTEnvironmentPsProvider",
    "Write-FunctionHeaderOrFooter": "Initialize-ADTFunction",
    "Write-Log": "Write-ADTLogEntry",
}
"""Version 3's functions, and those that have taken their place."""
VERSION_3 = {old.lower(): new.lower() for old, new in _V3.items()}
_READS = """
    Complete-ADTFunction Convert-ADTRegistryPath Convert-ADTValueType Convert-ADTValuesFromRemainingArguments
    ConvertTo-ADTNTAccountOrSID Export-ADTEnvironmentTableToSessionState Get-ADTApplication
    Get-ADTBoundParametersAndDefaultValues Get-ADTCommandTable Get-ADTConfig Get-ADTDeferHistory
    Get-ADTEnvironmentTable Get-ADTEnvironmentVariable Get-ADTExecutableInfo Get-ADTFileVersion Get-ADTFreeDiskSpace
    Get-ADTIniSection Get-ADTIniValue Get-ADTLoggedOnUser Get-ADTModuleCallback Get-ADTMsiExitCodeMessage
    Get-ADTMsiTableProperty Get-ADTObjectProperty Get-ADTOperatingSystemInfo Get-ADTPEFileArchitecture
    Get-ADTPendingReboot Get-ADTPowerShellProcessPath Get-ADTPresentationSettingsEnabledUsers
    Get-ADTRunningProcesses Get-ADTServiceStartMode Get-ADTSession Get-ADTShortcut Get-ADTStringTable
    Get-ADTUserNotificationState Get-ADTUserProfiles Get-ADTUserToastNotificationMode Get-ADTWindowTitle
    Initialize-ADTFunction Initialize-ADTModule Initialize-ADTModuleIfUninitialized Invoke-ADTFunctionErrorHandler
    New-ADTErrorRecord New-ADTLogFileName New-ADTValidateScriptErrorRecord Out-ADTPowerShellEncodedCommand
    Remove-ADTHashtableNullOrEmptyValues Remove-ADTInvalidFileNameChars Resolve-ADTErrorRecord
    Select-ADTUniqueObject Set-ADTPowerShellCulture Test-ADTBattery Test-ADTCallerIsAdmin Test-ADTEspActive
    Test-ADTMSUpdates Test-ADTMicrophoneInUse Test-ADTModuleInitialized Test-ADTMutexAvailability
    Test-ADTNetworkConnection Test-ADTOobeCompleted Test-ADTPowerPoint Test-ADTRegistryValue Test-ADTServiceExists
    Test-ADTSessionActive Test-ADTUserInFocusMode Test-ADTUserIsBusy Update-ADTEnvironmentPsProvider
    Close-ADTNotifyIcon
"""
_SHOWS = word_set(
    """
    close-adtinstallationprogress show-adtballoontip show-adtdialogbox show-adthelpconsole
    show-adtinstallationprogress show-adtinstallationprompt show-adtnotifyicon update-adtdesktop
    """
)
_ROWS = (
    (LOCAL, LOW, "This writes to the deployment's log, or begins or ends it.",
     "Write-ADTLogEntry Open-ADTSession Close-ADTSession Set-ADTDeferHistory Reset-ADTDeferHistory "
     " New-ADTTemplate"),
    (PSADT, MEDIUM, "This changes how the toolkit or the session works.",
     "Add-ADTModuleCallback Clear-ADTModuleCallback Remove-ADTModuleCallback Enable-ADTTerminalServerInstallMode "
     "Disable-ADTTerminalServerInstallMode Invoke-ADTObjectMethod Send-ADTKeys Update-ADTGroupPolicy"),
    (INSTALLS, HIGH, "This installs, changes, or removes software: {what}.",
     "Install-ADTMSUpdates Install-ADTSCCMSoftwareUpdates Start-ADTMspProcess "
     "Start-ADTMspProcessAsUser Uninstall-ADTApplication Invoke-ADTRegSvr32 Register-ADTDll Unregister-ADTDll "
     "Add-ADTEdgeExtension"),
    (INSTALLS, MEDIUM, "This adds or removes {what} for all users.",
     "Add-ADTFont Remove-ADTFont Remove-ADTEdgeExtension Invoke-ADTSCCMTask New-ADTMsiTransform Set-ADTMsiProperty"),
    (MACHINE, HIGH, "This keeps {what|programs} from starting, or lets them again.",
     "Block-ADTAppExecution"),
    (MACHINE, MEDIUM, "This lets programs start again.", "Unblock-ADTAppExecution"),
    (MACHINE, HIGH, "This makes {what|something} run when any user signs in next.", "Set-ADTActiveSetup"),
    (RESTARTS_SERVICE, MEDIUM, "This starts the service {what}.", "Start-ADTServiceAndDependencies"),
    (STOPS_SERVICE, HIGH, "This stops or changes the service {what}.",
     "Stop-ADTServiceAndDependencies Set-ADTServiceStartMode"),
    (PSADT, MEDIUM, "This mounts or unmounts the image {what}.", "Mount-ADTWimFile Dismount-ADTWimFile"),
    (PSADT, MEDIUM, "This removes shortcuts from the desktop, or the deployment's cached files.",
     "Remove-ADTDesktopShortcut Remove-ADTContentFromCache Copy-ADTContentToCache"),
)  # fmt: skip

reads(_READS)
does(SHOWS, "This shows a message or a window to the user.", " ".join(_SHOWS), LOW)
for _rule, _level, _words, _names in _ROWS:
    does(_rule, _words, _names, _level)
