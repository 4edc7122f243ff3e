"""Streamable HTTP: each caller's token goes on to the portal, and a browser that was led here gets nothing."""

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

from assent.connecting import TokenError
from assent.mcp.callers import Callers
from assent.mcp.waiting import settled

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SHUTDOWN_SECONDS = 5


class TokenRequired:
    """Refuses callers without a token of an agent, and binds a session to the token that opened it."""

    def __init__(self, app: ASGIApp, callers: Callers) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                token = self._callers.token_of(Headers(scope=scope))
            except TokenError as error:
                refusal = JSONResponse({"error": "invalid_token", "error_description": str(error)}, 401)
                refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
                return await refusal(scope, receive, send)
            # The SDK answers another token's call of a session as if there were none; a digest is enough for that.
            name = hashlib.sha256(token.encode()).hexdigest()
            scope["user"] = AuthenticatedUser(AccessToken(token=name, client_id=name, scopes=[]))
        await self._app(scope, receive, send)


class _Server(uvicorn.Server):
    """Ends when what it cancelled has been withdrawn; uvicorn by itself does not wait for what it cancels."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        await settled()


def security(host: str, port: int, hosts: tuple[str, ...], origins: tuple[str, ...]) -> TransportSecuritySettings:
    """Which Host and Origin headers are taken: those of this machine where only it is listened to, and those named.

    No Origin is taken unless it is named: agents send none, and what sends one is a page in somebody's browser.
    """
    loopback = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in LOOPBACK]
    own = loopback if host in LOOPBACK else []
    return TransportSecuritySettings(allowed_hosts=[*own, *hosts], allowed_origins=list(origins))


def serve(
    server: MCPServer[Any], callers: Callers, host: str, port: int, settings: TransportSecuritySettings
) -> None:
    """Serve at `/mcp` until the process is told to end."""
    app = TokenRequired(server.streamable_http_app(host=host, transport_security=settings), callers)
    # Access logs say nothing that the portal's record does not say better.
    config = uvicorn.Config(
        app, host=host, port=port, log_level="info", access_log=False, timeout_graceful_shutdown=SHUTDOWN_SECONDS
    )
    _Server(config).run()
