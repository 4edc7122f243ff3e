"""Parsing input: strict JSON into pydantic models, with a problem for each field."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from app.domain.errors import InvalidInputError
from app.http.errors import MalformedError, UnsupportedMediaTypeError
from assent.json_values import JsonError, check, parse

MAX_COMPLAINTS = 50


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the character U+0000")
    return text


PlainText = Annotated[str, AfterValidator(_plain)]
"""Text that PostgreSQL can store."""


class Input(BaseModel):
    """Input from a caller; unknown fields are refused, and values are not converted between types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class QueryArguments(BaseModel):
    """Query parameters; numbers are parsed from text."""

    model_config = ConfigDict(extra="forbid")


M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M]) -> M:
    """The JSON body as `model`; an empty body is an empty object.

    Raises:
        MalformedError: it is not JSON, contains a key twice, or is nested too deeply.
        UnsupportedMediaTypeError: the Content-Type is not JSON.
        InvalidInputError: it is not an object or does not match the model; `fields` says where.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaTypeError("Send the body as application/json.")
    raw = request.get_data(cache=False)
    # An action without parameters needs no body.
    return check_fields(model, parse_json(raw) if raw.strip() else {})


def read_bytes() -> bytes:
    """The body as it is. Raises UnsupportedMediaTypeError."""
    if request.mimetype != "application/octet-stream":
        raise UnsupportedMediaTypeError("Send the body as application/octet-stream.")
    return request.get_data(cache=False)


def read_query(model: type[M], ignored: frozenset[str] = frozenset()) -> M:
    """The query parameters as `model`. Raises InvalidInputError, also for a parameter given twice."""
    given = {name: values for name, values in request.args.lists() if name not in ignored}
    twice = {name: "given more than once" for name, values in given.items() if len(values) > 1}
    if twice:
        raise InvalidInputError("A query parameter is given more than once.", twice)
    return check_fields(model, {name: values[0] for name, values in given.items()})


def parse_json(raw: bytes) -> Any:
    """Parse strict JSON, as described in `assent.json_values`.

    Raises:
        MalformedError: it is not strict JSON.
    """
    try:
        return parse(raw)
    except JsonError as error:
        raise MalformedError(f"The body is not valid. {error}") from None


def check_json(value: Any) -> None:
    """Raise MalformedError for parsed JSON that `parse_json` would have refused."""
    try:
        check(value)
    except JsonError as error:
        raise MalformedError(f"This is not valid. {error}") from None


def check_fields(model: type[M], value: Any) -> M:
    """`value` as `model`. Raises InvalidInputError with a problem for each field."""
    if not isinstance(value, dict):
        raise InvalidInputError("Send a JSON object.", {"": "not an object"})
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        fields = {_place(problem["loc"]): _words(problem["msg"]) for problem in problems[:MAX_COMPLAINTS]}
        where = ", ".join(name or "the body" for name in list(fields)[:3])
        raise InvalidInputError(f"Some fields are not valid: {where}.", fields) from None


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part).encode("utf-8", "replace").decode()[:100] for part in loc)


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")[:300]
