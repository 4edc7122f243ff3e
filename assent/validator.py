"""Checks values against JSON Schemas (draft 2020-12) in a bounded number of steps; nothing is fetched.

The keywords are those of `jsonschema`, except where its implementation takes more time than the size of a value and
its schema justify: patterns are matched without backtracking, and unique entries are not compared pair by pair.
Every keyword that is applied to a value counts as a step, or as several if it goes through a list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime, time
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import referencing.jsonschema
from jsonschema.exceptions import FormatError, ValidationError
from jsonschema.validators import create
from referencing import Registry

from assent.expressions import Expression, ExpressionError, expression

MAX_STEPS = 500_000
"""Most steps of one check; a step takes about 3 µs."""
MAX_ERRORS = 1_000
"""Most errors that are reported for one value."""
_LONGEST_MESSAGE = 1_000
_LONGEST_FORMATTED = 5_000
_ITEMS_A_STEP = 10
_CHARACTERS_A_STEP = 100
_INSTRUCTIONS_A_STEP = 1_500
"""The size of a pattern, times the characters of the text, that count as one step."""
_COMPILED_A_STEP = 4
"""Instructions of a pattern whose compilation counts as one step."""
_PAIRS_A_STEP = 100
_steps: ContextVar[int] = ContextVar("steps", default=MAX_STEPS)

# jsonschema knows the drafts' own schemas; everything else must be in the schema itself.
_NOTHING_ELSE: Registry[Any] = Registry()
_BASE = jsonschema.Draft202012Validator


class TooMuchWorkError(ValueError):
    """The check takes too long."""


class Checker(jsonschema.FormatChecker):
    """The formats, and the remaining steps of one check; shared by all parts of a validator."""

    checkers = dict(jsonschema.FormatChecker.checkers)  # noqa: RUF012

    def __init__(self, steps: int) -> None:
        self.left = steps
        self.choices: dict[int, frozenset[Any]] = {}
        """The values of each ``enum`` seen so far, by its identity."""
        self.expressions: dict[str, Expression] = {}
        """Compiled patterns: compiling one can take as long as a thousand matches."""

    def spend(self, steps: int) -> None:
        """Count steps. Raises TooMuchWorkError: no steps are left."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchWorkError


@contextmanager
def fewer_steps(steps: int) -> Iterator[None]:
    """Allow checks inside fewer steps, for callers who can move longer checks elsewhere.

    Longer checks raise TooMuchWorkError, which passes through code that would otherwise report it to people.
    """
    before = _steps.set(steps)
    try:
        yield
    finally:
        _steps.reset(before)


def are_fewer() -> bool:
    """True inside `fewer_steps`."""
    return _steps.get() < MAX_STEPS


def errors_of(value: Any, schema: Any) -> list[ValidationError]:
    """Return at most `MAX_ERRORS` errors of the value; the schema must have been checked (`assent.schemas`).

    Raises:
        TooMuchWorkError: the check takes more than `MAX_STEPS`, or than `fewer_steps` allows.
    """
    if isinstance(schema, dict) and ("$id" in schema or "$schema" in schema):
        # They identify the schema and its draft; neither affects how values are checked, or where references lead.
        schema = {word: inside for word, inside in schema.items() if word not in ("$id", "$schema")}
    validator = _Validator(schema, format_checker=Checker(_steps.get()), registry=_NOTHING_ELSE)
    return list(islice(validator.iter_errors(value), MAX_ERRORS))


