"""Security headers, and the request ID that links a response to its log lines."""

from __future__ import annotations

import re
import secrets

import structlog
from flask import Flask, Response, g, request

from app.settings import Settings

_INBOUND_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_FOREVER = "public, max-age=31536000, immutable"


def csp_nonce() -> str:
    """This response's nonce, for scripts and for the style sheets that the code editor creates.

    Templates can call it by the same name.
    """
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def content_security_policy(nonce: str) -> str:
    """A policy that only allows loading from and sending to the portal. `connect-src 'self'` includes its WebSocket."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "manifest-src 'self'",
            "worker-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def register_security(app: Flask, settings: Settings) -> None:
    """Give every HTTP request an ID and every response its headers."""
    https = settings.public_url.startswith("https://")

    def begin() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _INBOUND_ID.fullmatch(given) else secrets.token_hex(12)
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    def finish(response: Response) -> Response:
        for name, value in _FIXED.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", content_security_policy(csp_nonce()))
        response.headers["X-Request-ID"] = g.get("request_id", "")
        if https:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        response.headers["Cache-Control"] = _cache_control(response)
        return response

    def end(_error: BaseException | None) -> None:
        structlog.contextvars.unbind_contextvars("request_id")

    # Registered first so that it runs last: after-request handlers run in reverse order.
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request(finish)
    app.teardown_request(end)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def _cache_control(response: Response) -> str:
    if request.endpoint != "static" or response.status_code not in (200, 304):
        return "no-store"
    # An asset's URL contains the hash of its content (`app.http.assets`), so the content never changes.
    # The names of scripts that are loaded on demand contain it as well.
    in_name = request.path.startswith("/static/dist/chunks/")
    return _FOREVER if "v" in request.args or in_name else "no-cache"
