"""Clients that have gone while their request was handled."""

from __future__ import annotations

from flask import request

from app.connections import ENVIRON, Connection


def client_has_gone() -> bool:
    """True if the client of the current request has closed its connection: nothing may be handed out to it."""
    connection: Connection | None = request.environ.get(ENVIRON)
    return connection is not None and connection.gone