def _bounded(keyword: Callable[..., Any], name: str) -> Callable[..., Iterator[ValidationError]]:
    squared = name.startswith("unevaluated")

    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        spend = validator.format_checker.spend
        # An enum's values are indexed once.
        spend(1 + (0 if name == "enum" else _length(wanted) // _ITEMS_A_STEP))
        if squared:
            spend(_length(instance) ** 2 // _PAIRS_A_STEP)
        try:
            for error in keyword(validator, wanted, instance, schema) or ():
                spend(1 + len(error.message) // _CHARACTERS_A_STEP)
                error.message = error.message[:_LONGEST_MESSAGE]
                yield error
        except OverflowError:
            yield ValidationError("This number is too large.")

    return check


def _length(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 0


def _size(value: Any) -> int:
    """Return the number of values inside a value, including itself."""
    count, level = 0, [value]
    while level:
        count += len(level)
        level = [
            inside
            for value in level
            if isinstance(value, dict | list)
            for inside in (value.values() if isinstance(value, dict) else value)
        ]
    return count


def _found(validator: Any, pattern: str, text: str) -> bool:
    checker = validator.format_checker
    wanted = checker.expressions.get(pattern)
    if wanted is None:
        wanted = checker.expressions[pattern] = expression(pattern)
        checker.spend(wanted.size // _COMPILED_A_STEP)
    checker.spend(1 + wanted.size * len(text) // _INSTRUCTIONS_A_STEP)
    return wanted.found_in(text)


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _found(validator, pattern, instance):
        yield ValidationError(f"{instance[:100]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    for pattern, inside in patterns.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if _found(validator, pattern, name):
                yield from validator.descend(value, inside, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    validator.format_checker.spend(len(instance) // _ITEMS_A_STEP)
    for name, value in instance.items():
        if name in known or any(_found(validator, pattern, name) for pattern in patterns):
            continue
        if wanted is False:
            yield ValidationError(f"{name[:100]!r} is not a known name here.", path=[name])
        elif wanted is not True:
            yield from validator.descend(value, wanted, path=name)


def _unique_items(validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list):
        validator.format_checker.spend(_size(instance) // 2)
        if len(set(map(_comparable, instance))) < len(instance):
            yield ValidationError("Two entries are the same.")


def _enum(validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    checker = validator.format_checker
    if id(wanted) not in checker.choices:
        checker.spend(_size(wanted) // 2)
        checker.choices[id(wanted)] = frozenset(map(_comparable, wanted))
    checker.spend(_size(instance) // 2)
    if _comparable(instance) not in checker.choices[id(wanted)]:
        yield ValidationError("This is not one of the allowed values.")


def _const(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    validator.format_checker.spend((_size(wanted) + _size(instance)) // 2)
    if _comparable(instance) != _comparable(wanted):
        yield ValidationError("This is not the only allowed value.")


def _comparable(value: Any) -> Any:
    """Return a hashable key that is equal for values that JSON Schema considers equal."""
    if isinstance(value, dict):
        return "object", frozenset((name, _comparable(inside)) for name, inside in value.items())
    if isinstance(value, list):
        return "list", tuple(map(_comparable, value))
    return (type(value), value) if isinstance(value, bool) else value


def _evolve(self: Any, **changes: Any) -> Any:
    """Return a validator for a part, with the same draft, whatever the part says, and the same remaining steps."""
    self.format_checker.spend(1)
    return _Validator(
        changes.get("schema", self.schema),
        format_checker=self.format_checker,
        registry=self._registry,
        _resolver=changes.get("_resolver", self._resolver),
    )


def _format(validator: Any, name: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and len(instance) > _LONGEST_FORMATTED:
        yield ValidationError(f"This is too long for the format {name!r}.")
        return
    try:
        validator.format_checker.check(instance, name)
    except FormatError as error:
        yield ValidationError(error.message, cause=error.cause)


_OWN = {
    "format": _format,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_Validator: Any = create(
    meta_schema=_BASE.META_SCHEMA,
    validators={name: _bounded(keyword, name) for name, keyword in (_BASE.VALIDATORS | _OWN).items()},
    type_checker=_BASE.TYPE_CHECKER,
    id_of=referencing.jsonschema.DRAFT202012.id_of,  # type: ignore[arg-type]
)
_Validator.evolve = _evolve


def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or (value[10:11] in "Tt " and datetime.fromisoformat(value).tzinfo is not None)


def _is_time(value: object) -> bool:
    return not isinstance(value, str) or time.fromisoformat(value).tzinfo is not None


def _is_date(value: object) -> bool:
    return not isinstance(value, str) or (len(value) == 10 and bool(date.fromisoformat(value)))


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return True
    parts = urlsplit(value)
    return bool(parts.scheme and (parts.netloc or parts.path)) and not any(char.isspace() for char in value)


def _is_expression(value: object) -> bool:
    return not isinstance(value, str) or bool(expression(value))


Checker.checkers |= {
    "date-time": (_is_moment, ValueError),
    "time": (_is_time, ValueError),
    "date": (_is_date, ValueError),
    "uri": (_is_address, ValueError),
    "regex": (_is_expression, ExpressionError),
}
