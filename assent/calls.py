"""API calls as generators without I/O, so that the sync and async clients share every rule.

A generator yields what to send (`Send`) or how long to pause (`Pause`), receives the response (None: there was none),
and returns its result.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from assent.errors import EndedError, UnreachableError, WaitTimeoutError, api_error

POLL_SECONDS = 30.0
"""How long one API call waits for an outcome, in seconds."""
PATIENCE_SECONDS = 120.0
"""How long other API calls are retried while the portal cannot be reached or is busy, in seconds."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Send:
    """An API call to make.

    Attributes:
        key: its idempotency key; empty: none.
        seconds: timeout of the response.
    """

    method: str
    path: str
    body: Any = None
    key: str = ""
    seconds: float = 30.0


@dataclass(frozen=True)
class Pause:
    """A pause, in seconds."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """A response. `retry_after` is in seconds, None if there is no usable value."""

    status: int
    document: Any
    retry_after: float | None = None


Result = TypeVar("Result")
Steps: TypeAlias = Generator[Send | Pause, Answer | None, Result]


class Backoff:
    """Increasing pauses with jitter, so that clients of a restarted portal do not all reconnect at once."""

    def __init__(self) -> None:
        self._pause = FIRST_PAUSE

    def next(self, asked: float | None = None) -> float:
        """Return the seconds to pause, which is never less than the portal asks for."""
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        chosen = pause * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
        return chosen if asked is None else asked + chosen / 4

    def reset(self) -> None:
        """Start again with short pauses, after a success."""
        self._pause = FIRST_PAUSE


def call(send: Send, patience: float = PATIENCE_SECONDS) -> Steps[Any]:
    """Make an API call that can be repeated safely, and return its document.

    Raises:
        ApiError: the portal refused the call.
        UnreachableError: there was no usable response for `patience` seconds.
    """
    until, backoff = time.monotonic() + patience, Backoff()
    while True:
        answer = yield send
        if answer is not None and not _is_passing(answer):
            return _checked(answer)
        pause = backoff.next(answer.retry_after if answer else None)
        if time.monotonic() + pause > until:
            raise UnreachableError(f"{send.method} {send.path}: {_words(answer)}")
        yield Pause(pause)


def outcome(request_id: str, timeout: float | None) -> Steps[dict[str, Any]]:
    """Poll for the outcome until there is one, and return the portal's response.

    Broken connections, a restarting portal, and rate limits only make it take longer.

    Args:
        timeout: seconds after which to give up waiting; None: never.

    Raises:
        WaitTimeoutError: there was no decision before the timeout.
        EndedError: the request ended without an outcome.
        ApiError: the portal refused the call.
    """
    until, backoff = None if timeout is None else time.monotonic() + timeout, Backoff()
    while True:
        left = POLL_SECONDS if until is None else max(0.0, until - time.monotonic())
        wait = min(POLL_SECONDS, left)
        began = time.monotonic()
        path = f"/api/v1/approvals/{checked_id(request_id)}/outcome?wait={wait:.1f}"
        answer = yield Send("GET", path, seconds=wait + 10)
        asked = None
        if answer is not None and not _is_passing(answer):
            found = _checked(answer)
            if found["resolved"]:
                if found["outcome"] is None:
                    raise EndedError(request_id, str(found["state"]))
                return dict(found)
            if time.monotonic() - began >= min(wait, 1.0):
                backoff.reset()
        elif answer is not None:
            asked = answer.retry_after
        if until is not None and time.monotonic() >= until:
            raise WaitTimeoutError(f"There was no decision on request {request_id} within {timeout:g} s.")
        if answer is None or asked is not None or time.monotonic() - began < 1.0 or _is_passing(answer):
            pause = backoff.next(asked)
            yield Pause(pause if until is None else max(0.0, min(pause, until - time.monotonic())))


def look_up(key: str) -> Send:
    """Return the API call that finds the request that was opened under an idempotency key."""
    return Send("GET", f"/api/v1/approvals/by-key?{urlencode({'key': key})}")


def checked_id(request_id: str) -> str:
    """Return the id in the form used in paths. Raises ValueError: this is not a request id."""
    return str(UUID(request_id))


def _is_passing(answer: Answer) -> bool:
    # The first call under the key is still in progress, or its process died: a response will follow.
    document = answer.document if isinstance(answer.document, dict) else {}
    return answer.status in _BUSY or document.get("code") == "idempotency_in_progress"


def _checked(answer: Answer) -> Any:
    if answer.status >= 300:
        raise api_error(answer.status, answer.document)
    if not isinstance(answer.document, dict):
        raise UnreachableError("The server at this address is not Assent's API.")
    return answer.document


def _words(answer: Answer | None) -> str:
    return "the portal cannot be reached." if answer is None else str(api_error(answer.status, answer.document))
