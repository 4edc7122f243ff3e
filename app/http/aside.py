"""HTTP requests that are too heavy for the web process are answered by a helper process with the same application.

Large bodies go there unread. Others start here, and start again there once they turn out to be heavy
(`app.domain.weight`), which is before they have written anything.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from app.bounded_work import run_bounded
from app.domain.errors import AssentError, TookTooLongError
from app.domain.weight import HandOver, light_only
from app.http.errors import OverloadedError, respond
from app.http.in_flight import InFlight
from app.http.refusals import too_many, wait_before_handing_over
from app.services.refusals import Refusal
from app.settings import Settings

LARGEST_BODY = 32_000
"""Largest body that the web process itself reads and parses, in bytes."""
SECONDS = 30.0
"""Seconds after which a heavy HTTP request is stopped."""
HANDED_OVER = "assent.handed_over"
"""Marks the environment of an HTTP request that started in the web process."""
Answer = tuple[str, list[tuple[str, str]], bytes, list[Refusal]]
"""Status, headers, content, and refusals."""
BUSY = "The portal has more to do than it can do at the moment. Try again in a few seconds; nothing was lost."
_ELSEWHERE = ("/socket.io", "/static/", "/healthz", "/readyz")


class Aside:
    """WSGI middleware around an application.

    Args:
        answer: answers an HTTP request in a helper process: `app.factory.answer_beside`.
    """

    def __init__(
        self, app: Flask, settings: Settings, answer: Callable[[Settings, dict[str, Any], bytes], Answer]
    ) -> None:
        self._app = app
        self._inner = app.wsgi_app
        self._settings = settings
        self._answer = answer
        self.in_flight = InFlight(settings.max_busy_requests)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer here or in a helper process."""
        if environ.get("PATH_INFO", "").startswith(_ELSEWHERE):
            return self._inner(environ, start_response)
        body = _body(environ, self._settings.max_body_bytes)
        with self.in_flight.one() as admitted:
            if not admitted:
                return self._respond(OverloadedError(BUSY), environ, start_response)
            return self._answered(environ, body, start_response)

    def _answered(self, environ: dict[str, Any], body: bytes | None, start_response: Any) -> Iterable[bytes]:
        if body is None:
            return self._inner(environ, start_response)
        if len(body) > LARGEST_BODY:
            return self._beside(environ, body, start_response)
        environ["wsgi.input"] = io.BytesIO(body)
        before = dict(environ)
        try:
            with light_only():
                return self._inner(environ, start_response)
        except HandOver:
            return self._beside(before | {HANDED_OVER: True}, body, start_response)

    def _beside(self, environ: dict[str, Any], body: bytes, start_response: Any) -> Iterable[bytes]:
        refusals, limit = self._app.extensions["assent"].refusals, self._settings.refusals_per_minute
        if limit and (wait := wait_before_handing_over(refusals, environ)):
            return self._respond(too_many(wait), environ, start_response)
        work = (self._settings, _plain(environ), body)
        try:
            status, headers, content, refused = run_bounded(self._answer, work, SECONDS)
        except TookTooLongError as error:
            return self._respond(error, environ, start_response)
        if wait := max((refusals.note(refusal, limit) for refusal in refused), default=0):
            return self._respond(too_many(wait), environ, start_response)
        start_response(status, headers)
        return [content]

    def _respond(self, error: AssentError, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._app.request_context(environ | {"wsgi.input": io.BytesIO()}):
            return respond(error)(environ, start_response)


def _body(environ: dict[str, Any], most: int) -> bytes | None:
    """The body; None if its length is missing, not valid, or too large: it is then not read."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated") and environ.get("HTTP_TRANSFER_ENCODING"):
        body: bytes = stream.read(most + 1)
        environ.pop("HTTP_TRANSFER_ENCODING")
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        return body if len(body) <= most else None
    given = str(environ.get("CONTENT_LENGTH") or "0")
    if not given.isascii() or not given.isdigit() or int(given) > most:
        return None
    return stream.read(int(given)) if int(given) else b""


def _plain(environ: dict[str, Any]) -> dict[str, Any]:
    """The part of the environment that can be sent to a helper process."""
    return {
        name: value
        for name, value in environ.items()
        if isinstance(value, str | bool) and (name == "wsgi.url_scheme" or "." not in name or name == HANDED_OVER)
    }
