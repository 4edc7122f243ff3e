"""The web process's listening socket, with errors that name the setting."""

from __future__ import annotations

import errno
import socket

from app.servers import keep_alive
from app.settings import Settings, SettingsError

BACKLOG = 4096
"""Connections that the system queues until we accept them; it may queue fewer (`net.core.somaxconn`)."""


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
            raise SettingsError(f"ASSENT_PORT: {place} is in use by another program") from None
        name = "ASSENT_HOST" if error.errno == errno.EADDRNOTAVAIL else "ASSENT_PORT"
        raise SettingsError(f"{name}: cannot listen on {place} ({error.strerror})") from None
    return listener
