"""The estimated cost of an HTTP request, so that expensive ones are not handled by the process that serves everybody.

The web process serves all HTTP requests in one thread. Code whose cost grows with its input declares it in advance with
`weigh`. Once the estimates for one HTTP request exceed `MOST`, all of it is handed over to a helper process
(`app.http.aside`), which is possible until it has written something. Nothing is weighed anywhere else: in workers,
commands, and the helper process itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

MOST = 60_000.0
"""Estimated microseconds, on an ordinary machine, that one HTTP request may take in the web process."""
READ_A_CHARACTER = 0.15
"""Microseconds to read a character of stored JSON and render it on a page."""


class HandOver(BaseException):
    """This HTTP request is too expensive for the web process. Not an Exception, so that no handler catches it."""


@dataclass
class _Scale:
    total: float = 0.0
    written: bool = False


_scale: ContextVar[_Scale | None] = ContextVar("scale", default=None)


@contextmanager
def light_only() -> Iterator[None]:
    """Allow what becomes too expensive within this context to be handed over."""
    token = _scale.set(_Scale())
    try:
        yield
    finally:
        _scale.reset(token)


def is_weighed() -> bool:
    """True while an expensive request can still be handed over."""
    scale = _scale.get()
    return scale is not None and not scale.written


def weigh(microseconds: float) -> None:
    """Add the cost of what is about to be done. Raises HandOver if this request would take too long here."""
    scale = _scale.get()
    if scale is None or scale.written:
        return
    scale.total += microseconds
    if scale.total > MOST:
        raise HandOver


def note_write() -> None:
    """Note that something is about to be written, so the request can no longer be repeated in another process."""
    scale = _scale.get()
    if scale is not None:
        scale.written = True
