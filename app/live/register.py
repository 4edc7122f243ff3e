"""Sets up live updates: listener, hub, presence, and sockets."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog
from flask_socketio import SocketIO
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.http.wakeups import Wakeups
from app.live.hub import Hub, request_room
from app.live.listener import Listener
from app.live.presence import CHANNEL, Presence, Shown
from app.live.sockets import Sockets
from app.services.bundle import Services
from app.services.people.sessions import ENDED_CHANNEL
from app.settings import Settings
from app.store.routing import ROUTED_CHANNEL
from app.store.runs import PROGRESS_CHANNEL

CHECK_SECONDS = 20.0
"""Seconds between checks of the sockets' sessions and repetitions of presence."""

log = structlog.get_logger("live")


@dataclass(frozen=True)
class Live:
    """Live updates of one application. The listener starts with the first socket or long poll."""

    listener: Listener
    wakeups: Wakeups
    presence: Presence
    sockets: Sockets


def register(socketio: SocketIO, services: Services, settings: Settings) -> Live:
    """Register the Socket.IO handlers; nothing runs before the first connection."""

    def show(request_id: str, people: list[Shown]) -> None:
        socketio.emit("presence", {"request_id": request_id, "people": people}, to=request_room(request_id))

    def tell(words: str) -> None:
        try:
            with services.sessions.begin() as session:
                session.execute(text("select pg_notify(:channel, :words)"), {"channel": CHANNEL, "words": words})
        except SQLAlchemyError as error:
            log.warning("presence not told", error=str(error).splitlines()[0])

    presence = Presence(show, tell)
    wakeups = Wakeups(lambda: listener.start())
    hub = Hub(socketio, wakeups)
    last_check = time.monotonic()

    def tick() -> None:
        nonlocal last_check
        if time.monotonic() - last_check >= CHECK_SECONDS:
            last_check = time.monotonic()
            # In a thread of its own, because the listener must not wait for it.
            socketio.start_background_task(check)

    def check() -> None:
        presence.tick()
        sockets.check_sessions()

    def connected() -> None:
        presence.hello()
        # Sessions may have ended while the listener was not connected.
        socketio.start_background_task(sockets.check_sessions)

    listener = Listener(
        settings.database_url,
        services.sessions,
        hub.deliver,
        channels={
            CHANNEL: presence.hear,
            ENDED_CHANNEL: lambda sign_in: sockets.session_ended(sign_in),
            ROUTED_CHANNEL: wakeups.wake,
            PROGRESS_CHANNEL: hub.progressed,
        },
        connected=connected,
        tick=tick,
        lost=hub.lost,
    )
    sockets = Sockets(socketio, services, settings, presence, listener.start)
    sockets.register()
    return Live(listener, wakeups, presence, sockets)
