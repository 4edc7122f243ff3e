"""Words and patterns that values have: `values.txt` and `patterns.txt`."""

from __future__ import annotations

import re
from functools import cache

from workflows.asset_discovery.mapping.folding import folded, key_of, spellings
from workflows.asset_discovery.mapping.lexicon import data_lines

KINDS = ("vendor", "type", "env", "status", "crit", "bool", "place", "city", "team")
_PARTIAL = ("vendor", "type", "place", "city", "team", "env", "status", "crit")
"""Kinds that are also recognized as words inside a value."""


@cache
def pattern(kind: str) -> re.Pattern[str]:
    """The patterns of a kind in `patterns.txt`, as alternatives."""
    found = [line.partition(" = ")[2] for line in data_lines("patterns.txt") if line.startswith(f"{kind} = ")]
    return re.compile("|".join(found), re.IGNORECASE)


def is_instance_type(value: str) -> bool:
    """True for the instance types of clouds, which look like domain names."""
    return bool(pattern("instance").fullmatch(value))


@cache
def words() -> dict[str, frozenset[str]]:
    """The keys of the values of each kind."""
    found: dict[str, set[str]] = {}
    for line in data_lines("values.txt"):
        kind, _, values = line.partition(" = ")
        for value in values.split(", "):
            if "~" not in value:
                found.setdefault(kind, set()).update(spellings(value) or {value.strip()})
    return {kind: frozenset(keys) for kind, keys in found.items()}


@cache
def _stems() -> dict[str, frozenset[str]]:
    """Keys that also count as one of several words of a value."""
    return {kind: frozenset(key for key in words()[kind] if len(key) > 2 or not key.isascii()) for kind in _PARTIAL}


@cache
def _written() -> frozenset[str]:
    """Words for nothing as they stand, without case: those that consist of signs have no key."""
    line = next(line for line in data_lines("values.txt") if line.startswith("nothing = "))
    return frozenset(folded(value.strip()) for value in line.partition(" = ")[2].split(", "))


_DITTO = re.compile(r"[\s\"'”“„»«\-–—_.*?/\\=#0]*|-\s*[\"”″〃]\s*-|〃+|″+|''+|x{3,}", re.I)


def is_nothing(value: str) -> bool:
    """True for the many ways to say that there is no value, and for ditto marks."""
    stripped = value.strip()
    return (bool(_DITTO.fullmatch(stripped)) and stripped != "0") or folded(stripped) in _written()


def kinds_of(value: str) -> dict[str, float]:
    """The kinds that a value fits, and how well: 1 for the whole value, less for a word inside."""
    key, found = key_of(value), {}
    if not any(letter.isalpha() for letter in value):
        return {"bool": 1.0} if key in words()["bool"] else {}
    for kind in KINDS:
        if key in words()[kind]:
            found[kind] = 1.0
    inside = [part for part in re.split(r"[\s,/()|;:_-]+", folded(value)) if part]
    whole = set(inside) | {"".join(inside[:size]) for size in (2, 3)}
    for kind in _PARTIAL:
        if kind not in found and not whole.isdisjoint(_stems()[kind]):
            found[kind] = 0.8 if kind in ("place", "city", "team") else 0.6
    if "vendor" not in found and key_of(pattern("company").sub(" ", value)) in words()["vendor"]:
        found["vendor"] = 1.0
    elif "vendor" not in found and pattern("company").search(value):
        found["vendor"] = 0.7
    if pattern("os").search(value):
        found["os"] = 1.0
    if is_instance_type(value) or (pattern("model").search(value) and len(value) < 60):
        found["model"] = 1.0
    if pattern("region").fullmatch(value) or pattern("place").search(value):
        found["place"] = max(found.get("place", 0), 0.9)
    return found
