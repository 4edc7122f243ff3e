"""The encoding of a text file, and its text."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from workflows.asset_discovery.reading.limits import ReadingError

_SAMPLE = 1 << 18
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")


def decode(content: bytes, name: str) -> tuple[str, str]:
    """Return the text of a file without a byte order mark, and the encoding that it was read by.

    Raises:
        ReadingError: it is no text.
    """
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], encoding, name), encoding
    wide = _wide(content[:_SAMPLE])
    if wide:
        return _decoded(content, wide, name), wide
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if b"\x00" in content[:1000] and content[:1000].count(0) > 100:
        raise ReadingError(f"{name} is no text, workbook, or JSON that can be read.")
    encoding = _guessed(content)
    return content.decode(encoding, "replace"), encoding


def _decoded(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        if error.end < len(content) - 4:  # a file that is cut in the middle of a letter is read up to there
            raise ReadingError(f"{name} says that it is {encoding}, and is not: byte {error.start:,}.") from error
        return content.decode(encoding, "replace")


def _wide(sample: bytes) -> str:
    """Return the encoding of a text with two bytes for each letter, without a byte order mark."""
    even, odd = sample[0::2], sample[1::2]
    if len(sample) < 8:
        return ""
    if odd.count(0) > 0.6 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if even.count(0) > 0.6 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return ""


def _guessed(content: bytes) -> str:
    sample = content[:_SAMPLE]
    if not _NOT_ASCII.search(sample):
        sample = b"\n".join(content[max(0, found.start() - 40) : found.end() + 40] for found in _some(content))
    best = from_bytes(sample, preemptive_behaviour=False).best()
    return best.encoding if best is not None and best.encoding not in ("ascii", "utf_8") else "cp1252"


def _some(content: bytes) -> list[re.Match[bytes]]:
    found: list[re.Match[bytes]] = []
    for item in _NOT_ASCII.finditer(content):
        found.append(item)
        if len(found) == 500:
            break
    return found
