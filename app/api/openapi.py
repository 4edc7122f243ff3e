"""The description of the API as OpenAPI 3.1, generated from the table of routes and its models.

It includes every possible response, with problem documents and headers; `tests/api/test_schema.py` calls the whole
API with random input and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api.models import Tagged
from app.api.registry import Endpoint
from app.domain.tokens import Scope
from app.http.errors import PROBLEM_TYPE, TITLES
from app.services.calls.rate_limits import WINDOW_SECONDS
from assent.hooks.agents import AGENTS

VERSION = "1"
TOKEN, SESSION, CSRF = "token", "session", "csrf"
_SCHEMAS = "#/components/schemas/"
_PATH = re.compile(r"<(\w+):(\w+)>")
_PATH_TYPES: dict[str, dict[str, Any]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "hex": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "int": {"type": "integer", "minimum": 0},
    "agent": {"type": "string", "enum": list(AGENTS)},
}
_ABOUT = """Request approval from people, wait for their decisions, decide, and manage runs.

Programs send a token as `Authorization: Bearer …`; pages send the session's cookie, and for changes also its CSRF token
in `X-CSRFToken`. Errors are problem documents (RFC 9457) with a stable `code`. Times are RFC 3339 in UTC."""
_TAGS = {
    "approvals": "Approval requests: open, wait, and decide",
    "hooks": "Hooks of coding agents",
    "runs": "Runs, and the workflows that can be started",
    "route": "From a request in plain words to a workflow",
    "files": "Files for the input of runs, uploaded in parts",
    "grants": "Standing grants",
    "lessons": "Lessons from people's corrections",
    "prepared-reasons": "Reasons that teams have written beforehand",
    "policies": "Policies",
    "samples": "Decisions of policies that people review afterward",
    "absences": "Absences and delegates",
    "people": "Sessions and signing out",
    "insights": "Durations and outcomes of decisions",
    "audit": "The audit log",
    "deliveries": "Deliveries of notifications",
    "destinations": "Webhooks, channels, and other services that are notified",
    "earlier": "Routes of earlier versions",
}
_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {"description": 'Version and hash: `"<version>.<hash>"`', "schema": {"type": "string"}},
    "Location": {"description": "URL of the new resource", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true`: the stored response to an earlier call with the same key",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimit": {
        "description": "With a token: calls that are left for certain, and seconds until the next window",
        "schema": {"type": "string", "examples": ['"token";r=2849;t=17']},
    },
    "RateLimit-Policy": {
        "description": f"With a token: calls in a window of {WINDOW_SECONDS} seconds",
        "schema": {"type": "string", "examples": ['"token";q=3000;w=60']},
    },
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "The token's problem, as in RFC 6750", "schema": {"type": "string"}},
}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Some codes have further members, listed in the table of error codes.",
    "properties": {
        "type": {"type": "string", "examples": ["urn:assent:problem:stale_digest"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for people"},
        "code": {"type": "string", "description": "Stable, for programs"},
        "instance": {"type": "string"},
        "request_id": {"type": "string", "description": "Identifies the HTTP request in the log"},
        "fields": {
            "type": "object", "additionalProperties": {"type": "string"},
            "description": "For invalid input: the problem with each field",
        },
    },
    "required": ["type", "title", "status", "detail", "code", "instance", "request_id"],
    "additionalProperties": True,
}  # fmt: skip
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_STATUSES = (400, 401, 403, 404, 409, 412, 413, 415, 422, 429, 500, 503)


def statuses_of(endpoint: Endpoint) -> list[int]:
    """The statuses of the problems that an endpoint may return."""
    found = {401, 403, 429, 500, 503}
    if "<" in endpoint.path or endpoint.method == "POST" or endpoint.finds:
        found.add(404)
    if endpoint.method != "GET":
        found |= {400, 409}
    if endpoint.download:
        found.add(409)
    if endpoint.body is not None or endpoint.raw:
        found |= {413, 415, 422}
    if endpoint.query is not None:
        found.add(422)
    if endpoint.conditional:
        found.add(412)
    return sorted(found)


def document(endpoints: list[tuple[str, Endpoint]], title: str = "Assent") -> dict[str, Any]:
    """The complete description."""
    paths: dict[str, dict[str, Any]] = {}
    for prefix, endpoint in endpoints:
        path = prefix + _PATH.sub(r"{\2}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(prefix, endpoint)
    schemas = _schemas(endpoints)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION, "description": _ABOUT, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Problem": _PROBLEM},
            "responses": {f"Problem{status}": _problem(status) for status in _STATUSES},
            "headers": _HEADERS,
            "securitySchemes": {
                TOKEN: {
                    "type": "http", "scheme": "bearer",
                    "description": "Scopes: " + "; ".join(f"`{scope.value}`: {scope.words}" for scope in Scope),
                },
                SESSION: {"type": "apiKey", "in": "cookie", "name": "assent_session"},
                CSRF: {"type": "apiKey", "in": "header", "name": "X-CSRFToken"},
            },
        },
    }  # fmt: skip


def _operation(prefix: str, endpoint: Endpoint) -> dict[str, Any]:
    described = {
        "operationId": endpoint.name,
        "tags": [_tag(prefix, endpoint)],
        "summary": endpoint.summary,
        "parameters": [*_parameters(endpoint)],
        "security": [{TOKEN: [scope.value]} for scope in endpoint.scopes] + [_with_session(endpoint)],
        "responses": _responses(endpoint),
    }
    if endpoint.body is not None:
        needed = any(field.is_required() for field in endpoint.body.model_fields.values())
        described["requestBody"] = {
            "required": needed,
            "content": {"application/json": {"schema": _ref(endpoint.body)}},
        }
    if endpoint.raw:
        described["requestBody"] = {"required": True, "content": _BYTES}
    return described


def _with_session(endpoint: Endpoint) -> dict[str, list[str]]:
    return {SESSION: []} if endpoint.method == "GET" else {SESSION: [], CSRF: []}


def _tag(prefix: str, endpoint: Endpoint) -> str:
    if not prefix.endswith("v1"):
        return "earlier"
    first = endpoint.path.split("/")[1]
    return "runs" if first == "workflows" else first


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    for kind, name in _PATH.findall(endpoint.path):
        yield {"name": name, "in": "path", "required": True, "schema": _PATH_TYPES[kind]}
    if endpoint.query is not None:
        schema = endpoint.query.model_json_schema(ref_template=_SCHEMAS + "{model}")
        for name, described in schema.get("properties", {}).items():
            schema = {key: value for key, value in described.items() if key not in ("title", "description")}
            yield {
                "name": name, "in": "query", "required": name in schema.get("required", ()),
                "description": described.get("description", ""), "schema": schema,
            }  # fmt: skip
    if endpoint.once:
        yield {
            "name": "Idempotency-Key", "in": "header", "required": False,
            "description": "Unique for each call; a repetition with the same key does not repeat the call",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }  # fmt: skip
    if endpoint.conditional:
        yield {
            "name": "If-Match", "in": "header", "required": False,
            "description": "ETag of the version that you saw; if it is no longer current, the call is refused with 412",
            "schema": {"type": "string", "pattern": r'^"[!#-~]+"$'},
        }  # fmt: skip
    if _is_tagged(endpoint) and endpoint.method == "GET":
        yield {
            "name": "If-None-Match", "in": "header", "required": False,
            "description": "ETag of your copy; if it is current, the response is 304",
            "schema": {"type": "string", "pattern": r'^"[!#-~]+"$'},
        }  # fmt: skip


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    names = ["RateLimit", "RateLimit-Policy"]
    names += ["ETag"] if _is_tagged(endpoint) else []
    names += ["Location"] if endpoint.location else []
    names += ["Idempotency-Replayed"] if endpoint.once else []
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    answers: dict[str, Any] = {
        str(endpoint.status): {
            "description": (endpoint.answer.__doc__ or "").strip().splitlines()[0],
            "headers": headers,
            "content": _BYTES if endpoint.download else {"application/json": {"schema": _ref(endpoint.answer)}},
        }
    }
    if _is_tagged(endpoint) and endpoint.method == "GET":
        answers["304"] = {"description": "Not changed", "headers": {"ETag": headers["ETag"]}}
    for status in statuses_of(endpoint):
        answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return answers


def _problem(status: int) -> dict[str, Any]:
    names = ["RateLimit", "RateLimit-Policy"]
    names += ["WWW-Authenticate"] if status in (401, 403) else []
    names += ["Retry-After"] if status in (409, 429, 503) else []
    return {
        "description": TITLES[status],
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {PROBLEM_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
    }


def _is_tagged(endpoint: Endpoint) -> bool:
    return issubclass(endpoint.answer, Tagged)


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"{_SCHEMAS}{model.__name__}"}


def _schemas(endpoints: list[tuple[str, Endpoint]]) -> dict[str, Any]:
    wanted: list[tuple[type[BaseModel], Any]] = []
    for _, endpoint in endpoints:
        wanted += [] if endpoint.download else [(endpoint.answer, "serialization")]
        wanted += [(model, "validation") for model in (endpoint.body, endpoint.query) if model is not None]
    _, schemas = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_SCHEMAS + "{model}")
    found: dict[str, Any] = schemas.get("$defs", {})
    return found
