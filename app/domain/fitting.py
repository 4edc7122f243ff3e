"""Values and schemas that do not fit (`assent.fitting`), as refusals."""

from __future__ import annotations

from typing import Any

from app.domain.errors import InvalidInputError
from assent import fitting


def check_is_schema(schema: dict[str, Any] | None, field: str) -> None:
    """Raise InvalidInputError, which names `field`, unless this is a JSON Schema or None."""
    try:
        fitting.check_is_schema(schema, field)
    except fitting.MisfitError as error:
        raise InvalidInputError(error.message, error.fields) from None


def check_schema(value: Any, schema: dict[str, Any] | None, root: str) -> None:
    """Raise InvalidInputError, with a complaint per field, unless `value` fits the JSON Schema.

    Fields are named by `root` and the path, joined by dots; a place in a list is a number from 0.
    """
    try:
        fitting.check_schema(value, schema, root)
    except fitting.MisfitError as error:
        raise InvalidInputError(error.message, error.fields) from error
