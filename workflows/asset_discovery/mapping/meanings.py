"""What a heading says: its words, what they mean, and which fields that speaks for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapping.folding import folded, words_of
from workflows.asset_discovery.mapping.lexicon import Meanings, Rule, lexicon, rules

UNITS = {
    "b": "bytes", "byte": "bytes", "bytes": "bytes", "octets": "bytes", "kb": "KB", "kib": "KiB", "ko": "KB",
    "mb": "MB", "mib": "MiB", "mo": "MB", "gb": "GB", "gib": "GiB", "go": "GB", "tb": "TB", "tib": "TiB", "to": "TB",
    "кб": "KB", "мб": "MB", "гб": "GB", "тб": "TB", "mbyte": "MB", "gbyte": "GB", "tbyte": "TB", "megabytes": "MB",
    "gigabytes": "GB", "kilobytes": "KB", "terabytes": "TB", "mhz": "MHz", "ghz": "GHz", "ΓΒ": "GB", "гiб": "GB",
    "gigabyte": "GB", "megabyte": "MB", "terabyte": "TB", "ギガ": "GB", "meg": "MB",
}  # fmt: skip
_WORDS = {"go", "to", "mo", "ko", "b"}
"""Units that are words of other languages, too: only in brackets."""
_BRACKET = re.compile(r"[(\[{（［【](.*?)[)\]}）］】]")
_DATED = {"DATE", "PURCHASE", "EOL", "LASTSEEN", "INSTALL", "UNTIL", "END", "RETIRED", "START", "SUPPORT"}
_PATH = re.compile(r"[\w\-@/]{2,}(?:\[\])?(?:[.:]+[\w\-@/]{2,}(?:\[\])?)+")
"""Names that are joined by dots or colons, as in JSON."""
_SPEED = {"MHz", "GHz"}
LONGEST_HEADING = 200
"""Characters of a heading that are read."""
LONGEST = 5
"""Words of a term at most."""
KNOWN_COST, UNKNOWN_COST, OPEN_COST = 1.5, 1.3, 0.3
_SURE = 0.6
"""From here on, an inexact word is preferred to a compound of which only a part is known."""
AROUND = (1.0, 0.85, 0.6, 0.45)
"""How much a word of the last part of a path counts, of the one before, and so on."""
AROUND_COST = (1.0, 0.9, 0.12, 0.05)


@dataclass(frozen=True)
class Word:
    """A word of a heading, or several that belong together.

    Attributes:
        text: Folded.
        meanings: What it can mean; empty if it is unknown.
        around: How many parts of a path are between it and the last part.
    """

    text: str
    meanings: Meanings
    around: int = 0

    @property
    def says_nothing(self) -> bool:
        """True for words such as "the", and for numbers."""
        return self.text.isdigit() or "GENERIC" in self.meanings


@dataclass(frozen=True)
class Said:
    """What a heading says about a column.

    Attributes:
        fields: For each field that it speaks for, how strongly: a log-likelihood ratio.
        ignored: What an ignored column would contain, in words.
        unit: The unit that the heading names.
        known: The share of its words that are known.
        dated: It names a date.
    """

    fields: dict[Field, float]
    ignored: str
    unit: str
    known: float
    dated: bool = False


def said_by(heading: str) -> Said:
    """What a heading says, as it stands in the file; or a path in JSON, whose last part counts most."""
    words, unit = _words(heading[:LONGEST_HEADING])
    fields: dict[Field, float] = {}
    ignored = ""
    for rule in rules():
        score = _score(rule, words)
        if score > fields.get(rule.field, 0.4):
            fields[rule.field] = score
            ignored = rule.words or ignored
    if unit in _SPEED:
        fields[Field.IGNORE], ignored = 5.0, "a speed"
    inner = [word for word in words if not word.around and not word.says_nothing]
    known = sum(bool(word.meanings) for word in inner) / len(inner) if inner else 0.0
    dated = any(_DATED & word.meanings.keys() for word in words)
    return Said(fields, ignored, unit, known, dated)


def unit_in(text: str) -> str:
    """The unit that a text is; empty if it is none."""
    return UNITS.get(folded(text).strip(" .,:"), "")


def _words(heading: str) -> tuple[tuple[Word, ...], str]:
    parts = (
        [part for part in re.split(r"[.\[\]:]+", heading) if part.strip()] if _PATH.fullmatch(heading) else [heading]
    )
    inner, unit = _without_unit(parts[-1] if parts else "")
    words = list(_terms(inner, inner.isupper() and inner.isalnum() and 4 < len(inner) < 11))
    for outer, part in enumerate(reversed(parts[-4:-1]), 1):
        words += [Word(word.text, word.meanings, outer) for word in _terms(part, False)]
    return tuple(words), unit


def _without_unit(text: str) -> tuple[str, str]:
    for inside in _BRACKET.findall(text):
        for word in re.split(r"[\s,/]+", inside):
            if unit := unit_in(word):
                return _BRACKET.sub(" ", text), unit
    words = words_of(text)
    for last in (words[-1:], words[-2:]):
        joined = "".join(last)
        if len(words) > len(last) and joined in UNITS and joined not in _WORDS:
            return text, UNITS[joined]
    return text, ""


def _terms(text: str, terse: bool) -> list[Word]:
    """The longest terms of the lexicon, from left to right; what is in none is split or guessed."""
    words, terms, found = words_of(text), lexicon().terms, []
    at = 0
    while at < len(words):
        for size in range(min(LONGEST, len(words) - at), 0, -1):
            key = "".join(words[at : at + size])
            bare = key.rstrip("0123456789")
            key = bare if key not in terms and len(bare) > 3 else key
            if key in terms:
                found.append(Word(key, terms[key]))
                at += size
                break
        else:
            found += _unlisted(words[at], terse)
            at += 1
    return found


def _unlisted(word: str, terse: bool) -> list[Word]:
    terms, bare = lexicon().terms, word.rstrip("0123456789")
    if bare != word and bare in terms:
        return [Word(word, terms[bare])]
    split = _split(bare or word, terse)
    if split and all(part.meanings for part in split):
        return split
    inexact = lexicon().inexact(bare or word)
    return [Word(word, inexact)] if max(inexact.values(), default=0.0) > _SURE or not split else split


_LEAST_MODIFIER, _LEAST_HEAD, _NO_SPLIT = 3, 5, 99.0
_LINKS = ("", "s", "n", "e", "es", "en", "er", "o", "i")


def _split(word: str, terse: bool) -> list[Word]:
    """A compound as its parts; empty if it is none. Terse words consist of abbreviations, as in old systems."""
    known, least = (
        lexicon().terms if terse else lexicon().parts,
        1 if not word.isascii() and word.isalpha() else 2 if terse else 3,
    )
    if len(word) > 40:
        return []
    best: dict[int, tuple[float, list[Word]]] = {0: (0.0, [])}
    for at in range(len(word)):
        if at not in best:
            continue
        cost, words = best[at]
        for end in range(at + least, len(word) + 1):
            piece = word[at:end]
            meanings = known.get(piece) if terse else lexicon().terms[piece] if piece in lexicon().parts else None  # type: ignore[union-attr]
            added = 1.0 + (0.4 if len(piece) < 4 else 0)
            if meanings is None and terse and len(piece) > 2:
                meanings, added = lexicon().inexact(piece) or None, 2.6 - 0.15 * len(piece)
            if meanings is None:
                continue
            for link in _LINKS if not terse and end < len(word) else ("",):
                if word.startswith(link, end):
                    _better(best, end + len(link), cost + added + 0.3 * len(link), [*words, Word(piece, meanings)])
        if terse:
            _better(best, at + 1, cost + 1.1, words)
    cost, words = best.get(len(word), (_NO_SPLIT, []))
    if words and cost < (5.0 if terse else 4.6):
        return words
    return [] if terse else _headed(word)


def _headed(word: str) -> list[Word]:
    """A compound whose last part is known: Hauptanwendung is some kind of Anwendung."""
    for start in range(_LEAST_MODIFIER, len(word) - _LEAST_HEAD + 1):
        if word[start:] in lexicon().parts:
            return [Word(word[:start], {}), Word(word[start:], lexicon().terms[word[start:]])]
    return []


def _better(best: dict[int, tuple[float, list[Word]]], end: int, cost: float, words: list[Word]) -> None:
    if end not in best or cost < best[end][0]:
        best[end] = (cost, words)


def _score(rule: Rule, words: tuple[Word, ...]) -> float:
    """How strongly a heading speaks for a rule; 0 if it does not."""
    used: set[int] = set()
    qualities = []
    for number, alternatives in enumerate(rule.needed):
        head = len(rule.needed) > 1 and number == len(rule.needed) - 1
        at, quality = _place(alternatives, words, used, head or rule.open)
        if quality <= 0:
            return 0.0
        used.add(at)
        qualities.append(quality)
    for meaning in rule.optional:
        at, quality = _place(frozenset({meaning}), words, used)
        if quality > 0:
            used.add(at)
    if all(words[at].around for at in used) and any(not word.says_nothing for word in words if not word.around):
        return 0.0
    rest = [word for number, word in enumerate(words) if number not in used]
    return rule.strength * sum(qualities) / len(qualities) - sum(_cost(word, rule.open) for word in rest)


def _place(
    alternatives: frozenset[str], words: tuple[Word, ...], used: set[int], inner: bool = False
) -> tuple[int, float]:
    found, best = -1, 0.0
    for number, word in enumerate(words):
        if number in used or (inner and word.around):
            continue
        quality = max((word.meanings.get(meaning, 0.0) for meaning in alternatives), default=0.0)
        quality *= AROUND[word.around]
        if quality > best:
            found, best = number, quality
    return found, best


def _cost(word: Word, is_open: bool) -> float:
    """What a word costs that a rule leaves over."""
    if word.says_nothing:
        return 0.0
    if word.around:
        return AROUND_COST[word.around] if word.meanings else 0.0
    if is_open:
        return OPEN_COST
    if set(word.meanings) <= {"GIB"} and word.meanings:
        return 0.1
    return max(UNKNOWN_COST, KNOWN_COST * max(word.meanings.values(), default=0.0))
