"""The texts in the header of an NSIS installer, with names such as $INSTDIR for what is filled in at run time."""

from __future__ import annotations

import struct

_LANGUAGE, _SHELL, _VARIABLE, _SKIP = 1, 2, 3, 4
_OLD_SKIP = 252
_DEEPEST = 4
_LONGEST = 4_096
_VARIABLES = {
    20: "CMDLINE", 21: "INSTDIR", 22: "OUTDIR", 23: "EXEDIR", 24: "LANGUAGE", 25: "TEMP", 26: "PLUGINSDIR",
    27: "EXEPATH", 28: "EXEFILE", 29: "HWNDPARENT",
}  # fmt: skip
_FOLDERS = {
    0x00: "DESKTOP", 0x02: "SMPROGRAMS", 0x05: "DOCUMENTS", 0x07: "SMSTARTUP", 0x0B: "STARTMENU", 0x10: "DESKTOP",
    0x14: "FONTS", 0x16: "STARTMENU", 0x17: "SMPROGRAMS", 0x18: "SMSTARTUP", 0x19: "DESKTOP", 0x1A: "APPDATA",
    0x1C: "LOCALAPPDATA", 0x23: "APPDATA", 0x24: "WINDIR", 0x25: "SYSDIR", 0x26: "PROGRAMFILES", 0x28: "PROFILE",
    0x2B: "COMMONFILES", 0x2E: "DOCUMENTS", 0x2F: "ADMINTOOLS",
}  # fmt: skip


class Texts:
    """The table of texts, and the texts of the first language."""

    def __init__(self, table: bytes, language: bytes, *, is_old: bool = False) -> None:
        """Args: the table, the numbers of the texts of a language, and whether it is in the codes of NSIS 2."""
        self._table = table
        self.is_unicode = table[:2] == b"\0\0"
        self._width = 2 if self.is_unicode else 1
        self._language = language
        self._is_old = is_old and not self.is_unicode

    def text(self, number: int, depth: int = 0) -> str:
        """Return a text by its number; a negative number is one of the language."""
        if number < 0:
            place = -(number + 1) * 4
            if place + 4 > len(self._language):
                return ""
            (number,) = struct.unpack_from("<i", self._language, place)
            if number < 0:
                return ""
        units = self._units(number)
        if self.is_unicode:
            return "".join(self._decoded(units, depth))
        return "".join(self._decoded(units, depth)).encode("latin-1", "replace").decode("cp1252", "replace")

    def raw(self, number: int) -> str:
        """Return a text without looking for codes in it."""
        return "".join(chr(unit) for unit in self._units(number) if unit < 0xD800 or unit > 0xDFFF)

    def _units(self, number: int) -> list[int]:
        start = number * self._width
        limit = min(len(self._table), start + _LONGEST * self._width)
        if self.is_unicode:
            count = max(limit - start, 0) // 2
            units = list(struct.unpack_from(f"<{count}H", self._table, start)) if count else []
        else:
            units = list(self._table[start:limit])
        # A code is followed by two bytes, none of which is zero, so the first zero ends the text.
        return units[: units.index(0)] if 0 in units else units

    def _decoded(self, units: list[int], depth: int) -> list[str]:
        found: list[str] = []
        at = 0
        while at < len(units):
            unit = units[at]
            code = self._code(unit)
            at += 1
            if code == 0:
                found.append(_character(unit))
            elif code == _SKIP:
                found.append(_character(units[at]) if at < len(units) else "")
                at += 1
            else:
                if self.is_unicode:
                    value = units[at : at + 1]
                    pair = [value[0] & 0xFF, value[0] >> 8] if value else []
                    at += 1
                else:
                    pair = units[at : at + 2]
                    at += 2
                if len(pair) == 2:
                    found.append(self._filled_in(code, pair[0], pair[1], depth))
        return found

    def _code(self, unit: int) -> int:
        """Return the code of a unit in the numbers of NSIS 3, or 0 if it is a character."""
        if self._is_old:
            return _SKIP - (unit - _OLD_SKIP) if unit >= _OLD_SKIP else 0
        if self.is_unicode and 0xE000 <= unit <= 0xE003:
            return _SKIP - (unit - 0xE000)  # the Unicode versions of NSIS 2
        return unit if unit <= _SKIP else 0

    def _filled_in(self, code: int, low: int, high: int, depth: int) -> str:
        number = (low & 0x7F) | (high & 0x7F) << 7
        if code == _VARIABLE:
            if number < 20:
                return f"${'R' if number >= 10 else ''}{number % 10}"
            return f"${_VARIABLES.get(number, f'VAR{number}')}"
        if code == _LANGUAGE:
            return self.text(-number - 1, depth + 1) if depth < _DEEPEST else ""
        if low & 0x80:
            name = self.raw(low & 0x3F)
            folder = "COMMONFILES" if name.startswith("CommonFiles") else "PROGRAMFILES"
            return f"${folder}{'64' if low & 0x40 else ''}"
        return f"${_FOLDERS.get(low & 0x3F, f'FOLDER{low}')}"


def _character(unit: int) -> str:
    return "\N{REPLACEMENT CHARACTER}" if 0xD800 <= unit <= 0xDFFF else chr(unit)
