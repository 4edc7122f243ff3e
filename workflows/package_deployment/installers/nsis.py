"""NSIS: the header that the program finds after itself."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from workflows.package_deployment.analysis import Technology
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.manifest import Manifest
from workflows.package_deployment.installers.markers import Marker

SIGNATURE = b"\xef\xbe\xad\xdeNullsoftInst"
FIRST_HEADER_SIZE = 28
_ALIGNMENT = 512
_FLAGS = 0x0F
_UNINSTALLER = 1
_NEVER_SILENT = 2
_FARTHEST = 16 << 20
"""How far after the program the header is looked for, in bytes."""
_VERSION = re.compile(r"Nullsoft Install System v?([0-9][0-9A-Za-z.+-]{0,30})")


class FirstHeader(NamedTuple):
    """Where the header is, its flags, the size of the script after unpacking, and of all data that follow."""

    offset: int
    flags: int
    header_size: int
    data_size: int


def find_first_header(program: Executable) -> FirstHeader | None:
    """Return the header of NSIS, which stands on a boundary of 512 bytes after the program, or None."""
    start = program.overlay // _ALIGNMENT * _ALIGNMENT
    stop = min(start + _FARTHEST, program.end)
    while (at := program.find(SIGNATURE, start, stop)) >= 0:
        offset = at - 4
        if offset % _ALIGNMENT == 0:
            flags, header_size, data_size = struct.unpack("<I16xII", program.read(offset, FIRST_HEADER_SIZE))
            if flags & ~_FLAGS == 0 and header_size and data_size > FIRST_HEADER_SIZE:
                return FirstHeader(offset, flags, header_size, data_size)
        start = at + 1
    return None


def recognize_nsis(program: Executable, manifest: Manifest) -> Marker | None:
    """Find the header of NSIS after the program."""
    header = find_first_header(program)
    if header is None:
        return None
    found = _VERSION.search(manifest.description)
    marker = Marker(
        Technology.NSIS, [f"Header 0xDEADBEEF NullsoftInst after the program, at byte {header.offset:,}"],
        found.group(1) if found else "", offset=header.offset, size=header.data_size,
    )  # fmt: skip
    if found:
        marker.evidence.append(f"The manifest says {manifest.description}")
    if header.flags & _UNINSTALLER:
        marker.notes.append("This is the uninstaller of an NSIS installer, not an installer.")
    if header.offset + header.data_size > program.size:
        marker.notes.append("The file is cut off: it is shorter than its NSIS header says.")
    return marker
