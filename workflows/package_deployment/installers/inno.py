"""Inno Setup: the table of offsets in the loader, the version of the data, and what the data say."""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

from workflows.package_deployment.analysis import (
    Architecture,
    Confidence,
    Depth,
    PackageAnalysis,
    Scope,
    Technology,
)
from workflows.package_deployment.installers import inno_layouts as layouts
from workflows.package_deployment.installers.executable import RESOURCE_DATA, Executable
from workflows.package_deployment.installers.inno_data import SetupData, read_setup_data
from workflows.package_deployment.installers.languages import language_tag
from workflows.package_deployment.installers.markers import Marker
from workflows.package_deployment.installers.processors import Machines, machines_of_expression, machines_of_set
from workflows.package_deployment.installers.texts import clean

OFFSET_TABLE = 11111
_TABLE_IDS = (b"rDlPtS", b"nS5W7dT")
_ID_SIZE = 12
_OLD_TABLE_AT = 0x30
_OLD_MARK = b"Inno"
_DATA_VERSION = re.compile(rb"Inno Setup Setup Data \((\d{1,2}\.\d{1,3}\.\d{1,3}(?:\.\d{1,3})?[a-z]?)\)( \(u\))?")
_VERSION_SIZE = 64
_ALWAYS_UNICODE = (6, 3)


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
            version = found.group(1).decode("ascii")
            return DataPlace(offset, version, bool(found.group(2)) or _numbers(version) >= _ALWAYS_UNICODE)
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


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


_MOST_LANGUAGES = 40
_LOWEST_PRIVILEGES = 3
_NEEDS_ADMINISTRATOR = (1, 2)
_OVERRIDE_COMMAND_LINE, _OVERRIDE_DIALOG = 1, 2


def describe_inno(program: Executable, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what the set-up data say.

    Raises:
        InstallerError: they cannot be read.
    """
    table = find_offset_table(program)
    place = find_data(program, table) if table else None
    if place is None:
        return
    data = read_setup_data(program, place.offset, place.version, is_unicode=place.is_unicode)
    _add_identity(data, analysis)
    _add_uninstallation(data, analysis)
    _add_scope(data, analysis)
    _add_processors(program, data, analysis)
    if depth is not Depth.QUICK:
        analysis.files = data.files
        analysis.files_total = data.files_total
        if data.files_total == len(data.files):
            analysis.installed_bytes = sum(file.size or 0 for file in data.files)
        if data.files and not any(file.sha256 for file in data.files) and depth is Depth.DEEP:
            analysis.notes.append("This version of Inno Setup holds no SHA-256 of its files, which are not unpacked.")


def _literal(text: str) -> str:
    """Return a text without constants; empty if code or a constant makes a part of it at run time."""
    plain = text.replace("{{", "\0")
    return "" if "{" in plain else clean(plain.replace("\0", "{").strip())


def _add_identity(data: SetupData, analysis: PackageAnalysis) -> None:
    name, version = _literal(data.text(layouts.APP_NAME)), _literal(data.text(layouts.APP_VERSION))
    with_version = _literal(data.text(layouts.APP_VERSION_NAME))
    if not version and name and with_version.startswith(name):
        version = with_version[len(name) :].strip().removeprefix("version ").strip()
    analysis.product_name = name or analysis.product_name
    analysis.version = version or analysis.version
    analysis.manufacturer = _literal(data.text(layouts.PUBLISHER)) or analysis.manufacturer
    for what, text in (("name", name), ("version", version)):
        if not text:
            analysis.notes.append(f"The {what} of the product is made at run time, so it is not in the set-up data.")
    tags = dict.fromkeys(filter(None, map(language_tag, data.languages[:_MOST_LANGUAGES])))
    analysis.language = ",".join(tags) or analysis.language


def _add_uninstallation(data: SetupData, analysis: PackageAnalysis) -> None:
    uninstall = analysis.switch("uninstall")
    if data.text(layouts.IS_UNINSTALLABLE).lower() == "no":
        analysis.notes.append("The installer writes no uninstaller, because its author said so.")
        if uninstall:
            analysis.switches.remove(uninstall)
    elif data.text(layouts.CREATES_UNINSTALL_KEY).lower() == "no":
        analysis.notes.append("The installer writes no entry under Uninstall, because its author said so.")
    elif (identity := _literal(data.text(layouts.APP_ID))) and uninstall:
        analysis.uninstall_entry = f"{identity}_is1"
        uninstall.reason = f"For the uninstaller that the entry “{identity}_is1” under Uninstall names."


def _add_scope(data: SetupData, analysis: PackageAnalysis) -> None:
    needs_administrator = data.privileges in _NEEDS_ADMINISTRATOR
    if data.overrides:
        analysis.scope = Scope.EITHER
        default = "everybody" if needs_administrator else "the person who runs it"
        analysis.notes.append(
            f"It installs for {default}, unless /ALLUSERS or /CURRENTUSER says otherwise"
            f"{', or the person does' if data.overrides & _OVERRIDE_DIALOG else ''}."
        )
    elif needs_administrator:
        analysis.scope, analysis.requires_administrator = Scope.MACHINE, True
    elif data.privileges == _LOWEST_PRIVILEGES:
        analysis.scope, analysis.requires_administrator = Scope.USER, False
    else:
        analysis.scope = Scope.EITHER


def _add_processors(program: Executable, data: SetupData, analysis: PackageAnalysis) -> None:
    if data.processors is not None:
        allowed, in_64_bits = map(machines_of_set, data.processors)
    else:
        allowed = machines_of_expression(data.text(layouts.PROCESSORS_ALLOWED))
        in_64_bits = machines_of_expression(data.text(layouts.PROCESSORS_FOR_64_BITS))
    allowed = allowed or Machines.ALL
    if program.architecture is not Architecture.X86:
        analysis.architecture = program.architecture
    elif allowed == Machines.ARM64:
        analysis.architecture = Architecture.ARM64
    elif Machines.X64 in allowed and (Machines.X64 in in_64_bits or Machines.X86 not in allowed):
        analysis.architecture = Architecture.X64
        if Machines.X86 in allowed:
            analysis.notes.append("On 32-bit Windows (x86), it installs a 32-bit program.")
    else:
        analysis.architecture = Architecture.X86
