"""Where destinations may lie: in public, unless an operator allows a private network; and what a sender may touch here.

Names are looked up at saving, for a clear answer, and what counts is asked again when a connection is made: an audit
hook of the interpreter sees the very address that a socket is about to reach, whoever opens it, after names were looked
up and redirections followed. Threads that a guarded thread starts are guarded for as long as they live.

Programs are not started, since nothing would guard those, and no files are opened but those of Python and its
libraries: an address must not have the sender read a file of this machine to somebody.
"""

from __future__ import annotations

import _thread
import os
import socket
import sys
import sysconfig
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from app.domain.networks import Network, is_open_to_us

_CONNECTIONS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_THREADS = frozenset({"_thread.start_new_thread", "_thread.start_joinable_thread"})
_PROGRAMS = frozenset({
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen",
})  # fmt: skip
_WATCHED = _CONNECTIONS | _THREADS | _PROGRAMS | {"open"}
_MARK = "assent_guarded_networks"
"""The attribute of a thread that was started by a guarded one."""
_LIBRARIES = tuple(
    {
        f"{os.path.realpath(path)}/"
        for path in (sys.prefix, sys.exec_prefix, *sysconfig.get_paths().values())
        if os.path.realpath(path) != "/"
    }
)
_HARMLESS = (
    "/usr/share/", "/usr/lib/ssl/", "/etc/ssl/", "/etc/pki/", "/etc/mime.types", "/etc/localtime", "/dev/null",
    "/dev/urandom",
)  # fmt: skip
_CODE = (".py", ".pyc", ".so")
_guarded = threading.local()
_lock = threading.Lock()
_hooked = False


class ForbiddenAddressError(PermissionError):
    """The address is not one that destinations may have."""


class ForbiddenActError(PermissionError):
    """A sender tried to read a file or to start a program."""


@contextmanager
def guarded(allowed: Sequence[Network]) -> Iterator[None]:
    """Within it this thread, and those that it starts, reach public addresses and allowed networks only.

    Any other connection raises ForbiddenAddressError, which is an OSError, before anything is sent. Files and programs
    raise ForbiddenActError.
    """
    _hook()
    before = getattr(_guarded, "networks", None)
    _guarded.networks = tuple(allowed)
    try:
        yield
    finally:
        _guarded.networks = before


def is_guarded() -> bool:
    """True within `guarded`, also in a thread that was started there."""
    return _allowed() is not None


def complaint(host: str, allowed: Sequence[Network]) -> str:
    """Why a destination may not be at that host; empty: it may, as far as that can be told now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""  # names come and go; each call looks again
    for _family, _type, _protocol, _name, address in found:
        if not is_open_to_us(str(address[0]), allowed):
            named = f"{host} has the address {address[0]}, which" if host.strip("[]") != address[0] else host
            return f"{named} is not public. An operator can allow its network in ASSENT_ALLOWED_NETWORKS."
    return ""


def _hook() -> None:
    global _hooked
    with _lock:
        if not _hooked:
            sys.addaudithook(_audit)
            _hand_guards_on()
            _hooked = True


def _allowed() -> tuple[Network, ...] | None:
    """The networks that this thread may reach; None: it is not guarded."""
    own: tuple[Network, ...] | None = getattr(_guarded, "networks", None)
    if own is not None:
        return own
    # Not `current_thread()`: that makes an object for a thread which Python has not started, or not yet entered.
    thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
    inherited: tuple[Network, ...] | None = getattr(thread, _MARK, None)
    return inherited


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if event not in _WATCHED:
        return
    allowed = _allowed()
    if allowed is None:
        return
    if event in _CONNECTIONS:
        _check_address(args[1], allowed)
    elif event in _THREADS:
        _check_thread(args[0])
    elif event in _PROGRAMS:
        raise ForbiddenActError("notifications must not start programs")
    elif not _is_harmless(args[0]):
        raise ForbiddenActError("notifications must not open files")


def _check_address(address: Any, allowed: Sequence[Network]) -> None:
    host = address[0] if isinstance(address, tuple) and address else ""
    if not is_open_to_us(str(host), allowed):
        raise ForbiddenAddressError(f"{host or 'that address'} is not public, and not in a network that is allowed")


def _hand_guards_on() -> None:
    """Have threads that are started by guarded ones inherit the guard. Before Python 3.12 no event tells of them."""
    start, start_new_thread = threading.Thread.start, _thread.start_new_thread

    def start_guarded(thread: threading.Thread) -> None:
        if (allowed := _allowed()) is not None:
            setattr(thread, _MARK, allowed)
        start(thread)

    def start_plain(function: Any, *args: Any) -> int:
        _check_thread(function)
        return start_new_thread(function, *args)

    threading.Thread.start = start_guarded  # type: ignore[method-assign, assignment]
    _thread.start_new_thread = start_plain


def _check_thread(begins_with: Any) -> None:
    """Refuse a thread without an object, which could not be marked; others begin with a method of theirs."""
    if is_guarded() and not isinstance(getattr(begins_with, "__self__", None), threading.Thread):
        raise ForbiddenActError("a sender of notifications starts no threads without `threading.Thread`")


def _is_harmless(opened: Any) -> bool:
    """True for a file of Python, of a library, or of the system's lists; and for what is open already."""
    if isinstance(opened, int):
        return True
    path = os.path.realpath(os.fsdecode(opened))
    if path.startswith((*_LIBRARIES, *_HARMLESS)):
        return True
    return path.endswith(_CODE) and any(path.startswith(f"{os.path.realpath(folder)}/") for folder in sys.path)
