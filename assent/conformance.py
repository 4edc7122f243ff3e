"""Whether a value fits a JSON Schema, and what is wrong with it in words a person can act on.

References are resolved inside the schema only; nothing is fetched. What a check may cost is bounded.
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

_MAX_TOLD = 50
_LONGEST = 300
_SHORT = 20_000
"""Characters of a schema that is worth remembering."""
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
"""Formats that are explained, as what a value has to be."""


class MisfitError(ValueError):
    """A value does not fit its schema, or a schema is none.

    Attributes:
        message: in one sentence.
        fields: what is wrong with which field.
    """

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(f"{message} {fields}" if fields else message)
        self.message = message
        self.fields = fields or {}


@lru_cache(maxsize=128)
def _usable(schema: str) -> Any:
    """A schema's text as its value, once it is known to be usable: looking it over costs more than most values do.

    Raises:
        SchemaError: it is not usable.
    """
    document = json.loads(schema)
    check(document)
    return document


def check_is_schema(schema: Any, field: str) -> None:
    """Raise MisfitError, which names `field`, unless this is a JSON Schema that can be used here, or None."""
    if schema is None:
        return
    try:
        check(schema)
    except SchemaError as error:
        raise MisfitError("This JSON Schema cannot be used.", {field: str(error)[:_LONGEST]}) from None


def check_schema(value: Any, schema: Any, root: str) -> None:
    """Raise MisfitError, with a complaint per field, unless `value` fits the JSON Schema.

    Fields are named by `root` and the path, joined by dots; a place in a list is a number from 0.
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
        # A reference can point to what no keyword says is a schema.
        raise MisfitError(f"The schema of this proposal cannot be used: {str(error)[:_LONGEST]}") from error
    if errors:
        told = sorted((place for error in errors for place in _told(error)), key=lambda place: place[0])
        fields: dict[str, str] = {}
        for path, words in told[:_MAX_TOLD]:
            fields.setdefault(".".join([root, *path]), words[:_LONGEST])
        raise MisfitError("The value does not fit the schema.", fields)


def _told(error: ValidationError) -> Iterator[tuple[list[str], str]]:
    """Where something is wrong, and what."""
    meant = _meant(error) if error.validator in ("anyOf", "oneOf") else []
    if meant:
        for alternative in meant:
            yield from _told(alternative)
        return
    path = list(map(str, error.absolute_path))
    if error.validator == "required" and isinstance(error.instance, dict):
        wanted: Any = error.validator_value
        for name in wanted:
            if name not in error.instance:
                yield [*path, str(name)], "This field is required."
        return
    yield path, _words(error)


def _meant(error: ValidationError) -> list[ValidationError]:
    """Of several ways, what is wrong with the one that was meant: the only one that is not another kind of thing."""
    ways: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        ways.setdefault(inner.schema_path[0], []).append(inner)
    likely = [errors for errors in ways.values() if not any(_is_other(error) for error in errors)]
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
    return f"This has to be {' or '.join(_TYPES[name] for name in names)}."


def _shortest(least: Any, value: Any) -> str:
    if not value:
        return "This field is required."
    return f"At least {_count(least, 'character')}; these are {len(value):,}."


def _format(name: Any, _value: Any) -> str:
    return f"This has to be {FORMATS.get(name, f'of the format {name}')}."


_WORDS: dict[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "format": _format,
    "minLength": _shortest,
    "maxLength": lambda most, value: f"At most {_count(most, 'character')}; these are {len(value):,}.",
    "minimum": lambda least, value: f"At least {least}; this is {value}.",
    "maximum": lambda most, value: f"At most {most}; this is {value}.",
    "exclusiveMinimum": lambda least, value: f"More than {least}; this is {value}.",
    "exclusiveMaximum": lambda most, value: f"Less than {most}; this is {value}.",
    "multipleOf": lambda step, _: f"This has to be a multiple of {step}.",
    "pattern": lambda pattern, _: f"This does not match the required pattern, {pattern}",
    "enum": lambda _choices, _value: "This is not one of the choices.",
    "const": lambda wanted, _: f"This has to be {json.dumps(wanted, ensure_ascii=False)}.",
    "minItems": lambda least, value: f"At least {_count(least, 'entry', 'entries')}; here are {len(value):,}.",
    "maxItems": lambda most, value: f"At most {_count(most, 'entry', 'entries')}; here are {len(value):,}.",
    "uniqueItems": lambda _wanted, _value: "Two entries are the same.",
    "minProperties": lambda least, _: f"At least {_count(least, 'field')}.",
    "maxProperties": lambda most, _: f"At most {_count(most, 'field')}.",
    "anyOf": lambda _ways, _value: "This fits none of the ways in which it may be given.",
    "oneOf": lambda _ways, _value: "This does not fit exactly one of the ways in which it may be given.",
}
