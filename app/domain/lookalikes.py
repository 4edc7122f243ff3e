"""Names and addresses that people cannot tell apart, by the skeletons of UTS 39.

Two texts look the same if their skeletons are equal. For the skeleton, invisible characters are removed, characters
that look like others are replaced by these, whatever their script, and case is folded, before or after that. This is
stricter than UTS 39, which distinguishes capital and small letters; readers of names do not.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources

_SHOW_NOTHING = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def look_the_same(one: str, other: str) -> bool:
    """True if a reader could mistake one for the other."""
    return not skeletons(one).isdisjoint(skeletons(other))


@lru_cache(maxsize=10_000)
def skeletons(text: str) -> frozenset[tuple[int, str]]:
    """The text's skeletons: with case folded after the replacement of look-alikes, and before it."""
    seen = _seen(text)
    after = _skeleton(_skeleton(seen).casefold())
    before = _skeleton(unicodedata.normalize("NFKC", seen).casefold())
    return frozenset({(0, after), (1, before)})


def clashes(texts: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of keys whose texts look the same, each pair once.

    Args:
        texts: pairs of a key and its text.
    """
    first: dict[tuple[int, str], str] = {}
    found: dict[tuple[str, str], None] = {}
    for key, text in texts:
        for skeleton in sorted(skeletons(text)):
            other = first.setdefault(skeleton, key)
            if other != key:
                found[other, key] = None
    return list(found)


def _seen(text: str) -> str:
    """The text without invisible characters and spaces: some invisible characters are as wide as a space."""
    shown = "".join(char for char in text if not _shows_nothing(char))
    return "".join(unicodedata.normalize("NFD", shown).split())


def _shows_nothing(char: str) -> bool:
    point = ord(char)
    selects = 0x180B <= point <= 0x180F or 0xFE00 <= point <= 0xFE0F or 0xE0000 <= point <= 0xE0FFF
    return selects or char in _SHOW_NOTHING or unicodedata.category(char) == "Cf"


def _skeleton(text: str) -> str:
    table = _table()
    replaced = "".join(table.get(char, char) for char in unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFD", replaced)


@lru_cache(maxsize=1)
def _table() -> dict[str, str]:
    """The prototype of each character, from Unicode's data, which list all look-alikes of each prototype."""
    text = (resources.files("confusable_homoglyphs") / "confusables.json").read_text("utf-8")
    alike = {shape: [other["c"] for other in others] for shape, others in json.loads(text).items()}
    single = {char: others[0] for char, others in alike.items() if len(char) == 1 and len(others) == 1}
    table = {char: _prototype(char, other, alike) for char, other in single.items()}
    # Prototypes of several characters consist of the replacements of the single characters.
    return {char: "".join(table.get(part, part) for part in shape) for char, shape in table.items()}


def _prototype(char: str, other: str, alike: dict[str, list[str]]) -> str:
    """Of two look-alikes, the one with more look-alikes, else the longer one, else the first in Unicode."""
    return other if len(alike[other]) > 1 or len(other) > 1 else min(char, other)
