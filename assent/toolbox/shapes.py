"""The shape of what a tool takes and returns: a pydantic model, or a JSON Schema where a tool has no Python types."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

from pydantic import BaseModel, JsonValue, ValidationError
from pydantic_core import PydanticSerializationError

from assent.json_values import JsonError, checked


class MisshapenError(ValueError):
    """A value does not fit a shape.

    Attributes:
        fields: the problem with each invalid field, by its path, joined by dots.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {words}." for name, words in fields.items()))


class Shape(Protocol):
    """What a value must look like."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema."""
        ...

    def read(self, value: Any) -> Any:
        """Return the value as the tool uses it. Raises MisshapenError."""
        ...

    def document(self, value: Any) -> dict[str, JsonValue]:
        """Return a value that `read` has returned as JSON. Raises MisshapenError."""
        ...

    def ignored(self, value: Any) -> list[str]:
        """Return the names of fields that `read` leaves out."""
        ...

    def schema_for(self, document: Any) -> dict[str, Any]:
        """Return the JSON Schema for people who change this document: without fields that `read` leaves out."""
        ...


class ModelShape:
    """The shape that a pydantic model describes."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the model."""
        return self.model.model_json_schema()

    def read(self, value: Any) -> BaseModel:
        """Return an instance of the model, also of an instance that was changed after its validation."""
        try:
            if isinstance(value, BaseModel):
                # By alias, so that the values are read as they would be from JSON.
                value = value.model_dump(round_trip=True, by_alias=True, warnings="error")
            return self.model.model_validate(value)
        except ValidationError as error:
            raise MisshapenError(_fields(error)) from error
        except PydanticSerializationError as error:
            raise MisshapenError({"": str(error).splitlines()[0]}) from error

    def document(self, value: Any) -> dict[str, JsonValue]:
        """Return an instance as JSON, with U+FFFD in place of unpaired surrogates."""
        try:
            document: dict[str, JsonValue] = checked(value.model_dump(mode="json", by_alias=True))
        except (PydanticSerializationError, JsonError, ValueError) as error:
            raise MisshapenError({"": str(error).splitlines()[0]}) from error
        return document

    def ignored(self, value: Any) -> list[str]:
        """Return the names of fields that the model does not have, and does not keep."""
        if not isinstance(value, Mapping) or self.model.model_config.get("extra", "ignore") != "ignore":
            return []
        known = self.model.model_fields.keys() | self.schema.get("properties", {}).keys()
        return [str(name) for name in value if name not in known]

    def schema_for(self, document: Any) -> dict[str, Any]:
        """Return the JSON Schema in which no object has other fields than the model's, unless the document has some."""
        from assent.conformance import MisfitError, check_schema

        try:
            check_schema(document, self._closed, "")
        except MisfitError:  # such as computed fields
            return self.schema
        return self._closed

    @cached_property
    def _closed(self) -> dict[str, Any]:
        closed = copy.deepcopy(self.schema)
        for part in (closed, *closed.get("$defs", {}).values()):
            if "properties" in part:
                part.setdefault("additionalProperties", False)
        return closed


class SchemaShape:
    """The shape that a JSON Schema describes."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = dict(schema)

    def read(self, value: Any) -> dict[str, JsonValue]:
        """Return the value itself."""
        from assent.conformance import MisfitError, check_schema

        if not isinstance(value, Mapping):
            raise MisshapenError({"": f"This must be an object, not {type(value).__name__}"})
        try:
            document: dict[str, JsonValue] = checked(dict(value))
            check_schema(document, self.schema, "")
        except JsonError as error:
            raise MisshapenError({"": str(error)}) from error
        except MisfitError as error:
            fields = {name.strip("."): words.rstrip(".") for name, words in error.fields.items()}
            raise MisshapenError(fields or {"": error.message}) from error
        return document

    def document(self, value: Any) -> dict[str, JsonValue]:
        """Return the value itself."""
        return dict(value)

    def ignored(self, value: Any) -> list[str]:
        """Return nothing: all fields are passed on."""
        return []

    def schema_for(self, document: Any) -> dict[str, Any]:
        """Return the JSON Schema."""
        return self.schema


def shape_of(described: type[BaseModel] | Mapping[str, Any]) -> Shape:
    """Return the shape of a pydantic model or of a JSON Schema. Raises TypeError."""
    if isinstance(described, type) and issubclass(described, BaseModel):
        return ModelShape(described)
    if isinstance(described, Mapping):
        return SchemaShape(described)
    raise TypeError(f"{described!r} is neither a pydantic model nor a JSON Schema.")


def _fields(error: ValidationError) -> dict[str, str]:
    """Return the problem of each invalid field, without the values, which may be secret."""
    found: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        found.setdefault(".".join(map(str, problem["loc"])), problem["msg"].rstrip("."))
    return found
