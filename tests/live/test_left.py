"""A page that is left before it has settled is no error."""

from __future__ import annotations

import pytest
from flask import Flask, request
from flask_socketio import SocketIO

from app.domain.errors import AssentError
from app.live.sockets import Sockets


def test_a_connection_that_has_ended_joins_nothing_and_is_told_so() -> None:
    app = Flask("left")
    SocketIO(app, async_mode="threading")
    with app.test_request_context("/"):
        request.sid, request.namespace = "gone", "/"  # type: ignore[attr-defined]
        with pytest.raises(AssentError, match="has ended"):
            Sockets._join("request:1")
