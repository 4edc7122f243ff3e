"""Comments at lines of what a request proposes: which texts have lines, and where a comment's line is now. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.plans import steps_of
from assent.contracts import calls_of

MAX_LINE_TEXT = 2_000
"""Characters of a line that are kept with a comment, and compared."""
_QUOTED = 200


@dataclass(frozen=True)
class LinePlace:
    """A line of a part of a proposal.

    Attributes:
        part: named as in `app.domain.risk.Finding`; empty for a script, which is one text.
        line: from 1.
        text: the line as it was when the comment was made.
    """

    part: str
    line: int
    text: str


def lines_of_text(text: str) -> list[str]:
    """The lines of a text as pages number them."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines


def texts_of(payload: Any) -> dict[str, str]:
    """The texts of a proposal whose lines can have comments, by their parts."""
    kind = payload.get("kind") if isinstance(payload, Mapping) else None
    if kind == "script":
        return {"": str(payload.get("content", ""))}
    if kind == "optimizations":
        return {str(item["id"]): str(item["statement"]) for item in payload.get("items", [])}
    if kind == "tool_call":
        return dict(_strings(payload.get("args"), ""))
    if kind == "tool_calls":
        return {
            f"{call['id']}/{path}": text for call in calls_of(payload) for path, text in _strings(call.get("args"), "")
        }
    return {
        f"{step['id']}/{path}": text for step in steps_of(payload) for path, text in _strings(step.get("inputs"), "")
    }


def place_in(payload: Any, part: str, line: int) -> LinePlace:
    """The place of a new comment. Raises InvalidInputError: there is no such part, or no such line."""
    text = texts_of(payload).get(part)
    if text is None:
        raise InvalidInputError("The proposal has no such part with lines.", {"part": "unknown"})
    lines = lines_of_text(text)
    if not 1 <= line <= len(lines):
        words = f"This text has {len(lines):,} {'line' if len(lines) == 1 else 'lines'}."
        raise InvalidInputError(words, {"line": words})
    return LinePlace(part, line, lines[line - 1][:MAX_LINE_TEXT])


class CurrentLines:
    """Where comments of earlier payloads and revisions stand in a payload."""

    def __init__(self, payload: Any) -> None:
        self._texts = texts_of(payload)
        self._at: dict[str, dict[str, list[int]]] = {}

    def line(self, place: LinePlace) -> int | None:
        """The line that still has the same text, the nearest one if there are several; None if there is none."""
        if place.part not in self._texts:
            return None
        found = self._lines(place.part).get(place.text, [])
        return min(found, key=lambda line: abs(line - place.line), default=None)

    def _lines(self, part: str) -> dict[str, list[int]]:
        if part not in self._at:
            at: dict[str, list[int]] = {}
            for number, line in enumerate(lines_of_text(self._texts[part]), 1):
                at.setdefault(line[:MAX_LINE_TEXT], []).append(number)
            self._at[part] = at
        return self._at[part]


def place_words(payload: Any, place: LinePlace) -> str:
    """The place in words, such as ``line 3 of the script``."""
    return f"line {place.line} of {part_words(payload, place.part)}"


def part_words(payload: Any, part: str) -> str:
    """What people call a part of a proposal."""
    if not part:
        return "the script"
    kind = payload.get("kind") if isinstance(payload, Mapping) else None
    if kind == "optimizations":
        titles = {item["id"]: item["title"] for item in payload.get("items", [])}
        return f"“{titles.get(part, part)}”"
    owner, _, path = part.partition("/")
    if kind == "tool_calls" and path:
        return f"{path} in call {owner}"
    if kind == "plan" and path:
        titles = {step["id"]: step.get("title", owner) for step in steps_of(payload)}
        return f"{path} in step “{titles.get(owner, owner)}”"
    return part


def quoted(text: str) -> str:
    """A line of code in a sentence."""
    words = text.strip()
    return words if len(words) <= _QUOTED else f"{words[:_QUOTED]}…"


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """The texts inside a value, by the paths that findings have as well (`app.risk.text.strings_in`)."""
    pending: list[tuple[str, Any]] = [(path, value)]
    known: set[str] = set()
    while pending:
        where, current = pending.pop()
        if isinstance(current, str):
            if where and where not in known:
                known.add(where)
                yield where, current
        elif isinstance(current, Mapping):
            pending += [(_step(where, name), inner) for name, inner in reversed(list(current.items()))]
        elif isinstance(current, list | tuple):
            pending += [(_step(where, at), inner) for at, inner in reversed(list(enumerate(current)))]


def _step(path: str, name: object) -> str:
    return f"{path}.{str(name)[:60]}"[-200:].lstrip(".")
