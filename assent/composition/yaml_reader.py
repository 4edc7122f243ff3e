"""A strict reader of YAML: plain JSON values, with the place of each part.

Only PyYAML's parser is used, so that no objects are ever made. Whatever makes YAML surprising is refused, with what to
write instead: anchors and aliases (which can expand to gigabytes), merge keys, tags, duplicate keys, several
documents, and words that other readers take for something else (``yes``, ``on``, ``012``, dates).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from assent.composition.mistakes import CompositionError, Mistake, Path, field_of

MAX_BYTES = 500_000
"""Largest workflow file."""
MAX_DEPTH = 30
"""Deepest nesting of mappings and lists."""
MAX_VALUES = 50_000
"""Most values and keys."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]{1,2})?")
_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_TEXTS = {"yes": "true", "no": "false", "on": "true", "off": "false"}
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_ODD_NUMBER = re.compile(
    r"[-+]?0[0-9_]+|[-+]?0[xob][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*_[0-9_]+|[-+]?\.(?:inf|nan)|[0-9]+(?::[0-5]?[0-9])+"
    r"|[-+]?[0-9]{19,}|[-+]?[0-9]*\.[0-9]*[eE]?[-+]?[0-9]*|[-+]?[0-9]+[eE][-+]?[0-9]+",
    re.IGNORECASE,
)
_UNUSABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass
class Tree:
    """The values of a YAML text, and where each part is.

    Attributes:
        places: line and column, from 1, of each part: of the key in a mapping, of the item in a list.
        values: line and column of each value itself.
        mistakes: those that do not keep the rest from being read.
    """

    data: Any = None
    file: str = ""
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    def mistake(self, path: Path, message: str, line_within: int = 0) -> Mistake:
        """Return a mistake at a part of the file, or at the nearest part around it.

        Args:
            line_within: the line within a text that stands there, from 0.
        """
        near = path
        while near and near not in self.places:
            near = near[:-1]
        line, column = self.places.get(near, (1, 1))
        if line_within:
            line, column = self.values.get(near, (line, column))[0] + line_within, 1
        return Mistake(line, column, field_of(path), message, self.file)


def read_tree(content: bytes | str, file: str = "") -> Tree:
    """Read one YAML document.

    Raises:
        CompositionError: it cannot be read at all. Lesser mistakes are in `Tree.mistakes`.
    """
    text = _text(content, file)
    try:
        return _Reader(text, file).read()
    except yaml.MarkedYAMLError as error:
        raise CompositionError([_syntax(error, text, file)]) from None
    except yaml.reader.ReaderError as error:
        at = error.position if isinstance(error.position, int) else 0
        line = text.count("\n", 0, at) + 1
        message = "There is a character here that YAML does not allow."
        raise CompositionError([Mistake(line, 1, "", message, file)]) from None


