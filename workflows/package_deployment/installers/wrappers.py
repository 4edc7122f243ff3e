"""Programs whose work is to run an MSI that they contain."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from workflows.package_deployment.analysis import Confidence, Technology
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.markers import Marker, Variant

COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MSI_CLASSES = {
    bytes.fromhex("84100c0000000000c000000000000046"): "msi",
    bytes.fromhex("86100c0000000000c000000000000046"): "msp",
}
"""The class of the root storage: {000C1084-…} is a database of Windows Installer, {000C1086-…} a patch."""
_MOST_CANDIDATES = 64
_FARTHEST = 1 << 30

ADVANCED_FOOTER = b"ADVINSTSFX"
_FOOTER_SEARCH = 16 << 10
_FOOTER_NAME_AT = 64


class EmbeddedMsi(NamedTuple):
    """An MSI inside the program: where it starts, and the most bytes that it can have."""

    place: str
    offset: int
    size: int
    kind: str


class AdvancedFooter(NamedTuple):
    """The end of an installer of Advanced Installer: where the table of files is, and how many there are."""

    offset: int
    files: int
    table: int


def is_msi(program: Executable, offset: int, size: int) -> str:
    """Return "msi" or "msp" if a database of Windows Installer or a patch starts here, else an empty text."""
    header = program.read(offset, 512)
    if len(header) < 512 or not header.startswith(COMPOUND_FILE):
        return ""
    shift = int.from_bytes(header[30:32], "little")
    sector = int.from_bytes(header[48:52], "little")
    if shift not in (9, 12):
        return ""
    root = ((sector + 1) << shift) + 80
    if root + 16 > size:
        return ""
    return _MSI_CLASSES.get(program.read(offset + root, 16), "")


def find_msis(program: Executable) -> Iterator[EmbeddedMsi]:
    """Yield the databases of Windows Installer in the resources, and after the program where they are not packed."""
    for resource in program.resources():
        if resource.size > 1_024 and (kind := is_msi(program, resource.offset, resource.size)):
            place = f"resource {resource.type} {resource.name}"
            yield EmbeddedMsi(place, resource.offset, resource.size, kind)
    at = program.overlay
    for _ in range(_MOST_CANDIDATES):
        at = program.find(COMPOUND_FILE, at, min(program.end, program.overlay + _FARTHEST))
        if at < 0:
            return
        if kind := is_msi(program, at, program.end - at):
            yield EmbeddedMsi("the data after the program", at, program.end - at, kind)
        at += 8


def find_advanced_footer(program: Executable) -> AdvancedFooter | None:
    """Return the footer of Advanced Installer, which holds its own place; None if there is none."""
    start = max(program.end - _FOOTER_SEARCH, program.overlay)
    at = start
    while (at := program.find(ADVANCED_FOOTER, at, program.end)) >= 0:
        footer = at - _FOOTER_NAME_AT
        if footer >= program.overlay:
            offset, count, _, _, table = struct.unpack("<4xIIIII", program.read(footer, 24))
            if count and (offset == footer or program.overlay <= table < footer):
                return AdvancedFooter(footer, count, table)
        at += 1
    return None


def recognize_advanced_installer(program: Executable) -> Marker | None:
    """Find Advanced Installer's footer."""
    footer = find_advanced_footer(program)
    if footer is None:
        return None
    return Marker(
        Technology.MSI_WRAPPER, [f"Footer ADVINSTSFX at byte {footer.offset:,}, with {footer.files} files"],
        variant=Variant.ADVANCED_INSTALLER, offset=footer.table, size=footer.offset - footer.table,
    )  # fmt: skip


def recognize_wrapper(program: Executable) -> Marker | None:
    """Find a database of Windows Installer in the resources, or in what comes after the program."""
    found = next(find_msis(program), None)
    if found is None:
        return None
    return Marker(
        Technology.MSI_WRAPPER, [f"Database of Windows Installer in {found.place}, at byte {found.offset:,}"],
        confidence=Confidence.LIKELY, offset=found.offset, size=found.size,
    )  # fmt: skip
