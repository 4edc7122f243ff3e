"""Installers that are broken on purpose: small, or well compressed, and costly for a reader that is naive."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

from tests.workflows.broken_insides import changed_manifest
from tests.workflows.broken_installers import LANDMARKS
from tests.workflows.bundles import V3
from tests.workflows.windows_programs import Program, version_resource

_SECTOR = 512
_MANIFEST, _VERSION, _DATA = 24, 16, 10


def _resource_tree(tree: bytes) -> bytes:
    """A program with a tree of resources that no linker would write."""
    program = Program(resources={(_DATA, "A"): bytes(max(64, len(tree)))}).build()
    name = program.find(b".rsrc")
    place = int.from_bytes(program[name + 20 : name + 24], "little")
    return program[:place] + tree + program[place + len(tree) :]


def _resources_in_circles() -> bytes:
    return _resource_tree(struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 64) + struct.pack("<II", 1, 0x80000000) * 64)


def _resources_beyond_number() -> bytes:
    entries = b"".join(struct.pack("<II", number & 0x7FFF, 0x80000000) for number in range(65_535))
    return _resource_tree(struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 65_535) + entries)


def _resources_deep_down() -> bytes:
    levels = [struct.pack("<IIHHHHII", 0, 0, 0, 0, 0, 1, 1, 0x80000000 | 24 * (level + 1)) for level in range(20_000)]
    return _resource_tree(b"".join(levels))


def _names_of_resources_that_overlap() -> bytes:
    entries = b"".join(struct.pack("<II", 0x80000000 | 40_000, 0x80000010) for _ in range(4_000))
    tree = struct.pack("<IIHHHH", 0, 0, 0, 0, 4_000, 0) + entries
    return _resource_tree(tree.ljust(40_000, b"\0") + b"\xff\xff" + b"A\0" * 65_535)


def _version_of_length_zero() -> bytes:
    good = version_resource({"ProductName": "Example"})
    return Program(resources={(_VERSION, 1): good[:120] + b"\0\0" * 20_000}).build()


def _version_deep_down() -> bytes:
    block = b""
    for _ in range(3_000):
        head = "StringFileInfo".encode("utf-16-le") + b"\0\0"
        block = struct.pack("<HHH", min(65_535, len(block) + 36), 0, 1) + head + block
    return Program(resources={(_VERSION, 1): version_resource({})[:92] + block}).build()


def _version_with_many_texts() -> bytes:
    return Program(resources={(_VERSION, 1): version_resource({f"K{number}": "v" for number in range(1_500)})}).build()


def _manifest_of_comments() -> bytes:
    return Program(resources={(_MANIFEST, 1): b"<!--" * 65_000}).build()


def _manifest_of_open_tags() -> bytes:
    return Program(resources={(_MANIFEST, 1): b"<a:requestedExecutionLevel " * 9_000 + b"<description" * 9_000}).build()


def _manifest_that_expands() -> bytes:
    entities = "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 12))
    text = f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">{entities}]><description>&a11;</description>'
    return Program(resources={(_MANIFEST, 1): text.encode()}).build()


def _manifest_deep_down() -> bytes:
    return Program(resources={(_MANIFEST, 1): b"<a>" * 80_000}).build()


def _sections_beyond_number() -> bytes:
    program = bytearray(Program().build())
    program[0x86:0x88] = b"\xff\xff"
    return bytes(program) + bytes(40 * 65_535)


def _signature(der: bytes) -> bytes:
    program = bytearray(Program().build())
    size = len(der) + 8
    program[0x80 + 24 + 128 : 0x80 + 24 + 136] = struct.pack("<II", len(program), size)
    return bytes(program) + struct.pack("<IHH", size, 0x200, 2) + der


def _signature_deep_down() -> bytes:
    return _signature(b"\x30\x80" * 200_000)


def _signature_of_wrong_lengths() -> bytes:
    identifier = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
    return _signature(b"\x30\x84\xff\xff\xff\xff" + identifier + b"\xa0\x84\x7f\xff\xff\xff" * 1_000)


def _signature_beyond_number() -> bytes:
    return _signature(b"\x30\x83\x0f\xff\xff" + b"\x31\x00" * 500_000)


def _signature_with_a_long_identifier() -> bytes:
    return _signature(b"\x30\x83\x0f\x42\x45\x06\x83\x0f\x42\x40" + b"\xff" * 1_000_000)


def _deflated(length: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    mebibyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return mebibyte * (length >> 20) + packer.flush()


def _zip(entries: int, packed: bytes, size: int, claimed: int | None = None) -> bytes:
    """A ZIP archive in which all entries have the same content, at the same place."""
    name = b"a/setup.exe"
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0) + name
    central = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, 0, len(packed), size, len(name), 0, 0, 0, 0, 0, 0
    ) + name  # fmt: skip
    start = len(local) + len(packed)
    count = min(entries if claimed is None else claimed, 65_535)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(central) * entries, start, 0)
    return local + packed + central * entries + end


def _zip_bomb() -> bytes:
    return _zip(20_000, _deflated(100 << 20), 0xFFFFFFFF)


def _program_with_a_zip_bomb() -> bytes:
    description = version_resource({"FileDescription": "Self-extracting archive"})
    return Program(resources={(_VERSION, 1): description}, overlay=_zip_bomb()).build()


def _zip_of_zips() -> bytes:
    content = b"MZ" + bytes(1_000)
    for _ in range(30):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        content = _zip(10, packer.compress(content) + packer.flush(), len(content))
    return content


def _seven_zip(header: bytes) -> bytes:
    start = struct.pack("<QQI", 0, len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<I", zlib.crc32(start)) + start + header


def _program_with_seven_zip(header: bytes) -> bytes:
    return Program(overlay=b';!@Install@!UTF-8!\nRunProgram="a.exe"\n;!@InstallEnd@!' + _seven_zip(header)).build()


def _seven_zip_of_files_beyond_number() -> bytes:
    return _program_with_seven_zip(b"\x01\x05\xff" + b"\xff\xff\xff\xff\xff\xff\xff\x0f" + b"\x0e" + b"\xff" * 100)


def _seven_zip_of_streams_beyond_number() -> bytes:
    return _program_with_seven_zip(b"\x01\x04\x06\x00\xff\xff\xff\xff\xff\xff\xff\xff\x0f\x09" + b"\x01" * 1_000)


def _seven_zip_with_a_huge_dictionary() -> bytes:
    coder = b"\x23\x03\x01\x01\x05\x5d\xff\xff\xff\xff"
    streams = b"\x17\x06\x00\x01\x09\x20\x00\x07\x0b\x01\x00\x01"
    return _program_with_seven_zip(streams + coder + b"\x0c\xf0\xff\xff\xff\xff\x00\x00")


def _program_with_rar() -> bytes:
    return Program(overlay=b"Rar!\x1a\x07\x01\x00" + b"\xff" * 200_000).build()


def _cabinet(
    files: int, blocks: Sequence[tuple[bytes, int]], *, name: bytes = b"a.txt\0", claimed: int | None = None
) -> bytes:
    """A cabinet with one folder, compressed with MSZIP."""
    entries = b"".join(struct.pack("<IIHHHH", 0x7FFFFFFF, 0, 0, 0, 0, 0) + name for _ in range(files))
    start = 36 + 8 + len(entries)
    data = b"".join(struct.pack("<IHH", 0, len(content), size) + content for content, size in blocks)
    folder = struct.pack("<IHH", start, min(65_535, len(blocks)), 1)
    head = struct.pack(
        "<4sIIIIIBBHHHHH", b"MSCF", 0, start + len(data), 0, 44, 0, 3, 1, 1,
        files if claimed is None else claimed, 0, 0, 0,
    )  # fmt: skip
    return head + folder + entries + data


def _cabinet_bomb() -> bytes:
    return _cabinet(1, [(b"CK" + _deflated(32_768), 32_768)] * 65_535)


def _cabinet_of_files_beyond_number() -> bytes:
    return _cabinet(65_535, [], name=b"n" * 20 + b"\0")


def _cabinet_with_endless_names() -> bytes:
    return _cabinet(1, [], name=b"n" * 2_000_000, claimed=65_535)


def _after_a_program(make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: Program(overlay=make()).build()


def _in_resources(make: Callable[[], bytes]) -> Callable[[], bytes]:
    return lambda: Program(resources={(_DATA, "CABINET"): make(), (_DATA, "RUNPROGRAM"): b"a.exe\0"}).build()


def _nsis(length: int, content: bytes) -> bytes:
    head = struct.pack("<II", 0, 0xDEADBEEF) + b"NullsoftInst" + struct.pack("<II", length, 0x7FFFFFFF)
    return Program(overlay=head + content).build()


def _nsis_with_a_huge_header() -> bytes:
    return _nsis(0xFFFFFFFF, b"\xff" * 100_000)


def _nsis_that_expands() -> bytes:
    return _nsis(1 << 30, struct.pack("<I", 0x80100000) + _deflated(1 << 30))


def _nsis_with_a_huge_dictionary() -> bytes:
    return _nsis(1 << 20, struct.pack("<I", 0x80001000) + b"\x5d\xff\xff\xff\xff" + b"\0" * 4_096)


def _inno(version: bytes, content: bytes) -> bytes:
    mark = b"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a"
    offsets = struct.pack("<12sIIIIIII", mark, 1, 0xFFFFFFFF, 0x1000, 0xFFFFFFFF, 0, 0x400, 0x7FFFFFFF)
    table = Program(resources={(_DATA, 11_111): offsets}, overlay=version.ljust(64, b"\0") + content)
    return table.build()


def _inno_with_huge_blocks() -> bytes:
    return _inno(b"Inno Setup Setup Data (6.3.0)", struct.pack("<IIB", 0, 0xFFFFFFFF, 1) + b"\xff" * 100_000)


def _inno_that_expands() -> bytes:
    return _inno(b"Inno Setup Setup Data (5.1.0)", struct.pack("<IIB", 0, 1 << 20, 1) + _deflated(1 << 30))


def _inno_of_many_versions() -> bytes:
    return Program(overlay=b"Inno Setup Setup Data (6.3.0)".ljust(64, b"\0") * 50_000).build()


def _bundle(count: int, containers: bytes) -> bytes:
    section = struct.pack("<II16sIIIIII", 0x00F14300, 2, bytes(16), 0x600, 0, 0xFFFFFFFF, 0xFFFFFFFF, 1, count)
    return Program(sections=[(b".wixburn", section + b"\xff\xff\xff\x7f" * 50)], overlay=containers).build()


def _bundle_of_containers_beyond_number() -> bytes:
    return _bundle(0xFFFFFFFF, b"MSCF" * 1_000)


def _bundle_with_a_bomb() -> bytes:
    return _bundle(2, _cabinet_bomb())


def _manifest(text: str) -> bytes:
    return changed_manifest(lambda _: text.encode(), Random(0))


def _bundle_whose_manifest_expands() -> bytes:
    entities = "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, 12))
    return _manifest(f'<!DOCTYPE a [<!ENTITY a0 "ha">{entities}]><BurnManifest xmlns="{V3}">&a11;</BurnManifest>')


def _bundle_whose_manifest_is_deep() -> bytes:
    return _manifest(f'<BurnManifest xmlns="{V3}">' + "<Chain>" * 200_000)


def _bundle_of_packages_beyond_number() -> bytes:
    package = '<MsiPackage Id="p{}" Version="1"><MsiProperty Id="A"/></MsiPackage>'
    packages = "".join(package.format(number) for number in range(40_000))
    return _manifest(f'<BurnManifest xmlns="{V3}"><Chain>{packages}</Chain></BurnManifest>')


def _bundle_of_long_names() -> bytes:
    return _manifest(f'<BurnManifest xmlns="{V3}"><Registration Id="{"x" * 8_000_000}"/></BurnManifest>')


def _landmarks_everywhere() -> bytes:
    return Program(overlay=b"".join(LANDMARKS) * 20_000).build()


def _programs_in_programs() -> bytes:
    content = Program().build()
    for _ in range(400):
        content = Program(overlay=content).build()
    return content


def _compound(directory: bytes, table: dict[int, int] | None = None) -> bytes:
    """A compound file with this directory; the table of sectors is given as far as it is not a plain chain."""
    directory = directory.ljust(-(-len(directory) // _SECTOR) * _SECTOR, b"\0")
    sectors = len(directory) // _SECTOR
    needed = -(-(sectors + 200) // 128)
    entries = [0xFFFFFFFF] * (128 * needed)
    for number in range(needed):
        entries[number] = 0xFFFFFFFD
    for number in range(sectors):
        entries[needed + number] = needed + number + 1 if number + 1 < sectors else 0xFFFFFFFE
    for number, target in (table or {}).items():
        entries[number] = target
    head = bytes.fromhex("d0cf11e0a1b11ae1").ljust(24, b"\0") + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack("<IIIIIIIII", 0, needed, needed, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head = head.ljust(76, b"\0") + struct.pack("<109I", *(list(range(min(needed, 109))) + [0xFFFFFFFF] * 109)[:109])
    return head + struct.pack(f"<{len(entries)}I", *entries) + directory


def _entry(name: str, kind: int, left: int, right: int, child: int, start: int = 0xFFFFFFFE, size: int = 0) -> bytes:
    text = name.encode("utf-16-le")[:62]
    clsid = bytes.fromhex("84100c0000000000c000000000000046") if kind == 5 else bytes(16)
    return (
        text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, kind, 1, left, right, child) + clsid
        + bytes(20) + struct.pack("<IQ", start, size)
    )  # fmt: skip


_NONE = 0xFFFFFFFF


def _folders_in_circles() -> bytes:
    return _compound(_entry("Root Entry", 5, 1, 1, 1) + _entry("a", 1, 0, 1, 0) + _entry("b", 2, 2, 2, 2))


def _folders_deep_down() -> bytes:
    root = _entry("Root Entry", 5, _NONE, _NONE, 1)
    return _compound(root + b"".join(_entry(f"s{number}", 1, _NONE, _NONE, number + 1) for number in range(1, 8_000)))


def _siblings_in_a_row() -> bytes:
    root = _entry("Root Entry", 5, _NONE, _NONE, 1)
    return _compound(root + b"".join(_entry(f"s{number}", 2, _NONE, number + 1, _NONE) for number in range(1, 8_000)))


def _sectors_in_circles() -> bytes:
    root = _entry("Root Entry", 5, _NONE, _NONE, 1)
    return _compound(root + _entry("\u4840\u3f3f", 2, _NONE, _NONE, _NONE, 100, 0x7FFFFFFF), {100: 101, 101: 100})


def _directory_in_circles() -> bytes:
    return _compound(_entry("Root Entry", 5, _NONE, _NONE, _NONE), {2: 2})


def _streams_of_huge_size() -> bytes:
    root = _entry("Root Entry", 5, _NONE, _NONE, 1, 3, 0xFFFFFFFFFFFF)
    return _compound(root + _entry("\u4840\u3b3f", 2, _NONE, _NONE, _NONE, 4, 0xFFFFFFFFFFFF))


def _tables_of_sectors_beyond_number() -> bytes:
    content = bytearray(_compound(_entry("Root Entry", 5, _NONE, _NONE, _NONE)))
    struct.pack_into("<I", content, 44, 0x00FFFFFF)
    struct.pack_into("<II", content, 68, 1, 0x00FFFFFF)
    return bytes(content)


def _sectors_of_one_byte() -> bytes:
    content = bytearray(_compound(_entry("Root Entry", 5, _NONE, _NONE, _NONE)))
    struct.pack_into("<HH", content, 30, 0, 0)
    return bytes(content)


def _sectors_of_huge_size() -> bytes:
    content = bytearray(_compound(_entry("Root Entry", 5, _NONE, _NONE, _NONE)))
    struct.pack_into("<HH", content, 30, 0xFFFF, 0xFFFF)
    return bytes(content)


_CRAFTED = (
    _resources_in_circles, _resources_beyond_number, _resources_deep_down, _names_of_resources_that_overlap,
    _version_of_length_zero, _version_deep_down, _version_with_many_texts, _manifest_of_comments,
    _manifest_of_open_tags, _manifest_that_expands, _manifest_deep_down, _sections_beyond_number, _signature_deep_down,
    _signature_of_wrong_lengths, _signature_beyond_number, _signature_with_a_long_identifier, _zip_bomb,
    _program_with_a_zip_bomb, _zip_of_zips, _seven_zip_of_files_beyond_number, _seven_zip_of_streams_beyond_number,
    _seven_zip_with_a_huge_dictionary, _program_with_rar, _cabinet_bomb, _cabinet_of_files_beyond_number,
    _cabinet_with_endless_names, _nsis_with_a_huge_header, _nsis_that_expands, _nsis_with_a_huge_dictionary,
    _inno_with_huge_blocks, _inno_that_expands, _inno_of_many_versions, _bundle_of_containers_beyond_number,
    _bundle_with_a_bomb, _bundle_whose_manifest_expands, _bundle_whose_manifest_is_deep,
    _bundle_of_packages_beyond_number, _bundle_of_long_names, _landmarks_everywhere,
    _programs_in_programs, _folders_in_circles, _folders_deep_down, _siblings_in_a_row,
    _sectors_in_circles, _directory_in_circles, _streams_of_huge_size,
    _tables_of_sectors_beyond_number, _sectors_of_one_byte, _sectors_of_huge_size,
)  # fmt: skip
CRAFTED: dict[str, Callable[[], bytes]] = {
    **{make.__name__.strip("_"): make for make in _CRAFTED},
    **{
        f"{make.__name__.strip('_')}_{where.__name__.strip('_')}": where(make)
        for make in (_cabinet_bomb, _cabinet_of_files_beyond_number, _cabinet_with_endless_names, _zip_of_zips)
        for where in (_after_a_program, _in_resources)
    },
}
"""By name; each returns the content."""
