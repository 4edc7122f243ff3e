"""A strict reader of YAML as plain data, with the line of each part. Pure.

Only PyYAML's parser is used, so no objects are ever constructed. What a policy does not need is refused: a policy is
reviewed as it is written, so there are no anchors, merge keys, or tags, and no key may appear twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.domain.text import is_storable

Path = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_DEPTH = 20
MAX_NODES = 50_000

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?\d{1,15}")
_DECIMAL = re.compile(r"[-+]?\d+\.\d+")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}


class UnreadableError(Exception):
    """The text is not acceptable YAML, so nothing else about it can be checked."""

    def __init__(self, line: int, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.path = path


@dataclass
class Tree:
    """The data of a YAML text, and where each part is.

    Attributes:
        lines: the line, from 1, of each part: of the key in a mapping, of the item in a list.
        text_lines: the line on which each text itself begins.
        empty: fields and items without a value.
        complaints: line, path, and sentence of each problem that does not stop the reading.
    """

    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    text_lines: dict[Path, int] = field(default_factory=dict)
    empty: list[Path] = field(default_factory=list)
    complaints: list[tuple[int, Path, str]] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a part, or of the nearest enclosing one."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_tree(text: str) -> Tree:
    """Read one YAML document. Raises UnreadableError."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise UnreadableError(1, f"the file is larger than {MAX_BYTES:,} bytes")
    if not is_storable(text):
        raise UnreadableError(1, "there is a character in this file that no text may have")
    try:
        return _TreeReader(text).read()
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise UnreadableError(line, "there is a character here that YAML does not allow") from None


class _TreeReader:
    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._tree = Tree()
        self._nodes = 0

    def read(self) -> Tree:
        event = self._next()
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise UnreadableError(1, "the file is empty")
        self._tree.data = self._node(event, ())
        self._next()
        following = self._next()
        if isinstance(following, yaml.DocumentStartEvent):
            raise UnreadableError(_line(following), "a second document begins here; a policy is one document")
        return self._tree

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise UnreadableError(_line(event), f"the file has more than {MAX_NODES:,} values", path)
        if len(path) > MAX_DEPTH:
            raise UnreadableError(_line(event), f"values are nested more than {MAX_DEPTH} deep", path)
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableError(
                _line(event), f"*{event.anchor}: anchors and aliases are not taken; write the value out", path
            )
        self._tree.lines.setdefault(path, _line(event))
        if event.anchor:
            raise UnreadableError(
                _line(event), f"&{event.anchor}: anchors and aliases are not taken; write the value out", path
            )
        if event.tag and event.tag != "!":
            raise UnreadableError(
                _line(event),
                f"{event.tag} is a YAML tag, and none is taken; put a text that begins with ! in quotes",
                path,
            )
        if isinstance(event, yaml.ScalarEvent):
            block = event.style in ("|", ">")
            self._tree.text_lines[path] = _line(event) + (1 if block else 0)
            value = event.value if event.style else _plain(event.value)
            if value is None:
                self._tree.empty.append(path)
            return value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(path)
        return self._mapping(path)

    def _items(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._node(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise UnreadableError(_line(event), "a field's name must be a word", path)
            key, line = event.value, _line(event)
            inner = (*path, key)
            if key in found:
                first = self._tree.lines[inner]
                self._tree.complaints.append((line, inner, f"{key} stands here again; the first is on line {first}"))
                self._node(self._next(), (*path, key, "again"))
                continue
            self._tree.lines[inner] = line
            found[key] = self._node(self._next(), inner)
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _plain(text: str) -> Any:
    """The value of a scalar without quotes. Dates, and times such as 09:00, stay text."""
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _syntax(error: yaml.MarkedYAMLError, text: str) -> UnreadableError:
    mark = error.problem_mark or error.context_mark
    at = int(mark.line) if mark else 0
    lines = text.splitlines() or [""]
    for near in (at, at - 1):
        if 0 <= near < len(lines) and re.match(r" *\t", lines[near]):
            return UnreadableError(near + 1, "a tab character indents this line: use spaces")
    shown = lines[min(at, len(lines) - 1)].strip()[:60]
    problem = error.problem or error.context or "it cannot be read"
    hint = "; put the value in quotes, or write it under `|`" if '"' in shown or ": " in shown or "!" in shown else ""
    return UnreadableError(min(at + 1, len(lines)), f"this is not valid YAML ({problem}){hint}: {shown}")
