"""Responses that are event streams of an agent's run: read in the background."""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import ExitStack

import httpcore
import structlog

from app.notify.webhook.network import Deadline

log = structlog.get_logger(__name__)
LISTENED_SECONDS = 600.0
"""How long the event stream of an agent's run is read."""
MOST_LISTENED = 50
"""Maximum number of streams that are read at the same time; further ones are not read."""
_listening = threading.BoundedSemaphore(MOST_LISTENED)
_MOST_LOOKED_AT = 65_536
"""Maximum size of the first event, in bytes."""


class RunRefusedError(Exception):
    """The agent did not begin the run: its event stream starts with an error."""


def listen(answer: httpcore.Response, deadline: Deadline, held: ExitStack) -> None:
    """Read a response to its end in a separate thread, so that no job waits for it, and then close what is held.

    Agents' servers treat a closed connection as a person who has left, and end the run. The first event is awaited
    until the deadline, because an AG-UI agent can refuse an input with status 200 and a stream that starts with an
    error.

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
    threading.Thread(target=_listen, args=(answer, held, first), name="listen to a run", daemon=True).start()
    try:
        opening = first.get(timeout=left)
    except queue.Empty:
        return
    if opening == "RUN_ERROR":
        raise RunRefusedError


def _listen(answer: httpcore.Response, held: ExitStack, first: queue.SimpleQueue[str]) -> None:
    seen, opening = b"", None
    try:
        with held:
            for chunk in answer.iter_stream():
                if opening is None:
                    seen += chunk
                    opening = _first_type(seen)
                    if opening is not None:
                        first.put(opening)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        log.info("callback.run_left", reason=str(error) or type(error).__name__)
    finally:
        first.put("")
        _listening.release()


def _first_type(seen: bytes) -> str | None:
    """The type of the first server-sent event; empty if it has none; None: the event is not complete yet."""
    for line in seen.split(b"\n")[:-1]:
        if line.startswith(b"data:"):
            try:
                event = json.loads(line.removeprefix(b"data:"))
            except ValueError:
                return ""
            return str(event.get("type", "")) if isinstance(event, dict) else ""
    return None if len(seen) < _MOST_LOOKED_AT else ""
