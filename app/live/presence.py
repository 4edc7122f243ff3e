"""Presence: who has a request open and who is editing it, across all web processes.

Each process knows its own sockets and sends their people to the others by NOTIFY, on every change and at regular
intervals. What a process has not repeated for a while is dropped, so a crash leaves nobody behind.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FORGET_SECONDS = 60.0
MAX_PEOPLE = 20
"""Most people that are named; this also keeps a notification below PostgreSQL's 8,000 bytes."""
CHANNEL = "assent_presence"

People = dict[str, str]
"""Names by person id."""
Shown = dict[str, str | bool]
"""A person as pages receive them."""


@dataclass(frozen=True)
class _Elsewhere:
    people: People
    editing: frozenset[str]
    heard: float


@dataclass
class _Place:
    here: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Person id and name by socket."""
    editing: set[str] = field(default_factory=set)
    """Sockets with unsubmitted edits."""
    elsewhere: dict[str, _Elsewhere] = field(default_factory=dict)
    """By process."""


class Presence:
    """The people at each request.

    Args:
        show: takes a request id and the people at it, whenever they may have changed.
        tell: sends a text to all processes.
    """

    def __init__(self, show: Callable[[str, list[Shown]], None], tell: Callable[[str], None]) -> None:
        self._show = show
        self._tell = tell
        self._process = secrets.token_hex(6)
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def join(self, sid: str, request_id: str, person_id: str, name: str) -> None:
        """Add the socket's person to a request."""
        with self._lock:
            place = self._places.setdefault(request_id, _Place())
            place.here[sid] = (person_id, name)
            place.editing.discard(sid)
        self._changed(request_id)

    def edit(self, sid: str, request_id: str, editing: bool) -> None:
        """Record that the socket's person edits the proposal of an open request, or no longer does."""
        with self._lock:
            place = self._places.get(request_id)
            if place is None or sid not in place.here or (sid in place.editing) == editing:
                return
            place.editing.add(sid) if editing else place.editing.discard(sid)
        self._changed(request_id)

    def leave(self, sid: str, request_id: str) -> None:
        """Remove the socket's person from a request."""
        with self._lock:
            place = self._places.get(request_id)
            if place is None or place.here.pop(sid, None) is None:
                return
            place.editing.discard(sid)
        self._changed(request_id)

    def gone(self, sid: str) -> None:
        """Remove a closed socket."""
        with self._lock:
            where = [request_id for request_id, place in self._places.items() if sid in place.here]
        for request_id in where:
            self.leave(sid, request_id)

    def people_at(self, request_id: str) -> list[Shown]:
        """The people at a request, by name and without duplicates: ``{"id", "name", "editing"}``."""
        with self._lock:
            place = self._places.get(request_id)
            if place is None:
                return []
            everybody = dict(place.here.values())
            editing = {place.here[sid][0] for sid in place.editing}
            for other in place.elsewhere.values():
                everybody |= other.people
                editing |= other.editing
        named = sorted(everybody.items(), key=lambda item: item[1])
        return [{"id": person_id, "name": name, "editing": person_id in editing} for person_id, name in named]

    def hear(self, text: str) -> None:
        """Process a text from another process."""
        message: dict[str, Any] = json.loads(text)
        if message["process"] == self._process:
            return
        if message.get("hello"):
            self.repeat()
            return
        request_id, people, editing = message["request"], dict(message["people"]), frozenset(message.get("editing", ()))
        with self._lock:
            place = self._places.setdefault(request_id, _Place())
            known = place.elsewhere.get(message["process"])
            if people:
                place.elsewhere[message["process"]] = _Elsewhere(people, editing, time.monotonic())
            else:
                place.elsewhere.pop(message["process"], None)
            self._tidy(request_id)
        if (known.people if known else {}, known.editing if known else frozenset()) != (people, editing):
            self._show(request_id, self.people_at(request_id))

    def hello(self) -> None:
        """Announce this process's people, and ask the others for theirs; called after each connect."""
        self._tell(json.dumps({"process": self._process, "hello": True}))
        self.repeat()

    def tick(self) -> None:
        """Repeat this process's people, and drop those that others have not repeated; call it about every 20 s."""
        now = time.monotonic()
        self.repeat()
        forgotten = []
        with self._lock:
            for request_id, place in list(self._places.items()):
                silent = [key for key, other in place.elsewhere.items() if now - other.heard > FORGET_SECONDS]
                for process in silent:
                    del place.elsewhere[process]
                if silent:
                    forgotten.append(request_id)
                self._tidy(request_id)
        for request_id in forgotten:
            self._show(request_id, self.people_at(request_id))

    def repeat(self) -> None:
        """Announce the people at every request that is open in this process."""
        with self._lock:
            where = [request_id for request_id, place in self._places.items() if place.here]
        for request_id in where:
            self._tell(self._words(request_id))

    def _changed(self, request_id: str) -> None:
        words = self._words(request_id)
        with self._lock:
            self._tidy(request_id)
        self._show(request_id, self.people_at(request_id))
        self._tell(words)

    def _words(self, request_id: str) -> str:
        with self._lock:
            place = self._places.get(request_id)
            here = dict(place.here.values()) if place else {}
            editing = {place.here[sid][0] for sid in place.editing} if place else set()
        # People who edit are named first.
        people = dict(sorted(here.items(), key=lambda item: (item[0] not in editing, item[0]))[:MAX_PEOPLE])
        message = {"process": self._process, "request": request_id, "people": people}
        return json.dumps(message | {"editing": sorted(editing & people.keys())})

    def _tidy(self, request_id: str) -> None:
        place = self._places.get(request_id)
        if place is not None and not place.here and not place.elsewhere:
            del self._places[request_id]
