"""Plain text: blanks, invisible characters, and signs of a wrong encoding."""

from __future__ import annotations

import html
import re

# Zero-width characters, soft hyphens, byte order marks, marks of direction, and control characters.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]"
)
# How a spreadsheet's file writes a character that XML cannot hold.
_XML_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BLANKS = re.compile(r"\s+")
_FORMULA_TEXT = re.compile(r'="(.*)"', re.DOTALL)
_ENTITY = re.compile(r"&(?:nbsp|amp|lt|gt|quot|apos|#\d{2,5});")
# UTF-8 that was read as Windows-1252 or Latin-1: a lead byte, then a byte from the range of continuations.
_MISREAD = re.compile(
    "[\u00c2-\u00c5\u00d0\u00d1\u00e2\u00e3]"
    "[\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*", re.ASCII)


def without_noise(text: str, keep_lines: bool = False, narrow: bool = False) -> str:
    """A text without invisible characters, with single blanks, and without blanks at its ends.

    Args:
        keep_lines: Whether line breaks remain, because they separate the items of a list.
        narrow: Whether the wide letters and digits of East Asian texts become those that names and numbers have.
    """
    if "_x" not in text and not text.startswith("=") and "&" not in text and _PLAIN.fullmatch(text):
        return text
    if narrow and not text.isascii():
        text = text.translate(_NARROW)
    if "_x" in text:
        text = _XML_ESCAPE.sub(lambda match: _char(int(match.group(1), 16)), text)
    formula = _FORMULA_TEXT.fullmatch(text.strip())
    if formula:
        text = formula.group(1)
    if _ENTITY.search(text):
        text = html.unescape(text)
    text = _INVISIBLE.sub("", text)
    if keep_lines:
        return "\n".join(filter(None, (_BLANKS.sub(" ", line).strip() for line in text.splitlines())))
    return _BLANKS.sub(" ", text).strip()


def _char(number: int) -> str:
    """A character; nothing for half of one, which no text can hold."""
    return "" if 0xD800 <= number <= 0xDFFF else chr(number)


def looks_misread(text: str) -> bool:
    """Whether a text seems to have been read in the wrong encoding, such as `ZÃ¼rich`, or has lost characters."""
    return "\ufffd" in text or (not text.isascii() and _MISREAD.search(text) is not None)
