"""Responses that are event streams of an agent's run: read in the background."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import httpcore
import structlog

from app.notify.webhook.network import Deadline

log = structlog.get_logger(__name__)
LISTENED_SECONDS = 600.0
"""How long the event stream of an agent's run is read."""
MOST_LISTENED = 50
"""Maximum number of streams that are read at the same time; further ones are not read."""
_listening = threading.BoundedSemaphore(MOST_LISTENED)
_LONGEST_EVENT = 1_000_000
"""Maximum size of an event that is evaluated, in bytes; others are skipped."""
_BEFORE_FIRST = 65_536
"""How many bytes may precede the end of the first event."""
_FINISHED = "RUN_FINISHED"

Ended = Callable[[Mapping[str, Any]], None]


class RunRefusedError(Exception):
    """The agent did not begin the run: its event stream starts with an error."""


class RunEvents:
    """The events of a run, as far as they matter here.

    Attributes:
        opening: the type of the first event; empty if it has none; None: it is not complete yet.
        finished: the event with which the run ended.
    """

    def __init__(self) -> None:
        self.opening: str | None = None
        self.finished: Mapping[str, Any] | None = None
        self._line = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> None:
        """Process the next bytes of the stream."""
        *lines, self._line = (self._line + chunk).split(b"\n")
        for line in lines:
            if not self._skipping and line.startswith(b"data:"):
                self._take(line.removeprefix(b"data:"))
            self._skipping = False
        if len(self._line) > _LONGEST_EVENT:
            self._line, self._skipping = b"", True
        if self.opening is None and (self._skipping or len(self._line) > _BEFORE_FIRST):
            self.opening = ""

    def _take(self, data: bytes) -> None:
        kind = ""
        if self.opening is None or _FINISHED.encode() in data:
            try:
                event = json.loads(data)
            except (ValueError, RecursionError):
                event = None
            kind = str(event.get("type", "")) if isinstance(event, dict) else ""
            if kind == _FINISHED:
                self.finished = event
        if self.opening is None:
            self.opening = kind


def listen(answer: httpcore.Response, deadline: Deadline, held: ExitStack, ended: Ended | None = None) -> None:
    """Read a response to its end in a separate thread, so that no job waits for it, and then close what is held.

    Agents' servers treat a closed connection as a person who has left, and end the run. The first event is awaited
    until the deadline, because an AG-UI agent can refuse an input with status 200 and a stream that starts with an
    error.

    Args:
        ended: called in that thread with the event with which the run ended.

    Raises:
        RunRefusedError: the stream starts with an error.
    """
    if not _listening.acquire(blocking=False):
        log.warning("callback.not_listened", listened=MOST_LISTENED)
        held.close()
        return
    now = time.monotonic()
    left, deadline.ends = max(deadline.ends - now, 0), now + LISTENED_SECONDS
    first: queue.SimpleQueue[str] = queue.SimpleQueue()
    given = (answer, held, first, ended)
    threading.Thread(target=_listen, args=given, name="listen to a run", daemon=True).start()
    try:
        opening = first.get(timeout=left)
    except queue.Empty:
        return
    if opening == "RUN_ERROR":
        raise RunRefusedError


def _listen(answer: httpcore.Response, held: ExitStack, first: queue.SimpleQueue[str], ended: Ended | None) -> None:
    events, said = RunEvents(), False
    try:
        with held:
            for chunk in answer.iter_stream():
                events.feed(chunk)
                if not said and events.opening is not None:
                    first.put(events.opening)
                    said = True
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        log.info("callback.run_left", reason=str(error) or type(error).__name__)
    finally:
        first.put("")
        _listening.release()
    if events.finished is not None and ended is not None:
        try:
            ended(events.finished)
        except Exception:
            log.error("callback.run_not_followed", exc_info=True)
