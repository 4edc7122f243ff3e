"""Values and schemas that do not fit (`assent.fitting`), as refusals."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInputError
from app.domain.weight import HandOver, is_weighed, weigh
from assent import fitting
from assent.expressions import is_costly
from assent.schemas import patterns_in
from assent.validator import MAX_STEPS, TooMuchWorkError, fewer_steps

INLINE_STEPS = 10_000
"""Steps of a check that the web process takes itself; what needs more is handed over."""


PLAIN_PATTERN = 100.0
"""Microseconds that compiling a regular expression takes."""
COSTLY_PATTERN = 1_500.0
"""Of one that `is_costly`: between 100 and 10,000."""


def check_is_schema(schema: Any, field: str) -> None:
    """Raise InvalidInputError, which names `field`, unless this is a JSON Schema that can be used, or None."""
    if is_weighed():
        weigh(sum(COSTLY_PATTERN if is_costly(pattern) else PLAIN_PATTERN for pattern in patterns_in(schema)))
    try:
        fitting.check_is_schema(schema, field)
    except fitting.MisfitError as error:
        raise InvalidInputError(error.message, error.fields) from None


def check_schemas(document: dict[str, Any], response_schema: Any) -> None:
    """Raise InvalidInputError for a schema of a proposal that nobody could answer to; `fields` says which.

    Nothing that a schema refers to is fetched, so references to anything outside it are refused.
    """
    check_is_schema(response_schema, "response_schema")
    for name in ("answer_schema", "args_schema", "data_schema"):
        check_is_schema(document.get(name), f"proposal.{name}")
    calls = document.get("calls")
    for at, call in enumerate(calls if isinstance(calls, list) else ()):
        if isinstance(call, dict):
            check_is_schema(call.get("args_schema"), f"proposal.calls.{at}.args_schema")


def check_schema(value: Any, schema: dict[str, Any] | None, root: str) -> None:
    """Raise InvalidInputError, with a complaint per field, unless `value` fits the JSON Schema.

    Fields are named by `root` and the path, joined by dots; a place in a list is a number from 0.
    """
    try:
        with fewer_steps(INLINE_STEPS if is_weighed() else MAX_STEPS):
            fitting.check_schema(value, schema, root)
    except TooMuchWorkError:
        raise HandOver from None
    except fitting.MisfitError as error:
        raise InvalidInputError(error.message, error.fields) from error
