"""The files of an MSI: where they are installed, and where their content is."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import NamedTuple

from workflows.package_deployment.analysis import ContainedFile
from workflows.package_deployment.installers.msi_database import Database, Row, text_of
from workflows.package_deployment.installers.msi_folders import Folders, long_name
from workflows.package_deployment.installers.texts import clean

MOST_EXTERNAL = 200
_VERSION = re.compile(r"\d+(\.\d+){0,3}")
_NOT_COMPRESSED, _COMPRESSED = 0x2000, 0x4000
_SOURCE_IS_COMPRESSED = 0x2


class InstalledFiles(NamedTuple):
    """What is known about the files of an MSI.

    Attributes:
        files: those that are listed, by their keys.
        total: how many there are.
        installed_bytes: the size of all of them.
        cabinets: the names of the streams with embedded cabinets.
        external: what has to lie beside the MSI, as paths.
    """

    files: dict[str, ContainedFile]
    total: int
    installed_bytes: int
    cabinets: list[str]
    external: list[str]


def read_files(database: Database, folders: Folders, most: int) -> InstalledFiles:
    """Read the File table and what belongs to it; at most `most` files are listed, in the order of their content."""
    rows = sorted(database.rows("File"), key=lambda row: row.get("Sequence") or 0)
    components = {row.get("Component"): row for row in database.rows("Component")}
    media = _Media(database.rows("Media"), database.summary.word_count or 0)
    external = media.external
    files: dict[str, ContainedFile] = {}
    for row in rows:
        directory = str((components.get(row.get("Component_")) or {}).get("Directory_") or "TARGETDIR")
        if len(files) < most:
            files[str(row.get("File"))] = _file(row, folders.target(directory))
        if len(external) < MOST_EXTERNAL and media.is_beside(row):
            external.append(clean(_joined(folders.source(directory), long_name(text_of(row, "FileName")))))
    size = sum(max(row.get("FileSize") or 0, 0) for row in rows)
    return InstalledFiles(files, len(rows), size, media.embedded, external)


def _file(row: Row, folder: str) -> ContainedFile:
    version = text_of(row, "Version")
    return ContainedFile(
        path=clean(_joined(folder, long_name(text_of(row, "FileName")))),
        size=max(row.get("FileSize") or 0, 0),
        version=version if _VERSION.fullmatch(version) else "",  # Else it names another file.
        component=text_of(row, "Component_"),
    )


def _joined(folder: str, name: str) -> str:
    return f"{folder}\\{name}" if folder else name


class _Media:
    """The Media table: which files are in which cabinet."""

    def __init__(self, rows: list[Row], word_count: int) -> None:
        rows = sorted(rows, key=lambda row: row.get("LastSequence") or 0)
        names = [text_of(row, "Cabinet") for row in rows]
        self._cabinets = names
        self._last = [row.get("LastSequence") or 0 for row in rows]
        self._is_compressed = bool(word_count & _SOURCE_IS_COMPRESSED)
        self.embedded = [name[1:] for name in names if name.startswith("#")]
        self.external = [name for name in names if name and not name.startswith("#")][:MOST_EXTERNAL]

    def is_beside(self, row: Row) -> bool:
        """Return whether the content of a file lies beside the MSI by itself, outside of cabinets."""
        attributes = row.get("Attributes") or 0
        if attributes & _COMPRESSED:
            return False
        if attributes & _NOT_COMPRESSED:
            return True
        place = bisect_left(self._last, row.get("Sequence") or 0)
        return not self._is_compressed and not (place < len(self._cabinets) and self._cabinets[place])
