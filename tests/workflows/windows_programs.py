"""A builder of Windows programs for tests: headers, sections, resources, and data after the program.

The programs do nothing. What tests put into them is laid out as the public descriptions of the formats say.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

X86 = 0x014C
X64 = 0x8664
ARM64 = 0xAA64
_SECTION_ALIGNMENT = 0x1000
_FILE_ALIGNMENT = 0x200
_DLL = 0x2000
ENGLISH = 0x0409

ResourceKey = tuple[int | str, int | str]
"""The type and the name of a resource."""


@dataclass
class Program:
    """What a program is made of."""

    machine: int = X86
    resources: Mapping[ResourceKey, bytes] = field(default_factory=dict)
    sections: Sequence[tuple[bytes, bytes]] = ()
    overlay: bytes = b""
    is_dll: bool = False
    language: int = ENGLISH

    def build(self) -> bytes:
        """Return the bytes of the program."""
        parts = [(b".text", b"\xc3"), *self.sections]
        headers_size = 0x400
        placed = []
        address, offset = _SECTION_ALIGNMENT, headers_size
        resource_place = (0, 0)
        if self.resources:
            parts = [*parts, (b".rsrc", b"")]
        for name, content in parts:
            if name == b".rsrc":
                content = _resource_section(self.resources, address, self.language)
                resource_place = (address, len(content))
            size = _aligned(len(content), _FILE_ALIGNMENT)
            placed.append((name, content.ljust(size, b"\0"), len(content), address, offset))
            address += _aligned(max(len(content), 1), _SECTION_ALIGNMENT)
            offset += size
        head = self._headers(placed, headers_size, address, resource_place)
        return head + b"".join(content for _, content, *_ in placed) + self.overlay

    def _headers(
        self, placed: list[tuple[bytes, bytes, int, int, int]], headers_size: int, image: int,
        resources: tuple[int, int],
    ) -> bytes:  # fmt: skip
        wide = self.machine != X86
        dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
        optional_size = 240 if wide else 224
        characteristics = 0x0102 | (_DLL if self.is_dll else 0)
        coff = struct.pack("<HHIIIHH", self.machine, len(placed), 0, 0, 0, optional_size, characteristics)
        optional = struct.pack("<HBBIIIII", 0x20B if wide else 0x10B, 14, 0, 0x200, 0, 0, 0x1000, 0x1000)
        optional += struct.pack("<Q", 0x140000000) if wide else struct.pack("<II", 0x2000, 0x400000)
        optional += struct.pack(
            "<IIHHHHHHIIIIHH", _SECTION_ALIGNMENT, _FILE_ALIGNMENT, 6, 0, 0, 0, 6, 0, 0, image, headers_size, 0, 2, 0
        )
        optional += struct.pack("<4Q" if wide else "<4I", 0x100000, 0x1000, 0x100000, 0x1000)
        optional += struct.pack("<II", 0, 16)
        directories = [(0, 0)] * 16
        directories[2] = resources
        optional += b"".join(struct.pack("<II", *place) for place in directories)
        table = b"".join(
            struct.pack("<8sIIIIIIHHI", name, size, address, len(content), offset, 0, 0, 0, 0, 0x40000040)
            for name, content, size, address, offset in placed
        )
        return (dos.ljust(0x80, b"\0") + b"PE\0\0" + coff + optional + table).ljust(headers_size, b"\0")


def _aligned(size: int, step: int) -> int:
    return (size + step - 1) // step * step


def _resource_section(resources: Mapping[ResourceKey, bytes], address: int, language: int) -> bytes:
    """Return the tree of resources: types, names, languages, then the texts, the entries, and the data."""
    types: dict[int | str, dict[int | str, bytes]] = {}
    for (kind, name), content in resources.items():
        types.setdefault(kind, {})[name] = content
    keys = [*types, *(name for names in types.values() for name in names)]
    count = len(resources)
    tree_size = 16 + 8 * len(types) + sum(16 + 8 * len(names) for names in types.values()) + 24 * count
    entries_at = tree_size
    texts_at = entries_at + 16 * count
    texts = b""
    places: dict[str, int] = {}
    for key in keys:
        if isinstance(key, str) and key not in places:
            places[key] = texts_at + len(texts)
            texts += struct.pack("<H", len(key)) + key.encode("utf-16-le")
    data_at = _aligned(texts_at + len(texts), 8)

    def number(key: int | str) -> int:
        return places[key] | 0x80000000 if isinstance(key, str) else key

    def ordered(found: Mapping[int | str, object]) -> list[int | str]:
        return sorted(found, key=lambda key: (isinstance(key, int), str(key) if isinstance(key, str) else key))

    def directory(found: Sequence[int | str]) -> bytes:
        named = sum(isinstance(key, str) for key in found)
        return struct.pack("<IIHHHH", 0, 0, 0, 0, named, len(found) - named)

    tree, name_tables, language_tables, entries, data = b"", b"", b"", b"", b""
    names_at = 16 + 8 * len(types)
    languages_at = names_at + sum(16 + 8 * len(names) for names in types.values())
    tree += directory(ordered(types))
    for kind in ordered(types):
        tree += struct.pack("<II", number(kind), (names_at + len(name_tables)) | 0x80000000)
        name_tables += directory(ordered(types[kind]))
        for name in ordered(types[kind]):
            name_tables += struct.pack("<II", number(name), (languages_at + len(language_tables)) | 0x80000000)
            language_tables += directory([language]) + struct.pack("<II", language, entries_at + len(entries))
            content = types[kind][name]
            entries += struct.pack("<IIII", address + data_at + len(data), len(content), 0, 0)
            data += content.ljust(_aligned(len(content), 8), b"\0")
    head = tree + name_tables + language_tables + entries + texts
    return head.ljust(data_at, b"\0") + data


def version_resource(strings: Mapping[str, str], fixed: tuple[int, int, int, int] = (1, 2, 3, 4)) -> bytes:
    """Return a resource of the type RT_VERSION (16) in American English."""
    numbers = struct.pack("<2I", (fixed[0] << 16) + fixed[1], (fixed[2] << 16) + fixed[3])
    value = struct.pack("<II", 0xFEEF04BD, 0x10000) + numbers * 2 + struct.pack("<7I", 0x3F, 0, 0x40004, 1, 0, 0, 0)
    table = b"".join(_block(key, text.encode("utf-16-le") + b"\0\0", is_text=True) for key, text in strings.items())
    strings_block = _block("StringFileInfo", b"", [_block("040904B0", b"", [table])])
    translation = _block("VarFileInfo", b"", [_block("Translation", struct.pack("<HH", ENGLISH, 1200))])
    return _block("VS_VERSION_INFO", value, [strings_block, translation])


def _block(key: str, value: bytes, children: Sequence[bytes] = (), *, is_text: bool = False) -> bytes:
    head = key.encode("utf-16-le") + b"\0\0"
    head = head.ljust(_aligned(6 + len(head), 4) - 6, b"\0")
    body = b"".join(children)
    padded = value.ljust(_aligned(len(value), 4), b"\0") if body else value
    length = 6 + len(head) + len(padded) + len(body)
    count = len(value) // 2 if is_text else len(value)
    block = struct.pack("<HHH", length, count, int(is_text or not value)) + head + padded + body
    return block.ljust(_aligned(length, 4), b"\0")


def manifest(level: str, description: str = "") -> bytes:
    """Return a resource of the type RT_MANIFEST (24) that asks for these rights."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">'
        f"<description>{description}</description>"
        '<trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>'
        f'<requestedExecutionLevel level="{level}" uiAccess="false"/>'
        "</requestedPrivileges></security></trustInfo></assembly>"
    ).encode()
