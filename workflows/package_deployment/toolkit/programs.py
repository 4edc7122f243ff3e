"""Programs that scripts start by their names, and what the toolkit has for the same purpose."""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"\.(?:exe|com|bat|cmd|msi|msp|msu|vbs|vbe|js|wsf|scr|cpl)$", re.IGNORECASE)
SCRIPT_SUFFIX = re.compile(r"\.(?:ps1|psm1)$", re.IGNORECASE)
INSTEAD = {
    "msiexec": "Start-ADTMsiProcess",
    "reg": "Set-ADTRegistryKey, Get-ADTRegistryKey, or Remove-ADTRegistryKey",
    "regedit": "Set-ADTRegistryKey",
    "regsvr32": "Register-ADTDll or Unregister-ADTDll",
    "taskkill": "Show-ADTInstallationWelcome -CloseProcesses",
    "shutdown": "Show-ADTInstallationRestartPrompt",
    "net": "Start-ADTServiceAndDependencies or Stop-ADTServiceAndDependencies",
    "sc": "Start-ADTServiceAndDependencies, Stop-ADTServiceAndDependencies, or Set-ADTServiceStartMode",
    "robocopy": "Copy-ADTFile",
    "xcopy": "Copy-ADTFile",
    "setx": "Set-ADTEnvironmentVariable",
    "icacls": "Set-ADTItemPermission",
    "cacls": "Set-ADTItemPermission",
    "takeown": "Set-ADTItemPermission",
    "gpupdate": "Update-ADTGroupPolicy",
    "wusa": "Install-ADTMSUpdates",
    "msg": "Show-ADTInstallationPrompt",
    "change": "Enable-ADTTerminalServerInstallMode or Disable-ADTTerminalServerInstallMode",
}
"""By the name of a program without its extension."""
_OTHERS = """
    cmd powershell pwsh cscript wscript mshta rundll32 schtasks netsh bcdedit bitsadmin certutil pnputil wmic attrib
    cmdkey ipconfig ping tracert tasklist whoami subst fsutil w32tm cleanmgr explorer notepad regini secedit auditpol
    wevtutil powercfg manage-bde nltest nslookup hostname systeminfo query quser logoff timeout findstr curl tar
    expand makecab winget choco scoop java javaw python py node npm git dism dsregcmd driverquery gpresult label
    logman mofcomp mountvol netstat odbcconf openfiles reagentc route sfc slmgr sxstrace tzutil ver vssadmin wbadmin
    where winmgmt winrm winrs control mstsc forfiles diskpart chkdsk defrag format cipher compact assoc ftype appcmd
    usoclient lodctr unlodctr
"""
NAMES = frozenset(INSTEAD) | frozenset(_OTHERS.split())


def program_of(name: str) -> str:
    """Return the program that a literal name starts, without folder and extension; empty if it is none."""
    last = re.split(r"[\\/]", name)[-1].lower()
    plain = _SUFFIX.sub("", last)
    if plain != last or ("\\" in name or "/" in name):
        return plain
    return plain if plain in NAMES else ""
