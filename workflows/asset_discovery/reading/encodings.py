"""The encoding of a text file, found without reading the file into memory."""

from __future__ import annotations

import codecs
import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from charset_normalizer import from_bytes

from workflows.asset_discovery.reading.limits import ReadingError

_PIECE = 1 << 20
_SAMPLE = 1 << 18
_MOST_RUNS = 3_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_RUN = re.compile(rb"[\x80-\xff]+")
_SINGLE = (
    "cp1252", "cp1250", "cp1254", "cp850", "cp852", "cp437", "mac_roman", "iso8859_2", "cp1257", "cp1251", "koi8_r",
    "cp866", "cp1253", "cp1255", "cp1256",
)  # fmt: skip
"""Encodings with one byte for each letter, the likeliest first."""
_DOUBLE = ("cp932", "euc_jp", "gb18030", "big5", "euc_kr")
_ALPHABETS = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúüñ", "áâãàçéêíóôõúü", "àèéìíîòóùú", "éëïóöü", "åäöé", "æøåéóò", "áðéíóúýþæö",
    "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșțşţ", "čćđšž", "çğıöşüâîi̇", "äõöüšž",
    "ąčęėįšųūž", "āčēģīķļņšūž", "абвгдежзийклмнопрстуфхцчшщъыьэюя", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдђежзијклљмнњопрстћуфхцчџш", "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋ", "אבגדהוזחטיכךלמםנןסעפףצץקרשת",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئىة",
)  # fmt: skip
"""The letters beside a to z of one language each: a text is rarely in two of them."""
_FIRST_GREEK = "\u0370"
"""From here on, letters are of other scripts than Latin, and seldom stand beside its letters in a word."""
_WESTERN = "äöüßàâçéèêëîïôœùûñóíáúãõåæ"
"""What names of people and places in an inventory of Western Europe hold."""
_USUAL_MARKS = frozenset("°§«»–—‘’“”„‚…€£¥©®™·²³ºª•¿¡‹›×±µ½¼¾\u00a0")
_LETTERS_BESIDE = re.compile(r"(?<=[^\W\d_])[^\w\s'’\-.,;:|\t/()&+\"]|[^\w\s'’\-.,;:|\t/()&+\"](?=[^\W\d_])")
MIXED = "assent-mixed"
"""How bytes are read that are no UTF-8 in a text that is UTF-8 otherwise: as Windows-1252."""


def _as_windows(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(MIXED, _as_windows)


@dataclass(frozen=True)
class Encoding:
    """How a text is decoded.

    Attributes:
        name: Of the codec.
        errors: What happens to bytes that are not of the encoding.
        mark: Bytes of the byte order mark, before the text.
        note: What people should know; empty if nothing.
    """

    name: str
    errors: str = "strict"
    mark: int = 0
    note: str = ""


def encoding_of(path: Path, name: str) -> Encoding:
    """Return the encoding of a text file.

    Raises:
        ReadingError: it is no text.
    """
    with path.open("rb") as stream:
        start = stream.read(_SAMPLE)
    for mark, codec in _BOMS:
        if start.startswith(mark):
            note = "" if _decodes(path, codec, len(mark)) else f"Some of it is no {codec}, and marked with �."
            return Encoding(codec, "replace" if note else "strict", len(mark), note)
    wide = _wide(start)
    if wide:
        return Encoding(wide, "replace")
    if start.count(0) > 0.2 * len(start):
        raise ReadingError(f"{name} is neither a text nor a workbook nor JSON.")
    if _decodes(path, "utf-8", 0):
        return Encoding("utf-8")
    sample = _around_letters(path)
    return _mixed(sample) or Encoding(_guessed(sample), "replace")


def open_text(path: Path, encoding: Encoding) -> TextIO:
    """Return the text of a file, with its line ends as they are, behind the byte order mark."""
    stream = path.open("rb")
    stream.seek(encoding.mark)
    return io.TextIOWrapper(stream, encoding.name, encoding.errors, newline="")


def _decodes(path: Path, codec: str, mark: int) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with path.open("rb") as stream:
            stream.seek(mark)
            while piece := stream.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


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


def _around_letters(path: Path) -> bytes:
    """Return the lines, or parts of them, that are not ASCII: what an encoding is judged by."""
    kept = bytearray()
    runs = 0
    with path.open("rb") as stream:
        while runs < _MOST_RUNS and (piece := stream.read(_PIECE)):
            end = 0
            for found in _RUN.finditer(piece):
                if found.start() >= end:
                    kept += b"\n" + piece[max(end, found.start() - 30) : found.start()]
                    end = found.start()
                after = found.end()
                limit = piece.find(b"\n", after, after + 30)
                stop = limit if limit >= 0 else min(after + 30, len(piece))
                kept += piece[end:stop] if stop > end else b""
                end = max(end, stop)
                runs += 1
                if runs >= _MOST_RUNS:
                    break
    return bytes(kept)


def _mixed(sample: bytes) -> Encoding | None:
    """Return UTF-8 for a text that is mostly that, as when files of two systems were joined."""
    runs = _RUN.findall(sample)
    valid = 0
    for run in runs:
        try:
            run.decode("utf-8")
            valid += 1
        except UnicodeDecodeError:
            pass
    if valid < 0.5 * len(runs):
        return None
    return Encoding("utf-8", MIXED, note="Some of it is no UTF-8, and is read as Windows-1252.")


def _guessed(sample: bytes) -> str:
    runs = _RUN.findall(sample)
    single = sum(len(run) == 1 for run in runs)
    alternating = len(re.findall(rb"[\x80-\xff][\x00-\x7f](?=[\x80-\xff])", sample))
    latin = single > 0.6 * len(runs) and alternating < 0.3 * len(runs)
    if not latin:
        best = from_bytes(sample, cp_isolation=[*_DOUBLE, *_SINGLE], preemptive_behaviour=False).best()
        if best is not None and best.encoding in _DOUBLE:
            return best.encoding
    scores = [(_oddness(sample, codec), place) for place, codec in enumerate(_SINGLE)]
    return _SINGLE[min(scores)[1]]


def _oddness(sample: bytes, codec: str) -> float:
    """Return how strange a text looks in an encoding: signs in words, capitals after small letters, mixed alphabets."""
    try:
        text = sample.decode(codec)
    except UnicodeDecodeError:
        return float("inf")
    strange = sum(ord(letter) > 127 and not letter.isalpha() and letter not in _USUAL_MARKS for letter in text)
    control = sum("\x80" <= letter < "\xa0" for letter in text)
    beside = sum(ord(found[0]) > 127 for found in _LETTERS_BESIDE.findall(text))
    case = scripts = 0
    for one, other in pairwise(text):
        case += one.islower() and other.isupper() and max(one, other) > "\x7f"
        scripts += one.isalpha() and other.isalpha() and min(one, other) <= "z" and max(one, other) >= _FIRST_GREEK
    letters = Counter(letter for letter in text.lower() if letter > "\x7f" and letter.isalpha())
    known = max(sum(letters[letter] for letter in alphabet) for alphabet in _ALPHABETS)
    western = sum(letters[letter] for letter in _WESTERN)
    foreign = letters.total() - max(known, western - 0.03 * letters.total())
    return strange + 2 * control + beside + case + 2 * scripts + foreign
