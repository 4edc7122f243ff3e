"""Words that stand for nothing, and marks that stand for the cell above, in many languages."""

from __future__ import annotations

import re

from workflows.asset_discovery.cleansing.vocabulary import lines_of

_MARKS = frozenset({
    '"', "''", "“", "”", "„", "″", "〃", "//", "↑", "^", "^^", '-"-', '- " -', "-''-", "-//-", "-„-", "-“-", "-”-",
    '"-', '-"', ",,", "''''", '""', "«", "»", "'' ''", '" "', "--\"--", "=\"=",
})  # fmt: skip
_SPREADSHEET_ERRORS = frozenset({
    "#value!", "#ref!", "#div/0!", "#name?", "#num!", "#null!", "#spill!", "#calc!", "#wert!", "#bezug!", "#zahl!",
    "#valeur!", "#nombre!", "#valor!", "#valore!",
})  # fmt: skip
_DROPPED = re.compile(r"[\s.()\[\]<>{}]+")
_MEANINGFUL = re.compile(r"[^\W_]")


def _folded(text: str) -> str:
    folded = text.casefold()
    return folded if folded.isalnum() else _DROPPED.sub("", folded)


def _words(name: str) -> frozenset[str]:
    return frozenset(_folded(word) for line in lines_of(name) for word in line.split("|"))


_NOTHING_WORDS = _words("nothing")
_DITTO_WORDS = _words("ditto")


def stands_for_nothing(text: str, codes: bool = False) -> bool:
    """Whether a text, without blanks at its ends, says that there is no value: `N/A`, `néant`, `---`, `?`, `***`.

    Args:
        codes: Whether the column consists of short codes, so that two letters such as `NA` or `ND` are one, too.
    """
    if text[-1:].isdigit():
        return False  # as most names and addresses end; no such word has a digit
    if not _MEANINGFUL.search(text):
        return True
    if codes and len(text) == 2 and text.isalpha():
        return False
    return len(text) < 40 and _folded(text) in _NOTHING_WORDS


def stands_for_above(text: str, words_only: bool = False) -> bool:
    """Whether a text, without blanks at its ends, is a ditto mark: `"`, `//`, `idem`, `dto.`.

    Args:
        words_only: Whether slashes are none: for dates and amounts, people strike a cell out with them.
    """
    if text[-1:].isdigit() or (words_only and "/" in text):
        return False
    return text in _MARKS or (len(text) < 24 and _folded(text) in _DITTO_WORDS)


def is_spreadsheet_error(text: str) -> bool:
    """Whether a text is what a spreadsheet writes in place of a value that it could not calculate."""
    return text.startswith("#") and text.casefold() in _SPREADSHEET_ERRORS
