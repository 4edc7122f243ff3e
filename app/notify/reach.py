"""Which addresses senders may reach (public ones, and private networks that the operator allows), and what they may do.

Host names are resolved when a destination is saved, for a clear error message. The check that counts is made for each
connection: an audit hook of the interpreter sees the actual address that any socket is about to reach,
after names have been resolved and redirects followed. Threads that a guarded thread starts are guarded as well, for as
long as they live.

Programs cannot be started, because nothing would guard those, and no files can be opened except those of Python and its
libraries: an address must not make the sender disclose a file of this machine.
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
"""The attribute that marks a thread as started by a guarded one."""
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
    """Destinations may not have this address."""


class ForbiddenActError(PermissionError):
    """A sender tried to read a file or to start a program."""


def forbidden(error: BaseException) -> ForbiddenAddressError | None:
    """The refusal of an address that caused this error, however a library has wrapped it; None: something else did."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ForbiddenAddressError):
        cause = cause.__cause__ or cause.__context__
    return cause


@contextmanager
def guarded(allowed: Sequence[Network]) -> Iterator[None]:
    """Within this context, the thread and those that it starts reach only public addresses and allowed networks.

    Any other connection raises ForbiddenAddressError, which is an OSError, before anything is sent. Opening files and
    starting programs raise ForbiddenActError.
    """
    _hook()
    before = getattr(_guarded, "networks", None)
    _guarded.networks = tuple(allowed)
    try:
        yield
    finally:
        _guarded.networks = before


def is_guarded() -> bool:
    """True within `guarded`, including in threads that were started there."""
    return _allowed() is not None


def complaint(host: str, allowed: Sequence[Network]) -> str:
    """Why a destination may not be at that host; empty: it may, as far as is known now."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""  # names change, so every call resolves them again
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
    """The private networks that this thread may reach; None: it is not guarded."""
    own: tuple[Network, ...] | None = getattr(_guarded, "networks", None)
    if own is not None:
        return own
    # Not `current_thread()`, which creates an object for a thread that Python did not start or has not yet entered.
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
    """Make threads inherit the guard of the thread that starts them. Before Python 3.12, no event reports them."""
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
    """Refuse a thread without a thread object, which cannot be marked; all others start in a method of their object."""
    if is_guarded() and not isinstance(getattr(begins_with, "__self__", None), threading.Thread):
        raise ForbiddenActError("a sender of notifications starts no threads without `threading.Thread`")


def _is_harmless(opened: Any) -> bool:
    """True for a file of Python, a library, or the system's lists, and for a file descriptor that is already open."""
    if isinstance(opened, int):
        return True
    path = os.path.realpath(os.fsdecode(opened))
    if path.startswith((*_LIBRARIES, *_HARMLESS)):
        return True
    return path.endswith(_CODE) and any(path.startswith(f"{os.path.realpath(folder)}/") for folder in sys.path)
