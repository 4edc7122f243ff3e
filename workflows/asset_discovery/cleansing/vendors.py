"""Manufacturers under one name each, for comparing and counting; cells keep what they say."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import fuzz, process

from workflows.asset_discovery.cleansing.vocabulary import lines_of

_LEGAL_FORMS = re.compile(
    r"\b(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|gmbh|ag|se|sa|s a|s p a|spa|srl|sarl|sas|bv|"
    r"b v|nv|plc|oy|ab|as|kg|kgaa|pte|pty|oyj|sp z o o|kk|group|deutschland|france|espana|italia|polska|"
    r"international|intl)\b"
)
_PUNCTUATION = re.compile(r"[^\w]+")
_SURE = 92


def _plain(text: str) -> str:
    return " ".join(_PUNCTUATION.sub(" ", text.casefold()).split())


def _without_legal_form(text: str) -> str:
    plain = _plain(text)
    # "HP Inc" is listed with its form, because "HP" without it may be either company.
    return " ".join(_LEGAL_FORMS.sub(" ", plain).split()) or plain


def _vocabulary() -> dict[str, str]:
    known: dict[str, str] = {}
    for line in lines_of("vendors"):
        name, *others = line.split("|")
        for spelling in (name, *others):
            known.setdefault(_plain(spelling), name)
            known.setdefault(_without_legal_form(spelling), name)
    return known


_KNOWN = _vocabulary()
_LONG = [spelling for spelling in _KNOWN if len(spelling) >= 5]


@lru_cache(maxsize=10_000)
def vendor_of(text: str) -> str:
    """The manufacturer under the name that all its spellings share; the text itself if it is not known.

    Only spelling errors in longer names are forgiven: `HP` and `HPE` are two companies.
    """
    for plain in (_plain(text), _without_legal_form(text)):
        if plain in _KNOWN:
            return _KNOWN[plain]
        if plain.replace(" ", "") in _KNOWN:
            return _KNOWN[plain.replace(" ", "")]
    plain = _without_legal_form(text)
    if len(plain) >= 5:
        best = process.extractOne(plain, _LONG, scorer=fuzz.ratio, score_cutoff=_SURE)
        if best:
            return _KNOWN[best[0]]
    first = plain.partition(" ")[0]
    if first in _KNOWN and len(first) >= 5 and len(plain.split()) <= 3:
        return _KNOWN[first]
    return text
