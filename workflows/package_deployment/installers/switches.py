"""The arguments with which each technology installs and uninstalls without asking, from its public documentation.

An author can change what a technology usually does, so nothing here is certain. `<file>` and `<folder>` stand for what
the packager fills in.
"""

from __future__ import annotations

from workflows.package_deployment.analysis import Confidence, Switch, Technology
from workflows.package_deployment.installers.markers import Marker, Variant

_LIKELY = Confidence.LIKELY
_GUESS = Confidence.GUESS


def switches_for(marker: Marker) -> list[Switch]:
    """Return the arguments of a technology, for each purpose the best known."""
    rows = _VARIANTS.get(marker.variant) or _TECHNOLOGIES.get(marker.technology, ())
    return [
        Switch(purpose=purpose, arguments=arguments, confidence=confidence, reason=reason)
        for purpose, arguments, confidence, reason in rows
    ]


_Rows = tuple[tuple[str, str, Confidence, str], ...]

_TECHNOLOGIES: dict[Technology, _Rows] = {
    Technology.NSIS: (
        (
            "install",
            "/S",
            _LIKELY,
            "Every NSIS installer takes /S, with a capital S, and shows no pages then. A script can still open windows "
            "of its own, if its author did not expect silent installations.",
        ),
        (
            "uninstall",
            "/S",
            _LIKELY,
            "For the uninstaller that the installer writes into its folder, and names under UninstallString. It copies "
            "itself and returns at once; with _?=<folder> as the last argument, it waits.",
        ),
        (
            "folder",
            "/D=<folder>",
            _LIKELY,
            "It has to be the last argument, without quotation marks even if the folder has blanks.",
        ),
    ),
    Technology.INNO_SETUP: (
        (
            "install",
            "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-",
            _LIKELY,
            "Documented for all set-up programs of Inno Setup. Code of the author can still open windows.",
        ),
        (
            "uninstall",
            "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART",
            _LIKELY,
            "For unins000.exe in the program's folder (the number grows with each installation into it), which the "
            "entry “<AppId>_is1” under Uninstall names.",
        ),
        ("log", '/LOG="<file>"', _LIKELY, "Documented for all set-up programs of Inno Setup."),
        ("no_restart", "/NORESTART", _LIKELY, "Works together with /SILENT or /VERYSILENT."),
        ("folder", '/DIR="<folder>"', _LIKELY, "Documented; without effect if the author fixed the folder."),
    ),
    Technology.WIX_BURN: (
        (
            "install",
            "/quiet /norestart",
            _LIKELY,
            "The engine of every bundle takes /quiet and passes it to its window, which can be the author's own.",
        ),
        (
            "uninstall",
            "/uninstall /quiet /norestart",
            _LIKELY,
            "For the bundle itself, or its copy in the package cache, which QuietUninstallString names.",
        ),
        ("repair", "/repair /quiet /norestart", _LIKELY, "The engine of every bundle takes it."),
        ("extract", '/layout "<folder>" /quiet', _LIKELY, "Writes the bundle and its packages into a folder."),
        ("log", '/log "<file>"', _LIKELY, "The engine of every bundle takes it, and adds a log for each package."),
        ("no_restart", "/norestart", _LIKELY, "The engine of every bundle takes it."),
    ),
    Technology.INSTALLSHIELD: (
        (
            "install",
            '/s /v"/qn REBOOT=ReallySuppress"',
            _GUESS,
            "For Basic MSI and InstallScript MSI projects. An InstallScript project needs a response file instead, "
            "with /s /f1.",
        ),
        ("uninstall", '/s /x /v"/qn REBOOT=ReallySuppress"', _GUESS, "For Basic MSI and InstallScript MSI projects."),
    ),
    Technology.SQUIRREL: (
        (
            "install",
            "--silent",
            _LIKELY,
            "Setup.exe of Squirrel takes it. It installs for the person who runs it, under %LocalAppData%.",
        ),
        (
            "uninstall",
            "--uninstall -s",
            _LIKELY,
            "For Update.exe in the program's folder under %LocalAppData%, which QuietUninstallString names.",
        ),
    ),
    Technology.MSI_WRAPPER: (
        (
            "install",
            "/quiet",
            _GUESS,
            "How a wrapper passes arguments to its MSI differs. Safer: take the MSI out, and install it with msiexec.",
        ),
    ),
    Technology.SELF_EXTRACTING_ARCHIVE: (),
}

