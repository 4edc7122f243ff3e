"""Client addresses behind proxies: `X-Forwarded-*` counts only if a trusted proxy sent it.

A proxy appends the address from which an HTTP request reached it, so entries further to the right are newer. From the
right, addresses of trusted proxies are skipped; the first other one is the client's. Anything that the client wrote
itself is to the left of that, and ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.domain.networks import Address, Network, address_of, lies_in

_HEADERS = (
    "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP",
)  # fmt: skip
"""Removed from every HTTP request, so that nothing behind this middleware can trust them."""
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_PORT = re.compile(r"(?P<v4>[0-9.]+):[0-9]{1,5}|\[(?P<v6>[0-9A-Fa-f:.]+)\](:[0-9]{1,5})?")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TrustedProxies:
    """WSGI middleware that makes an HTTP request through trusted proxies look like a direct one."""

    def __init__(self, application: Application, trusted: Sequence[Network]) -> None:
        self._application = application
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve an HTTP request."""
        said = {name: environ.pop(name, "") for name in _HEADERS}
        peer = address_of(environ.get("REMOTE_ADDR", ""))
        if peer is not None:
            environ["REMOTE_ADDR"] = str(peer)
            if lies_in(peer, self._trusted):
                environ["REMOTE_ADDR"] = str(client_of(said["HTTP_X_FORWARDED_FOR"], peer, self._trusted))
                _believe(environ, _last(said["HTTP_X_FORWARDED_PROTO"]), _last(said["HTTP_X_FORWARDED_HOST"]))
        return self._application(environ, start_response)


def client_of(forwarded_for: str, peer: Address, trusted: Sequence[Network]) -> Address:
    """The address from which an HTTP request reached the outermost trusted proxy.

    Args:
        forwarded_for: the header's value; several headers are joined with commas.
        peer: the trusted proxy that sent the HTTP request.
    """
    client = peer
    for hop in reversed(forwarded_for.split(",")):
        address = _hop(hop.strip())
        if address is None:
            return client  # no trusted proxy writes that, so the last address before it is all that is known
        client = address
        if not lies_in(client, trusted):
            return client
    return client


def _hop(text: str) -> Address | None:
    found = _PORT.fullmatch(text)
    return address_of((found["v4"] or found["v6"]) if found else text)


def _believe(environ: dict[str, Any], scheme: str, host: str) -> None:
    if scheme.lower() in ("http", "https"):
        environ["wsgi.url_scheme"] = scheme.lower()
    if _HOST.fullmatch(host):
        environ["HTTP_HOST"] = host


def _last(values: str) -> str:
    return values.rpartition(",")[2].strip()
