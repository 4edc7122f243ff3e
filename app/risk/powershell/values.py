"""What is known of a value before the script runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from app.risk.places import is_pattern
from app.risk.powershell.nodes import Block
from app.risk.words import UNKNOWN, Word

MOST_CHOICES = 12
MOST_ITEMS = 4_000
LONGEST = 200_000


@dataclass(slots=True, frozen=True)
class Value:
    """A value.

    Attributes:
        texts: What it may be as a text; unknown parts are `UNKNOWN`.
        items: The elements of a list.
        table: The entries of a hashtable, by their keys in lower case.
        block: The script block that it is.
        kind: What it is: a .NET type in lower case, ``file``, or the noun of the cmdlet that it comes from.
        origin: Where it comes from: ``download``, ``decoded``, ``secret``.
        many: It may be several objects.
        every: It may be all objects of their kind.
    """

    texts: tuple[str, ...] = (UNKNOWN,)
    items: tuple[Value, ...] | None = None
    table: dict[str, Value] | None = None
    block: Block | None = None
    kind: str = ""
    origin: frozenset[str] = frozenset()
    many: bool = False
    every: bool = False

    @property
    def known(self) -> bool:
        """True if its text is known, and there is only one."""
        return len(self.texts) == 1 and UNKNOWN not in self.texts[0]

    @property
    def text(self) -> str:
        """The text that it may be; the first one if there are several."""
        return self.texts[0] if self.texts else ""

    @property
    def number(self) -> float | None:
        """The number that it is, if that is known."""
        try:
            return float(self.text) if self.known else None
        except ValueError:
            return None

    def each(self) -> Iterator[Value]:
        """Yield the elements of a list, or the value itself."""
        if self.items is None:
            yield self
            return
        for item in self.items[:MOST_ITEMS]:
            yield from item.each() if item.items is not None else (item,)

    def came(self, origin: Iterable[str]) -> Value:
        """Return the value with more origins."""
        added = self.origin.union(origin)
        return self if added == self.origin else replace(self, origin=added)

    def words(self, line: int, shown: str = "") -> list[Word]:
        """Return the words that it may be as an argument."""
        found: dict[Word, None] = {}
        for item in self.each():
            for text in item.texts:
                written = "" if UNKNOWN not in text else shown.strip("\"'")
                source = "listed" if "listed" in item.origin and UNKNOWN in text else ""
                several = item.many or self.many
                word = Word(text, line, written, glob=is_pattern(text), several=several, source=source)
                found[word] = None
            if len(found) > 200:
                break
        return list(found)


NOTHING = Value(("",), kind="null")
ANY = Value()


def text_value(text: str) -> Value:
    """Return a known text."""
    return Value((text[:LONGEST],))


def number_value(number: float) -> Value:
    """Return a known number."""
    whole = int(number) if abs(number) < 1e15 and number == int(number) else number
    return Value((str(whole),), kind="number")


def items_value(items: Iterable[Value]) -> Value:
    """Return a list."""
    held = tuple(items)[:MOST_ITEMS]
    texts = (" ".join(item.text for item in held)[:LONGEST],) if all(len(i.texts) == 1 for i in held) else (UNKNOWN,)
    origin = frozenset().union(*(item.origin for item in held)) if held else frozenset()
    return Value(texts, held, origin=origin, many=any(i.many for i in held), every=any(i.every for i in held))


def concatenated(parts: list[Value]) -> Value:
    """Return the texts that parts make together."""
    origin = frozenset().union(*(part.origin for part in parts)) if parts else frozenset()
    count = 1
    for part in parts:
        count *= len(part.texts)
    if count > MOST_CHOICES or sum(len(part.text) for part in parts) > LONGEST:
        return Value(origin=origin)
    texts = dict.fromkeys("".join(chosen) for chosen in product(*(part.texts for part in parts)))
    many = any(part.many for part in parts)
    return Value(tuple(texts) or ("",), origin=origin, many=many, every=any(part.every for part in parts))


def either(values: list[Value]) -> Value:
    """Return a value that is one of several."""
    distinct = list({id(value): value for value in values}.values())
    if not distinct:
        return NOTHING
    first = distinct[0]
    if len(distinct) == 1 or all(value == first for value in distinct):
        return first
    texts: tuple[str, ...] = tuple(dict.fromkeys(text for value in distinct for text in value.texts))
    if len(texts) > MOST_CHOICES:
        texts = (*texts[: MOST_CHOICES - 1], UNKNOWN)
    items = None
    if any(value.items is not None for value in distinct):
        items = tuple(item for value in distinct for item in value.each())[:MOST_ITEMS]
    kinds = {value.kind for value in distinct}
    return Value(
        texts,
        items,
        next((value.table for value in distinct if value.table is not None), None),
        next((value.block for value in distinct if value.block is not None), None),
        kinds.pop() if len(kinds) == 1 else next((kind for kind in kinds if kind not in ("", "null", "number")), ""),
        frozenset().union(*(value.origin for value in distinct)),
        any(value.many for value in distinct),
        any(value.every for value in distinct),
    )


def element(value: Value) -> Value:
    """Return what an element of a list may be, as the variable of a loop is."""
    if value.items is None:
        return value
    held = list(value.each())
    if len(held) > MOST_CHOICES and len({item.text for item in held}) > MOST_CHOICES:
        return replace(either(held[:MOST_CHOICES]), texts=(*(item.text for item in held[: MOST_CHOICES - 1]), UNKNOWN))
    return replace(either(held), items=None) if held else NOTHING


NEW_GUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
"""Stands for any new identifier: what matters is that it is one, and not empty."""


def plain_name(path: str) -> str:
    """Return a path so that two ways to write it compare equal in most cases."""
    return re.sub(r"^(?:\.[\\/])+", "", path.strip("\"' ").replace("/", "\\").lower())
