"""The one place where errors become answers: a page for people, an RFC 9457 problem document for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from app.domain.errors import (
    AssentError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LinkError,
    NotFoundError,
    TokenError,
    TookTooLongError,
    TooLargeError,
    VersionChangedError,
)

WATCH = "assent_forbidden"
"""The application's extension that hears of each answer with status 403."""
Watch = Callable[[str], AssentError | None]
"""Takes the code of what was forbidden; gives what to answer instead, if that happens too often."""
PROBLEM_TYPE = "application/problem+json"
log = structlog.get_logger("http")


class NotSignedInError(AssentError):
    """Nobody is signed in, or not any more."""

    code = "not_signed_in"


class MalformedError(AssentError):
    """The body is not what its media type says."""

    code = "malformed"


class UnsupportedMediaTypeError(AssentError):
    """The body is of another kind than is read here."""

    code = "unsupported_media_type"


class RateLimitedError(AssentError):
    """The token has made as many calls as it may; `extra["retry_after"]` is how many seconds to wait."""

    code = "rate_limited"


class TooManyAttemptsError(AssentError):
    """Too many attempts from this address or account were refused; `extra["retry_after"]`: seconds to wait."""

    code = "too_many_attempts"


class CrossOriginError(AssentError):
    """Another site's page sent this."""

    code = "cross_origin"


STATUS: Mapping[type[AssentError], int] = {
    MalformedError: 400,
    CrossOriginError: 403,
    NotSignedInError: 401,
    TokenError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    LinkError: 410,
    VersionChangedError: 412,
    TooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    InvalidInputError: 422,
    RateLimitedError: 429,
    TooManyAttemptsError: 429,
    TookTooLongError: 503,
}
"""HTTP status by error type; a subclass has its parent's unless it is named itself."""

TITLES = {
    400: "This could not be read",
    401: "Please sign in",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "This cannot be done here",
    409: "This has moved on",
    410: "This link no longer works",
    412: "This has moved on",
    413: "This is too large",
    415: "This kind of body is not understood",
    422: "This cannot be used as it is",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "Not available at the moment",
}
"""What problems are called, by HTTP status."""
_HINTS = {
    400: "Go back with your browser: what you wrote is still in the form.",
    401: "Ask an administrator for a sign-in link if you have none.",
    403: "An administrator can change your roles.",
    404: "The address may be misspelt, or what was here is gone.",
    405: "Go back, and use the buttons of the page.",
    409: "Look at its current state and decide again if it is still needed.",
    410: "Ask an administrator for a new link.",
    412: "Look at its current version first.",
    413: "Send less at once.",
    415: "Send JSON with the content type application/json.",
    422: "Go back with your browser, change what is named here, and send it again.",
    429: "Wait a moment, then try again; nothing was lost.",
    500: "It has been logged. Quote the request id when you report it.",
    503: "Try again in a moment.",
}
_HINTS_BY_CODE = {
    "not_asked": "Whoever is asked now has to decide. You may still comment, or escalate it.",
    "own_request": "Somebody else has to decide.",
    "reauthentication_required": "Sign out, sign in again, and come back.",
    "token_invalid": "Make another token.",
    "insufficient_scope": "Make a token with that scope.",
    "risk_raised": "Send it anyway if that is what you want.",
}
_CODES = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}
_CHALLENGES = {
    "not_signed_in": 'Bearer realm="assent"',
    "token_invalid": 'Bearer realm="assent", error="invalid_token"',
    "insufficient_scope": 'Bearer realm="assent", error="insufficient_scope"',
}
"""What RFC 6750 has a program told that its token is missing or does not do."""
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "instance", "request_id"})


@dataclass(frozen=True)
class ProblemDocument:
    """An error as it is told.

    Attributes:
        status: HTTP status.
        code: stable, for programs.
        detail: one sentence for people.
        extra: further members of the problem document.
    """

    status: int
    code: str
    detail: str
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """A short heading for this status."""
        return TITLES.get(self.status, "This did not work")

    @property
    def hint(self) -> str:
        """What the reader may do about it; may be empty."""
        return _HINTS_BY_CODE.get(self.code, _HINTS.get(self.status, ""))

    def to_json(self) -> dict[str, Any]:
        """The members of the problem document that do not depend on the HTTP request."""
        return {
            "type": f"urn:assent:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **{key: value for key, value in self.extra.items() if key not in _RESERVED},
        }


