"""A tool call as it is read: the words of its name, and its arguments as texts with paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

MOST_ARGUMENTS = 2_000
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ENTRY = re.compile(r"(?:\.[0-9]+)+$")
_NESTED = 4
"""How deep JSON may be nested in texts."""
_LONGEST_ACTION = 60
_MOST_ACTION_WORDS = 4
HTTP_METHODS = frozenset(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"))


def words_in(name: str) -> list[str]:
    """Return the words of a name in snake, camel, or kebab case, in lower case."""
    return [word.lower() for word in _WORDS.findall(name[:300])]


@dataclass(frozen=True)
class _Named:
    """Something at a path among a call's arguments, such as ``filter.sql``; entries of lists have their number."""

    path: str

    @cached_property
    def key(self) -> str:
        """The last name of the path; an entry of a list has the name of the list."""
        return _ENTRY.sub("", self.path).rpartition(".")[2]

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of its name."""
        return frozenset(words_in(self.key))


@dataclass(frozen=True)
class Argument(_Named):
    """A text among a call's arguments.

    Attributes:
        text: The text.
        inside: How many JSON texts it is nested in; its lines are not those of the argument then.
    """

    text: str
    inside: int = 0


@dataclass(frozen=True)
class Setting(_Named):
    """A value among a call's arguments, with the names that lead to it."""

    value: Any

    @cached_property
    def plain(self) -> str:
        """Its name in lower case without separators."""
        return "".join(words_in(self.key))

    @cached_property
    def all_words(self) -> list[str]:
        """The words of the last two names, such as ``mfa required``."""
        return words_in("_".join(part for part in self.path.split(".")[-2:] if not part.isdigit()))

    @property
    def text(self) -> str:
        """The value as a text; empty if it is none."""
        return self.value.strip() if isinstance(self.value, str) else ""


@dataclass
class ToolCall:
    """A tool call.

    Attributes:
        tool: The tool's name.
        args: Its arguments.
        documents: The paths of the arguments that have been read as documents.
        reads: The policy registers the tool as one that only reads: its name says nothing about what it does.
        judged: What has said more of what the call does than its name can: ``paths``, ``program``, or ``code``; empty
            if nothing has.
    """

    tool: str
    args: Any
    reads: bool = False
    documents: tuple[str, ...] = ()
    judged: str = ""
    own: str = field(init=False)
    """The name without its server, such as ``query`` for ``mcp__postgres__query``."""

    def __post_init__(self) -> None:
        self.own = re.split(r"__|[./:]", self.tool.strip())[-1] or self.tool

    @cached_property
    def words(self) -> list[str]:
        """The words of the tool's own name."""
        return words_in(self.own)

    @cached_property
    def action(self) -> list[str]:
        """The words of an argument that names what is to be done, such as ``delete``; none if there is none."""
        text = self.text("action", "operation", "op", "do", "actiontype", "operationtype", "mode", "intent")
        if not text and (method := self.text("verb", "method")).upper() not in HTTP_METHODS:
            # A method of HTTP says nothing about what the other side does with it.
            text = method
        command = self.text("command", "cmd")
        if not text and re.fullmatch(r"[A-Za-z][\w.:-]*", command):
            # A single word may be what the tool is to do rather than a program.
            text = command
        words = words_in(text) if len(text) <= _LONGEST_ACTION and not re.search(r"[^\w .:/-]", text) else []
        return words if len(words) <= _MOST_ACTION_WORDS else []

    @cached_property
    def all_words(self) -> list[str]:
        """The words of the whole name, with that of its server."""
        return words_in(self.tool)

    @cached_property
    def plain(self) -> str:
        """The own name in lower case without separators, such as ``todowrite``."""
        return "".join(self.words)

    @cached_property
    def texts(self) -> list[Argument]:
        """All texts among the arguments, also those in JSON that is itself a text, without the names of fields."""
        return list(islice(_texts(self.args, "", 0), MOST_ARGUMENTS))

    @cached_property
    def settings(self) -> list[Setting]:
        """All values among the arguments, and empty lists and objects, also those in JSON that is itself a text."""
        return list(_settings(self.args))

    @property
    def plain_texts(self) -> list[Argument]:
        """The texts that are not in documents."""
        within = tuple(f"{path}." for path in self.documents)
        if "" in self.documents:
            return []
        return [found for found in self.texts if not f"{found.path}.".startswith(within)] if within else self.texts

    @cached_property
    def named_language(self) -> list[str]:
        """The words of the language that an argument names."""
        return words_in(self.text("language", "lang", "runtime", "interpreter", "shell", "kernel"))

    @cached_property
    def _values(self) -> dict[str, Any]:
        """The arguments by their names without case and separators; of several with one such name, the first."""
        values: dict[str, Any] = {}
        for key, value in self.args.items() if isinstance(self.args, Mapping) else ():
            values.setdefault("".join(words_in(str(key))), value)
        return values

    def value(self, *names: str) -> Any:
        """Return the first of the arguments with these names, whatever the case and the separators of its name."""
        values = self._values
        for name in names:
            if name in values:
                return values[name]
        return None

    def text(self, *names: str) -> str:
        """Return the first of the arguments with these names that is a text; empty if there is none."""
        values = self._values
        for name in names:
            if isinstance(value := values.get(name), str):
                return value
        return ""


def _texts(value: Any, path: str, inside: int) -> Iterator[Argument]:
    pending: list[tuple[str, Any, int]] = [(path, value, inside)]
    while pending:
        where, current, depth = pending.pop()
        if isinstance(current, str):
            parsed = json_in(current) if depth < _NESTED else None
            if parsed is not None:
                pending.append((where, parsed, depth + 1))
            else:
                yield Argument(where, current, depth)
        elif isinstance(current, Mapping):
            pending += [(_step(where, name), inner, depth) for name, inner in reversed(list(current.items()))]
        elif isinstance(current, (list, tuple)):
            pending += [(_step(where, number), inner, depth) for number, inner in reversed(list(enumerate(current)))]


def json_in(text: str, longest: int = 100_000) -> Any:
    """Return the list or object that a text of at most so many characters is as JSON; None if it is none."""
    stripped = text.strip()
    if len(stripped) < 2 or stripped[0] not in '{["' or len(stripped) > longest:
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def _step(path: str, name: object) -> str:
    # Paths are for people; a very deep one need not be complete.
    return f"{path}.{str(name)[:60]}"[-200:].lstrip(".")


def _settings(args: Any) -> Iterator[Setting]:
    pending: list[tuple[str, Any]] = [("", args)]
    count = 0
    while pending and count < MOST_ARGUMENTS:
        path, value = pending.pop()
        count += 1
        if isinstance(value, Mapping) and value:
            pending += [(_step(path, name), inner) for name, inner in reversed(list(value.items()))]
        elif isinstance(value, Sequence) and not isinstance(value, str) and value:
            pending += [(f"{path}.{index}", inner) for index, inner in reversed(list(enumerate(value)))]
        elif isinstance(value, str) and (inner := json_in(value)):
            pending.append((path, inner))
        else:
            yield Setting(path, value)
