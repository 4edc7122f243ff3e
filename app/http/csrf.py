"""CSRF protection: only the portal's own pages may act on behalf of a signed-in person."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect

from app.http.errors import CrossOriginError, is_api
from app.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BY_SIGNATURE = frozenset({"web.slack_interactions", "web.slack_commands"})
"""Endpoints without a session, called by other programs whose signature they check themselves."""
_protection = CSRFProtect()


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
            raise CrossOriginError("This was sent by a page of another site.", origin=origin[:200])
        if not is_api() and request.endpoint is not None and request.endpoint not in BY_SIGNATURE:
            check_csrf()

    app.before_request(check)