_VARIANTS: dict[Variant, _Rows] = {
    Variant.BASIC_MSI: (
        ("install", '/s /v"/qn REBOOT=ReallySuppress"', _LIKELY,
         "Setup.exe of a Basic MSI project is silent with /s, and passes what /v holds to Windows Installer."),
        ("uninstall", '/s /x /v"/qn REBOOT=ReallySuppress"', _LIKELY, "The same Setup.exe uninstalls with /x."),
        ("log", '/v"/l*v \\"<file>\\""', _LIKELY, "/v passes the option for the log to Windows Installer."),
        ("no_restart", '/v"REBOOT=ReallySuppress"', _LIKELY, "/v passes the property to Windows Installer."),
        ("folder", '/v"INSTALLDIR=\\"<folder>\\""', _GUESS, "The usual name of the property for the folder."),
        ("extract", "/s /a", _GUESS, "An administrative installation unpacks the files."),
    ),
    Variant.INSTALLSCRIPT: (
        ("install", '/s /f1"<file>"', _GUESS,
         "An InstallScript project is silent only with a response file (setup.iss), which /r records."),
        ("uninstall", '/s /removeonly /f1"<file>"', _GUESS, "Needs a response file recorded while uninstalling."),
        ("log", '/f2"<file>"', _LIKELY, "Where the result of a silent installation is written."),
    ),
    Variant.ADVANCED_INSTALLER: (
        ("install", "/exenoui /qn /norestart", _LIKELY,
         "Documented by Advanced Installer: /exenoui hides its own window, the rest goes to Windows Installer."),
        ("log", '/exelog "<file>" /L*V "<file>"', _LIKELY, "/exelog for the program itself, /L*V for the MSI."),
        ("no_restart", "/norestart", _LIKELY, "Passed to Windows Installer."),
        ("folder", 'APPDIR="<folder>"', _GUESS, "The usual name of the property for the folder."),
        ("extract", '/extract:"<folder>"', _LIKELY, "Documented by Advanced Installer: unpacks without installing."),
    ),
    Variant.CLOWD_SQUIRREL: (
        ("install", "--silent", _LIKELY,
         "Documented for Setup.exe of Clowd.Squirrel and Velopack. It installs for the person who runs it."),
        ("uninstall", "--uninstall --silent", _LIKELY, "For Update.exe in the program's folder under %LocalAppData%."),
        ("log", '--log "<file>"', _GUESS, "Documented for Velopack."),
        ("folder", '--installto "<folder>"', _GUESS, "Documented for Velopack."),
    ),
    Variant.SEVEN_ZIP: (
        ("install", "-y", _GUESS,
         "Answers the questions of 7-Zip's module with yes. The program that it starts needs arguments of its own."),
        ("extract", '-y -o"<folder>"', _LIKELY, "Documented for the modules of 7-Zip that ask for a folder."),
        ("folder", '-o"<folder>"', _GUESS, "Where the files are unpacked to."),
    ),
    Variant.WINRAR: (
        ("install", "/S", _GUESS,
         "Hides the windows of WinRAR's module. The program that it starts needs arguments of its own."),
        ("extract", '/S /D"<folder>"', _LIKELY, "Documented for the modules of WinRAR."),
        ("folder", '/D"<folder>"', _LIKELY, "Where the files are unpacked to."),
    ),
    Variant.ZIP: (
        ("install", "/auto", _GUESS, "Documented for WinZip's programs; other makers have other arguments."),
    ),
    Variant.IEXPRESS: (
        ("install", "/Q /R:N", _LIKELY,
         "Documented for IExpress: hides its windows and does not restart. The program that it starts may need "
         "arguments of its own."),
        ("extract", '/Q /T:"<folder>" /C', _LIKELY, "Documented for IExpress: only unpacks."),
        ("no_restart", "/R:N", _LIKELY, "Documented for IExpress."),
    ),
    Variant.MICROSOFT_BOX: (
        ("install", "/q /norestart", _LIKELY, "Documented for Microsoft's redistributable packages."),
        ("uninstall", "/uninstall /q /norestart", _GUESS, "Many of Microsoft's redistributable packages take it."),
        ("log", '/log "<file>"', _GUESS, "Many of Microsoft's redistributable packages take it."),
        ("extract", '/extract:"<folder>" /q', _GUESS, "Many of Microsoft's redistributable packages take it."),
        ("no_restart", "/norestart", _LIKELY, "Documented for Microsoft's redistributable packages."),
    ),
}  # fmt: skip
