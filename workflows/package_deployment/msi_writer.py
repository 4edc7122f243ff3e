"""A writer of small MSIs, for the demo and for tests: tables, streams, summary information, and one cabinet.

It knows as much of the formats as these packages need. Installers of products are built with other tools.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from pathlib import Path
from uuid import UUID

from workflows.package_deployment.compound_writer import Storage, write_compound

INSTALLER = UUID("000c1084-0000-0000-c000-000000000046")
PATCH = UUID("000c1086-0000-0000-c000-000000000046")
TRANSFORM = UUID("000c1082-0000-0000-c000-000000000046")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_KEY, _NULLABLE, _STRING, _VALID, _PERSISTENT, _LOCALIZABLE = 0x2000, 0x1000, 0x0800, 0x0100, 0x0400, 0x0200
_BLOCK = 32_768
Value = str | int | bytes | None


@dataclass
class Table:
    """A table: its columns as in archive files (``Property:s72*``, an asterisk for keys), and its rows."""

    columns: str
    rows: Sequence[Sequence[Value]] = ()


@dataclass
class Package:
    """What is in an MSI."""

    tables: Mapping[str, Table]
    streams: Mapping[str, bytes] = field(default_factory=dict)
    storages: Mapping[str, Storage] = field(default_factory=dict)
    summary: Mapping[int, str | int] = field(default_factory=dict)
    code_page: int = 1252
    codec: str = "cp1252"
    class_id: UUID = INSTALLER


def write_msi(path: Path, package: Package) -> None:
    """Write a package as an MSI."""
    pool = _Pool(package.codec)
    contents: dict[str, bytes] = dict(package.streams)
    described: list[tuple[str, int, str, int]] = []
    numbers: dict[str, tuple[list[int], list[list[int]]]] = {}
    for name, table in package.tables.items():
        columns = [_column(text) for text in table.columns.split()]
        described += [(name, number, column, kind) for number, (column, kind) in enumerate(columns, 1)]
        for row in table.rows:
            contents |= {f"{name}.{row[0]!s}": value for value in row if isinstance(value, bytes)}
        if table.rows:
            numbers[name] = _numbers([kind for _, kind in columns], table.rows, pool)
    numbers["_Tables"] = _numbers([_STRING | 64], [[name] for name in package.tables], pool)
    numbers["_Columns"] = _numbers([_STRING | 64, 2, _STRING | 64, 2], described, pool)
    contents |= {f"!{name}": _table_content(kinds, rows, pool.has_many) for name, (kinds, rows) in numbers.items()}
    contents["!_StringPool"], contents["!_StringData"] = pool.written(package.code_page)
    contents["\x05SummaryInformation"] = summary_stream(package.summary, package.code_page, package.codec)
    streams = {encode_name(name): content for name, content in contents.items()}
    write_compound(path, Storage(package.class_id, streams, package.storages))


def encode_name(name: str) -> str:
    """Return the name of a stream as it is in the file; a table's begins with an exclamation mark."""
    if name.startswith("\x05"):
        return name
    found = "\u4840" if name.startswith("!") else ""
    rest = name[1:] if found else name
    at = 0
    while at < len(rest):
        first = _DIGITS.find(rest[at])
        second = _DIGITS.find(rest[at + 1]) if at + 1 < len(rest) else -1
        if first < 0:
            found += rest[at]
        elif second < 0:
            found += chr(0x4800 + first)
        else:
            found += chr(0x3800 + (second << 6) + first)
            at += 1
        at += 1
    return found


