"""Reading what was sent: strict JSON into pydantic models, with a complaint per field."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, NoReturn, TypeVar

from flask import request
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from app.domain.errors import InvalidInputError
from app.http.errors import MalformedError, UnsupportedMediaTypeError

MAX_DEPTH = 64
"""Deepest nesting of arrays and objects that is taken."""
MAX_COMPLAINTS = 50


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain the character U+0000")
    return text


PlainText = Annotated[str, AfterValidator(_plain)]
"""Text that PostgreSQL can store."""


class Input(BaseModel):
    """What a caller sends; unknown fields are refused, and values are not converted between types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The arguments after the question mark; they are texts, so numbers are read from text."""

    model_config = ConfigDict(extra="forbid")


M = TypeVar("M", bound=BaseModel)


def read_body(model: type[M]) -> M:
    """The request's JSON body as `model`; no body at all is an object without fields.

    Raises:
        MalformedError: it is not JSON, names a key twice, or is nested too deeply.
        UnsupportedMediaTypeError: the Content-Type is another.
        InvalidInputError: it is not an object, or does not fit the model; `fields` says where.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaTypeError("Send the body as application/json.")
    raw = request.get_data(cache=False)
    # Of an act without particulars there is nothing to say.
    return check_fields(model, parse_json(raw) if raw.strip() else {})


def read_query(model: type[M], ignored: frozenset[str] = frozenset()) -> M:
    """The query's arguments as `model`. Raises InvalidInputError, also for an argument given twice."""
    given = {name: values for name, values in request.args.lists() if name not in ignored}
    twice = {name: "given more than once" for name, values in given.items() if len(values) > 1}
    if twice:
        raise InvalidInputError("An argument is given more than once.", twice)
    return check_fields(model, {name: values[0] for name, values in given.items()})


def parse_json(raw: bytes) -> Any:
    """Strict JSON: no NaN, infinities, repeated keys or half characters, and not deeper than `MAX_DEPTH`.

    Raises:
        MalformedError: it is not that.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_repeats
        )
    except RecursionError:
        raise MalformedError(f"The JSON is nested more than {MAX_DEPTH} levels deep.") from None
    except ValueError as error:
        raise MalformedError(f"The body is not JSON: {str(error)[:200]}") from None
    _walk(value)
    return value


def check_fields(model: type[M], value: Any) -> M:
    """`value` as `model`. Raises InvalidInputError with a complaint per field."""
    if not isinstance(value, dict):
        raise InvalidInputError("This needs an object.", {"": "not an object"})
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        fields = {_place(each["loc"]): _words(each["msg"]) for each in problems[:MAX_COMPLAINTS]}
        where = ", ".join(name or "the body" for name in list(fields)[:3])
        raise InvalidInputError(f"Some fields cannot be used: {where}.", fields) from None


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part).encode("utf-8", "replace").decode()[:100] for part in loc)


def _words(message: str) -> str:
    return message.removeprefix("Value error, ")[:300]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:30]} is too large")
    return number


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object names a key twice")
    return made


def _walk(value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        inside: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inside.extend(each.values())
                inside.extend(each)
            elif isinstance(each, list):
                inside.extend(each)
            elif isinstance(each, str):
                _refuse_surrogates(each)
        level = inside
        if not level:
            return
    if any(isinstance(each, dict | list) for each in level):
        raise MalformedError(f"The JSON is nested more than {MAX_DEPTH} levels deep.")


def _refuse_surrogates(text: str) -> None:
    if not text.isascii() and any(0xD800 <= ord(char) <= 0xDFFF for char in text):
        raise MalformedError("A text has half a surrogate pair, which stands for no character.")
