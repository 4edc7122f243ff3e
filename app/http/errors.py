"""Converts errors to responses: a page for people, an RFC 9457 problem document for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.domain.errors import (
    AssentError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    LinkError,
    NotFoundError,
    NoWorkerError,
    TokenError,
    TookTooLongError,
    TooLargeError,
    UnavailableFileError,
    VersionChangedError,
)
from app.store.failures import unavailability

WATCH = "assent_forbidden"
"""The application's extension that is called for each response with status 403."""
Watch = Callable[[str], AssentError | None]
"""Takes the error's code; returns the error to answer with instead, if there were too many."""
PROBLEM_TYPE = "application/problem+json"
log = structlog.get_logger("http")


class NotSignedInError(AssentError):
    """Nobody is signed in, or the session has ended."""

    code = "not_signed_in"


class MalformedError(AssentError):
    """The body does not match its media type."""

    code = "malformed"


class UnsupportedMediaTypeError(AssentError):
    """The body's media type is not supported."""

    code = "unsupported_media_type"


class RateLimitedError(AssentError):
    """The token has used up its calls; `extra["retry_after"]` is how many seconds to wait."""

    code = "rate_limited"


class TooManyAttemptsError(AssentError):
    """Too many refused attempts from this address or account; `extra["retry_after"]` is how many seconds to wait."""

    code = "too_many_attempts"


class OverloadedError(AssentError):
    """More HTTP requests are being answered than the process can answer soon."""

    code = "overloaded"


class CrossOriginError(AssentError):
    """A page of another site sent this."""

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
    UnavailableFileError: 503,
    NoWorkerError: 503,
    OverloadedError: 503,
}
"""HTTP status by error type; a subclass inherits its parent's unless it is listed."""

TITLES = {
    400: "Malformed request",
    401: "Sign in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict with the current state",
    410: "This link no longer works",
    412: "A newer version exists",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Temporarily unavailable",
}
"""Titles of problems by HTTP status."""
_HINTS = {
    400: "Go back in your browser: the form still contains what you typed.",
    401: "Ask an administrator for a sign-in link if you have none.",
    403: "An administrator can change your roles.",
    404: "The URL may be misspelled, or the page no longer exists.",
    405: "Go back and use the buttons on the page.",
    409: "Check the current state, and try again if it is still necessary.",
    410: "Ask an administrator for a new link.",
    412: "Check the current version first.",
    413: "Send less at once.",
    415: "Send JSON with the content type application/json.",
    422: "Go back in your browser, correct the fields named here, and submit the form again.",
    429: "Wait a moment and try again; nothing was lost.",
    500: "The error is logged. Include the request ID when you report it.",
    503: "Try again in a moment.",
}
_HINTS_BY_CODE = {
    "not_asked": "Only the approvers of the current stage can decide. You can still comment or escalate.",
    "own_request": "Somebody else has to decide.",
    "reauthentication_required": "Sign out, sign in again, and come back.",
    "token_invalid": "Create another token.",
    "insufficient_scope": "Create a token with that scope.",
    "risk_raised": "Send it with acknowledged_risk to accept the risk.",
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
"""The WWW-Authenticate header of RFC 6750 for a missing or insufficient token."""
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "instance", "request_id"})


@dataclass(frozen=True)
class ProblemDocument:
    """An error as people and programs see it.

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
        """The title for this status."""
        return TITLES.get(self.status, "Error")

    @property
    def hint(self) -> str:
        """What the reader can do about it; may be empty."""
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
    """The problem document for an error; unexpected errors are logged here and shown without internals."""
    if isinstance(error, AssentError):
        return ProblemDocument(status_of(error), error.code, error.message, error.extra)
    if isinstance(error, CSRFError):
        words = "The form has expired. Reload the page and try again."
        return ProblemDocument(400, "csrf", words)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        words = _DETAILS.get(error.code, error.description or error.name)
        return ProblemDocument(error.code, _CODES.get(error.code, error.name.lower().replace(" ", "_")), words)
    if words := unavailability(error):
        log.error("database unavailable", error=str(error.__cause__ or error).splitlines()[0])
        return ProblemDocument(503, "unavailable", words)
    log.error("unexpected error", exc_info=error)
    return ProblemDocument(500, "internal", "An unexpected error occurred.")


_DETAILS = {
    404: "There is nothing at this URL.",
    405: "This URL does not accept this method.",
    413: "The body is larger than this server accepts.",
}


def status_of(error: AssentError) -> int:
    """The HTTP status of an error by its nearest listed type; 500 if there is none."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def is_api() -> bool:
    """True if the response goes to a program."""
    path = request.path
    return (path.startswith("/api/") and not path.startswith("/api/docs")) or path == "/metrics"


def problem_response(problem: ProblemDocument) -> Response:
    """The problem as an RFC 9457 document."""
    document = problem.to_json() | {"instance": request.path, "request_id": g.get("request_id", "")}
    response = jsonify(document)
    response.status_code = problem.status
    response.mimetype = PROBLEM_TYPE
    return response


def page_response(problem: ProblemDocument) -> Response:
    """The problem as a page; as plain text if rendering fails."""
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
        # The page may fail for the same reason, such as an unavailable database.
        log.error("error page failed", exc_info=error)
        return Response(f"{problem.title}\n\n{problem.detail}\n", problem.status, mimetype="text/plain")


def respond(error: Exception) -> Response:
    """The response to an error, for people or programs."""
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
    """Report a problem with status 403; returns the problem to answer with, which may be another one."""
    watch: Watch | None = current_app.extensions.get(WATCH)
    if watch is None or problem.status != 403:
        return problem
    instead = watch(problem.code)
    return problem if instead is None else problem_of(instead)


def _retry_after(problem: ProblemDocument) -> str | None:
    """The seconds to wait, if waiting may help."""
    if problem.code == "idempotency_in_progress":
        return "1"
    if problem.status == 429:
        return str(problem.extra.get("retry_after", 1))
    if problem.status == 503:
        return "2" if problem.code == OverloadedError.code else "5"
    return None


def register_errors(app: Flask) -> None:
    """Register handlers for every error that reaches Flask."""

    def handle(error: Exception) -> Any:
        if isinstance(error, HTTPException) and (error.response is not None or (error.code or 500) < 400):
            return error  # a redirect, or a complete response
        return respond(error)

    app.register_error_handler(Exception, handle)
