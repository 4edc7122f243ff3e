"""Passes events on: to Socket.IO rooms, and to callers who wait for a request's outcome."""

from __future__ import annotations

from typing import Any, Protocol

from app.domain.events import EventKind
from app.http.wakeups import Wakeups
from app.services.record.events import EventView

QUEUE_ROOM = "queue"
"""The room of everybody who is signed in."""


def workflow_room(run_id: str) -> str:
    """The room of people who have a run open; Socket.IO messages call its id `workflow_id`."""
    return f"workflow:{run_id}"


def request_room(request_id: str) -> str:
    """The room of people who have a request open."""
    return f"request:{request_id}"


def user_room(person_id: str) -> str:
    """The room of a person's sockets."""
    return f"user:{person_id}"


def team_room(slug: str) -> str:
    """The room of a team's members."""
    return f"team:{slug}"


class Emitter(Protocol):
    """The part of Flask-SocketIO that the hub uses."""

    def emit(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Send `event` to the rooms in `to`."""


NAMES = {
    EventKind.REQUEST_OPENED: "new_approval_request",
    EventKind.REQUEST_CHANGED: "approval_update",
    EventKind.REQUEST_RESOLVED: "approval_update",
    EventKind.REQUEST_RECEIPT: "approval_update",
    EventKind.REQUEST_COMMENT: "approval_update",
    EventKind.RUN_CHANGED: "workflow_update",
    EventKind.RUN_ARTIFACT: "workflow_update",
    EventKind.STEP_STARTED: "workflow_update",
    EventKind.STEP_ENDED: "workflow_update",
    EventKind.STEP_FAILED: "workflow_update",
    EventKind.GRANT_CHANGED: "approval_update",
}
"""The Socket.IO name of each kind of event."""

_FOR_ONE_RUN = {EventKind.RUN_ARTIFACT, EventKind.STEP_STARTED, EventKind.STEP_ENDED, EventKind.STEP_FAILED}


def rooms_of(event: EventView) -> list[str]:
    """The rooms that receive an event; steps go only to people who have their run open."""
    rooms = [] if event.kind in _FOR_ONE_RUN else [QUEUE_ROOM]
    if event.run_id:
        rooms.append(workflow_room(event.run_id))
    if event.request_id:
        rooms.append(request_room(event.request_id))
    return rooms


def message_of(event: EventView) -> dict[str, Any]:
    """An event as clients receive it: ids, state, and short labels. `seq` is the position to `catch_up` from."""
    return event.payload | {
        "seq": event.seq,
        "id": event.id,
        "kind": event.kind.value,
        "run_id": event.run_id,
        "request_id": event.request_id,
        "state": event.payload.get("state"),
        "at": event.at.isoformat(),
    }


class Hub:
    """Passes each event on in this process."""

    def __init__(self, emitter: Emitter, wakeups: Wakeups) -> None:
        self._emitter = emitter
        self._wakeups = wakeups

    def progressed(self, run_id: str) -> None:
        """Emit that a step of a run has reported progress, to people who have the run open. It is no stored event."""
        message = {"kind": "run.progress", "run_id": run_id, "request_id": None}
        self._emitter.emit("workflow_update", message, to=[workflow_room(run_id)])

    def lost(self) -> None:
        """Tell all pages to read everything again, and wake all waiters: events may have been missed."""
        self._emitter.emit("events_lost", {}, to=[QUEUE_ROOM])
        self._wakeups.wake_all()

    def deliver(self, event: EventView) -> None:
        """Emit to the event's rooms and wake waiters. A socket in several of the rooms receives it once."""
        if event.request_id:
            self._wakeups.wake(event.request_id)
        self._emitter.emit(NAMES[event.kind], message_of(event), to=rooms_of(event))
