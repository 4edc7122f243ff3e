"""CSRF protection: only the portal's own pages may act on behalf of a signed-in person."""

from __future__ import annotations

from urllib.parse import urlsplit

import structlog
from flask import Flask, request
from flask_wtf.csrf import CSRFProtect

from app.http.errors import CrossOriginError, is_api
from app.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BY_SIGNATURE = frozenset({"web.slack_interactions", "web.slack_commands"})
"""Endpoints without a session, called by other programs whose signature they check themselves."""
_protection = CSRFProtect()
log = structlog.get_logger("http")


def same_origin(origin: str, scheme: str, host: str, public_url: str) -> bool:
    """True if `origin` is the portal's own.

    Args:
        origin: the Origin header, which browsers send with every WebSocket and every cross-site POST.
        scheme: the scheme with which the HTTP request arrived.
        host: its host and port.
        public_url: where people reach the portal; behind a proxy, this differs from both.
    """
    public = urlsplit(public_url)
    return origin in (f"{scheme}://{host}", f"{public.scheme}://{public.netloc}")


def _strange(origin: str, settings: Settings) -> str:
    """Say that a page of another site sent something. Without a base URL it may be our own, behind a proxy."""
    if settings.base_url:
        return "This was sent by a page of another site."
    log.warning("a page at another address was refused; if it is the portal's own, set ASSENT_BASE_URL", origin=origin)
    return (
        f"This was sent by a page at {origin}, and the portal does not know that address. If it is the portal's own, "
        "the operator has to set ASSENT_BASE_URL to it."
    )


def check_csrf() -> None:
    """Refuse a change unless it carries this session's CSRF token (form field or `X-CSRFToken`).

    Raises:
        flask_wtf.csrf.CSRFError: the token is missing, forged, or another session's.
    """
    _protection.protect()


def register_csrf(app: Flask, settings: Settings) -> None:
    """Check forms before their view runs. The API calls `check_csrf` itself if the caller uses a session."""
    app.config.update(
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,  # the token is valid as long as its session
        WTF_CSRF_SSL_STRICT=False,  # the Origin header is checked below instead
    )
    _protection.init_app(app)

    def check() -> None:
        if request.method in SAFE_METHODS:
            return
        origin = request.headers.get("Origin")
        if origin is not None and not same_origin(origin, request.scheme, request.host, settings.public_url):
            raise CrossOriginError(_strange(origin[:200], settings), origin=origin[:200])
        if not is_api() and request.endpoint is not None and request.endpoint not in BY_SIGNATURE:
            check_csrf()

    app.before_request(check)
