"""WiX Burn: the section of a bundle, which says where its containers are."""

from __future__ import annotations

import struct
import uuid
from typing import NamedTuple

from workflows.package_deployment.analysis import Technology
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.markers import Marker

SECTION = ".wixburn"
_MAGIC = 0x00F14300
_HEADER = struct.Struct("<II16sIIIIII")
MOST_CONTAINERS = 64


class BurnSection(NamedTuple):
    """The section: its version, the bundle's id, and the sizes and places of the containers, in bytes."""

    version: int
    bundle_id: str
    stub_size: int
    signature_offset: int
    signature_size: int
    container_sizes: list[int]


def read_section(program: Executable) -> BurnSection | None:
    """Read the section of a bundle; None if the program is not one."""
    section = program.section(SECTION)
    if section is None:
        return None
    data = program.read(section.offset, min(section.size, _HEADER.size + 4 * MOST_CONTAINERS))
    if len(data) < _HEADER.size:
        return None
    magic, version, guid, stub, _, signature, signature_size, _, count = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        return None
    present = min(count, MOST_CONTAINERS, (len(data) - _HEADER.size) // 4)
    sizes = list(struct.unpack_from(f"<{present}I", data, _HEADER.size))
    bundle_id = f"{{{uuid.UUID(bytes_le=guid)}}}".upper()
    return BurnSection(version, bundle_id, stub, signature, signature_size, sizes)


def recognize_burn(program: Executable) -> Marker | None:
    """Find the section .wixburn with its number."""
    section = read_section(program)
    if section is None:
        return None
    place = program.section(SECTION)
    notes = (
        [] if section.container_sizes else ["This is the engine of WiX without a bundle: it has nothing to install."]
    )
    return Marker(
        Technology.WIX_BURN, [f"Section .wixburn at byte {place.offset if place else 0:,}, version {section.version}"],
        offset=section.stub_size, size=sum(section.container_sizes), notes=notes,
    )  # fmt: skip