def summary_stream(values: Mapping[int, str | int], code_page: int = 1252, codec: str = "cp1252") -> bytes:
    """Return a stream of summary information; the numbers are those of its properties, such as 7 for the template."""
    signed = (code_page & 0xFFFF ^ 0x8000) - 0x8000
    parts = {1: struct.pack("<Ihxx", 2, signed)}
    for number, value in values.items():
        if isinstance(value, int):
            parts[number] = struct.pack("<Ii", 3, value)
        else:
            text = value.encode(codec, "replace") + b"\0"
            parts[number] = struct.pack("<II", 30, len(text)) + text.ljust(-(-len(text) // 4) * 4, b"\0")
    offset, index, body = 8 + 8 * len(parts), b"", b""
    for number, part in sorted(parts.items()):
        index += struct.pack("<II", number, offset + len(body))
        body += part
    section = struct.pack("<II", offset + len(body), len(parts)) + index + body
    format_id = UUID("f29f85e0-4ff9-1068-ab91-08002b27b3d9").bytes_le
    return struct.pack("<HHI16xI", 0xFFFE, 0, 0x00020006, 1) + format_id + struct.pack("<I", 48) + section


def cabinet(files: Mapping[str, bytes], is_compressed: bool = True) -> bytes:
    """Return a cabinet with one folder, stored or compressed with MSZIP."""
    content = b"".join(files.values())
    blocks, before = [], b""
    for start in range(0, len(content), _BLOCK):
        block = content[start : start + _BLOCK]
        packed = block
        if is_compressed:
            deflate = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, before)
            packed = b"CK" + deflate.compress(block) + deflate.flush()
        sizes = struct.pack("<HH", len(packed), len(block))
        blocks.append(struct.pack("<I", _checksum(sizes, _checksum(packed, 0))) + sizes + packed)
        before = block
    entries, offset = b"", 0
    for name, inside in files.items():
        encoded = name.encode()
        entries += struct.pack("<IIHHHH", len(inside), offset, 0, 0x5A21, 0, 0x20 if name.isascii() else 0xA0)
        entries += encoded + b"\0"
        offset += len(inside)
    start = 36 + 8 + len(entries)
    folder = struct.pack("<IHH", start, len(blocks), int(is_compressed))
    body = folder + entries + b"".join(blocks)
    head = struct.pack("<4s4xI4xI4xBBHHHHH", b"MSCF", 36 + len(body), 44, 3, 1, 1, len(files), 0, 0, 0)
    return head + body


def _checksum(content: bytes, seed: int) -> int:
    """Return the checksum of a block in a cabinet: its words of 32 bits, and what is left in reverse, by XOR."""
    whole = len(content) // 4 * 4
    left = int.from_bytes(content[whole:], "big")
    return reduce(xor, struct.unpack(f"<{whole // 4}I", content[:whole]), seed) ^ left


def _column(text: str) -> tuple[str, int]:
    name, _, spec = text.partition(":")
    kind, size = spec.rstrip("*")[0], int(spec.rstrip("*")[1:])
    number = {
        "s": _STRING | _PERSISTENT | _VALID, "l": _STRING | _PERSISTENT | _VALID | _LOCALIZABLE, "v": _STRING | _VALID,
        "i": _VALID | (_PERSISTENT if size <= 2 else 0),
    }[kind.lower()]  # fmt: skip
    return name, number | size | (_NULLABLE if kind.isupper() else 0) | (_KEY if spec.endswith("*") else 0)


def _numbers(kinds: list[int], rows: Sequence[Sequence[Value]], pool: _Pool) -> tuple[list[int], list[list[int]]]:
    """Return the types of the columns, and the rows as they are stored, in order of their keys."""
    return kinds, sorted([_number(kind, value, pool) for kind, value in zip(kinds, row, strict=True)] for row in rows)


def _table_content(kinds: list[int], rows: list[list[int]], has_many_texts: bool) -> bytes:
    """Return a table: the values of the first column, then those of the second, and so on."""
    found = b""
    for at, kind in enumerate(kinds):
        values = [row[at] for row in rows]
        if kind & _STRING and has_many_texts and kind & 0xFFF != _STRING | _VALID:
            found += b"".join(value.to_bytes(3, "little") for value in values)
        else:
            is_short = bool(kind & _STRING) or kind & 0xFF <= 2
            found += struct.pack(f"<{len(values)}{'H' if is_short else 'I'}", *values)
    return found


def _number(kind: int, value: Value, pool: _Pool) -> int:
    if value is None:
        return 0
    if isinstance(value, bytes):
        return 1
    if isinstance(value, str):
        return pool.number(value)
    return value + (0x8000 if kind & 0xFF <= 2 else 0x80000000)


class _Pool:
    """The texts of a database, each stored once."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._texts: dict[str, list[int]] = {}

    @property
    def has_many(self) -> bool:
        """Whether texts are referred to with three bytes."""
        return len(self._texts) > 0xFFFF

    def number(self, text: str) -> int:
        if not text:
            return 0
        found = self._texts.setdefault(text, [len(self._texts) + 1, 0])
        found[1] += 1
        return found[0]

    def written(self, code_page: int) -> tuple[bytes, bytes]:
        pool = bytearray(struct.pack("<HH", code_page & 0xFFFF, code_page >> 16 | self.has_many << 15))
        data = bytearray()
        for text, (_, count) in self._texts.items():
            content = text.encode(self._codec)
            if len(content) > 0xFFFF:
                pool += struct.pack("<HHI", 0, min(count, 0xFFFF), len(content))
            else:
                pool += struct.pack("<HH", len(content), min(count, 0xFFFF))
            data += content
        return bytes(pool), bytes(data)