def _text(content: bytes | str, file: str) -> str:
    """Return the text. Raises CompositionError: too large, not UTF-8, or with characters that no text should have."""
    size = len(content) if isinstance(content, bytes) else len(content.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        message = f"The file has {size:,} bytes; a workflow has at most {MAX_BYTES:,}."
        raise CompositionError([Mistake(1, 1, "", message, file)])
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            message = "This is not UTF-8. Save the file in that encoding."
            raise CompositionError([Mistake(line, 1, "", message, file)]) from None
    if odd := _UNUSABLE.search(content):
        before = content[: odd.start()]
        line, column = before.count("\n") + 1, odd.start() - (before.rfind("\n") + 1) + 1
        message = f"The character U+{ord(odd[0]):04X} cannot be used."
        raise CompositionError([Mistake(line, column, "", message, file)])
    return content


class _Reader:
    """Reads one document, event by event."""

    def __init__(self, text: str, file: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._tree = Tree(file=file)
        self._values = 0

    def read(self) -> Tree:
        event = next(self._events)
        while isinstance(event, yaml.StreamStartEvent | yaml.DocumentStartEvent):
            event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            raise self._end(event, (), "The file is empty.")
        self._tree.data = self._node(event, ())
        next(self._events)
        following = next(self._events)
        if isinstance(following, yaml.DocumentStartEvent):
            raise self._end(following, (), "A second document begins here; a file has one workflow.")
        return self._tree

    def _node(self, event: Any, path: Path) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise self._end(event, path, f"The file has more than {MAX_VALUES:,} values.")
        if len(path) > MAX_DEPTH:
            raise self._end(event, path, f"Values are nested more than {MAX_DEPTH} levels deep.")
        anchor = getattr(event, "anchor", None)
        if anchor:
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise self._end(event, path, f"{sign}{anchor}: anchors and aliases are not supported. Write the value out.")
        self._tree.places.setdefault(path, _place(event))
        self._tree.values[path] = _place(event)
        if event.tag and event.tag != "!":
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._end(
                event, path, f"{shown} is a YAML tag; tags are not supported. Put a text that begins with ! in quotes."
            )
        if isinstance(event, yaml.ScalarEvent):
            if event.style in ("|", ">"):
                line, column = self._tree.values[path]
                self._tree.values[path] = (line + 1, column)
            return event.value if event.style else self._plain(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(path)
        return self._mapping(path)

    def _items(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._node(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._end(event, path, "The name of a field must be a word. Put a text with braces in quotes.")
            if event.anchor or event.tag:
                self._node(event, path)
            key, inner = event.value, (*path, event.value)
            if key == "<<" and not event.style:
                raise self._end(event, path, "Merge keys (<<) are not supported. Write the fields out.")
            if key in found:
                first = self._tree.places[inner][0]
                line, column = _place(event)
                message = f"{key} is here twice; the first one is on line {first}."
                self._tree.mistakes.append(Mistake(line, column, field_of(inner), message, self._tree.file))
                self._node(next(self._events), (*path, key, "again"))
                continue
            self._tree.places[inner] = _place(event)
            found[key] = self._node(next(self._events), inner)
        return found

    def _plain(self, event: Any, path: Path) -> Any:
        """Return the value of a scalar without quotes."""
        text = event.value
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        if problem := _ambiguous(text):
            line, column = _place(event)
            self._tree.mistakes.append(Mistake(line, column, field_of(path), problem, self._tree.file))
        return text

    def _end(self, event: Any, path: Path, message: str) -> CompositionError:
        line, column = _place(event)
        found = Mistake(line, column, field_of(path), message, self._tree.file)
        return CompositionError([*self._tree.mistakes, found])


def _ambiguous(text: str) -> str:
    """Return what to write instead of a word that readers of YAML understand differently; empty if it is clear."""
    lower = text.lower()
    if lower in _WORDS:
        return f"{text} is written {lower}; put it in quotes if it is meant as a text."
    if lower in _TEXTS:
        return f"{text} is true or false to some readers. Write {_TEXTS[lower]}, or put it in quotes."
    if _DATE.fullmatch(text):
        return f"{text} is a date to some readers. Put it in quotes."
    if _ODD_NUMBER.fullmatch(text) and any(char.isalnum() for char in text):
        return f"{text} is a number that readers understand differently. Put it in quotes, or write it in full."
    return ""


def _place(event: Any) -> tuple[int, int]:
    return int(event.start_mark.line) + 1, int(event.start_mark.column) + 1


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> Mistake:
    mark = error.problem_mark or error.context_mark
    at, column = (int(mark.line), int(mark.column)) if mark else (0, 0)
    lines = text.splitlines() or [""]
    at = min(at, len(lines) - 1)
    for near in (at, at - 1):
        if near >= 0 and re.match(r" *\t", lines[near]):
            return Mistake(near + 1, 1, "", "A tab character indents this line. Use spaces.", file)
    problem = error.problem or error.context or "it cannot be read"
    shown = lines[at].strip()[:60]
    hints = {
        "mapping values are not allowed": "Put a text with a colon in quotes, or check the indentation.",
        "found undefined alias": "Put a text that begins with * in quotes.",
        "did not find expected key": "Check the indentation, and whether a quotation mark is missing.",
        "did not find expected whitespace": "Put a text that begins with ! in quotes.",
        "did not find expected ',' or '}'": "Put a text with braces in quotes, such as '${find.count}'.",
        "did not find expected ',' or ']'": "Put a text with brackets or braces in quotes.",
        "found unexpected end of stream": "A quotation mark is missing.",
        "cannot start any token": "Put a text that begins with this character in quotes.",
    }
    hint = next((words for start, words in hints.items() if start in problem), "")
    if problem.startswith("found undefined alias") or "alias" in problem:
        hint = "Anchors and aliases are not supported. Put a text that begins with * in quotes."
    message = f"This is not valid YAML ({problem}): {shown}. {hint}".strip()
    return Mistake(at + 1, column + 1, "", message, file)
