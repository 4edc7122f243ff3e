"""A writer of cabinets for tests, after the public description ([MS-CAB]): stored, MSZIP, and LZX."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from functools import reduce
from operator import xor

BLOCK = 32_768
STORED, MSZIP, QUANTUM, LZX = 0, 1, 2, 3
_WINDOW_BITS = 15
_LZX_SYMBOLS = 256 + 8 * 30
_SHORT = 16
"""The symbols whose codes have eight bits; those of the others have nine."""
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
    data = b"".join(struct.pack("<IHH", _checksum(packed, size), len(packed), size) + packed for packed, size in blocks)
    kind = method | (_WINDOW_BITS << 8 if method == LZX else 0)
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, start + len(data), 0, files_at, 0, 3, 1, 1, len(files), 0, 0, 0)
    return head + struct.pack("<IHH", start, len(blocks), kind) + entries + data


def _checksum(packed: bytes, size: int) -> int:
    whole = len(packed) // 4 * 4
    words = struct.unpack(f"<{whole // 4}I", packed[:whole])
    return reduce(xor, words, int.from_bytes(packed[whole:], "big")) ^ (len(packed) | size << 16)


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
    """Writes LZX: the first frame as it is, the others as literals and matches in codes of eight and nine bits.

    The first 16 of the 496 symbols have eight bits, so that all codes are used: other readers refuse incomplete ones.
    """

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
            self._lengths((8, 9), "1" * _SHORT + "0" * (256 - _SHORT))  # 17 - 9 bits, and 17 - 8
            self._lengths((8, 9), "0" * (_LZX_SYMBOLS - 256))
            self._lengths((0, 8), "0" * 249)
        else:  # the lengths of the codes stay as they were
            for count in (256, _LZX_SYMBOLS - 256, 249):
                self._lengths((0, 8), "0" * count)
        self._matches(piece)
        return self._packed()

    def _lengths(self, symbols: tuple[int, int], choices: str) -> None:
        """Write the lengths of codes with two symbols, which say how much shorter each is than before, modulo 17."""
        for symbol in range(20):
            self._put(1 if symbol in symbols else 0, 4)
        self._bits.append(choices)

    def _symbol(self, symbol: int) -> None:
        if symbol < _SHORT:
            self._put(symbol, 8)
        else:
            self._put(symbol + _SHORT, 9)

    def _matches(self, piece: bytes) -> None:
        seen: dict[bytes, int] = {}
        at = 0
        while at < len(piece):
            key = piece[at : at + 4]
            before = seen.get(key)
            seen[key] = at
            if before is None or len(key) < 4:
                self._symbol(piece[at])
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
        self._symbol(256 + (slot << 3) + size - 2)
        if bits:
            self._put(extra, bits)

    def _put(self, value: int, count: int) -> None:
        self._bits.append(f"{value:0{count}b}")

    def _packed(self) -> bytes:
        bits = "".join(self._bits)
        bits += "0" * (-len(bits) % 16)
        return b"".join(struct.pack("<H", int(bits[at : at + 16], 2)) for at in range(0, len(bits), 16))
