"""Names of people that recur in other columns: `kp-oona` beside `oona.marlowe@…`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from workflows.asset_discovery.personal.findings import EMAIL
from workflows.asset_discovery.personal.kinds import PersonalColumn, PersonalKind
from workflows.asset_discovery.personal.shapes import name_words
from workflows.asset_discovery.personal.words import plain

_TOKEN = re.compile(r"[^\W\d_]{4,}")
_LEAST_SHARE = 0.3
_MOST_WORDS = 4
"""Values with more words are texts, not identifiers."""


@dataclass(frozen=True)
class PeopleNamed:
    """The words of people's names, and the column from which each is known."""

    words: Mapping[str, str]

    @classmethod
    def of(cls, columns: Iterable[PersonalColumn], values: Mapping[str, Mapping[str, int]]) -> Self:
        """The names in columns of names and of email addresses."""
        words: dict[str, str] = {}
        for column in columns:
            for value in values[column.column]:
                if column.kind is PersonalKind.NAME:
                    found: Iterable[str] = name_words(value)
                elif column.kind is PersonalKind.EMAIL and (match := EMAIL.search(value)) is not None:
                    found = _TOKEN.findall(plain(match[0].split("@")[0]))
                else:
                    continue
                for word in found:
                    if len(word) >= 4:
                        words.setdefault(word, column.column)
        return cls(words)

    def in_column(self, counts: Mapping[str, int]) -> str:
        """The column whose names recur in at least three of ten of these values; empty if none does."""
        total, with_names, seen = 0, 0, {}
        for value, count in counts.items():
            total += count
            if len(value.split()) > _MOST_WORDS:
                continue
            tokens = [token for token in _TOKEN.findall(plain(value)) if token in self.words]
            if tokens:
                with_names += count
                seen.update({token: self.words[token] for token in tokens})
        if total == 0 or len(seen) < 2 or with_names < _LEAST_SHARE * total:
            return ""
        return next(iter(seen.values()))
