"""The names of the months in many languages, and numerals of other scripts."""

from __future__ import annotations

import re
import unicodedata

from workflows.asset_discovery.cleansing.vocabulary import lines_of


def folded(word: str) -> str:
    """A word in lower case without accents and points, as the names are compared."""
    decomposed = unicodedata.normalize("NFD", word.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char)).replace(".", "").replace("ı", "i")


def _months() -> dict[str, int]:
    found: dict[str, int] = {}
    doubtful: set[str] = set()
    for line in lines_of("months"):
        for number, names in enumerate(line.split(), start=1):
            for name in names.split("/"):
                full = folded(name)
                for form in {full, full[:3]} if len(full) > 3 else {full}:
                    if found.setdefault(form, number) != number:
                        doubtful.add(form)
    # A name that means different months in different languages decides nothing, but the longer ones remain.
    return {name: number for name, number in found.items() if name not in doubtful or len(name) == 3}


_MONTHS = _months()
_DIGITS = re.compile(r"\d")


def month_of(word: str) -> int | None:
    """The number of a month by its name or by the first three letters of it; None for other words."""
    return _MONTHS.get(folded(word))


def with_ascii_digits(text: str) -> str:
    """A text with the digits of all scripts and widths written as 0 to 9."""
    if text.isascii():
        return text
    return _DIGITS.sub(lambda match: str(unicodedata.digit(match.group())), text)
