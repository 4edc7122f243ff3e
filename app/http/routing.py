"""Asking the router: stores a text and waits until a worker has routed it."""

from __future__ import annotations

import time

from flask import request

from app.domain.errors import NoWorkerError, TooLargeError
from app.domain.people import Actor
from app.http.aside import HANDED_OVER
from app.http.errors import RateLimitedError
from app.http.runtime import PortalParts
from app.store.routing import Routing

PATIENCE_SECONDS = 8.0
"""How long an answer may take: the first one loads the classifier, and a model may be asked."""
LOOK_SECONDS = 0.5
"""How late an answer is found whose announcement was missed."""
QUOTA = 60
"""Texts that one account may have routed in a minute."""


def routed(portal: PortalParts, actor: Actor, text: str, routing_id: str = "") -> Routing:
    """Return a text with its answer.

    Raises:
        ForbiddenError: The actor may not start runs.
        TooLargeError: The text is too long.
        RateLimitedError: The account has asked too often.
        NoWorkerError: No worker lives, or none has answered in time.
    """
    if HANDED_OVER in request.environ:
        # Helper processes take large bodies, and nothing may wait in them.
        raise TooLargeError("This is too large. Describe what you need in fewer words.")
    texts = portal.services.routed_texts
    allowance = portal.services.rates.take(f"route:{actor.id}", QUOTA)
    if not allowance.allowed:
        words = f"At most {QUOTA} requests a minute are routed for one account."
        raise RateLimitedError(words, retry_after=allowance.resets_in)
    deadline = time.monotonic() + PATIENCE_SECONDS
    routing_id = texts.new_id(routing_id)
    with portal.wakeups.waiting(routing_id) as waiter:
        texts.ask(actor, text, routing_id)
        while True:
            found = texts.get(actor, routing_id)
            if found.answer is not None:
                return found
            if time.monotonic() >= deadline:
                raise NoWorkerError("No worker has answered in time. Try again, or choose a workflow yourself.")
            waiter.wait(min(deadline, time.monotonic() + LOOK_SECONDS))
