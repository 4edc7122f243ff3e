"""A writer of compound files ([MS-CFB]), such as the MSI of the demo: version 3, with sectors of 512 bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

_SECTOR, _MINI_SECTOR, _CUTOFF = 512, 64, 4_096
_FREE, _END, _TABLE, _DOUBLE_TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFC
_STORAGE, _STREAM, _ROOT = 1, 2, 5
_IN_HEADER = 109
_BLACK = 1
_NO_CLASS = UUID(int=0)


@dataclass
class Storage:
    """A folder of streams and other storages, with the class that says what it is."""

    class_id: UUID = _NO_CLASS
    streams: Mapping[str, bytes] = field(default_factory=dict)
    storages: Mapping[str, Storage] = field(default_factory=dict)


@dataclass
class _Entry:
    name: str
    kind: int
    class_id: UUID
    content: bytes = b""
    child: int = _FREE
    left: int = _FREE
    right: int = _FREE
    start: int = _END


def write_compound(path: Path, root: Storage) -> None:
    """Write a compound file with all streams of `root`."""
    entries = [_Entry("Root Entry", _ROOT, root.class_id)]
    _add(entries, 0, root)
    with path.open("wb") as file:
        file.write(bytes(_SECTOR))
        table = _Sectors(file)
        mini_table, mini_content = _mini_stream(entries)
        for entry in entries:
            if entry.kind == _STREAM and len(entry.content) >= _CUTOFF:
                entry.start = table.write(entry.content)
        entries[0].content, entries[0].start = mini_content, table.write(mini_content)
        mini_start = table.write(struct.pack(f"<{len(mini_table)}I", *mini_table))
        directory = table.write(b"".join(_packed(entry) for entry in entries), _unused_entry())
        _finish(file, table, directory, mini_start, -(-len(mini_table) * 4 // _SECTOR))


def _add(entries: list[_Entry], parent: int, storage: Storage) -> None:
    numbers: list[int] = []
    for name, content in storage.streams.items():
        numbers.append(len(entries))
        entries.append(_Entry(name, _STREAM, _NO_CLASS, content))
    for name, inner in storage.storages.items():
        numbers.append(len(entries))
        entries.append(_Entry(name, _STORAGE, inner.class_id))
        _add(entries, numbers[-1], inner)
    numbers.sort(key=lambda number: (len(entries[number].name), entries[number].name.upper()))
    entries[parent].child = _tree(entries, numbers)


def _tree(entries: list[_Entry], numbers: list[int]) -> int:
    """Arrange entries as a balanced tree, and return its root."""
    if not numbers:
        return _FREE
    middle = len(numbers) // 2
    entry = entries[numbers[middle]]
    entry.left, entry.right = _tree(entries, numbers[:middle]), _tree(entries, numbers[middle + 1 :])
    return numbers[middle]


def _mini_stream(entries: list[_Entry]) -> tuple[list[int], bytes]:
    """Put the small streams together, and return their allocation table and their content."""
    table: list[int] = []
    content = bytearray()
    for entry in entries:
        if entry.kind == _STREAM and 0 < len(entry.content) < _CUTOFF:
            count = -(-len(entry.content) // _MINI_SECTOR)
            entry.start = len(table)
            table += [*range(len(table) + 1, len(table) + count), _END]
            content += entry.content.ljust(count * _MINI_SECTOR, b"\0")
    table += [_FREE] * (-len(table) % (_SECTOR // 4))
    return table, bytes(content)


class _Sectors:
    """The sectors of the file so far, and their chains."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.chains: list[int] = []

    def write(self, content: bytes, padding: bytes = b"\0") -> int:
        """Write a chain of sectors, and return the first of them."""
        if not content:
            return _END
        count = -(-len(content) // _SECTOR)
        first = len(self.chains)
        self.chains += [*range(first + 1, first + count), _END]
        self.file.write(content)
        missing = count * _SECTOR - len(content)
        self.file.write((padding * (missing // len(padding) + 1))[:missing])
        return first


def _finish(file: BinaryIO, table: _Sectors, directory: int, mini_start: int, mini_sectors: int) -> None:
    """Write the allocation table, the list of its sectors, and the header."""
    per_sector = _SECTOR // 4
    used = len(table.chains)
    count = lists = 0
    while count < -(-(used + count + lists) // per_sector):
        count = -(-(used + count + lists) // per_sector)
        lists = max(0, -(-(count - _IN_HEADER) // (per_sector - 1)))
    sectors = list(range(used, used + count))
    chains = [*table.chains, *[_TABLE] * count, *[_DOUBLE_TABLE] * lists]
    chains += [_FREE] * (count * per_sector - len(chains))
    file.write(struct.pack(f"<{len(chains)}I", *chains))
    for number, part in enumerate(_parts(sectors[_IN_HEADER:], per_sector - 1)):
        after = used + count + number + 1 if number + 1 < lists else _END
        file.write(struct.pack(f"<{per_sector}I", *part, *[_FREE] * (per_sector - 1 - len(part)), after))
    header = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6, 0, count, directory, 0,
        _CUTOFF, mini_start, mini_sectors, used + count if lists else _END, lists, *sectors[:1],
    )  # fmt: skip
    rest = sectors[1:_IN_HEADER]
    file.seek(0)
    file.write(header + struct.pack(f"<{_IN_HEADER - 1}I", *rest, *[_FREE] * (_IN_HEADER - 1 - len(rest))))


def _parts(numbers: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _packed(entry: _Entry) -> bytes:
    name = entry.name.encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII16sIQQIQ", name, len(name) + 2, entry.kind, _BLACK, entry.left, entry.right, entry.child,
        entry.class_id.bytes_le, 0, 0, 0, 0 if entry.kind == _STORAGE else entry.start, len(entry.content),
    )  # fmt: skip


def _unused_entry() -> bytes:
    return struct.pack("<64sHBBIII16sIQQIQ", b"", 0, 0, 0, _FREE, _FREE, _FREE, bytes(16), 0, 0, 0, 0, 0)
