"""Checks of a destination's address before it is saved: whether it is valid, and allowed."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

from app.domain.destinations import DestinationTerms
from app.domain.errors import InvalidInputError
from app.domain.networks import Network, address_of, is_open_to_us
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


def check_push_endpoint(address: str, allowed: Sequence[Network]) -> None:
    """Raise InvalidInputError unless a browser's push service may have this address.

    Anybody who is signed in can name one. So no name is resolved here and the words are always the same: the answer
    must not tell what the portal's network knows. Every call checks what it actually reaches.

    Args:
        allowed: private networks that may be reached, at their addresses also without https.
    """
    if not _may_push_to(address, allowed):
        raise InvalidInputError("The push service of this browser is not allowed.", {"endpoint": "not allowed"})


def _may_push_to(address: str, allowed: Sequence[Network]) -> bool:
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password or " " in address or not address.isprintable():
        return False
    if address_of(host) is None:
        return parts.scheme == "https"
    if parts.scheme == "http":
        return is_open_to_us(host, allowed) and not is_open_to_us(host, ())
    return parts.scheme == "https" and is_open_to_us(host, allowed)


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
