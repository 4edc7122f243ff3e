"""The web process's listening socket, with errors that name the setting."""

from __future__ import annotations

import errno
import http.client
import json
import socket

from app.servers import keep_alive
from app.settings import Settings, SettingsError

BACKLOG = 4096
"""Connections that the system queues until we accept them; it may queue fewer (`net.core.somaxconn`)."""


_HEALTH_SECONDS = 2.0


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens at the configured address.

    Raises:
        SettingsError: The port is in use, or the address is not this machine's.
    """
    place = f"{settings.host} port {settings.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise SettingsError(f"ASSENT_HOST: {settings.host!r} is not an address of this machine") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if settings.reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        keep_alive(listener)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"ASSENT_PORT: {place} is in use by {_user_of(settings)}") from None
        name = "ASSENT_HOST" if error.errno == errno.EADDRNOTAVAIL else "ASSENT_PORT"
        raise SettingsError(f"{name}: cannot listen on {place} ({error.strerror})") from None
    return listener


def _user_of(settings: Settings) -> str:
    """Say who listens there, as far as that can be found out by asking."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    connection = http.client.HTTPConnection(host, settings.port, timeout=_HEALTH_SECONDS)
    try:
        connection.request("GET", "/healthz")
        ours = json.loads(connection.getresponse().read(1000)) == {"status": "ok"}
    except (OSError, ValueError, http.client.HTTPException):
        ours = False
    finally:
        connection.close()
    if not ours:
        return "another program"
    return (
        "another web process of Assent. Several on one machine share a port with ASSENT_REUSE_PORT=true for each of "
        "them (`assent serve` does that with ASSENT_WEB_PROCESSES), or have ports of their own"
    )
