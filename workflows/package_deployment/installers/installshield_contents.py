"""The files after InstallShield's launcher, and what its Setup.ini and MSI say.

The table is not documented by its maker; its layout is that of public readers. What cannot be read by it is a note, and
content counts only if it turns out to be what its name says.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from workflows.package_deployment.analysis import ContainedFile, Depth, PackageAnalysis
from workflows.package_deployment.installers.contained import MOST_INNER, add_package, read_msi, take_over
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.installshield import find_stream
from workflows.package_deployment.installers.markers import Marker, Variant
from workflows.package_deployment.installers.opened_archives import shown, stream_of
from workflows.package_deployment.installers.switches import switches_for
from workflows.package_deployment.installers.texts import clean
from workflows.package_deployment.installers.wrappers import COMPOUND_FILE

_HEADER_SIZE = 46
_OLD_ENTRY, _ENTRY = 312, 24
_LONG_ENTRIES = 4
_MAGIC = bytes([0x13, 0x35, 0x86, 0x07])
_BLOCK = 1_024
_CODED = 6
_LARGEST = 64 << 20
_ZLIB = b"\x78"
_LINE = re.compile(r"^\s*(\w{1,40})\s*=\s*(.{0,500}?)\s*$", re.MULTILINE)
_INNER_SCRIPTS = ("setup.inx", "data1.hdr", "data1.cab")


class _Entry(NamedTuple):
    name: str
    flags: int
    offset: int
    size: int


def describe_installshield(program: Executable, marker: Marker, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with the files of the launcher, its Setup.ini, and its MSI."""
    start = find_stream(program)
    if start is None:
        analysis.notes.append("The files of this kind of InstallShield's launcher are not listed.")
        return
    entries = _entries(program, start)
    if depth is not Depth.QUICK:
        analysis.files = [ContainedFile(path=shown(entry.name), size=entry.size) for entry in entries]
        analysis.files_total = len(entries)
    names = [shown(entry.name).lower().rpartition("\\")[2] for entry in entries]
    _choose_kind(marker, names, analysis)
    for entry, name in zip(entries, names, strict=True):
        if name == "setup.ini":
            _add_settings(_content(program, entry, b"["), analysis)
    _add_msis(program, entries, depth, analysis)


def _choose_kind(marker: Marker, names: list[str], analysis: PackageAnalysis) -> None:
    """Choose between the kinds by the files, where the launcher does not say which it is."""
    if marker.variant is not Variant.NONE:
        return
    if any(name in names for name in _INNER_SCRIPTS):
        marker.variant = Variant.INSTALLSCRIPT
    elif any(name.endswith(".msi") for name in names):
        marker.variant = Variant.BASIC_MSI
    else:
        return
    analysis.evidence.append(f"Kind: {marker.variant.value}, by the files that it contains")
    analysis.switches = switches_for(marker)


def _entries(program: Executable, start: int) -> list[_Entry]:
    """Return the entries of the table by the layout that fits best."""
    head = program.read(start, _HEADER_SIZE)
    count, kind = struct.unpack_from("<HI", head, 14)
    if head.startswith(b"InstallShield"):
        return list(_old_entries(program, start + _HEADER_SIZE, count))
    extra = _ENTRY if kind == _LONG_ENTRIES else 0
    layouts = [(4, 10)] if not extra else [(4, 10), (8, 12)]
    return max(
        (list(_new_entries(program, start + _HEADER_SIZE, count, extra, *layout)) for layout in layouts), key=len
    )


def _old_entries(program: Executable, at: int, count: int) -> Iterator[_Entry]:
    for _ in range(count):
        head = program.read(at, _OLD_ENTRY)
        if len(head) < _OLD_ENTRY:
            return
        name = head[:260].split(b"\0")[0].decode("cp1252", "replace")
        flags, size = struct.unpack_from("<I4xI", head, 260)
        at += _OLD_ENTRY
        if not name or at + size > program.end:
            return
        yield _Entry(name, flags, at, size)
        at += size


def _new_entries(
    program: Executable, at: int, count: int, extra: int, flags_at: int, size_at: int
) -> Iterator[_Entry]:  # fmt: skip
    for _ in range(count):
        head = program.read(at, _ENTRY + extra)
        if len(head) < _ENTRY + extra:
            return
        length, flags, size = (struct.unpack_from("<I", head, place)[0] for place in (0, flags_at, size_at))
        at += _ENTRY + extra
        if not 2 <= length < 1_040 or length % 2 or at + length + size > program.end:
            return
        name = program.read(at, length).decode("utf-16-le", "replace").rstrip("\0")
        if not name.isprintable():
            return
        at += length
        yield _Entry(name, flags, at, size)
        at += size


def _content(program: Executable, entry: _Entry, *starts: bytes) -> bytes:
    """Return the content of a file if it begins as it should, however it is coded; empty if not."""
    if entry.size > _LARGEST:
        return b""
    coded = program.read(entry.offset, entry.size)
    for candidate in (coded, _decoded(coded, entry.name, in_blocks=True), _decoded(coded, entry.name, in_blocks=False)):
        content = candidate
        if candidate.startswith(_ZLIB):
            try:
                content = zlib.decompressobj().decompress(candidate, _LARGEST)
            except zlib.error:
                continue
        if content.startswith(starts) or content.lstrip(b"\xff\xfe\xef\xbb\xbf\r\n \0").startswith(starts):
            return content
    return b""


def _decoded(data: bytes, name: str, *, in_blocks: bool) -> bytes:
    """Undo the coding with the name as its key, which starts again at each block or runs through."""
    key = bytes(byte ^ _MAGIC[index % 4] for index, byte in enumerate(name.encode("utf-8")))
    if not key:
        return data
    tables = [bytes(~(value ^ ((byte << 4 | byte >> 4) & 0xFF)) & 0xFF for byte in range(256)) for value in key]
    step = _BLOCK if in_blocks else max(len(data), 1)
    found = bytearray(data)
    for index, table in enumerate(tables):
        if not in_blocks:
            found[index :: len(key)] = data[index :: len(key)].translate(table)
            continue
        for place in range(index, _BLOCK, len(key)):
            found[place::step] = data[place::step].translate(table)
    return bytes(found)


def _add_settings(content: bytes, analysis: PackageAnalysis) -> None:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    settings = {
        name.lower(): clean(value) for name, value in _LINE.findall(content[: 1 << 18].decode(encoding, "replace"))
    }
    analysis.product_name = settings.get("productname") or settings.get("product") or analysis.product_name
    analysis.version = settings.get("productversion") or analysis.version
    analysis.manufacturer = settings.get("companyname") or settings.get("company_name") or analysis.manufacturer
    for name, attribute in (("productcode", "product_code"), ("upgradecode", "upgrade_code")):
        if re.fullmatch(r"\{[0-9A-Fa-f-]{36}\}", settings.get(name, "")):
            setattr(analysis, attribute, settings[name].upper())


def _add_msis(program: Executable, entries: list[_Entry], depth: Depth, analysis: PackageAnalysis) -> None:
    found = []
    for entry in [entry for entry in entries if entry.name.lower().endswith(".msi")][:MOST_INNER]:
        content = _content(program, entry, COMPOUND_FILE)
        name = shown(entry.name).rpartition("\\")[2]
        inner = read_msi(stream_of(content), name, depth, analysis) if content else None
        if inner is not None:
            add_package(inner, name, entry.size, analysis)
            found.append(inner)
        elif not content:
            analysis.notes.append(f"The MSI {name} inside could not be read: it is too large, or coded in another way.")
    if len(found) == 1:
        take_over(found[0], analysis)
