"""The properties of an MSI, and which of them a packager may set."""

from __future__ import annotations

import re
from collections import Counter

from workflows.package_deployment.analysis import PublicProperty
from workflows.package_deployment.installers.msi_database import Database
from workflows.package_deployment.installers.msi_folders import Folders
from workflows.package_deployment.installers.texts import clean

MOST_PROPERTIES = 2_000
HIDDEN = "(hidden by the package)"
_USUAL_NAMES = ("INSTALLDIR", "INSTALLFOLDER", "APPLICATIONFOLDER", "APPDIR", "INSTALLLOCATION", "INSTALL_ROOT")
_GENERATED = re.compile(r"_?[0-9A-F]{32}|.*[._][0-9A-F]{8}(_[0-9A-F]{4}){3}_[0-9A-F]{12}")
"""Names that tools make up for folders, and that modules add to theirs."""
_PUBLIC = re.compile(r"[A-Z_][A-Z0-9_.]*")
_OF_WINDOWS_INSTALLER = re.compile(
    r"ARP[A-Z]+|WIXUI_.*|WIX_.*|MSI[A-Z]+|ALLUSERS|REBOOT|REBOOTPROMPT|TARGETDIR|SOURCEDIR|ROOTDRIVE|PRIMARYFOLDER|ACTION|"
    r"INSTALLLEVEL|UILEVEL|REINSTALL(MODE)?|ADDLOCAL|REMOVE|ADVERTISE|ADDDEFAULT|ADDSOURCE|PATCH|TRANSFORMS.*|LIMITUI|"
    r"DISABLEADVTSHORTCUTS|DISABLEROLLBACK|FASTOEM|PROMPTROLLBACKCOST|SHORTFILENAMES|MEDIAPACKAGEPATH|NOCOMPANYNAME|"
    r"NOUSERNAME|COMPANYNAME|USERNAME|PIDKEY|QFEUPGRADE|RESUME|SEQUENCE|EXECUTEACTION|EXECUTEMODE|CCP_.*|AVAILABLEFREEREG|"
    r"VSD[A-Z]+|AI_.*|IS_.*|ISCHECKFORPRODUCTUPDATES"
)
_OPTIONS_OF_EVERYBODY = {"PIDKEY", "COMPANYNAME", "USERNAME"}
"""Properties of Windows Installer that some packages use as options of their own."""


def read_properties(database: Database) -> dict[str, str]:
    """Read the Property table. Values that the package hides in logs are hidden."""
    found = {str(row.get("Property")): str(row.get("Value") or "") for row in database.rows("Property")}
    for name in found.get("MsiHiddenProperties", "").split(";"):
        if found.get(name):
            found[name] = HIDDEN
    return found


def shown(properties: dict[str, str]) -> dict[str, str]:
    """Return as many properties as an analysis lists."""
    return {clean(name, 200): clean(value) for name, value in list(properties.items())[:MOST_PROPERTIES]}


def read_public_properties(database: Database, properties: dict[str, str], folders: Folders) -> list[PublicProperty]:
    """Return the properties that a packager may set on the command line, folders first.

    Only public ones (in capitals) can be. Those that are there for Windows Installer itself are left out.
    """
    found: dict[str, PublicProperty] = {}
    for name in folders.names():
        if _is_own(name):
            found[name] = PublicProperty(name=name, value=clean(folders.target(name)), kind="folder",
                                         reason="It is a folder of the package.")  # fmt: skip
    secure = {name for name in properties.get("SecureCustomProperties", "").split(";") if name}
    in_dialogs = {str(row.get("Property")) for row in database.rows("Control") if row.get("Property")}
    set_by_itself = {str(row.get("ActionProperty")) for row in database.rows("Upgrade")}
    for names, reason in (
        (in_dialogs, "It is a field of the dialogs."),
        (secure, "The package allows it for installations with elevated rights."),
        (properties, "It has a value in the package."),
    ):
        for name in sorted(names):
            if _is_own(name) and name not in found and name not in set_by_itself:
                found[name] = PublicProperty(name=name, value=clean(properties.get(name, "")), reason=reason)
    return list(found.values())[:MOST_PROPERTIES]


def install_folder(properties: dict[str, str], folders: Folders, used: list[str]) -> str:
    """Return the property that names the folder of the installation; empty if there is none that can be set.

    Args:
        used: for each component, the folder into which it is installed.
    """
    names = folders.names()
    for name in (properties.get("WIXUI_INSTALLDIR", ""), *_USUAL_NAMES):
        if name in names and _PUBLIC.fullmatch(name):
            return name
    inside: Counter[str] = Counter()
    for folder in used:
        inside.update(set(folders.chain(folder)))
    candidates = [name for name in names if _is_own(name) or (name == "TARGETDIR" and folders.is_set(name))]
    # The one with most of the components, and of several such, the highest.
    best = max(candidates, key=lambda name: (inside[name], -len(folders.chain(name))), default="")
    return best if inside[best] * 2 > len(used) else ""


def _is_own(name: str) -> bool:
    if not _PUBLIC.fullmatch(name) or _GENERATED.fullmatch(name) or name == "TARGETDIR":
        return False
    return name in _OPTIONS_OF_EVERYBODY or not _OF_WINDOWS_INSTALLER.fullmatch(name)
