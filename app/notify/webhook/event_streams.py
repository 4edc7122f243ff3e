"""Answers that are the events of an agent's run: listened to beside everything else."""

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
"""For so long the events of an agent's run are listened to."""
MOST_LISTENED = 50
"""So many runs are listened to at the same time; further ones are left."""
_listening = threading.BoundedSemaphore(MOST_LISTENED)
_MOST_LOOKED_AT = 65_536
"""Bytes within which the first event has to end."""


class RunRefusedError(Exception):
    """The agent has not begun the run: its events open with an error."""


def listen(answer: httpcore.Response, deadline: Deadline, held: ExitStack) -> None:
    """Read an answer to its end in a thread of its own, so that no job waits for it, and then close what is held.

    Agents' servers take a connection that is closed for a person who has gone, and end the run. The first event is
    waited for until the deadline: in AG-UI an input may be refused by a status of 200 and a stream that opens with
    an error.

    Raises:
        RunRefusedError.
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
    """The type of the first server-sent event; empty if it has none; None: it is not there in full yet."""
    for line in seen.split(b"\n")[:-1]:
        if line.startswith(b"data:"):
            try:
                event = json.loads(line.removeprefix(b"data:"))
            except ValueError:
                return ""
            return str(event.get("type", "")) if isinstance(event, dict) else ""
    return None if len(seen) < _MOST_LOOKED_AT else ""
