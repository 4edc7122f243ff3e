"""Environment, status, criticality, and type: the class that a text names; cells keep what they say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from workflows.asset_discovery.cleansing.category_words import CODES, WORDS
from workflows.asset_discovery.fields import Field

_SEPARATORS = re.compile(r"[\W_]+")
_SCALE = re.compile(
    r"(?:t|p|tier|prio(?:rity|rität|rité)?|level|class|klasse|stufe|niveau|kritikalität|k|"
    r"cat(?:egory)?|c|sev)?\s*([0-5]|i{1,3}|iv|v)",
    re.IGNORECASE,
)
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5"}
_HIGHEST, _HIGH, _MEDIUM, _LOW = "highest", "high", "medium", "low"


@dataclass(frozen=True)
class Category:
    """The class of a text.

    Attributes:
        name: The class; empty for a text that names none.
        sure: False for a code, whose meaning is a convention.
    """

    name: str = ""
    sure: bool = True


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold().replace("ß", "ss").replace("ø", "o").replace("ł", "l"))
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(_SEPARATORS.sub(" ", plain).split())


def _table(field: Field) -> dict[str, str]:
    return {_folded(word): name for name, words in WORDS.get(field, {}).items() for word in words}


_TABLES = {field: _table(field) for field in WORDS}


def categories(field: Field, texts: Iterable[str]) -> dict[str, Category]:
    """The class of each of the different texts of a column.

    A code (`P`, `1`, `T1`) has a meaning only if the whole column consists of codes.
    """
    texts = list(texts)
    found = {text: _in_words(field, text) for text in texts}
    short = [text for text in texts if len(text.strip()) <= 2 or _SCALE.fullmatch(text)]
    if len(short) * 5 >= len(texts) * 4:
        for text, category in _codes(field, texts).items():
            if not found[text].name:
                found[text] = category
    return found


def _in_words(field: Field, text: str) -> Category:
    table = _TABLES[field]
    folded = _folded(text)
    if folded in table:
        return Category(table[folded])
    words = folded.split()
    # "PROD-EU", "Production environment": the longest phrase that the table has, from the left.
    for length in range(min(4, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            phrase = " ".join(words[start : start + length])
            if len(phrase) > 2 and phrase in table:
                return Category(table[phrase], sure=length == len(words))
    # Compounds, as in "Produktionsumgebung" or "cmdb_ci_linux_server".
    for known in sorted(table, key=len, reverse=True):
        # In scripts without blanks between words, two characters are a word.
        if len(known) >= (6 if known.isascii() else 2) and known in folded:
            return Category(table[known], sure=False)
    return Category()


def _codes(field: Field, texts: list[str]) -> dict[str, Category]:
    if field is Field.CRITICALITY:
        return _scale(texts)
    known = CODES.get(field, {})
    return {text: Category(known.get(_folded(text), ""), sure=False) for text in texts}


def _scale(texts: list[str]) -> dict[str, Category]:
    """Numbers and letters from the highest on: 1, T1, and A are the highest, as in most houses."""
    letters = {text: text.strip().upper() for text in texts}
    if all(len(letter) == 1 and "A" <= letter <= "E" for letter in letters.values()):
        ranks = {text: ord(letter) - ord("A") + 1 for text, letter in letters.items()}
    else:
        matches = {text: _SCALE.fullmatch(text.strip()) for text in texts}
        ranks = {text: int(_ROMAN.get(match[1].casefold(), match[1])) for text, match in matches.items() if match}
        if 0 in ranks.values():
            ranks = {text: rank + 1 for text, rank in ranks.items()}
    names = {1: _HIGHEST, 2: _HIGH, 3: _MEDIUM}
    return {text: Category(names.get(rank, _LOW), sure=False) for text, rank in ranks.items()}
