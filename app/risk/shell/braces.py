"""Brace expansion: ``{a,b}`` and ``{1..3}``."""

from __future__ import annotations

import re
from itertools import pairwise

from app.risk.shell.tree import Literal, Part

_MOST = 64
"""More words are not made of one; the first ones stand for all."""
_RANGE = re.compile(r"(-?\d{1,6}|[A-Za-z])\.\.(-?\d{1,6}|[A-Za-z])(?:\.\.-?\d{1,6})?")


def expand_braces(parts: list[Part]) -> list[list[Part]]:
    """Return the words that a word's parts become."""
    if not any(isinstance(part, Literal) and not part.quoted and "{" in part.text for part in parts):
        return [parts]
    tokens: list[Part | str] = []
    for part in parts:
        if isinstance(part, Literal) and not part.quoted:
            tokens += [one for one in re.split(r"([{},])", part.text) if one]
        else:
            tokens.append(part)
    if len(tokens) > 400:
        return [parts]
    return [_joined(word) for word in _expand(tokens, 0)[:_MOST]]


def _joined(tokens: list[Part | str]) -> list[Part]:
    return [Literal(piece) if isinstance(piece, str) else piece for piece in tokens]


def _expand(tokens: list[Part | str], depth: int) -> list[list[Part | str]]:
    for place, piece in enumerate(tokens):
        if piece != "{" or depth > 6:
            continue
        end, commas = _closing(tokens, place)
        if end is None:
            continue
        inner = tokens[place + 1 : end]
        choices = _choices(inner, [comma - place - 1 for comma in commas])
        if choices is None:
            continue
        rest = _expand(tokens[end + 1 :], depth + 1)
        middle = [one for choice in choices for one in _expand(choice, depth + 1)][:_MOST]
        return [tokens[:place] + one + after for one in middle for after in rest][:_MOST]
    return [tokens]


def _closing(tokens: list[Part | str], start: int) -> tuple[int | None, list[int]]:
    depth = 0
    commas: list[int] = []
    for place in range(start, len(tokens)):
        piece = tokens[place]
        if piece == "{":
            depth += 1
        elif piece == "}":
            depth -= 1
            if depth == 0:
                return place, commas
        elif piece == "," and depth == 1:
            commas.append(place)
    return None, []


def _choices(inner: list[Part | str], commas: list[int]) -> list[list[Part | str]] | None:
    if commas:
        edges = [-1, *commas, len(inner)]
        return [inner[before + 1 : after] for before, after in pairwise(edges)]
    text = "".join(piece for piece in inner if isinstance(piece, str))
    match = _RANGE.fullmatch(text) if len(inner) == 1 else None
    if match is None:
        return None
    first, last = match.groups()
    if first.lstrip("-").isdigit() and last.lstrip("-").isdigit():
        low, high = int(first), int(last)
        numbers = range(low, high + 1) if low <= high else range(low, high - 1, -1)
        return [[str(number)] for number in numbers[:_MOST]]
    if len(first) == len(last) == 1:
        low, high = sorted((ord(first), ord(last)))
        return [[chr(number)] for number in range(low, high + 1)]
    return None
