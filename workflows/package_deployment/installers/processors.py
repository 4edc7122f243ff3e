"""The processors that an Inno Setup installer is for: a set, or an expression such as "x64os and not arm64"."""

from __future__ import annotations

import re
from enum import Flag

_LONGEST = 1_000
_WORD = re.compile(r"\(|\)|[a-z0-9]+")


class Machines(Flag):
    """Kinds of computers."""

    X86 = 1
    X64 = 2
    ARM64 = 4
    ALL = 7


_NAMES = {
    "x86": Machines.X86, "x86os": Machines.X86, "x86compatible": Machines.ALL, "x64": Machines.X64,
    "x64os": Machines.X64, "x64compatible": Machines.X64 | Machines.ARM64, "arm64": Machines.ARM64,
    "arm32compatible": Machines.ARM64, "win64": Machines.X64 | Machines.ARM64,
}  # fmt: skip
_NONE = Machines(0)


def machines_of_set(bits: int) -> Machines:
    """Return the machines of a set as versions before 6.3 write it: x86, x64, and later ARM64."""
    found = _NONE
    for bit, machine in ((2, Machines.X86), (4, Machines.X64), (16, Machines.ARM64)):
        if bits & bit:
            found |= machine
    return found


def machines_of_expression(text: str) -> Machines:
    """Return the machines for which an expression is true; none if it is empty or cannot be read.

    Names that follow each other without a word between them are alternatives.
    """
    words = _WORD.findall(text[:_LONGEST].lower())
    try:
        found, rest = _either(words)
    except (ValueError, RecursionError):
        return _NONE
    return _NONE if rest else found


def _either(words: list[str]) -> tuple[Machines, list[str]]:
    if not words:
        return _NONE, words
    found, words = _both(words)
    while words and words[0] != ")":
        if words[0] == "or":
            words = words[1:]
        more, words = _both(words)
        found |= more
    return found, words


def _both(words: list[str]) -> tuple[Machines, list[str]]:
    found, words = _one(words)
    while words and words[0] == "and":
        more, words = _one(words[1:])
        found &= more
    return found, words


def _one(words: list[str]) -> tuple[Machines, list[str]]:
    if not words:
        raise ValueError(words)
    word, words = words[0], words[1:]
    if word == "not":
        found, words = _one(words)
        return Machines.ALL & ~found, words
    if word == "(":
        found, words = _either(words)
        if not words:
            raise ValueError(words)
        return found, words[1:]
    if word not in _NAMES:
        raise ValueError(word)
    return _NAMES[word], words
