"""Withdraws requests whose program stops waiting for them: nobody could receive their outcome any more."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from assent.calls import Send
from assent.errors import ConflictError
from assent.open_requests import OpenRequest

log = logging.getLogger(__name__)
WITHDRAW_SECONDS = 10.0
"""How long a withdrawal is attempted; after that, the request stays open until its deadline."""
STOPPED = "The program stopped waiting."
ENDED = "The program ended while it waited."


class Sender(Protocol):
    """A client, as far as a withdrawal at the end of the program needs it."""

    def arguments(self, send: Send) -> dict[str, Any]: ...


_waited_for: dict[int, tuple[int, OpenRequest, Sender]] = {}
"""Requests that are withdrawn if this process ends normally, with the process's id: a fork does not wait for them."""


def remember(request: OpenRequest, client: Sender) -> None:
    """Withdraw the request if this program ends normally before `forget`."""
    _waited_for[id(request)] = os.getpid(), request, client


def forget(request: OpenRequest) -> None:
    """Nobody has to withdraw the request any more."""
    _waited_for.pop(id(request), None)


def withdraw_call(request: OpenRequest, reason: str = STOPPED) -> Send:
    """Return the API call that withdraws a request, with a short timeout."""
    return replace(request.cancel_call(reason), seconds=WITHDRAW_SECONDS)


@contextmanager
def not_withdrawn(request_id: str) -> Iterator[None]:
    """Log errors of a withdrawal, and do not raise them: the program has another reason to stop."""
    try:
        yield
    except ConflictError:
        pass  # it has just been decided, and nobody acts on it
    except Exception as error:
        log.warning("Request %s could not be withdrawn, and stays open: %s", request_id, error)


def _withdraw_remembered() -> None:
    """Withdraw what threads and abandoned event loops still wait for. These clients may be in use, or closed."""
    left = [(request, client) for made, request, client in _waited_for.values() if made == os.getpid()]
    if not any(request.undecided for request, _ in left):
        return
    import httpx

    until = time.monotonic() + WITHDRAW_SECONDS
    with httpx.Client() as http:
        for request, client in left:
            if request.undecided and (seconds := until - time.monotonic()) > 0:
                try:
                    http.request(**client.arguments(replace(withdraw_call(request, ENDED), seconds=seconds)))
                except httpx.HTTPError as error:
                    log.warning("Request %s could not be withdrawn, and stays open: %s", request.id, error)


atexit.register(_withdraw_remembered)
