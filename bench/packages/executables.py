"""Windows programs written by hand after the public description of the format: just what a recipe names."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

_ALIGNMENT = 0x200
_PAGE = 0x1000
RCDATA, VERSION, MANIFEST = 10, 16, 24


@dataclass
class Program:
    """A program: its sections by name, its resources by kind and name, and what is appended to it."""

    machine: int = 0x14C
    sections: dict[str, bytes] = field(default_factory=dict)
    resources: dict[tuple[int | str, int | str], bytes] = field(default_factory=dict)
    overlay: bytes = b""

    def written(self) -> bytes:
        """Return the file."""
        wide = self.machine in (0x8664, 0xAA64)
        contents = {".text": b"\xc3" * 64, **self.sections}
        at = _PAGE
        headers, bodies = [], []
        file_at = _up(0x80 + 24 + (240 if wide else 224) + 40 * (len(contents) + 1), _ALIGNMENT)
        first = file_at
        places = {}
        for name in [*contents, ".rsrc"] if self.resources else contents:
            body = contents[name] if name in contents else _resources(self.resources, at)
            places[name] = (at, len(body))
            flags = 0x60000020 if name == ".text" else 0x40000040
            size = _up(len(body), _ALIGNMENT)
            headers.append(struct.pack("<8sIIIIIIHHI", name.encode(), len(body), at, size, file_at, 0, 0, 0, 0, flags))
            bodies.append(body.ljust(size, b"\0"))
            at, file_at = at + _up(len(body), _PAGE), file_at + size
        head = self._head(wide, len(headers), at, first, places.get(".rsrc", (0, 0)))
        return (head + b"".join(headers)).ljust(first, b"\0") + b"".join(bodies) + self.overlay

    def _head(self, wide: bool, sections: int, image: int, first: int, resources: tuple[int, int]) -> bytes:
        dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80) + b"\0" * 0x40
        size = 240 if wide else 224
        coff = struct.pack("<HHIIIHH", self.machine, sections, 0x65000000, 0, 0, size, 0x22 if wide else 0x102)
        optional = struct.pack("<HBBIIIII", 0x20B if wide else 0x10B, 14, 0, 64, 0, 0, _PAGE, _PAGE)
        optional += struct.pack("<Q", 0x140000000) if wide else struct.pack("<II", 0, 0x400000)
        optional += struct.pack("<IIHHHHHHIIIIHH", _PAGE, _ALIGNMENT, 6, 0, 0, 0, 6, 0, 0, image, first, 0, 2, 0x8140)
        optional += struct.pack("<QQQQ" if wide else "<IIII", 0x100000, 0x1000, 0x100000, 0x1000)
        optional += struct.pack("<II", 0, 16)
        return dos + b"PE\0\0" + coff + optional + struct.pack("<IIIIII", 0, 0, 0, 0, *resources) + bytes(13 * 8)


def version_resource(**texts: str) -> bytes:
    """Return a version resource with texts for US English."""
    numbers = [int(part) for part in (texts.get("FileVersion", "1.0.0.0") + ".0.0.0").split(".")[:4]]
    fixed = struct.pack(
        "<IIIIIIIIIIIII", 0xFEEF04BD, 0x10000, numbers[0] << 16 | numbers[1], numbers[2] << 16 | numbers[3],
        numbers[0] << 16 | numbers[1], numbers[2] << 16 | numbers[3], 0x3F, 0, 0x40004, 1, 0, 0, 0,
    )  # fmt: skip
    strings = b"".join(_node(key, (text + "\0").encode("utf-16-le"), 1, len(text) + 1) for key, text in texts.items())
    table = _node("StringFileInfo", b"", 1, 0, _node("040904b0", b"", 1, 0, strings))
    translation = _node("Translation", struct.pack("<HH", 0x409, 1200), 0, 4)
    return _node("VS_VERSION_INFO", fixed, 0, len(fixed), table + _node("VarFileInfo", b"", 1, 0, translation))


def manifest(level: str) -> bytes:
    """Return a manifest that asks for rights."""
    return (
        '<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"><trustInfo '
        'xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges><requestedExecutionLevel '
        f'level="{level}" uiAccess="false"/></requestedPrivileges></security></trustInfo></assembly>'
    ).encode()


def _node(key: str, value: bytes, kind: int, length: int, children: bytes = b"") -> bytes:
    head = key.encode("utf-16-le") + b"\0\0"
    head += b"\0" * (-(6 + len(head)) % 4)
    body = head + value
    body += b"\0" * (-(6 + len(body)) % 4) + children
    node = struct.pack("<HHH", 6 + len(body), length, kind) + body
    return node + b"\0" * (-len(node) % 4)


def _resources(resources: dict[tuple[int | str, int | str], bytes], at: int) -> bytes:
    """Return a section of resources, which is a tree of kinds, names, and languages."""
    kinds: dict[int | str, dict[int | str, bytes]] = {}
    for (kind, name), content in resources.items():
        kinds.setdefault(kind, {})[name] = content
    count = sum(len(names) for names in kinds.values())
    tables = 16 + 8 * len(kinds) + sum(16 + 8 * len(names) for names in kinds.values()) + 24 * count
    data_at = tables + 16 * count
    texts, text_at = b"", data_at
    names_at: dict[str, int] = {}
    for name in [name for pair in resources for name in pair if isinstance(name, str)]:
        if name not in names_at:
            names_at[name] = text_at + len(texts)
            texts += struct.pack("<H", len(name)) + name.encode("utf-16-le")
    content_at = _up(text_at + len(texts), 8)
    root, middles, leaves, entries, contents = b"", b"", b"", b"", b""
    middle_at = 16 + 8 * len(kinds)
    leaf_at = middle_at + sum(16 + 8 * len(names) for names in kinds.values())
    for kind, names in _ordered(kinds):
        root += _entry(kind, names_at, middle_at + len(middles) | 0x80000000)
        middles += _table([name for name, _ in _ordered(names)])
        for name, content in _ordered(names):
            middles += _entry(name, names_at, leaf_at + len(leaves) | 0x80000000)
            leaves += _table([0]) + struct.pack("<II", 0x409, tables + len(entries))
            entries += struct.pack("<IIII", at + content_at + len(contents), len(content), 0, 0)
            contents += content + b"\0" * (-len(content) % 8)
    everything = _table([kind for kind, _ in _ordered(kinds)]) + root + middles + leaves + entries + texts
    return everything.ljust(content_at, b"\0") + contents


def _ordered(named: dict[int | str, bytes] | dict[int | str, dict[int | str, bytes]]) -> list[Any]:
    return sorted(named.items(), key=lambda item: (isinstance(item[0], int), item[0]))


def _table(names: list[int | str]) -> bytes:
    texts = sum(isinstance(name, str) for name in names)
    return struct.pack("<IIHHHH", 0, 0, 0, 0, texts, len(names) - texts)


def _entry(name: int | str, names_at: dict[str, int], target: int) -> bytes:
    return struct.pack("<II", names_at[name] | 0x80000000 if isinstance(name, str) else name, target)


def _up(value: int, step: int) -> int:
    return value + -value % step
