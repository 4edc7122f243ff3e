"""The folders of an MSI, resolved to paths such as ``ProgramFiles64Folder\\Example``."""

from __future__ import annotations

import re

from workflows.package_deployment.analysis import CustomAction
from workflows.package_deployment.installers.msi_actions import EXECUTE_SEQUENCE, SETS_FOLDER, SETS_PROPERTY, basic_type
from workflows.package_deployment.installers.msi_database import Row
from workflows.package_deployment.installers.texts import clean

_DEEPEST = 64
_SYSTEM = re.compile(
    r"(ProgramFiles(64|Arm)?|PerUserProgramFiles|CommonFiles(64)?|System(64|16)?|Windows|AppData|LocalAppData|"
    r"CommonAppData|Desktop|Favorites|Fonts|MyPictures|NetHood|Personal|PrintHood|ProgramMenu|Recent|SendTo|StartMenu|"
    r"Startup|Temp|Template|AdminTools)Folder|WindowsVolume"
)
_MODULE_SUFFIX = re.compile(r"\.[0-9A-F]{8}(_[0-9A-F]{4}){3}_[0-9A-F]{12}$", re.IGNORECASE)

_REFERENCE = re.compile(r"\[([A-Za-z_][A-Za-z0-9_.]*)\]")


def long_name(name: str) -> str:
    """Return the long name of ``short|long``."""
    return name.rpartition("|")[2]


class Folders:
    """The Directory table: where its folders are on the computer, and in the source beside the MSI."""

    def __init__(
        self, rows: list[Row], properties: dict[str, str] | None = None, actions: list[CustomAction] | None = None
    ) -> None:
        """Custom actions that set a folder of the table count, as those of Visual Studio's setup projects do."""
        self._rows = {str(row.get("Directory")): row for row in rows if row.get("Directory")}
        self._properties = properties or {}
        self._set = {
            action.source: action.target for action in actions or []
            if basic_type(action.type) in (SETS_FOLDER, SETS_PROPERTY) and action.source in self._rows
            and action.sequence == EXECUTE_SEQUENCE
        }  # fmt: skip
        self._targets: dict[str, str] = {}
        self._sources: dict[str, str] = {}

    def names(self) -> list[str]:
        """Return the names of all folders in the table."""
        return list(self._rows)

    def is_set(self, name: str) -> bool:
        """Return whether a custom action sets the folder to one that is below a folder of the system."""
        return bool(self._set_path(name))

    def chain(self, name: str) -> list[str]:
        """Return a folder and those above it, up to the root of the table."""
        found: list[str] = []
        while name and name not in found and len(found) < _DEEPEST:
            found.append(name)
            name = str((self._rows.get(name) or {}).get("Directory_Parent") or "")
        return found

    def target(self, name: str) -> str:
        """Return where a folder is on the computer; it begins with a folder of the system or TARGETDIR."""
        if name not in self._targets:
            self._targets[name] = self._path(name, is_source=False)
        return self._targets[name]

    def source(self, name: str) -> str:
        """Return where a folder is beside the MSI; empty: right beside it."""
        if name not in self._sources:
            self._sources[name] = self._path(name, is_source=True)
        return self._sources[name]

    def _path(self, name: str, is_source: bool) -> str:
        """Go up to the root of the table. A circle in it, or a chain that is too long, ends where it is noticed."""
        parts: list[str] = []
        seen: set[str] = set()
        while name not in seen and len(seen) < _DEEPEST:
            seen.add(name)
            system = _MODULE_SUFFIX.sub("", name)
            if not is_source and _SYSTEM.fullmatch(system):
                parts.append(system)
                break
            if not is_source and (path := self._set_path(name)):
                parts.append(path)
                break
            row = self._rows.get(name)
            parent = str(row.get("Directory_Parent") or "") if row else ""
            if row is None or parent in ("", name):
                if not is_source:
                    parts.append(name)
                break
            target, colon, source = str(row.get("DefaultDir") or ".").partition(":")
            own = long_name(source if is_source and colon else target)
            if own not in (".", ""):
                parts.append(own)
            name = parent
        return clean("\\".join(reversed(parts)))

    def _set_path(self, name: str) -> str:
        """Return the path to which a custom action sets a folder, if it begins with a folder of the system."""
        text = self._set.get(name, "")
        first = _REFERENCE.match(text)
        if not first or not _SYSTEM.fullmatch(first[1]):
            return ""
        rest = _REFERENCE.sub(lambda found: self._properties.get(found[1], ""), text[first.end() :]).strip("\\")
        return f"{first[1]}\\{rest}" if rest else first[1]
