"""What a text says for the start form of a workflow: hosts, databases, paths, dates, and values of lists.

A value is filled in only where the input schema has a field that fits, and people see the form before anything starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from assent.routing.text import folded, readable

_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_USUAL_WORDS = (
    "is are was the a an and or that which we it has have with for of on in to slow down full server servers cluster "
    "team today again since by our my this behind at not be needs will would from names name called"
)
_NOT_NAMES = frozenset(_USUAL_WORDS.split())
_OF_KIND = {
    "database": (
        rf"\b(?:database|db|datenbank|schema|base de donnees|base)\s+[\"'“]?(?P<value>{_NAME})",
        rf"\b(?:the|our|on|of|for|der|die|in|auf|la|le)\s+[\"'“]?(?P<value>{_NAME})[\"'”]?\s+"
        r"(?:database|db|datenbank|schema)\b",
    ),
    "host": (
        rf"\b(?:host|server|machine|node|vm|instance|box|rechner|serveur|servidor)\s+[\"'“]?(?P<value>{_NAME})",
        r"\b(?!(?:inc|chg|req|ritm|prb|case|ora|ticket)[-_#]?\d)"
        r"(?P<value>[A-Za-z]\w*(?:-\w+)*-?\d+(?:\.[a-z][\w.-]+)?)\b",
    ),
    "path": (r"(?<![\w/])(?P<value>(?:/[\w.@+-]+){2,}/?|[A-Za-z]:\\[\w\\. -]+\w|\\\\[\w.$-]+\\[\w\\.$ -]+\w)",),
    "address": (r"\b(?P<value>\d{1,3}(?:\.\d{1,3}){3})\b",),
    "url": (r"(?P<value>https?://[^\s\"'<>]+[^\s\"'<>.,;:!?)])",),
    "date": (r"\b(?P<value>\d{4}-\d\d-\d\d)\b",),
}
# Which words in the name or title of a field say that it wants a value of that kind.
_WANTED = {
    "database": {"database", "databases", "db", "schema", "target"},
    "host": {"host", "hosts", "hostname", "server", "machine", "instance", "node", "vm", "target"},
    "path": {"path", "file", "folder", "directory", "repository", "repo", "source"},
    "address": {"address", "ip"},
    "url": {"url", "link", "endpoint", "repository", "repo"},
    "date": {"date", "day", "since", "from", "start", "after", "until", "to", "before", "end"},
}
_TEXT_FIELDS = frozenset({"question", "request", "need", "problem", "symptom", "goal"})
_ENVIRONMENTS = {
    "production": r"\b(?:production|prod|produktion|produktiv|prd)\b", "staging": r"\b(?:staging|stage|preprod|uat)\b",
    "test": r"\b(?:test|testing)\b", "development": r"\b(?:development|dev)\b", "sample": r"\bsample\b",
}  # fmt: skip
MOST = 20
"""Fields that are filled at most."""


def inputs_of(text: str, schema: Any) -> dict[str, Any]:
    """Return values for the properties of an input schema that the text names.

    Args:
        schema: A JSON Schema of an object; anything else yields nothing.
    """
    if not isinstance(schema, Mapping) or not isinstance(properties := schema.get("properties"), Mapping):
        return {}
    read = readable(text)
    found: dict[str, Any] = {}
    for name, definition in properties.items():
        if len(found) >= MOST:
            break
        value = _value(read, str(name), _resolved(definition, schema))
        if value is not None:
            found[name] = value
    return found


def _resolved(definition: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The definition of a property, with what it refers to in the same schema, and without the choice of null."""
    if not isinstance(definition, Mapping):
        return {}
    if isinstance(ways := definition.get("anyOf"), list):
        others = [way for way in ways if isinstance(way, Mapping) and way.get("type") != "null"]
        definition = {**definition, **others[0]} if len(others) == 1 else definition
    reference = definition.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/$defs/"):
        target = (schema.get("$defs") or {}).get(reference.removeprefix("#/$defs/"))
        return {**target, **definition} if isinstance(target, Mapping) else definition
    return definition


def _value(text: str, name: str, definition: Mapping[str, Any]) -> Any:
    choices = definition.get("enum")
    if isinstance(choices, list):
        return _chosen(text, choices)
    if definition.get("type") != "string":
        return None
    words = {part for part in re.split(r"[_\W]+", f"{name} {definition.get('title', '')}".lower()) if part}
    if "environment" in words:
        named = [name for name, pattern in _ENVIRONMENTS.items() if re.search(pattern, folded(text))]
        return named[0] if len(named) == 1 else None
    if words & _TEXT_FIELDS:
        return text if len(text) <= int(definition.get("maxLength", len(text))) else None
    for kind, wanted in _WANTED.items():
        if words & wanted and (value := _named(text, kind)) and _fits(value, definition):
            return value
    return None


def _chosen(text: str, choices: list[Any]) -> Any:
    """The only value of a list that the text names as a word of its own."""
    low = folded(text)
    words = [choice for choice in choices if isinstance(choice, str) and len(choice) > 2]
    named = [word for word in words if re.search(rf"(?<![\w-]){re.escape(folded(word))}(?![\w-])", low)]
    return named[0] if len(named) == 1 else None


def _named(text: str, kind: str) -> str:
    """The only value of a kind in the text; empty if there is none, or several."""
    for pattern in _OF_KIND[kind]:
        values = dict.fromkeys(found["value"] for found in re.finditer(pattern, text, re.IGNORECASE))
        usable = [value for value in values if value.lower() not in _NOT_NAMES and len(value) > 1]
        if usable:
            return usable[0] if len(usable) == 1 else ""
    return ""


def _fits(value: str, definition: Mapping[str, Any]) -> bool:
    if len(value) > int(definition.get("maxLength", len(value))) or len(value) < int(definition.get("minLength", 0)):
        return False
    pattern = definition.get("pattern")
    # A pattern of somebody else's could take forever; names are short, and only plain classes of characters are tried.
    if not isinstance(pattern, str):
        return True
    return len(value) <= 200 and not re.search(r"[()|]", pattern) and re.search(pattern, value) is not None
