"""Checks of a destination's address before it is saved: whether it is valid, and allowed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from app.domain.destinations import DestinationTerms
from app.domain.errors import InvalidInputError
from app.domain.networks import Network
from app.domain.notices import Channel
from app.notify.apprise.sender import host_of, place_at, shown_of
from app.notify.reach import complaint


def shown_address(terms: DestinationTerms, allowed: Sequence[Network]) -> str:
    """The part of a destination's address that people see.

    Args:
        allowed: private networks that may be reached.

    Raises:
        InvalidInputError: the address is not valid, or not allowed.
    """
    match terms.channel:
        case Channel.WEBHOOK:
            return _webhook(terms.address, allowed)
        case Channel.APPRISE:
            return _apprise(terms.address, allowed)
    return terms.address


def _webhook(address: str, allowed: Sequence[Network]) -> str:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong("This is not a web address.") from None
    if parts.scheme not in ("https", "http") or not host or any(char.isspace() for char in address):
        raise _wrong("Enter an address that begins with https://.")
    if parts.username or parts.password:
        raise _wrong("Remove the user name and password from the address; calls are authenticated by their signature.")
    words = complaint(host, allowed)
    if words:
        raise _wrong(words)
    if parts.scheme == "http" and not _private(host, allowed):
        raise _wrong("Anybody on the network can read plain http. Enter an address that begins with https://.")
    return _without_query(parts, host, port)


def _private(host: str, allowed: Sequence[Network]) -> bool:
    """True if the host is allowed only because the operator allows its network."""
    return bool(complaint(host, ())) and not complaint(host, allowed)


def _without_query(parts: SplitResult, host: str, port: int | None) -> str:
    """The URL without its query and the end of its path, which often contain a key."""
    name = f"[{host}]" if ":" in host else host
    path = parts.path if len(parts.path) <= 20 else f"{parts.path[:12]}…"
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{path}{'?…' if parts.query else ''}"


def _apprise(address: str, allowed: Sequence[Network]) -> str:
    place = place_at(address)
    if place is None:
        raise _wrong("Apprise does not know this address. See https://appriseit.com/services/")
    host = host_of(place)
    words = complaint(host, allowed) if host else ""
    if words:
        raise _wrong(words)
    return f"{place.service_name}: {shown_of(place)}"[:300]


def _wrong(words: str) -> InvalidInputError:
    return InvalidInputError("This destination is not valid.", {"address": words})
