"""How heavy a request has become, so that what takes long is not done by the process that answers everybody.

The web process serves all requests in one thread. Code whose cost grows with its input says so beforehand with `weigh`;
once one request's estimates pass `MOST`, it is handed over as a whole to a process beside (`app.http.aside`). That is
possible until it has written something. Everywhere else (in workers, commands and the process beside) nothing is
weighed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

MOST = 60_000.0
"""Microseconds of an ordinary machine that one request may take in the web process, as far as they are estimated."""
READ_A_CHARACTER = 0.15
"""Microseconds that a character of stored JSON takes until it stands on a page."""
SQL_A_CHARACTER = 40.0
"""Microseconds that a character of SQL takes to be assessed."""


class HandOver(BaseException):
    """This request is too heavy for the web process. Not an Exception: nobody on the way is to handle it."""


@dataclass
class _Scale:
    total: float = 0.0
    written: bool = False


_scale: ContextVar[_Scale | None] = ContextVar("scale", default=None)


@contextmanager
def light_only() -> Iterator[None]:
    """Hand over what becomes too heavy inside."""
    token = _scale.set(_Scale())
    try:
        yield
    finally:
        _scale.reset(token)


def is_weighed() -> bool:
    """True where what is too heavy can be handed over still."""
    scale = _scale.get()
    return scale is not None and not scale.written


def weigh(microseconds: float) -> None:
    """Add what is about to be done. Raises HandOver: with it, this request would take too long here."""
    scale = _scale.get()
    if scale is None or scale.written:
        return
    scale.total += microseconds
    if scale.total > MOST:
        raise HandOver


def note_write() -> None:
    """From now on the request cannot be done anew somewhere else: something of it is about to be written."""
    scale = _scale.get()
    if scale is not None:
        scale.written = True
