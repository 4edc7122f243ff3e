"""Values for the inputs of tools: those that were given by name, and those that the text of a request names.

A text is data here. It fills fields as it stands, with nothing in it evaluated, and only where the field's schema
accepts it; a field that it does not clearly name is asked about instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assent.composition.schema_views import View
from assent.conformance import MisfitError, check_schema
from assent.naming import snake
from workflows.coordinator.words import STOP_WORDS, VERBS, raw_words, words

_QUOTED = r"\"([^\"\n]{1,500})\"|'([^'\n]{1,500})'|“([^”\n]{1,500})”|`([^`\n]{1,500})`"
_BARE = r"([\w./:@\\~-]{0,199}[\w/\\~])"
_VALUE = rf"(?:{_QUOTED}|{_BARE})"
_PATH = re.compile(r"(?<![\w/])((?:~|\.{1,2})?/[\w./~+@-]{0,300}\w|[A-Za-z]:\\[\w.\\ -]{0,300}\w)")
_URL = re.compile(r"\bhttps?://[^\s\"'<>)]{1,1000}")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_HOST = re.compile(
    r"(?<![\w.-])(?:[a-z][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,5}|[a-z]{1,30}-[a-z0-9-]{0,30}\d[a-z0-9-]{0,30})(?![\w-])",
    re.IGNORECASE,
)
_SHAPES = (
    (frozenset({"path", "file", "folder", "directory", "filename"}), _PATH),
    (frozenset({"url", "uri", "link", "website"}), _URL),
    (frozenset({"email", "mail"}), _EMAIL),
    (frozenset({"date", "day", "since", "until"}), _DATE),
    (frozenset({"host", "hostname", "server", "machine", "instance"}), _HOST),
)
_WHOLE_TEXT = frozenset({"request", "question", "problem", "symptom", "symptoms", "text", "prompt"})
"""Fields that hold what somebody says."""
_LONGEST_BARE = 150
"""Characters from which on a value without quotes is not used, because only a part of it was matched."""
_READ = 4_000
"""Characters of a text that are searched for values. All patterns here are bounded, so that no text takes long."""
_SIMPLE = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True)
class Filled:
    """A value that was found; it may be null."""

    value: Any


@dataclass(frozen=True)
class Sources:
    """Where values come from.

    Attributes:
        given: by name, from the run's input and from answers.
        texts: the clause of the request, and then the whole request.
        vocabulary: basic forms of the words in names of tools, which are no values.
        targets: names of configured targets.
    """

    given: Mapping[str, Any]
    texts: tuple[str, ...]
    vocabulary: Collection[str] = ()
    targets: Collection[str] = ()


def fill(name: str, view: View, sources: Sources, tool: str, is_required: bool) -> Filled | None:
    """Return the value of a field; None: there is none. One that was given and does not fit is left out.

    A field that is not required is filled from the clause only, because the rest of the request is about other things.
    """
    for key in (f"{tool}.{name}", own_key(tool, name), name):
        if key in sources.given:
            return Filled(sources.given[key]) if fits(sources.given[key], view) else None
    for text in sources.texts if is_required else sources.texts[:1]:
        for found in _from_text(name, view, text[:_READ], sources):
            if fits(found, view):
                return Filled(found)
    return None


def own_key(tool: str, name: str) -> str:
    """Return the name of a value for a field of one tool only, where another tool's field of that name differs."""
    return f"{snake(tool) or tool}_{name}"


def said_by_name(name: str, view: View, text: str) -> Any:
    """Return the value that a text gives a field as ``name: value`` or ``name "value"``; None: it gives none."""
    types = view.types() - {"null"}
    for raw in _named(name, text[:_READ], None):
        for value in _typed(raw, types):
            if fits(value, view):
                return value
    return None


def whole_text(name: str, view: View, sources: Sources) -> Filled | None:
    """Return the clause itself as the value of a field that holds what somebody says; None: it is another field."""
    if name in _WHOLE_TEXT and sources.texts and fits(sources.texts[0], view):
        return Filled(sources.texts[0])
    return None


def only_quoted(view: View, sources: Sources) -> Filled | None:
    """Return the only text in quotes of the clause; None: there is none, or more than one."""
    found = [_first_group(match) for match in re.finditer(_QUOTED, sources.texts[0])] if sources.texts else []
    return Filled(found[0]) if len(found) == 1 and fits(found[0], view) else None


