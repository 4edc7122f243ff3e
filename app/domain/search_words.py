"""Words by which decided requests are found: those of their texts, and one for each value that lists filter by.

A search finds the beginnings of words, in any case and script. Scripts without spaces between words are taken apart
into pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

LONGEST = 60
"""Longer words are cut, in characters; a search cuts its words alike."""
MOST_BYTES = 300_000
"""How much of a request's words is kept; PostgreSQL takes at most a megabyte."""
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_MOST_SEARCHED = 12


def search_words(texts: Iterable[str]) -> list[str]:
    """The words of the texts, each once, up to `MOST_BYTES`."""
    found: dict[str, None] = {}
    size = 0
    for text in texts:
        for word in _words(text):
            if word in found:
                continue
            size += len(word.encode()) + 8
            if size > MOST_BYTES:
                return list(found)
            found[word] = None
    return list(found)


def value_word(name: str, value: str) -> str:
    """The word for a value of a filter, such as a workflow; no text has such a word."""
    return f"={name}:{value}"[:500]


def words_query(text: str) -> list[str]:
    """The conditions of a search in PostgreSQL's form: words that must be there, and beginnings of words (``:*``)."""
    conditions: list[str] = []
    for typed in text.split():
        words = list(_words(typed))
        for number, word in enumerate(words):
            whole = number < len(words) - 1 or _is_pair(word) or (len(word) == 1 and not _UNSPACED.match(word))
            conditions.append(quoted(word) + ("" if whole else ":*"))
    return list(dict.fromkeys(conditions))[:_MOST_SEARCHED]


def quoted(word: str) -> str:
    """A word as a part of a search in PostgreSQL's form."""
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


def strings_in(value: Any) -> Iterator[str]:
    """All texts and numbers of a JSON value, without the names of its members."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, bool) or item is None:
            continue
        elif isinstance(item, int | float):
            yield str(item)
        else:
            stack.extend(reversed(list(item.values() if isinstance(item, dict) else item)))


def _words(text: str) -> Iterator[str]:
    for found in _WORD.finditer(unicodedata.normalize("NFKC", text).casefold()):
        word, start = found.group(), 0
        for run in _UNSPACED.finditer(word):
            if run.start() > start:
                yield word[start : run.start()][:LONGEST]
            yield from _pairs(run.group())
            start = run.end()
        if start < len(word):
            yield word[start:][:LONGEST]


def _pairs(run: str) -> Iterator[str]:
    yield from (run[n : n + 2] for n in range(len(run) - 1))
    if len(run) == 1:
        yield run


def _is_pair(word: str) -> bool:
    return len(word) == 2 and _UNSPACED.fullmatch(word) is not None
