"""Inno Setup: the table of offsets in the loader, and the version of the data."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from workflows.package_deployment.analysis import Confidence, Technology
from workflows.package_deployment.installers.executable import RESOURCE_DATA, Executable
from workflows.package_deployment.installers.markers import Marker

OFFSET_TABLE = 11111
_TABLE_IDS = (b"rDlPtS", b"nS5W7dT")
_ID_SIZE = 12
_OLD_TABLE_AT = 0x30
_OLD_MARK = b"Inno"
_DATA_VERSION = re.compile(rb"Inno Setup Setup Data \((\d{1,2}\.\d{1,3}\.\d{1,3}(?:\.\d{1,3})?[a-z]?)\)( \(u\))?")
_VERSION_SIZE = 64


class DataPlace(NamedTuple):
    """Where the set-up data start, what version they are of, and whether their texts are Unicode."""

    offset: int
    version: str
    is_unicode: bool


class OffsetTable(NamedTuple):
    """The table of the loader: its place, and the places of the set-up data and of the files."""

    place: str
    setup_data: int
    files: int


def find_offset_table(program: Executable) -> OffsetTable | None:
    """Return the table of the loader: a resource, or, before version 5.1.5, at a fixed place; None if there is none."""
    resource = program.resource(RESOURCE_DATA, OFFSET_TABLE)
    if resource is not None:
        table = program.content(resource, 256)
        place = f"resource {OFFSET_TABLE} at byte {resource.offset:,}"
    else:
        mark, offset, check = struct.unpack("<4sII", program.read(_OLD_TABLE_AT, 12).ljust(12, b"\0"))
        if mark != _OLD_MARK or offset ^ check != 0xFFFFFFFF:
            return None
        table = program.read(offset, 256)
        place = f"table at byte {offset:,}"
    if not table.startswith(_TABLE_IDS):
        return None
    return OffsetTable(place, *_offsets(table))


def _offsets(table: bytes) -> tuple[int, int]:
    body = table[_ID_SIZE:]
    revision = int.from_bytes(body[:4], "little")
    if revision == 1 and len(body) >= 32:
        return struct.unpack_from("<II", body, 20)
    if revision == 2 and len(body) >= 44:
        return struct.unpack_from("<QQ", body, 28)
    if len(body) >= 28:
        return struct.unpack_from("<II", body, 20)
    return 0, 0


def find_data(program: Executable, table: OffsetTable) -> DataPlace | None:
    """Return where the set-up data are and of what version, or None if their head is not where the table says."""
    for offset in dict.fromkeys((table.setup_data, table.files)):
        found = _DATA_VERSION.match(program.read(offset, _VERSION_SIZE)) if offset else None
        if found:
            return DataPlace(offset, found.group(1).decode("ascii"), bool(found.group(2)))
    return None


def recognize_inno(program: Executable) -> Marker | None:
    """Find the table of the loader, and the head of the set-up data."""
    table = find_offset_table(program)
    if table is None:
        return None
    evidence = [f"Table of Inno Setup's loader: {table.place}"]
    place = find_data(program, table)
    if place is None:
        return Marker(
            Technology.INNO_SETUP, evidence, confidence=Confidence.LIKELY,
            notes=["The set-up data of Inno Setup are not where its table says: the file may be cut off."],
        )  # fmt: skip
    evidence.append(f"“Inno Setup Setup Data ({place.version})” at byte {place.offset:,}")
    return Marker(Technology.INNO_SETUP, evidence, place.version, offset=place.offset)
