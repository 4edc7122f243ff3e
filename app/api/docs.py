"""The description of the API: as OpenAPI for programs, and as pages for people, which are rendered from it.

The pages need no script, and show only what the description contains.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask_login import current_user

from app.api import openapi
from app.api.registry import Endpoint
from app.domain.errors import NotFoundError

SPEC = "/api/v1/openapi.json"
PAGE = "/api/docs"
_REF = "#/components/schemas/"


@dataclass(frozen=True)
class ModelField:
    """A field of a document, or a parameter. `model` names its schema, if it has one."""

    name: str
    type: str
    model: str
    required: bool
    words: str


@dataclass(frozen=True)
class Model:
    """A kind of document. If it has no fields, `type` describes it."""

    name: str
    words: str
    type: str
    fields: list[ModelField]


@dataclass(frozen=True)
class Operation:
    """An operation as its page shows it."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    scopes: list[str]
    parameters: list[tuple[str, ModelField]]
    body: str
    answers: list[tuple[str, str, str]]
    models: list[Model]


def register(app: Flask, endpoints: list[tuple[str, Endpoint]]) -> None:
    """Register the description and its pages."""
    blueprint = Blueprint("api_docs", __name__)

    @cache
    def whole() -> dict[str, Any]:
        # Built on first use: it takes longer than the rest of the application's start.
        return openapi.document(endpoints)

    @cache
    def text() -> str:
        return json.dumps(whole(), ensure_ascii=False, separators=(",", ":"))

    def spec() -> Response:
        response = Response(text(), mimetype="application/json")
        response.add_etag()
        response.make_conditional(request)
        return response

    def overview() -> Any:
        return _page("api/overview.html", tags=whole()["tags"], operations=list(operations(whole())), spec=SPEC)

    def operation(name: str) -> Any:
        found = next((operation for operation in operations(whole()) if operation.name == name), None)
        if found is None:
            raise NotFoundError("There is no such operation.")
        return _page("api/operation.html", operation=found)

    blueprint.add_url_rule(SPEC, "spec", spec)
    blueprint.add_url_rule(PAGE, "overview", overview)
    blueprint.add_url_rule(f"{PAGE}/<name>", "operation", operation)
    app.register_blueprint(blueprint)


def _page(template: str, **values: Any) -> Any:
    if not current_user.is_authenticated:
        return cast(Any, current_app).login_manager.unauthorized()
    return Response(render_template(template, layout="base.html", **values), mimetype="text/html")


def operations(whole: dict[str, Any]) -> Iterator[Operation]:
    """All operations, in the description's order."""
    for path, methods in whole["paths"].items():
        for method, described in methods.items():
            yield _operation(whole, path, method, described)


def _operation(whole: dict[str, Any], path: str, method: str, described: dict[str, Any]) -> Operation:
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers, roots = [], [_name(body)] if body else []
    for status, answer in described["responses"].items():
        response = whole["components"]["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        [schema] = [content["schema"] for content in response.get("content", {}).values()] or [{}]
        answers.append((status, response["description"], _name(schema)))
        if status.startswith("2"):
            roots.append(_name(schema))
    scopes = [scope for way in described["security"] for scope in way.get(openapi.TOKEN, ())]
    return Operation(
        described["operationId"], method.upper(), path, described["tags"][0], described["summary"], scopes,
        [(given["in"], _field(given["name"], given["schema"], given["required"], given.get("description", "")))
         for given in described["parameters"]],
        _name(body), answers, [_model(whole, name) for name in _reached(whole, [*roots, "Problem"])],
    )  # fmt: skip


def _reached(whole: dict[str, Any], roots: list[str]) -> list[str]:
    """The names of these schemas and all that they refer to, once each, in order of appearance."""
    found: list[str] = []
    waiting = list(roots)
    while waiting:
        name = waiting.pop(0)
        if name and name not in found:
            found.append(name)
            waiting += list(_refs(whole["components"]["schemas"][name]))
    return found


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield _name(schema)
        for key, value in schema.items():
            if key != "discriminator":
                yield from _refs(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _refs(item)


def _name(schema: dict[str, Any]) -> str:
    return str(schema.get("$ref", "")).removeprefix(_REF)


def _model(whole: dict[str, Any], name: str) -> Model:
    schema = whole["components"]["schemas"][name]
    needed = schema.get("required", ())
    fields = [
        _field(key, property_schema, key in needed, property_schema.get("description", ""))
        for key, property_schema in schema.get("properties", {}).items()
    ]
    return Model(name, _plain(schema.get("description", "")), "" if fields else _type(schema), fields)


def _field(name: str, schema: dict[str, Any], required: bool, words: str) -> ModelField:
    refs = list(dict.fromkeys(_refs(schema)))
    return ModelField(name, _type(schema), refs[0] if len(refs) == 1 else "", required, _plain(words))


def _plain(words: str) -> str:
    """The text without Markdown's backquotes."""
    return words.replace("`", "")


def _type(schema: dict[str, Any]) -> str:
    """The type of a value, in a few words."""
    if "$ref" in schema:
        return _name(schema)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(option) for option in schema[key]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    limits = [f"{words} {schema[key]:,}" for key, words in _LIMITS.items() if key in schema]
    detail = ", ".join([*([schema["format"]] if "format" in schema else []), *limits])
    return f"{kind} ({detail})" if detail else str(kind)


_LIMITS = {
    "minLength": "at least", "maxLength": "at most", "minimum": "from", "maximum": "to",
    "exclusiveMinimum": "above", "exclusiveMaximum": "below",
}  # fmt: skip
