"""Variables that PowerShell, Windows, and PSAppDeployToolkit set."""

from __future__ import annotations

import re

from app.risk.powershell.values import NOTHING, Value, text_value
from app.risk.rules import word_set

_SYSTEM = r"C:\Windows\System32"
_AUTOMATIC = {
    "true": "True",
    "false": "False",
    "home": "~",
    "pwd": ".",
    "psscriptroot": ".",
    "pshome": _SYSTEM + r"\WindowsPowerShell\v1.0",
    "shellid": "Microsoft.PowerShell",
    "profile": r"~\Documents\PowerShell\Microsoft.PowerShell_profile.ps1",
    "verbosepreference": "SilentlyContinue",
    "debugpreference": "SilentlyContinue",
    "warningpreference": "Continue",
    "erroractionpreference": "Continue",
    "whatifpreference": "False",
    "ofs": " ",
    "testdrive": r"C:\Temp\Pester",
}
_ENVIRONMENT = {
    "systemroot": r"C:\Windows",
    "windir": r"C:\Windows",
    "systemdrive": "C:",
    "homedrive": "C:",
    "userprofile": "~",
    "home": "~",
    "homepath": "~",
    "appdata": r"~\AppData\Roaming",
    "localappdata": r"~\AppData\Local",
    "onedrive": r"~\OneDrive",
    "programfiles": r"C:\Program Files",
    "programfiles(x86)": r"C:\Program Files (x86)",
    "programw6432": r"C:\Program Files",
    "commonprogramfiles": r"C:\Program Files\Common Files",
    "programdata": r"C:\ProgramData",
    "allusersprofile": r"C:\ProgramData",
    "public": r"C:\Users\Public",
    "temp": r"C:\Temp",
    "tmp": r"C:\Temp",
    "comspec": _SYSTEM + r"\cmd.exe",
    "pwd": ".",
    "github_workspace": ".",
    "build_sourcesdirectory": ".",
    "psmodulepath": r"~\Documents\WindowsPowerShell\Modules;C:\Program Files\WindowsPowerShell\Modules",
}
"""Where the usual ones point on a usual machine. Several programs write ``$env:ComSpec[4,15,25]`` for letters."""
_PSADT = {
    "envallusersprofile": r"C:\ProgramData",
    "envappdata": r"~\AppData\Roaming",
    "envcommondesktop": r"C:\Users\Public\Desktop",
    "envcommondocuments": r"C:\Users\Public\Documents",
    "envcommonstartmenu": r"C:\ProgramData\Microsoft\Windows\Start Menu",
    "envcommonstartmenuprograms": r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs",
    "envcommonstartup": r"C:\ProgramData\Microsoft\Windows\Start Menu\Programs\StartUp",
    "envcommontemplates": r"C:\ProgramData\Microsoft\Windows\Templates",
    "envcommonprogramfiles": r"C:\Program Files\Common Files",
    "envcommonprogramfilesx86": r"C:\Program Files (x86)\Common Files",
    "envhomedrive": "C:",
    "envhomepath": "~",
    "envlocalappdata": r"~\AppData\Local",
    "envprogramdata": r"C:\ProgramData",
    "envprogramfiles": r"C:\Program Files",
    "envprogramfilesx86": r"C:\Program Files (x86)",
    "envpublic": r"C:\Users\Public",
    "envsystemdrive": "C:",
    "envsystemroot": r"C:\Windows",
    "envsystem32directory": _SYSTEM,
    "envtemp": r"C:\Temp",
    "envuserprofile": "~",
    "envuserdesktop": r"~\Desktop",
    "envusermydocuments": r"~\Documents",
    "envuserstartmenu": r"~\AppData\Roaming\Microsoft\Windows\Start Menu",
    "envuserstartmenuprograms": r"~\AppData\Roaming\Microsoft\Windows\Start Menu\Programs",
    "envuserstartup": r"~\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\StartUp",
    "envuserprofilespath": r"C:\Users",
    "envwindir": r"C:\Windows",
    "dirfiles": r".\Files",
    "dirsupportfiles": r".\SupportFiles",
    "dirappdeploytemp": r"C:\Temp\PSAppDeployToolkit",
    "scriptdirectory": ".",
    "scriptparentpath": ".",
    "scriptroot": ".",
    "configtoolkitlogdir": r"C:\Windows\Logs\Software",
    "configmsilogdir": r"C:\Windows\Logs\Software",
}
_PSADT_NAMES = word_set(
    """
    adtsession appname appvendor appversion apparch applang apprevision appscriptversion appscriptdate
    appscriptauthor installname installtitle installphase deploymenttype deploymode deploymenttypename
    allowrebootpassthru terminalservermode disablelogging currentdate currentdatetime currenttime
    currentlanguage is64bit is64bitprocess isadmin isserveros isworkstationos isdomaincontrolleros
    loggedonusersessions runasactiveuser usersloggedon envcomputername envcomputernamefqdn envusername
    envuserdomain envosversion envosname envarchitecture envlogonserver envmachinedomain envmachineworkgroup
    envos envosversionmajor envosversionminor envosversionbuild envpsversion mainexitcode usedefaultmsi
    defaultmsifile defaultmstfile invokingscript logname logtempfolder
    """
)
_ADT_FOLDERS = {
    "dirfiles": r".\Files",
    "dirsupportfiles": r".\SupportFiles",
    "scriptdirectory": ".",
    "logpath": r"C:\Windows\Logs\Software",
    "logtempfolder": r"C:\Temp",
}
_SECRET_NAME = re.compile(r"token|secret|passw|pwd$|api_?key|access_?key|private_?key|credential|_pat$", re.IGNORECASE)
PATHS = frozenset({"path", "psmodulepath", "pathext", "comspec", "cor_profiler", "cor_enable_profiling", "ld_preload"})
"""Environment variables that decide what code runs."""


def known_variable(name: str) -> Value | None:
    """Return what a variable is that the script itself does not set; None if nothing is known about it."""
    if name.startswith("env:"):
        variable = name[4:]
        if variable in _ENVIRONMENT:
            return text_value(_ENVIRONMENT[variable])
        return Value(origin=frozenset({"environment"}) if _SECRET_NAME.search(variable) else frozenset())
    if name == "null":
        return NOTHING
    if name in _AUTOMATIC:
        return text_value(_AUTOMATIC[name])
    if name in _PSADT:
        return text_value(_PSADT[name])
    if name == "adtsession":
        return Value(kind="adtsession", table={key: text_value(path) for key, path in _ADT_FOLDERS.items()})
    if name == "executioncontext":
        return Value(kind="executioncontext")
    if name in _PSADT_NAMES or name in _SET:
        return Value(texts=("\ufffc",))
    return None


_SET = word_set(
    """
    args input this error host pid psversiontable pscmdlet psboundparameters matches lastexitcode ? ^ $
    myinvocation psitem _ stacktrace iswindows islinux ismacos iscoreclr psculture psuiculture nestedpromptlevel
    psedition event eventsubscriber sender eventargs foreach switch pscommandpath psdebugcontext outputencoding
    progresspreference informationpreference confirmpreference psdefaultparametervalues
    """
)
