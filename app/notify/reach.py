"""Where destinations may lie: in public, unless an operator allows a private network.

Names are looked up at saving, for a clear answer, and what counts is asked again when a connection is made: an audit
hook of the interpreter sees the very address that a socket is about to reach, whoever opens it, after names were looked
up and redirections followed.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.domain.destinations import Network, is_open_to_us

_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_guarded = threading.local()
_lock = threading.Lock()
_hooked = False


class ForbiddenAddressError(PermissionError):
    """The address is not one that destinations may have."""


@contextmanager
def guarded(allowed: Sequence[Network]) -> Iterator[None]:
    """Within it this thread reaches public addresses only, and those in networks that are allowed.

    Any other connection raises ForbiddenAddressError, which is an OSError, before anything is sent.
    """
    _hook()
    _guarded.networks = allowed
    try:
        yield
    finally:
        _guarded.networks = None


def complaint(host: str, allowed: Sequence[Network]) -> str:
    """Why a destination may not be at that host; empty: it may, as far as that can be told now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""  # names come and go; each call looks again
    for _family, _type, _protocol, _name, address in found:
        if not is_open_to_us(str(address[0]), allowed):
            is_name = host.strip("[]") != address[0]
            words = f"{host} lies at {address[0]}, which is not public." if is_name else f"{host} is not public."
            return f"{words} An operator can allow its network in ASSENT_ALLOWED_NETWORKS."
    return ""


def _hook() -> None:
    global _hooked
    with _lock:
        if not _hooked:
            sys.addaudithook(_audit)
            _hooked = True


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    allowed = getattr(_guarded, "networks", None)
    if allowed is None:
        return
    address = args[1]
    host = address[0] if isinstance(address, tuple) and address else ""
    if not is_open_to_us(str(host), allowed):
        raise ForbiddenAddressError(f"{host or 'that address'} is not public, and not in a network that is allowed")
