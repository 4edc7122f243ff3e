"""Checks values against JSON Schemas; the messages tell people what to correct.

References are resolved inside the schema only; nothing is fetched. The cost of a check is bounded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from jsonschema.exceptions import ValidationError
from referencing.exceptions import Unresolvable

from assent.schemas import SchemaError, check
from assent.validator import TooMuchWorkError, are_fewer, errors_of

_MAX_MESSAGES = 50
_LONGEST = 300
_SHORT = 20_000
"""Longest schema that is cached, in characters."""
_TYPES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}
FORMATS = {
    "date": "a date, such as 2026-11-27",
    "time": "a time with its offset, such as 09:30:00Z",
    "date-time": "a date and time with its offset, such as 2026-11-27T09:30:00Z",
    "duration": "a duration, such as P3DT12H",
    "email": "an email address",
    "uri": "a web address, such as https://example.org/",
    "uuid": "a UUID",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
    "hostname": "a host name",
    "regex": "a regular expression",
}
"""Formats in plain words, to complete "This must be …"."""


class MisfitError(ValueError):
    """A value does not fit its schema, or the schema is invalid.

    Attributes:
        message: the problem, in one sentence.
        fields: the problem with each invalid field.
    """

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(f"{message} {fields}" if fields else message)
        self.message = message
        self.fields = fields or {}


@lru_cache(maxsize=128)
def _usable(schema: str) -> Any:
    """Parse a schema and check that it is usable; cached, because this takes longer than checking most values.

    Raises:
        SchemaError: it is not usable.
    """
    document = json.loads(schema)
    check(document)
    return document


def check_is_schema(schema: Any, field: str) -> None:
    """Raise MisfitError for `field` unless this is a usable JSON Schema, or None."""
    if schema is None:
        return
    try:
        check(schema)
    except SchemaError as error:
        raise MisfitError("This JSON Schema cannot be used.", {field: str(error)[:_LONGEST]}) from None


def check_schema(value: Any, schema: Any, root: str) -> None:
    """Raise MisfitError, with a message per field, unless `value` fits the JSON Schema.

    Fields are named by `root` and their path, joined by dots; items of a list are numbered from 0.
    """
    if schema is None:
        return
    try:
        text = json.dumps(schema)
        errors = errors_of(value, _usable(text) if len(text) <= _SHORT else _usable.__wrapped__(text))
    except TooMuchWorkError:
        if are_fewer():
            raise
        raise MisfitError("Checking this against its schema takes too long.", {root: "too much to check"}) from None
    except SchemaError as error:
        raise MisfitError(f"The schema of this proposal cannot be used: {str(error)[:_LONGEST]}") from None
    except (RecursionError, TypeError, ValueError, LookupError, AttributeError, Unresolvable) as error:
        # A reference can point to a place that no keyword marks as a schema.
        raise MisfitError(f"The schema of this proposal cannot be used: {str(error)[:_LONGEST]}") from error
    if errors:
        messages = sorted((found for error in errors for found in _messages(error)), key=lambda found: found[0])
        fields: dict[str, str] = {}
        for path, words in messages[:_MAX_MESSAGES]:
            fields.setdefault(".".join([root, *path]), words[:_LONGEST])
        raise MisfitError("The value does not fit the schema.", fields)


def _messages(error: ValidationError) -> Iterator[tuple[list[str], str]]:
    """Yield the path of each invalid part, with a message."""
    meant = _likely_errors(error) if error.validator in ("anyOf", "oneOf") else []
    if meant:
        for alternative in meant:
            yield from _messages(alternative)
        return
    path = list(map(str, error.absolute_path))
    if error.validator == "required" and isinstance(error.instance, dict):
        wanted: Any = error.validator_value
        for name in wanted:
            if name not in error.instance:
                yield [*path, str(name)], "This field is required."
        return
    yield path, _words(error)


def _likely_errors(error: ValidationError) -> list[ValidationError]:
    """Return the errors of the alternative that was probably meant: the only one of the value's own type."""
    alternatives: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        alternatives.setdefault(inner.schema_path[0], []).append(inner)
    likely = [errors for errors in alternatives.values() if not any(_is_other(error) for error in errors)]
    return likely[0] if len(likely) == 1 else []


def _is_other(error: ValidationError) -> bool:
    depth = len(error.relative_path)
    return (error.validator == "type" and depth == 0) or (error.validator in ("const", "enum") and depth <= 1)


def _words(error: ValidationError) -> str:
    say = _WORDS.get(str(error.validator))
    try:
        return say(error.validator_value, error.instance) if say else error.message
    except (TypeError, ValueError, KeyError):
        return error.message


def _count(number: Any, thing: str, several: str = "") -> str:
    return f"{number:,} {thing if number == 1 else several or thing + 's'}"


def _type(wanted: Any, _value: Any) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return f"This must be {' or '.join(_TYPES[name] for name in names)}."


def _shortest(least: Any, value: Any) -> str:
    if not value:
        return "This field is required."
    return f"At least {_count(least, 'character')}; this has {len(value):,}."


def _format(name: Any, _value: Any) -> str:
    return f"This must be {FORMATS.get(name, f'of the format {name}')}."


_WORDS: dict[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "format": _format,
    "minLength": _shortest,
    "maxLength": lambda most, value: f"At most {_count(most, 'character')}; this has {len(value):,}.",
    "minimum": lambda least, value: f"At least {least}; this is {value}.",
    "maximum": lambda most, value: f"At most {most}; this is {value}.",
    "exclusiveMinimum": lambda least, value: f"More than {least}; this is {value}.",
    "exclusiveMaximum": lambda most, value: f"Less than {most}; this is {value}.",
    "multipleOf": lambda step, _: f"This must be a multiple of {step}.",
    "pattern": lambda pattern, _: f"This does not match the required pattern, {pattern}",
    "enum": lambda _choices, _value: "This is not one of the allowed values.",
    "const": lambda wanted, _: f"This must be {json.dumps(wanted, ensure_ascii=False)}.",
    "minItems": lambda least, value: f"At least {_count(least, 'entry', 'entries')}; this has {len(value):,}.",
    "maxItems": lambda most, value: f"At most {_count(most, 'entry', 'entries')}; this has {len(value):,}.",
    "uniqueItems": lambda _wanted, _value: "Two entries are the same.",
    "minProperties": lambda least, _: f"At least {_count(least, 'field')}.",
    "maxProperties": lambda most, _: f"At most {_count(most, 'field')}.",
    "anyOf": lambda _alternatives, _value: "This does not fit any of the alternatives.",
    "oneOf": lambda _alternatives, _value: "This must fit exactly one of the alternatives.",
}
