"""Who is looking at a request and who is editing it, across all web processes.

Each process knows its own sockets and tells the others by NOTIFY whenever the people at a request change, and again
now and then; what a process has not repeated for a while is forgotten, so a crash leaves nobody behind.
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
"""More than these are not named; it also keeps a notification below PostgreSQL's 8,000 bytes."""
CHANNEL = "assent_presence"

People = dict[str, str]
"""Names by person id."""
Shown = dict[str, str | bool]
"""A person as pages are told of them."""


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
    """Sockets whose person has changed something and not sent it."""
    elsewhere: dict[str, _Elsewhere] = field(default_factory=dict)
    """By process."""


class Presence:
    """Who looks at which request.

    Args:
        show: takes a request id and the people at it, whenever these may have changed.
        tell: sends a text to all processes.
    """

    def __init__(self, show: Callable[[str, list[Shown]], None], tell: Callable[[str], None]) -> None:
        self._show = show
        self._tell = tell
        self._process = secrets.token_hex(6)
        self._places: dict[str, _Place] = {}
        self._lock = threading.Lock()

    def join(self, sid: str, request_id: str, person_id: str, name: str) -> None:
        """The socket's person looks at the request."""
        with self._lock:
            place = self._places.setdefault(request_id, _Place())
            place.here[sid] = (person_id, name)
            place.editing.discard(sid)
        self._changed(request_id)

    def edit(self, sid: str, request_id: str, editing: bool) -> None:
        """The socket's person began to edit the proposal of a request they look at, or no longer does."""
        with self._lock:
            place = self._places.get(request_id)
            if place is None or sid not in place.here or (sid in place.editing) == editing:
                return
            place.editing.add(sid) if editing else place.editing.discard(sid)
        self._changed(request_id)

    def leave(self, sid: str, request_id: str) -> None:
        """The socket's person no longer looks at the request."""
        with self._lock:
            place = self._places.get(request_id)
            if place is None or place.here.pop(sid, None) is None:
                return
            place.editing.discard(sid)
        self._changed(request_id)

    def gone(self, sid: str) -> None:
        """The socket is closed."""
        with self._lock:
            where = [request_id for request_id, place in self._places.items() if sid in place.here]
        for request_id in where:
            self.leave(sid, request_id)

    def people_at(self, request_id: str) -> list[Shown]:
        """The people at a request, by name, each once: ``{"id", "name", "editing"}``."""
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
        """Take what a process told."""
        told: dict[str, Any] = json.loads(text)
        if told["process"] == self._process:
            return
        if told.get("hello"):
            self.repeat()
            return
        request_id, people, editing = told["request"], dict(told["people"]), frozenset(told.get("editing", ()))
        with self._lock:
            place = self._places.setdefault(request_id, _Place())
            known = place.elsewhere.get(told["process"])
            if people:
                place.elsewhere[told["process"]] = _Elsewhere(people, editing, time.monotonic())
            else:
                place.elsewhere.pop(told["process"], None)
            self._tidy(request_id)
        if (known.people if known else {}, known.editing if known else frozenset()) != (people, editing):
            self._show(request_id, self.people_at(request_id))

    def hello(self) -> None:
        """Tell the others who is here, and ask them who is there; for a connection that has just been made."""
        self._tell(json.dumps({"process": self._process, "hello": True}))
        self.repeat()

    def tick(self) -> None:
        """Repeat who is here, and forget whom another process has not repeated; to be called every 20 s or so."""
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
        """Tell the others about every request somebody here looks at."""
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
        # Whoever edits is named before those who only look.
        people = dict(sorted(here.items(), key=lambda item: (item[0] not in editing, item[0]))[:MAX_PEOPLE])
        told = {"process": self._process, "request": request_id, "people": people}
        return json.dumps(told | {"editing": sorted(editing & people.keys())})

    def _tidy(self, request_id: str) -> None:
        place = self._places.get(request_id)
        if place is not None and not place.here and not place.elsewhere:
            del self._places[request_id]
