"""LZX, the compression of Microsoft's cabinets, from its public description ([MS-PATCH], section 2).

It is written for small files, such as the manifest of a bundle: unpacking takes about a second for each megabyte.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from workflows.package_deployment.installers.problems import InstallerError

FRAME = 32_768
_SMALLEST_WINDOW, _LARGEST_WINDOW = 15, 21
_VERBATIM, _ALIGNED, _UNCOMPRESSED = 1, 2, 3
_LENGTHS = 249
_PRETREE, _ALIGNED_SYMBOLS = 20, 8
_LONGEST_CODE = 16
_SHORTEST_MATCH = 2
_TRANSLATED_FRAMES = 32_768
_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}
_EXTRA_BITS = [0, 0, 0, 0, *(min(slot // 2 - 1, 17) for slot in range(4, 51))]
_BASES = [0]
for _bits in _EXTRA_BITS[:-1]:
    _BASES.append(_BASES[-1] + (1 << _bits))


class _Damaged(InstallerError):
    def __init__(self) -> None:
        super().__init__("A cabinet that is packed with LZX is damaged.")


class LzxReader:
    """Unpacks the frames of one folder of a cabinet, one after the other."""

    def __init__(self, window_bits: int) -> None:
        """Raises InstallerError: there is no window of this size."""
        if not _SMALLEST_WINDOW <= window_bits <= _LARGEST_WINDOW:
            raise _Damaged
        self._window_size = 1 << window_bits
        self._main_symbols = 256 + 8 * _SLOTS[window_bits]
        self._main = [0] * self._main_symbols
        self._length = [0] * _LENGTHS
        self._main_table = self._length_table = self._aligned_table = ([], 0)  # type: tuple[list[int], int]
        self._recent = [1, 1, 1]
        self._window = bytearray()
        self._kind = self._left = 0
        self._is_odd = False
        self._translation: int | None = None
        self._frames = 0
        self._place = 0
        self._data = b""
        self._at = self._buffer = self._count = 0

    def unpack(self, data: bytes, size: int) -> bytes:
        """Return the next frame, of at most 32,768 bytes. Raises InstallerError: the data are damaged."""
        self._data, self._at, self._buffer, self._count = data, 0, 0, 0
        try:
            if self._translation is None:
                self._translation = self._bits(32) if self._bits(1) else 0
            start = len(self._window)
            while len(self._window) - start < size:
                if self._left == 0:
                    self._read_block_head()
                self._unpack_part(min(self._left, size - (len(self._window) - start)))
        except (IndexError, struct.error) as error:
            raise _Damaged from error
        frame = bytes(self._window[start:])
        if len(frame) != size:
            raise _Damaged
        if len(self._window) > 2 * self._window_size + FRAME:
            del self._window[: len(self._window) - self._window_size]
        return self._translated(frame)

    def _bits(self, count: int) -> int:
        while self._count < count:
            word = self._data[self._at : self._at + 2]
            if len(word) < 2:
                if self._at > len(self._data) + 8:
                    raise IndexError
                word = word.ljust(2, b"\0")
            self._at += 2
            self._buffer = (self._buffer << 16) | word[0] | word[1] << 8
            self._count += 16
        self._count -= count
        value = self._buffer >> self._count
        self._buffer &= (1 << self._count) - 1
        return value

    def _symbol(self, table: tuple[list[int], int]) -> int:
        """Return the next symbol. Entries of a table hold the symbol and, in the lowest five bits, its length."""
        entries, width = table
        value = self._bits(width)
        entry = entries[value]
        length = entry & 31
        if not length:
            raise IndexError
        unused = width - length
        self._buffer |= (value & ((1 << unused) - 1)) << self._count
        self._count += unused
        return entry >> 5

    def _read_block_head(self) -> None:
        if self._kind == _UNCOMPRESSED and self._is_odd:
            self._at += 1
            self._is_odd = False
        self._kind = self._bits(3)
        self._left = self._bits(24)
        if self._kind == _UNCOMPRESSED:
            self._read_uncompressed_head()
            return
        if self._kind not in (_VERBATIM, _ALIGNED):
            raise IndexError
        if self._kind == _ALIGNED:
            self._aligned_table = _table([self._bits(3) for _ in range(_ALIGNED_SYMBOLS)])
        self._read_lengths(self._main, 0, 256)
        self._read_lengths(self._main, 256, self._main_symbols)
        self._main_table = _table(self._main)
        self._read_lengths(self._length, 0, _LENGTHS)
        self._length_table = _table(self._length)

    def _read_uncompressed_head(self) -> None:
        # The rest of a word is left out, or a whole word where none has begun; words beyond it belong to what follows.
        self._at += 2 if self._count == 0 else -((self._count - 1) // 16 * 2)
        self._buffer = self._count = 0
        self._recent = list(struct.unpack_from("<3I", self._data, self._at))
        self._at += 12
        self._is_odd = bool(self._left & 1)

    def _read_lengths(self, lengths: list[int], first: int, last: int) -> None:
        pretree = _table([self._bits(4) for _ in range(_PRETREE)])
        at = first
        while at < last:
            symbol = self._symbol(pretree)
            if symbol < 17:
                lengths[at] = (lengths[at] - symbol) % 17
                at += 1
                continue
            if symbol == 17:
                count, value = self._bits(4) + 4, 0
            elif symbol == 18:
                count, value = self._bits(5) + 20, 0
            else:
                count = self._bits(1) + 4
                value = (lengths[at] - self._symbol(pretree)) % 17
            for _ in range(min(count, last - at)):
                lengths[at] = value
                at += 1

    def _unpack_part(self, size: int) -> None:
        if self._kind == _UNCOMPRESSED:
            part = self._data[self._at : self._at + size]
            if len(part) != size:
                raise IndexError
            self._window += part
            self._at += size
            self._left -= size
            return
        window, end = self._window, len(self._window) + size
        while len(window) < end:
            symbol = self._symbol(self._main_table)
            if symbol < 256:
                window.append(symbol)
            else:
                self._copy(symbol - 256)
        self._left -= len(window) - end + size
        if self._left < 0:
            raise IndexError

    def _copy(self, symbol: int) -> None:
        length, slot = symbol & 7, symbol >> 3
        if length == 7:
            length += self._symbol(self._length_table)
        length += _SHORTEST_MATCH
        distance = self._distance(slot)
        start = len(self._window) - distance
        if distance > self._window_size or start < 0 or distance < 1:
            raise IndexError
        if distance >= length:
            self._window += self._window[start : start + length]
        else:
            pattern = bytes(self._window[start:])
            self._window += (pattern * (length // distance + 1))[:length]

    def _distance(self, slot: int) -> int:
        recent = self._recent
        if slot < 3:
            recent[0], recent[slot] = recent[slot], recent[0]
            return recent[0]
        extra = _EXTRA_BITS[slot]
        if self._kind == _ALIGNED and extra >= 3:
            value = (self._bits(extra - 3) << 3) + self._symbol(self._aligned_table)
        else:
            value = self._bits(extra)
        distance = _BASES[slot] + value - 2
        self._recent = [distance, recent[0], recent[1]]
        return distance

    def _translated(self, frame: bytes) -> bytes:
        """Undo the translation of the targets of calls in programs for x86."""
        place, self._place = self._place, self._place + len(frame)
        self._frames += 1
        if not self._translation or self._frames > _TRANSLATED_FRAMES or len(frame) <= 10:
            return frame
        found = bytearray(frame)
        at = found.find(0xE8)
        while 0 <= at < len(found) - 10:
            current = place + at
            (target,) = struct.unpack_from("<i", found, at + 1)
            if -current <= target < self._translation:
                relative = target - current if target >= 0 else target + self._translation
                struct.pack_into("<i", found, at + 1, relative)
            at = found.find(0xE8, at + 5)
        return bytes(found)


def _table(lengths: Sequence[int]) -> tuple[list[int], int]:
    """Return a table that leads from as many bits as the longest code has to symbols, and that number of bits."""
    width = max(lengths)
    if not 0 < width <= _LONGEST_CODE:
        return [0], 0
    entries: list[int] = []
    for length in range(1, width + 1):
        for symbol, found in enumerate(lengths):
            if found == length:
                entries += [symbol << 5 | length] * (1 << (width - length))
    if len(entries) > 1 << width:
        raise IndexError
    return entries + [0] * ((1 << width) - len(entries)), width
