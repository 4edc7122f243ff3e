"""The factory of the web application. Nothing that it imports may load agent code: no LangGraph, no workflow."""

from __future__ import annotations

import io
import sys
from functools import lru_cache
from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from app.api import register as api
from app.http import health
from app.http.aside import Answer, Aside
from app.http.assets import register_assets
from app.http.cookies import SessionCookies
from app.http.csrf import register_csrf
from app.http.errors import register_errors
from app.http.identity import register_identity
from app.http.proxies import TrustedProxies
from app.http.refusals import HEARD, register_refusals
from app.http.runtime import PortalParts, keep
from app.http.security import register_security
from app.installation import ROOT
from app.live import register as live
from app.logs import configure_logs
from app.notify.slack.client import slack_api
from app.risk.apart import assess_apart
from app.services.bundle import Services, build_services
from app.services.files.rules import file_rules
from app.services.refusals import Refusal
from app.services.vault.ring import key_ring
from app.settings import Settings
from app.store.engine import make_engine
from app.web import register as web

SLACK_SECONDS = 1
"""Slack waits three seconds for our response; a call back to Slack must not use them up."""
MAX_MESSAGE = 100_000
"""Bytes of a message over Socket.IO; larger decisions are sent over REST, and are handled in a helper process."""


def create_app(settings: Settings, services: Services | None = None, *, beside: bool = False) -> Flask:
    """Create the web application. It opens no connection before the first request.

    Args:
        settings: Settings with a database address and a secret key.
        services: The services. Default: those on the settings' database.
        beside: True in the helper process that answers requests for other processes.
    """
    own_services = services is None
    if services is None:
        services = build_services(
            make_engine(settings.database_url, application_name="assent web"), secret_key=settings.secret_key,
            demo=settings.demo, assess=assess_apart, files=file_rules(settings), grace=settings.grace_span,
            ring=key_ring(settings),
        )  # fmt: skip
    app = Flask("assent", root_path=str(ROOT / "app"), static_folder=None, template_folder=str(ROOT / "templates"))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.max_body_bytes,
        MAX_FORM_PARTS=2_000,
        TRAP_BAD_REQUEST_ERRORS=False,
    )
    app.session_interface = SessionCookies(services.clock)
    register_errors(app)
    register_refusals(app)
    register_security(app, settings)
    register_identity(app, settings, services.sign_ins.find)
    register_csrf(app, settings)
    register_assets(app, ROOT / "static")

    socketio = make_socketio(app, settings)
    alive = live.register(socketio, services, settings)
    # A helper process may outlive the web process, and is stopped when it takes too long: it proves nothing.
    lock_key = (lambda: None) if beside else alive.listener.lock_key
    keep(app, PortalParts(services, settings, alive.wakeups, slack_api(settings, SLACK_SECONDS), lock_key))
    app.extensions["assent_live"] = alive

    health.register(app, services)
    api.register(app)
    web.register(app)
    if beside:
        return app  # the process that passed the request on has identified its sender
    if own_services:
        app.wsgi_app = Aside(app, settings, answer_beside)  # type: ignore[method-assign]
    # Around everything, Socket.IO included.
    app.wsgi_app = TrustedProxies(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]
    return app


@lru_cache(maxsize=1)
def _app_beside(settings: str) -> Flask:
    parsed = Settings.model_validate_json(settings)
    configure_logs(parsed, "web beside")
    return create_app(parsed, beside=True)


def answer_beside(settings: Settings, environ: dict[str, Any], body: bytes) -> Answer:
    """Answer a request in a helper process. Returns its status, headers, content, and refusals.

    Args:
        environ: The WSGI environment, as far as it can be sent to another process.
    """
    app = _app_beside(settings.model_copy(update={"async_mode": "threading"}).model_dump_json())
    app.extensions["assent"].clock.try_to_read()
    refused: list[Refusal] = []
    environ = environ | {
        "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "wsgi.version": (1, 0), "wsgi.multithread": False,
        "wsgi.multiprocess": True, "wsgi.run_once": False, "CONTENT_LENGTH": str(len(body)), HEARD: refused,
    }  # fmt: skip
    begun: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
        begun[:] = status, headers

    parts = app.wsgi_app(environ, start_response)
    try:
        content = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return begun[0], list(begun[1]), content, refused


def make_socketio(app: Flask, settings: Settings) -> SocketIO:
    """Create Flask-SocketIO on the application (`app.extensions["socketio"]`).

    Several processes on one port cannot share a polling session, because its requests may reach different processes.
    With several processes, only WebSockets are accepted.
    """
    alone = settings.web_processes == 1 and not settings.reuse_port
    return SocketIO(
        app,
        async_mode=settings.async_mode,
        cors_allowed_origins=[],  # origins are checked where sockets connect; no header invites other sites
        max_http_buffer_size=min(MAX_MESSAGE, settings.max_body_bytes),
        ping_interval=20,
        ping_timeout=20,
        transports=["websocket", "polling"] if alone else ["websocket"],
    )
