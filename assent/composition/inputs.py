"""The input of a workflow in YAML: a JSON Schema, or a pydantic model that it names."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler, JsonValue, RootModel, ValidationError, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from assent.composition.document import Document
from assent.composition.mistakes import Path
from assent.conformance import MisfitError, check_schema
from assent.schemas import SchemaError, check, pointed

Say = Callable[[Path, str], None]
Import = Callable[[str], Any]
"""Imports a module by its dotted name; `tools` is the one beside the workflow file."""


class InputShape:
    """The shape of a workflow's input.

    Attributes:
        model: a pydantic model; of a JSON Schema, one that checks against it.
        schema: the JSON Schema.
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self.model = model
        self.schema: dict[str, Any] = model.model_json_schema()

    def document(self, value: Any) -> dict[str, Any]:
        """Return an input as JSON, with defaults filled in. Raises pydantic.ValidationError."""
        made: dict[str, Any] = self.model.model_validate(value).model_dump(mode="json")
        return made

    def problems(self, value: Any) -> dict[str, str]:
        """Return what does not fit in an input, by field."""
        try:
            self.model.model_validate(value)
        except ValidationError as error:
            found: dict[str, str] = {}
            for problem in error.errors(include_url=False, include_input=False):
                cause = (problem.get("ctx") or {}).get("error")
                if isinstance(cause, MisfitError):
                    found |= {field.strip("."): words for field, words in cause.fields.items()}
                else:
                    found.setdefault(".".join(map(str, problem["loc"])), f"{problem['msg'].rstrip('.')}.")
            return found
        return {}


def input_shape(document: Document, say: Say, load: Import = importlib.import_module) -> InputShape:
    """Return the shape of a workflow's input. Reports mistakes in it."""
    described = document.input
    if isinstance(described, str):
        model = _model(described, say, load)
        return InputShape(model if model is not None else schema_model({}))
    schema = {"type": "object"} | (described or {})
    if not schema.get("properties") and described is None:
        schema["properties"] = {}
    try:
        check(schema)
    except SchemaError as error:
        say(("input", *_place(str(error), schema)), f"This is not a usable JSON Schema: {error}")
        return InputShape(schema_model({}))
    return InputShape(schema_model(schema))


def _place(message: str, schema: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the path that a message about a schema begins with."""
    place = message.partition(":")[0]
    return tuple(place.strip("/").split("/")) if place.startswith("/") else ()


def _model(dotted: str, say: Say, load: Import) -> type[BaseModel] | None:
    module, _, name = dotted.replace(":", ".").rpartition(".")
    try:
        found = getattr(load(module), name, None)
    except Exception as error:
        words = " ".join(str(error).split())
        say(("input",), f"{module} cannot be imported: {type(error).__name__}: {words}")
        return None
    if found is None:
        say(("input",), f"{module} has no {name}.")
    elif not (isinstance(found, type) and issubclass(found, BaseModel)):
        say(("input",), f"{dotted} is not a pydantic model.")
    else:
        return found
    return None


def schema_model(schema: dict[str, Any]) -> type[BaseModel]:
    """Return a pydantic model that takes what fits a JSON Schema, and fills in its defaults."""

    class Input(RootModel[dict[str, JsonValue]]):
        @model_validator(mode="before")
        @classmethod
        def _fits(cls, value: Any) -> Any:
            if isinstance(value, Input):
                value = value.root
            filled = with_defaults(value, schema, schema)
            check_schema(filled, schema, "")
            return filled

        @classmethod
        def __get_pydantic_json_schema__(
            cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
        ) -> JsonSchemaValue:
            return copy.deepcopy(schema)

    return Input


def with_defaults(value: Any, schema: Any, root: Any, depth: int = 0) -> Any:
    """Return a value with the defaults of fields that are missing."""
    if not isinstance(value, dict) or not isinstance(schema, dict) or depth > 20:
        return value
    if isinstance(schema.get("$ref"), str):
        return with_defaults(value, pointed(root, schema["$ref"]), root, depth + 1)
    filled = dict(value)
    for name, inside in (schema.get("properties") or {}).items():
        if not isinstance(inside, dict):
            continue
        if name not in filled and "default" in inside:
            filled[name] = copy.deepcopy(inside["default"])
        elif name in filled:
            filled[name] = with_defaults(filled[name], inside, root, depth + 1)
    return filled
