"""Selection of tools: which ones a prompt describes, because each one costs tokens.

A tool fits by what it means and by the words that it shares with the request. The two judge differently, so a tool is
chosen that is among the best of either. Where embeddings are not installed, words alone decide.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache

from assent import meaning
from assent.models.prompts import Message, ToolCard
from assent.models.synonyms import GROUPS

MOST_TOOLS = 10
_LONGEST = 4_000
"""Characters of a text that count."""
_RECENT = 2
"""How many of the user's messages before the last one count, and the first one."""
_EARLIER = 0.35
"""How much earlier messages count beside the last one."""
_SATURATION, _LENGTH = 1.2, 0.6
_RANK = 4
"""Added to a tool's rank in each judgment: the larger, the less the first ranks count."""
_SYNONYM = 0.4
"""How much a word for the same thing counts beside the word itself."""
_ENDINGS = (
    "ations", "ation", "ators", "ator", "ments", "ment", "ings", "ing", "ions", "ion", "ers", "er", "ies", "ed", "es",
    "s",
)  # fmt: skip
_WORD = re.compile(r"[a-z0-9]+")
_COMMON_WORDS = """
    a all an and any are as at be been before but by can could did do does for from had has have how i
    if in into is it its last me more most my no not nothing of off on one only or our out over so than
    that the their them then there these they this to up us was we were what when where which who why
    will with would you your"""
_COMMON = frozenset(_COMMON_WORDS.split())
Judge = Callable[[str], list[float]]
"""Returns how well each tool fits a request."""


def choose(cards: Sequence[ToolCard], messages: Sequence[Message], most: int = MOST_TOOLS) -> list[ToolCard]:
    """Return the tools that fit the messages best, in their own order; all of them if there are not more than that.

    Args:
        messages: the last one of the user counts most.
    """
    if len(cards) <= most:
        return list(cards)
    judges = _judges([_parts(card) for card in cards])
    last, earlier = _requests(messages)
    scores = [0.0] * len(cards)
    for request, weight in ((last, 1.0), (earlier, _EARLIER)):
        if not request:
            continue
        for judge in judges:
            judgment = judge(request)
            for place, number in enumerate(sorted(range(len(cards)), key=lambda number: -judgment[number]), 1):
                scores[number] += weight / (_RANK + (place if judgment[number] > 0 else len(cards)))
    best = sorted(range(len(cards)), key=lambda number: (-scores[number], number))[:most]
    return [cards[number] for number in sorted(best)]


def _requests(messages: Sequence[Message]) -> tuple[str, str]:
    """Return the last message of the user, and the earlier ones that count."""
    said = [_content(message) for message in messages if message.get("role") == "user"]
    if not said:
        return "\n".join(_content(message) for message in messages)[-_LONGEST:], ""
    before = [*said[:1], *said[1:-1][-_RECENT:]] if len(said) > 1 else []
    return said[-1][:_LONGEST], "\n".join(before)[:_LONGEST]


def _content(message: Message) -> str:
    content = message.get("content")
    return content if isinstance(content, str) else ""


def _parts(card: ToolCard) -> list[str]:
    """Return the texts of a tool: name and capabilities, description, and inputs."""
    fields = card.takes.schema.get("properties") or {}
    inputs = " ".join(
        f"{name} {field.get('description', '')}" if isinstance(field, dict) else name for name, field in fields.items()
    )
    name = re.sub(r"[_.]+", " ", card.tool)
    parts = (f"{name} {' '.join(card.capabilities)}", card.description, inputs)
    return [part[:_LONGEST] for part in parts]


def _judges(parts: Sequence[Sequence[str]]) -> list[Judge]:
    """Return what judges the tools with these texts: by words, and by meaning where embeddings are installed."""
    judges = [_by_words([" ".join(texts) for texts in parts])]
    with suppress(meaning.MeaningUnavailableError, ImportError):
        judges.append(_by_meaning(parts))
    return judges


def _by_meaning(parts: Sequence[Sequence[str]]) -> Judge:
    """Judge how similar each tool is to a request, by the part that is the most similar, and by all of them."""
    vectors = meaning.embed([_telling(text) for texts in parts for text in (*texts, " ".join(texts))])
    size = len(vectors) // len(parts)

    def judge(request: str) -> list[float]:
        similar = [float(value) for value in vectors @ meaning.embed([_telling(request)])[0]]
        groups = [similar[start : start + size] for start in range(0, len(similar), size)]
        return [(max(group) + group[-1]) / 2 for group in groups]

    return judge


def _telling(text: str) -> str:
    """Return the words of a text that are not in almost every text."""
    return " ".join(word for word in _WORD.findall(text.lower()) if word not in _COMMON)


def _by_words(texts: Sequence[str]) -> Judge:
    """Judge how well the words of each text match a request and its synonyms (BM25)."""
    counts = [Counter(_words(text)) for text in texts]
    lengths = [sum(count.values()) for count in counts]
    usual = sum(lengths) / len(lengths) or 1.0

    def judge(request: str) -> list[float]:
        said = set(_words(request))
        wanted = {other: _SYNONYM for word in said for other in _synonyms().get(word, ())} | dict.fromkeys(said, 1.0)
        found = {word: sum(word in count for count in counts) for word in wanted}
        scores = []
        for count, length in zip(counts, lengths, strict=True):
            score = 0.0
            for word in wanted.keys() & count.keys():
                rarity = math.log(1 + (len(texts) - found[word] + 0.5) / (found[word] + 0.5))
                often = count[word]
                share = often * (_SATURATION + 1) / (often + _SATURATION * (1 - _LENGTH + _LENGTH * length / usual))
                score += wanted[word] * rarity * share
            scores.append(score)
        return scores

    return judge


@cache
def _synonyms() -> dict[str, frozenset[str]]:
    """Return the words that are in a group with each word."""
    found: dict[str, set[str]] = {}
    for line in GROUPS.strip().splitlines():
        group = {_stem(word) for word in line.split()}
        for word in group:
            found.setdefault(word, set()).update(group - {word})
    return {word: frozenset(others) for word, others in found.items()}


def _words(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON]


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    """Return a word without its most common English endings, so that plan, plans, planned, and planner are the same."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if word.endswith(("e", "y", "i")) and len(word) > 3 else word
