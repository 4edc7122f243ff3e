"""Loading what others wrote: in a limited time, and with an error that can be shown."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

from app.domain.text import storable
from assent.masking import mask_error

T = TypeVar("T")
PATIENCE_SECONDS = 10.0
"""How long the import or the `build()` of one workflow, or the import of one module of tools, may delay the others."""
NOT_ENDED = "{} has not finished after {:g} s."


class LoadError(Exception):
    """Something cannot be loaded; the message says why."""


def within(seconds: float, what: str, work: Callable[[], T]) -> T:
    """Run others' code in a thread, which is abandoned if it takes too long.

    Raises:
        LoadError: The code raised an exception of any kind, or takes too long.
    """
    done: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            raised.append(error)

    thread = Thread(target=run, name=what, daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raise LoadError(told(raised[0])) from raised[0]
    if not done:
        raise LoadError(NOT_ENDED.format(what, seconds))
    return done[0]


def told(error: BaseException) -> str:
    """Return a description of an exception that may be shown: its type and its masked message."""
    return storable(mask_error(error))
