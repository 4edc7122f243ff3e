"""A writer of cabinets for tests, after the public description ([MS-CAB]): stored, MSZIP, and LZX."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

BLOCK = 32_768
STORED, MSZIP, QUANTUM, LZX = 0, 1, 2, 3
_WINDOW_BITS = 15
_LZX_SYMBOLS = 256 + 8 * 30
_EXTRA_BITS = [0, 0, 0, 0] + [slot // 2 - 1 for slot in range(4, 30)]


def cabinet(files: Mapping[str, bytes], method: int = MSZIP) -> bytes:
    """Return a cabinet with these files in one folder."""
    content = b"".join(files.values())
    blocks = _blocks(content, method)
    entries, offset = b"", 0
    for name, data in files.items():
        encoded = name.encode("utf-8")
        entries += struct.pack("<IIHHHH", len(data), offset, 0, 0x5A21, 0, 0x80 | 0x20) + encoded + b"\0"
        offset += len(data)
    files_at = 36 + 8
    start = files_at + len(entries)
    data = b"".join(struct.pack("<IHH", 0, len(packed), size) + packed for packed, size in blocks)
    kind = method | (_WINDOW_BITS << 8 if method == LZX else 0)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, start + len(data), 0, files_at, 0, 3, 1, 1, len(files), 0, 0, 0)
    return head + struct.pack("<IHH", start, len(blocks), kind) + entries + data


def _blocks(content: bytes, method: int) -> list[tuple[bytes, int]]:
    pieces = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
    if method == MSZIP:
        found, before = [], b""
        for piece in pieces:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=before) if before else zlib.compressobj(9, 8, -15)
            found.append((b"CK" + packer.compress(piece) + packer.flush(), len(piece)))
            before = (before + piece)[-BLOCK:]
        return found
    if method == LZX:
        writer = _LzxWriter()
        return [(writer.frame(piece), len(piece)) for piece in pieces]
    return [(piece, len(piece)) for piece in pieces]


class _LzxWriter:
    """Writes LZX: the first frame as it is, the others as literals and matches in codes of nine bits."""

    def __init__(self) -> None:
        self._frames = 0
        self._bits: list[str] = []
        self._recent = [1, 1, 1]

    def frame(self, piece: bytes) -> bytes:
        self._bits = ["0"] if self._frames == 0 else []
        self._frames += 1
        if self._frames == 1:
            self._put(3, 3)
            self._put(len(piece), 24)
            return self._packed() + struct.pack("<3I", *self._recent) + piece + b"\0" * (len(piece) & 1)
        self._put(1, 3)
        self._put(len(piece), 24)
        if self._frames == 2:
            self._lengths(256, 9)
            self._lengths(_LZX_SYMBOLS - 256, 9)
            self._lengths(249, 0)
        else:  # the lengths of the codes stay as they were
            self._lengths(256, None)
            self._lengths(_LZX_SYMBOLS - 256, None)
            self._lengths(249, None)
        self._matches(piece)
        return self._packed()

    def _lengths(self, count: int, length: int | None) -> None:
        """Write as many lengths of codes, by the two symbols 0 (as it was) and 8 (nine more than nothing)."""
        for symbol in range(20):
            self._put(1 if symbol in (0, 8) else 0, 4)
        self._bits.append(("1" if length else "0") * count)

    def _matches(self, piece: bytes) -> None:
        seen: dict[bytes, int] = {}
        at = 0
        while at < len(piece):
            key = piece[at : at + 4]
            before = seen.get(key)
            seen[key] = at
            if before is None or len(key) < 4:
                self._put(piece[at], 9)
                at += 1
                continue
            size = 4
            while size < 8 and piece[before + size : before + size + 1] == piece[at + size : at + size + 1] != b"":
                size += 1
            self._match(at - before, size)
            at += size

    def _match(self, distance: int, size: int) -> None:
        if distance in self._recent:
            slot, extra, bits = self._recent.index(distance), 0, 0
            self._recent[0], self._recent[slot] = self._recent[slot], self._recent[0]
        else:
            value, slot, base = distance + 2, 0, 0
            while value >= base + (1 << _EXTRA_BITS[slot]):
                base += 1 << _EXTRA_BITS[slot]
                slot += 1
            extra, bits = value - base, _EXTRA_BITS[slot]
            self._recent = [distance, *self._recent[:2]]
        self._put(256 + (slot << 3) + size - 2, 9)
        if bits:
            self._put(extra, bits)

    def _put(self, value: int, count: int) -> None:
        self._bits.append(f"{value:0{count}b}")

    def _packed(self) -> bytes:
        bits = "".join(self._bits)
        bits += "0" * (-len(bits) % 16)
        return b"".join(struct.pack("<H", int(bits[at : at + 16], 2)) for at in range(0, len(bits), 16))
