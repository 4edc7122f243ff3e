"""What the functions of the toolkit do, in words of our own, with a call of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("descriptions-4.2.0.txt")


@dataclass(frozen=True)
class Description:
    """What a function does.

    Attributes:
        text: Two or three sentences: its purpose, and when to use it.
        asked: How people ask for it.
        example: A call of it, as it may stand in a script.
    """

    text: str
    asked: tuple[str, ...]
    example: str


@cache
def descriptions() -> dict[str, Description]:
    """Return the descriptions by the names of the functions, read on first use."""
    found: dict[str, Description] = {}
    for part in FILE.read_text(encoding="utf-8").split("\n## ")[1:]:
        name, *lines = part.strip().splitlines()
        text = " ".join(line for line in lines if line[:1] not in "?>")
        asked = [phrase.strip() for line in lines if line.startswith("?") for phrase in line[1:].split(";")]
        example = "\n".join(line[1:].strip() for line in lines if line.startswith(">"))
        found[name] = Description(text, tuple(phrase for phrase in asked if phrase), example)
    return found
