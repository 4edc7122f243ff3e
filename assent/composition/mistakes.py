"""Mistakes in a workflow file: where each is, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from assent.errors import AssentError
from assent.naming import closest

Path = tuple[str | int, ...]
MOST_MISTAKES = 50
"""More are not reported."""
_LONGEST_MESSAGE = 800
_LONGEST_FIELD = 200


@dataclass(frozen=True, order=True)
class Mistake:
    """One mistake.

    Attributes:
        line, column: where it is, from 1.
        field: the field, such as ``steps[2].inputs.table``; empty: the file as a whole.
        message: what is wrong and what to do, in one line.
        file: the workflow file.
    """

    line: int
    column: int
    field: str
    message: str
    file: str = ""

    def __post_init__(self) -> None:
        for name, most in (("message", _LONGEST_MESSAGE), ("field", _LONGEST_FIELD)):
            if len(value := getattr(self, name)) > most:
                object.__setattr__(self, name, f"{value[:most]}…")

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.file else f"{self.line}:{self.column}"
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class CompositionError(AssentError, ValueError):
    """A workflow file cannot be used.

    Attributes:
        mistakes: the first ones, by line.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(mistakes)[:MOST_MISTAKES]
        super().__init__("\n".join(map(str, self.mistakes)))


def field_of(path: Path) -> str:
    """Return a path as it is written in messages: ``steps[2].inputs.table``."""
    words = ""
    for part in path:
        if isinstance(part, int):
            words += f"[{part}]"
        else:
            name = part if part.replace("_", "a").replace("-", "a").isalnum() else json.dumps(part, ensure_ascii=False)
            words += f".{name}" if words else name
    return words


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a suggestion such as `` Did you mean inputs?``; empty if nothing similar is known."""
    near = closest(word, map(str, known))
    return f" Did you mean {near}?" if near else ""


def listed(words: Iterable[str], last: str = "or", most: int = 12) -> str:
    """Return ``a, b, or c``; of more than `most`, the first ones and an ellipsis."""
    names = list(words)
    if len(names) > most:
        return f"{', '.join(names[:most])}, …"
    if len(names) < 3:
        return f" {last} ".join(names)
    return f"{', '.join(names[:-1])}, {last} {names[-1]}"