def fits(value: Any, view: View) -> bool:
    """Return whether a value fits a schema."""
    if not isinstance(view.schema, dict):
        return view.schema is not False
    try:
        check_schema(value, view.standalone(), "")
    except MisfitError:
        return False
    return True


def can_be_asked(view: View) -> bool:
    """Return whether people can be asked for a value: a text, a number, yes or no, or a list of such."""
    for plain in view.alternatives():
        if plain.types() <= _SIMPLE | {"null"}:
            return True
        entry = plain.entry() if plain.types() == {"array"} else None
        if entry is not None and entry.types() <= _SIMPLE:
            return True
    return False


def literal(value: Any) -> Any:
    """Return a value in which nothing is a reference: ``${`` is written as ``$${``."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: literal(inside) for name, inside in value.items()}
    return [literal(inside) for inside in value] if isinstance(value, list) else value


def _from_text(name: str, view: View, text: str, sources: Sources) -> Iterator[Any]:
    types = view.types() - {"null"}
    for raw in _named(name, text, sources.vocabulary):
        yield from _typed(raw, types)
    for choice in _choices(view):
        if re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", text, re.IGNORECASE):
            yield choice
    parts = name.lower().split("_")
    if types & {"integer", "number"}:
        for part in parts:
            unit = part.rstrip("s")
            with_unit = rf"(?<![\d.,])(\d[\d.,]{{0,20}})\s{{0,3}}{re.escape(unit)}s?\b"
            if len(unit) > 1 and (found := re.search(with_unit, text, re.IGNORECASE)):
                yield from _typed(found[1], types)
    if "string" not in types:
        return
    for known, shape in _SHAPES:
        if known & set(parts) and (found := shape.search(text)) and len(found[0]) < _LONGEST_BARE:
            yield found[0]
    if parts == ["target"]:
        said = set(raw_words(text))
        for target in sorted(sources.targets):
            if set(raw_words(target)) <= said:
                yield target


def _named(name: str, text: str, vocabulary: Collection[str] | None) -> Iterator[str]:
    """Yield the values that a text gives a field by its name: ``days: 3``, ``the table orders``, ``the orders table``.

    A bare word beside it is a value only if it could not be a part of what is needed, and never without a vocabulary.
    """
    spelled = r"[\s_-]".join(map(re.escape, name.split("_")))
    for found in re.finditer(rf"(?<!\w){spelled}\s{{0,3}}[:=]\s{{0,3}}{_VALUE}", text, re.IGNORECASE):
        if found[5] is None or len(found[5]) < _LONGEST_BARE:
            yield _first_group(found)
    patterns = (
        rf"(?<!\w){spelled}\s{{1,3}}(?:(?:is|named|called)\s{{1,3}})?{_VALUE}",
        rf"(?<![\w./:@\\~-]){_VALUE}\s{{1,3}}{spelled}(?!\w)",
    )  # fmt: skip
    for pattern in patterns:
        for found in re.finditer(pattern, text, re.IGNORECASE):
            value = _first_group(found)
            bare_fits = vocabulary is not None and len(value) < _LONGEST_BARE and _is_value(value, vocabulary)
            if found[5] is None or bare_fits:
                yield value


def _is_value(word: str, vocabulary: Collection[str]) -> bool:
    plain = word.lower().strip("./:-")
    if plain in STOP_WORDS or plain in VERBS or plain in ("named", "called"):
        return False
    return not set(words(word)) & set(vocabulary)


def _first_group(found: re.Match[str]) -> str:
    return next(group for group in found.groups() if group is not None)


def _typed(raw: str, types: Collection[str]) -> Iterator[Any]:
    """Yield what a text can mean as a value of these types."""
    number = raw.replace(",", "")
    if "integer" in types and re.fullmatch(r"-?\d{1,15}", number):
        yield int(number)
    elif "number" in types and re.fullmatch(r"-?\d{1,15}(?:\.\d{1,15})?", number):
        yield float(number) if "." in number else int(number)
    if "boolean" in types and raw.lower() in ("true", "yes", "on", "false", "no", "off"):
        yield raw.lower() in ("true", "yes", "on")
    if "string" in types:
        yield raw
    if "array" in types:
        yield [part.strip() for part in raw.split(",") if part.strip()]


def _choices(view: View) -> list[str]:
    found: list[str] = []
    for plain in view.alternatives():
        schema = plain.schema if isinstance(plain.schema, dict) else {}
        options = schema.get("enum") or ([schema["const"]] if "const" in schema else ())
        found += [choice for choice in options if isinstance(choice, str) and len(choice) > 1]
    return found
