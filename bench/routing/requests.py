"""The labeled requests: those written for training, by two authors, and those of a third author for development."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

WRITTEN = Path(__file__).with_name("requests")
DEVELOPMENT = Path(__file__).with_name("development.jsonl")
HELD_BACK = Path(__file__).parents[2] / "tests" / "routing" / "held_back.jsonl"
"""Not used for training, and not read by the people who work on the router: only figures come from it."""
ALIKE = 0.75


class Request(NamedTuple):
    """A labeled request.

    Attributes:
        also: Other workflows that would be right as well.
        author: Of the file; texts of one author are more alike than those of different authors.
    """

    text: str
    workflow: str
    also: tuple[str, ...]
    style: str
    author: str

    def is_right(self, name: str) -> bool:
        """Return whether a workflow is right for this request."""
        return name == self.workflow or name in self.also


def read(path: Path, author: str = "") -> list[Request]:
    """Read a file of labeled requests."""
    lines = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
    return [
        Request(line["text"], line["workflow"], tuple(line["also"]), line["style"], author or path.stem.split("-")[0])
        for line in lines
    ]


def written() -> list[Request]:
    """Read all requests that were written for training."""
    return [request for path in sorted(WRITTEN.glob("*.jsonl")) for request in read(path)]


def development() -> list[Request]:
    """Read the requests for development."""
    return read(DEVELOPMENT, "development")


def held_back() -> list[Request]:
    """Read the requests that only give the final figures."""
    return read(HELD_BACK, "held back")


def unlike(requests: Iterable[Request], others: Iterable[Request]) -> list[Request]:
    """Return the requests that are not nearly the same as any of the others."""
    seen = [_words(other.text) for other in others]
    return [request for request in requests if not any(_alike(_words(request.text), words) for words in seen)]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= ALIKE * max(1, len(one | other))


def with_typing_errors(requests: Iterable[Request], share: float, seed: int = 0) -> Iterator[Request]:
    """Yield some of the requests again, with typing errors."""
    chance = random.Random(seed)
    for request in requests:
        if chance.random() < share and len(request.text) < 400:
            yield request._replace(text=_mistyped(request.text, chance))


def _mistyped(text: str, chance: random.Random) -> str:
    letters = list(text)
    for _ in range(max(1, len(letters) // 30)):
        at = chance.randrange(len(letters))
        if not letters[at].isalpha():
            continue
        kind = chance.randrange(4)
        if kind == 0:
            letters[at] = ""
        elif kind == 1:
            letters[at] *= 2
        elif kind == 2 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        else:
            letters[at] = chance.choice("abcdefghijklmnoprstuvw")
        letters = [letter for letter in letters if letter] or ["x"]
    return "".join(letters)
