"""What is inside the embedded cabinets and the Binary table of an MSI: digests, and installers."""

from __future__ import annotations

import re
import time
from pathlib import PureWindowsPath

from workflows.package_deployment.analysis import ContainedFile
from workflows.package_deployment.installers.cabinets import Cabinet
from workflows.package_deployment.installers.msi_database import Database
from workflows.package_deployment.installers.problems import InstallerError, words_for
from workflows.package_deployment.installers.texts import clean

MOST_CABINETS = 200
MOST_INNER = 200
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PROGRAM = b"MZ"
_INSTALLERS = {".msi", ".msp", ".msu", ".msix", ".appx", ".msixbundle", ".appxbundle"}
_SETUP = re.compile(r"(^|[^a-z])(setup|install(er)?|(vc_?)?redist|bootstrap(per)?)([^a-z]|$)", re.IGNORECASE)


def add_digests(
    database: Database, cabinets: list[str], files: dict[str, ContainedFile], seconds: float, notes: list[str]
) -> list[str]:
    """Fill in the digests of the files, and return the paths of those that are installers.

    Args:
        seconds: the time that unpacking may take.
    """
    inner: list[str] = []
    until = time.monotonic() + seconds
    for name in cabinets[:MOST_CABINETS]:
        try:
            _read_cabinet(database, name, files, until, inner, notes)
        except Exception as error:
            notes.append(f"The cabinet {clean(name, 100)} could not be unpacked. {words_for(error)}")
    if len(cabinets) > MOST_CABINETS:
        notes.append(f"Only {MOST_CABINETS} of {len(cabinets)} cabinets were unpacked.")
    return inner


def _read_cabinet(
    database: Database, name: str, files: dict[str, ContainedFile], until: float, inner: list[str], notes: list[str]
) -> None:
    stream = database.streams.open(name)
    if stream is None:
        raise InstallerError("The MSI does not contain it.")
    with stream:
        cabinet = Cabinet(stream)
        if packed := cabinet.left_packed:
            advice = " It can be unpacked where libarchive is installed." if "LZX" in packed else ""
            how = f"The cabinet {clean(name, 100)} is compressed with {', '.join(packed)}"
            notes.append(f"{how}, so that its files have no digests.{advice}")
        for unpacked in cabinet.unpacked(until):
            file = files.get(unpacked.name)
            if file is None:
                continue
            file.sha256 = unpacked.sha256
            if len(inner) < MOST_INNER and _is_installer(file.path, unpacked.head):
                inner.append(file.path)


def _is_installer(path: str, head: bytes) -> bool:
    name = PureWindowsPath(path)
    if name.suffix.lower() in _INSTALLERS:
        return True
    if head.startswith(_COMPOUND):
        return False
    return head.startswith(_PROGRAM) and name.suffix.lower() == ".exe" and bool(_SETUP.search(name.stem))


def binaries_that_install(database: Database) -> list[str]:
    """Return the entries of the Binary table that are MSIs, by their content."""
    found = []
    for name in database.streams.names():
        if name.startswith("Binary.") and (stream := database.streams.open(name)) is not None:
            with stream:
                if stream.read(8) == _COMPOUND:
                    found.append(clean(name, 200))
    return found[:MOST_INNER]