def problem_of(error: Exception) -> ProblemDocument:
    """What to tell about an error; anything unexpected is logged here and told without its internals."""
    if isinstance(error, AssentError):
        return ProblemDocument(status_of(error), error.code, error.message, error.extra)
    if isinstance(error, CSRFError):
        words = "The form's protection token is missing or too old. Reload the page and try again."
        return ProblemDocument(400, "csrf", words)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        words = _DETAILS.get(error.code, error.description or error.name)
        return ProblemDocument(error.code, _CODES.get(error.code, error.name.lower().replace(" ", "_")), words)
    if isinstance(error, OperationalError | PoolTimeoutError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        log.error("database unavailable", error=str(error.__cause__ or error).splitlines()[0])
        return ProblemDocument(503, "unavailable", "The database does not answer at the moment.")
    log.error("unexpected error", exc_info=error)
    return ProblemDocument(500, "internal", "An unexpected error happened.")


_DETAILS = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    413: "The body is larger than this server takes.",
}


def status_of(error: AssentError) -> int:
    """The HTTP status of an error by its nearest mapped type; 500 if none is."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def is_api() -> bool:
    """True if the answer goes to a program."""
    path = request.path
    return (path.startswith("/api/") and not path.startswith("/api/docs")) or path == "/metrics"


def problem_response(problem: ProblemDocument) -> Response:
    """The problem as a document."""
    document = problem.to_json() | {"instance": request.path, "request_id": g.get("request_id", "")}
    response = jsonify(document)
    response.status_code = problem.status
    response.mimetype = PROBLEM_TYPE
    return response


def page_response(problem: ProblemDocument) -> Response:
    """The problem as a page; plain text if not even that can be drawn."""
    try:
        body = render_template(
            "errors/error.html",
            title=problem.title,
            message=problem.detail,
            status=problem.status,
            hint=problem.hint,
            request_id=g.get("request_id", ""),
            problem=problem,
        )
        return Response(body, problem.status, mimetype="text/html")
    except Exception as error:
        # The page may fail for the reason that is being reported, such as a database that is away.
        log.error("error page failed", exc_info=error)
        return Response(f"{problem.title}\n\n{problem.detail}\n", problem.status, mimetype="text/plain")


def respond(error: Exception) -> Response:
    """The answer to an error, for whoever asked."""
    problem = noted(problem_of(error))
    response = problem_response(problem) if is_api() else page_response(problem)
    if isinstance(error, HTTPException):
        for name, value in error.get_headers():
            if name in ("Allow", "Retry-After"):
                response.headers[name] = value
    if (wait := _retry_after(problem)) is not None:
        response.headers["Retry-After"] = wait
    if problem.code in _CHALLENGES and is_api():
        response.headers["WWW-Authenticate"] = _CHALLENGES[problem.code]
    return response


def noted(problem: ProblemDocument) -> ProblemDocument:
    """The problem, or the one to answer with instead, after what watches refusals has seen it."""
    watch: Watch | None = current_app.extensions.get(WATCH)
    if watch is None or problem.status != 403:
        return problem
    instead = watch(problem.code)
    return problem if instead is None else problem_of(instead)


def _retry_after(problem: ProblemDocument) -> str | None:
    """Seconds after which it may work, if that is all that is wrong."""
    if problem.code == "idempotency_in_progress":
        return "1"
    if problem.status == 429:
        return str(problem.extra.get("retry_after", 1))
    return "5" if problem.status == 503 else None


def register_errors(app: Flask) -> None:
    """Answer every error that reaches Flask."""

    def handle(error: Exception) -> Any:
        if isinstance(error, HTTPException) and (error.response is not None or (error.code or 500) < 400):
            return error  # a redirect, or an answer somebody has made already
        return respond(error)

    app.register_error_handler(Exception, handle)
