"""Checks of values and JSON Schemas (`assent.conformance`) that raise the domain's errors."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.weight import HandOver, is_weighed, weigh
from assent import conformance
from assent.expressions import is_costly
from assent.schemas import patterns_in
from assent.validator import MAX_STEPS, TooMuchWorkError, fewer_steps

INLINE_STEPS = 10_000
"""Steps of a check that the web process does itself; longer checks are handed over."""


PLAIN_PATTERN = 100.0
"""Microseconds to compile an ordinary regular expression."""
COSTLY_PATTERN = 1_500.0
"""Microseconds to compile one that `is_costly`: between 100 and 10,000."""


def check_is_schema(schema: Any, field: str) -> None:
    """Raise InvalidInputError for `field` unless this is a usable JSON Schema or None."""
    if is_weighed():
        weigh(sum(COSTLY_PATTERN if is_costly(pattern) else PLAIN_PATTERN for pattern in patterns_in(schema)))
    try:
        conformance.check_is_schema(schema, field)
    except conformance.MisfitError as error:
        raise InvalidInputError(error.message, error.fields) from None


def check_schemas(document: dict[str, Any], response_schema: Any) -> None:
    """Raise InvalidInputError for a schema in a proposal that cannot be used; `fields` says which.

    References are never fetched, so references to anything outside the schema are refused.
    """
    check_is_schema(response_schema, "response_schema")
    for name in ("answer_schema", "args_schema", "data_schema"):
        check_is_schema(document.get(name), f"proposal.{name}")
    for parts, name in (("calls", "args_schema"), ("steps", "inputs_schema")):
        inside = document.get(parts)
        for at, part in enumerate(inside if isinstance(inside, list) else ()):
            if isinstance(part, dict):
                check_is_schema(part.get(name), f"proposal.{parts}.{at}.{name}")


def check_schema(value: Any, schema: dict[str, Any] | None, root: str) -> None:
    """Raise InvalidInputError, with an error per field, unless `value` fits the JSON Schema.

    Field names are `root` and the path, joined by dots; list items are numbered from 0.
    """
    try:
        with fewer_steps(INLINE_STEPS if is_weighed() else MAX_STEPS):
            conformance.check_schema(value, schema, root)
    except TooMuchWorkError:
        raise HandOver from None
    except conformance.MisfitError as error:
        raise InvalidInputError(error.message, error.fields) from error
