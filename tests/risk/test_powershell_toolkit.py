"""PSAppDeployToolkit: functions of version 4, and of version 3 by their older names."""

import pytest

from app.risk.powershell import table
from app.risk.powershell.toolkit import VERSION_3
from tests.risk.powershell import assessed

LEVELS = {
    "safe": [
        "Get-ADTUserProfiles | Select-Object -ExpandProperty ProfilePath",
        "Test-ADTServiceExists -Name 'ContosoAgent'",
        "Get-InstalledApplication -Name 'Adobe Reader'",
        "Test-ADTServiceExists -Name 'Agent'; Get-ADTPendingReboot",
    ],
    "low": [
        "Write-Log -Message 'Starting' -Severity 1",
        "New-ADTFolder -Path 'C:\\ProgramData\\Contoso'",
        "Show-InstallationPrompt -Message 'Done' -ButtonRightText 'OK'",
    ],
    "medium": [
        'Copy-File -Path "$dirFiles\\settings.xml" -Destination "$envProgramData\\Contoso"',
        'New-Shortcut -Path "$envCommonDesktop\\App.lnk" -TargetPath "$envProgramFiles\\App\\app.exe"',
        "Set-ADTRegistryKey -LiteralPath 'HKCU:\\Software\\Contoso' -Name 'A' -Value 1",
        "Remove-ADTRegistryKey -LiteralPath 'HKCU:\\Software\\Contoso' -Name 'Old'",
        "Show-InstallationWelcome -CloseApps 'winword' -Silent",
        "Show-ADTInstallationRestartPrompt",
        'Remove-File -Path "$envCommonDesktop\\Contoso.lnk"',
    ],
    "high": [
        "Execute-MSI -Action Uninstall -Path '{GUID}'",
        "Remove-MSIApplications -Name 'Adobe Flash'",
        "Execute-Process -Path 'setup.exe' -Parameters '/S'",
        "Start-ADTProcess -FilePath 'install.exe' -ArgumentList '/quiet'",
        'Remove-Folder -Path "$envProgramFiles\\Contoso"',
        "Set-ADTServiceStartMode -Name 'wuauserv' -StartMode Disabled",
        "Block-ADTAppExecution -ProcessName 'winword'",
        "Show-InstallationRestartPrompt -Silent:$false -SilentRestart",
        "Set-RegistryKey -Key 'HKEY_LOCAL_MACHINE\\SOFTWARE\\Contoso' -Name 'A' -Value 1",
        "Invoke-HKCURegistrySettingsForAllUsers -RegistrySettings $x",
        'Remove-File -Path "$envCommonDesktop\\*.lnk"',
        "Start-ADTMsiProcess -Action 'Uninstall' -ProductCode '{5708517C-59A3-45C6-9727-6C06C8595AFD}'",
    ],
    "critical": [
        'Remove-ADTFolder -Path "$envSystemDrive\\"',
        'Remove-Folder -Path "$envWinDir\\System32"',
        "Get-ADTUserProfiles | ForEach-Object { Remove-ADTFolder -Path $_.ProfilePath }",
        "Start-ADTProcess -FilePath 'cmd.exe' -ArgumentList '/c rd /s /q C:\\Users'",
    ],
}


@pytest.mark.parametrize(("level", "text"), [(level, text) for level, texts in LEVELS.items() for text in texts])
def test_a_function_has_its_level(level, text):
    found = assessed(text)
    assert found.level.value == level, found.findings


def test_every_function_of_version_3_is_known_by_that_of_version_4():
    assert [old for old, new in VERSION_3.items() if not table.is_known(new)] == []
