"""From an HTTP request to a handler and back: authentication, input, idempotency, and versions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, g, request

from app.api.auth import authenticate
from app.api.models import Tagged
from app.api.registry import ApiCall, Endpoint
from app.domain.errors import InvalidInputError
from app.domain.weight import HandOver
from app.http.body import read_body, read_bytes, read_query
from app.http.errors import respond
from app.http.runtime import portal
from app.services.calls.idempotency import StoredAnswer, fingerprint, made_under, plain_key
from app.services.calls.rate_limits import WINDOW_SECONDS, Allowance

KEY = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_MAX_KEY = 255
_NO_VERSION = -1
"""The version of an unknown tag, which no request has."""


def view_of(endpoint: Endpoint) -> Callable[..., Response]:
    """The Flask view of an endpoint."""

    def view(**path: Any) -> Response:
        client = authenticate(endpoint.scopes)
        body = read_body(endpoint.body) if endpoint.body is not None else None
        query = read_query(endpoint.query, endpoint.ignored) if endpoint.query is not None else None
        key = _key() if endpoint.once else ""
        call = ApiCall(
            portal(), client, body, query, {name: str(value) for name, value in path.items()},
            seen_version=_seen_version() if endpoint.conditional else None,
            content=read_bytes() if endpoint.raw else b"",
        )  # fmt: skip
        return _once(endpoint, call, key) if key else _answer(endpoint, call)

    return view


def limits_of(response: Response) -> Response:
    """Add the headers of the IETF's rate limit draft: how many calls the token has left."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers["RateLimit-Policy"] = f'"token";q={allowance.quota};w={WINDOW_SECONDS}'
        response.headers["RateLimit"] = f'"token";r={allowance.remaining};t={allowance.resets_in}'
    return response


def _answer(endpoint: Endpoint, call: ApiCall) -> Response:
    """Call the handler and answer, with 304 if the caller already has this version."""
    found = endpoint.handler(call)
    if endpoint.download:
        assert isinstance(found, Response)
        return found
    answer = endpoint.answer.model_validate(found)
    body = answer.model_dump_json()
    response = Response(body, endpoint.status, mimetype="application/json")
    if isinstance(answer, Tagged):
        # The version identifies the state; the hash also changes with comments, receipts, and the viewer.
        response.set_etag(f"{answer.version}.{hashlib.sha256(body.encode()).hexdigest()[:16]}")
    if endpoint.location:
        response.headers["Location"] = request.script_root + endpoint.location.format(id=answer.id)  # type: ignore[attr-defined]
    if endpoint.method == "GET":
        response.make_conditional(request)
    return response


def _once(endpoint: Endpoint, call: ApiCall, key: str) -> Response:
    """The answer stored under the key, or a new one, which is stored unless it is a server error."""
    once, client = call.portal.services.once, call.client
    sent = call.body.model_dump_json(exclude_unset=True) if call.body is not None else ""
    called = fingerprint(request.method, request.path, sent, request.headers.get("If-Match", ""))
    found = once.take(client.caller, key, called, call.portal.lock_key())
    if isinstance(found, StoredAnswer):
        return _again(found)
    try:
        response = _answer(endpoint, replace(call, made_as=made_under(client.caller, key, called)))
    except HandOver:
        once.forget(found)  # the same call is made again in a helper process
        raise
    except Exception as error:
        response = respond(error)
    if response.status_code >= 500:
        once.forget(found)
        return response
    once.keep(found, _kept(response))
    return response


def _kept(response: Response) -> StoredAnswer:
    return StoredAnswer(
        response.status_code, response.mimetype or "", response.get_data(as_text=True),
        response.headers.get("Location", ""), response.headers.get("ETag", ""),
    )  # fmt: skip


def _again(kept: StoredAnswer) -> Response:
    response = Response(kept.body, kept.status, mimetype=kept.media_type)
    for name, value in (("Location", kept.location), ("ETag", kept.etag), (REPLAYED, "true")):
        if value:
            response.headers[name] = value
    return response


def _key() -> str:
    """The caller's idempotency key, with or without the quotes of a structured field; may be empty."""
    given = request.headers.get(KEY)
    if given is None:
        return ""
    key = plain_key(given)
    if not key or len(key) > _MAX_KEY or not key.isascii() or not key.isprintable():
        raise InvalidInputError(
            "This idempotency key is not valid.", {KEY: f"1 to {_MAX_KEY} printable ASCII characters"}
        )
    return key


def _seen_version() -> int | None:
    """The version in `If-Match`; None for any. Raises InvalidInputError if it names several."""
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return None
    tags = request.if_match.as_set()
    if len(tags) > 1:
        raise InvalidInputError("Name only the version that you saw.", {"If-Match": "several versions"})
    version = next(iter(tags), "").partition(".")[0]
    return int(version) if version.isascii() and version.isdigit() and len(version) < 10 else _NO_VERSION
