"""Texts in a form in which spellings of one word are equal: without case, accents, and separators."""

from __future__ import annotations

import re
import unicodedata

_LETTERS = str.maketrans({
    "ł": "l", "ø": "o", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ё": "е", "°": "o", "ς": "σ",
    "ґ": "г", "ـ": "", "أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي",
})  # fmt: skip
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_CYRILLIC = (
    "аa бb вv гg дd еe жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хkh цts чch шsh щsch ъ ыy ь эe юyu яya іi їyi єye"
)
_GREEK = "αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr σs τt υy φf χch ψps ωo"
_SPOKEN = {pair[0]: pair[1:] for pair in f"{_CYRILLIC} {_GREEK}".split()}
_BETWEEN = re.compile(r"(?<=[a-zß-öø-ÿ0-9])(?=[A-ZÀ-ÖØ-Þ])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+|[#%]")


def folded(text: str) -> str:
    """The text in lower case, without accents, and with compatible characters replaced."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS))
    bare = "".join(letter for letter in plain if unicodedata.category(letter) != "Mn")
    return unicodedata.normalize("NFC", bare).translate(_LETTERS)


def words_of(text: str) -> list[str]:
    """The folded words of a heading or a value; camelCase, dots, dashes, and underscores separate words."""
    text = text if text.isascii() else unicodedata.normalize("NFC", text)
    return _WORD.findall(folded(_BETWEEN.sub(" ", text)))


def key_of(text: str) -> str:
    """The text's folded letters, digits, and `#`, without anything between them."""
    return "".join(_WORD.findall(folded(text)))


def spellings(term: str) -> set[str]:
    """The keys under which a term is found: with `ü` as `u` and `ue`, and Cyrillic and Greek also in Latin letters."""
    keys = {key_of(term), key_of(unicodedata.normalize("NFC", term).casefold().translate(_UMLAUTS))}
    plain = key_of(term)
    if not plain.isascii() and any(letter in _SPOKEN for letter in plain):
        keys.add("".join(_SPOKEN.get(letter, letter) for letter in plain))
    return {key for key in keys if key}
