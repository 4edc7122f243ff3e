"""Escapes in texts: those of ``$'…'``, ``echo -e``, and ``printf``."""

from __future__ import annotations

import re

_SIMPLE = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|0?([0-7]{1,3})|c(.)|(.))", re.DOTALL
)


def unescaped(text: str) -> str:
    """Return a text with its escapes replaced by what they stand for."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    hexadecimal = match.group(1) or match.group(2) or match.group(3)
    if hexadecimal:
        number = int(hexadecimal, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""
    if match.group(4):
        return chr(int(match.group(4), 8) & 0xFF)
    if match.group(5):
        return chr(ord(match.group(5)[0]) & 0x1F)
    return _SIMPLE.get(match.group(6), match.group())
