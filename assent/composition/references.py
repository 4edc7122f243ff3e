"""References: ``${input.table}``, ``${find.rows[0].name}``. A value that is one reference keeps its type.

Inside of a longer text, a reference is turned into text; ``$${`` stands for ``${`` itself. References are paths and
nothing else: nothing is evaluated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Protocol

Key = str | int

_START = re.compile(r"\$\$\{|\$\{")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_INDEX = re.compile(r"\[(?:(0|[1-9][0-9]{0,8})|\"((?:[^\"\\]|\\.)*)\")\]")


class ReferenceSyntaxError(ValueError):
    """A text is no valid template; the message says why, in one sentence."""


class MissingValueError(LookupError):
    """A reference leads nowhere; the message says where it ends."""


@dataclass(frozen=True)
class Reference:
    """A path to a value: the name that it starts from, and the keys from the outside in."""

    root: str
    keys: tuple[Key, ...]

    def __str__(self) -> str:
        words = self.root
        for key in self.keys:
            if isinstance(key, int):
                words += f"[{key}]"
            else:
                words += f".{key}" if _NAME.fullmatch(key) else f"[{json.dumps(key, ensure_ascii=False)}]"
        return f"${{{words}}}"


class Lookup(Protocol):
    """What gives the values of references."""

    def value(self, reference: Reference, inside_text: bool) -> Any:
        """Return the value. Raises MissingValueError."""
        ...


class Template(Protocol):
    """A value with references in it."""

    def resolve(self, lookup: Lookup) -> Any:
        """Return the value. Raises MissingValueError."""
        ...


@dataclass(frozen=True)
class Literal:
    """A value without references."""

    value: Any

    def resolve(self, lookup: Lookup) -> Any:
        return self.value


@dataclass(frozen=True)
class Whole:
    """A reference as the whole value."""

    reference: Reference

    def resolve(self, lookup: Lookup) -> Any:
        return lookup.value(self.reference, False)


@dataclass(frozen=True)
class Text:
    """A text with references in it."""

    parts: tuple[str | Reference, ...]

    def resolve(self, lookup: Lookup) -> Any:
        return "".join(
            part if isinstance(part, str) else as_text(lookup.value(part, True), part) for part in self.parts
        )


@dataclass(frozen=True)
class Fields:
    """A mapping with references in its values."""

    entries: tuple[tuple[str, Template], ...]

    def resolve(self, lookup: Lookup) -> Any:
        return {name: inside.resolve(lookup) for name, inside in self.entries}


@dataclass(frozen=True)
class Items:
    """A list with references in its entries."""

    entries: tuple[Template, ...]

    def resolve(self, lookup: Lookup) -> Any:
        return [inside.resolve(lookup) for inside in self.entries]


def as_text(value: Any, reference: Reference) -> str:
    """Return a value as it stands in a text. Raises MissingValueError: it is null."""
    if isinstance(value, str):
        return value
    if value is None:
        raise MissingValueError(f"{reference} is null, which cannot stand in a text.")
    return json.dumps(value, ensure_ascii=False)


def parse(text: str) -> Literal | Whole | Text:
    """Return the template of a text. Raises ReferenceSyntaxError."""
    if "${" not in text:
        return Literal(text)
    parts: list[str | Reference] = []
    at = 0
    while found := _START.search(text, at):
        if found.start() > at:
            parts.append(text[at : found.start()])
        if found[0] == "$${":
            parts.append("${")
            at = found.end()
        else:
            reference, at = _reference(text, found.end())
            parts.append(reference)
    if at < len(text):
        parts.append(text[at:])
    if len(parts) == 1 and isinstance(parts[0], Reference):
        return Whole(parts[0])
    if all(isinstance(part, str) for part in parts):
        return Literal("".join(map(str, parts)))
    return Text(tuple(parts))


def _reference(text: str, start: int) -> tuple[Reference, int]:
    """Return the reference whose name begins here, and where the text goes on after it."""
    end = text.find("}", start)
    shown = text[start : end if end >= 0 else start + 40]
    root = _NAME.match(text, start)
    if end < 0:
        raise ReferenceSyntaxError(f"The reference ${{{shown} is not closed: a brace }} is missing.")
    if root is None:
        if not shown.strip():
            raise ReferenceSyntaxError("The reference ${} is empty. Write $${ for the characters ${ themselves.")
        raise ReferenceSyntaxError(
            f"${{{shown}}} is not a reference such as ${{input.table}} or ${{find.rows[0].name}}. {_hint(shown)}"
        )
    keys: list[Key] = []
    at = root.end()
    while at < len(text) and text[at] != "}":
        if text[at] == "." and (name := _NAME.match(text, at + 1)):
            keys.append(name[0])
            at = name.end()
        elif index := _INDEX.match(text, at):
            keys.append(int(index[1]) if index[1] is not None else json.loads(f'"{index[2]}"'))
            at = index.end()
        else:
            raise ReferenceSyntaxError(f"${{{shown}}} is not a path of fields and [numbers]. {_hint(shown)}")
        if len(keys) > 50:
            raise ReferenceSyntaxError(f"${{{shown[:40]}…}} has more than 50 parts.")
    if at >= len(text):
        raise ReferenceSyntaxError(f"The reference ${{{shown} is not closed: a brace }} is missing.")
    return Reference(root[0], tuple(keys)), at + 1


def _hint(shown: str) -> str:
    if shown != shown.strip():
        return "Remove the blanks."
    if re.search(r"[+*/|&<>=?!(),]|[^\[]-", shown):
        return "References do not compute anything; conditions go under when, and computations in a tool."
    if "[" in shown:
        return 'Entries have whole numbers from 0, and odd names are in quotes: ["odd name"].'
    return "Write $${ for the characters ${ themselves."


def template_of(value: Any) -> Template:
    """Return the template of any value. Raises ReferenceSyntaxError."""
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, dict):
        return Fields(tuple((name, template_of(inside)) for name, inside in value.items()))
    if isinstance(value, list):
        return Items(tuple(template_of(inside) for inside in value))
    return Literal(value)


def step_into(value: Any, keys: tuple[Key, ...], reference: Reference) -> Any:
    """Return the part of a value that the keys lead to. Raises MissingValueError."""
    for at, key in enumerate(keys):
        try:
            if isinstance(value, list) and isinstance(key, int):
                value = value[key]
                continue
            if isinstance(value, dict) and isinstance(key, str):
                value = value[key]
                continue
        except (KeyError, IndexError):
            pass
        before = Reference(reference.root, reference.keys[: len(reference.keys) - len(keys) + at])
        raise MissingValueError(f"{reference} has no value: {_what(value, key, before)}.")
    return value


def _what(value: Any, key: Key, before: Reference) -> str:
    if value is None:
        return f"{before} is null"
    if isinstance(key, int):
        return f"{before} has {len(value)} entries" if isinstance(value, list) else f"{before} is not a list"
    return f"{before} has no field {key!r}" if isinstance(value, dict) else f"{before} has no fields"
