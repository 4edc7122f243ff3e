"""Streamable HTTP: each caller's token is forwarded to the portal, and pages in a browser are refused."""

from __future__ import annotations

import hashlib
import socket
from typing import Any

import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from assent.connection import AgentTokenError
from assent.mcp.callers import Callers
from assent.mcp.waits import settled

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHUTDOWN_SECONDS = 5


class TokenRequired:
    """Refuses callers without an agent's token, and binds a session to the token that opened it."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                token = self._callers.token_of(Headers(scope=scope))
            except AgentTokenError as error:
                refusal = JSONResponse({"error": "invalid_token", "error_description": str(error)}, 401)
                refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
                return await refusal(scope, receive, send)
            # The MCP SDK treats a session as unknown to any other token; a digest of the token is enough for that.
            name = hashlib.sha256(token.encode()).hexdigest()
            scope["user"] = AuthenticatedUser(AccessToken(token=name, client_id=name, scopes=[]))
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Waits until canceled tool calls have canceled their requests; uvicorn itself does not wait for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await settled()


def security(host: str, port: int, hosts: tuple[str, ...], origins: tuple[str, ...]) -> TransportSecuritySettings:
    """Return which Host and Origin headers are accepted: the named ones, and on a loopback address this machine's.

    An Origin must be named: agents send none, so a request with one comes from a page in somebody's browser.
    """
    loopback = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in LOOPBACK]
    own = loopback if host in LOOPBACK else []
    return TransportSecuritySettings(allowed_hosts=[*own, *hosts], allowed_origins=list(origins))


def serve(server: MCPServer[Any], callers: Callers, host: str, port: int, settings: TransportSecuritySettings) -> None:
    """Serve at `/mcp` until the process is stopped."""
    app = TokenRequired(server.streamable_http_app(host=host, transport_security=settings), callers)
    # The portal's audit log says more than access logs would.
    config = uvicorn.Config(
        app, host=host, port=port, log_level="info", access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS
    )
    _Server(config).run()
