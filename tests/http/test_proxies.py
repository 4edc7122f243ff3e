"""Whose `X-Forwarded-*` headers count: those of trusted proxies, as far as trusted proxies wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Any

import pytest

from app.http.proxies import TrustedProxies

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
CLIENT, FORGED = "198.51.100.7", "203.0.113.66"


def seen_by(peer: str, headers: dict[str, str], trusted: Any = PROXIES) -> dict[str, Any]:
    """The environment of a request as the application sees it."""
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], _start: Any) -> Iterable[bytes]:
        seen.update(environ)
        return []

    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "inner:8000"}
    environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    list(TrustedProxies(application, trusted)(environ, lambda *_: None))
    return seen


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "source"),
    [
        ("10.0.0.1", CLIENT, CLIENT),
        ("10.0.0.1", f"{FORGED}, {CLIENT}", CLIENT),
        ("10.0.0.1", f"{FORGED},{CLIENT}, 10.0.0.2,10.0.0.3", CLIENT),
        ("10.0.0.1", "10.9.9.9, 10.0.0.2", "10.9.9.9"),
        ("10.0.0.1", f"{FORGED}, nonsense", "10.0.0.1"),
        ("10.0.0.1", f"{FORGED}, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", f"{CLIENT}:4711", CLIENT),
        ("10.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.0.0.1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", f"::ffff:{CLIENT}", CLIENT),
        ("::ffff:10.0.0.1", CLIENT, CLIENT),
        ("fd00::1", CLIENT, CLIENT),
        (CLIENT, FORGED, CLIENT),
        (CLIENT, "10.0.0.1", CLIENT),
        ("127.0.0.1", FORGED, "127.0.0.1"),
    ],
)
def test_the_source_is_the_right_most_hop_that_is_no_proxy(peer: str, forwarded_for: str, source: str) -> None:
    assert seen_by(peer, {"X-Forwarded-For": forwarded_for})["REMOTE_ADDR"] == source


def test_without_trusted_proxies_nobodys_headers_count() -> None:
    headers = {"X-Forwarded-For": FORGED, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    seen = seen_by("10.0.0.1", headers, ())
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("10.0.0.1", "http", "inner:8000")


@pytest.mark.parametrize("peer", ["10.0.0.1", CLIENT])
def test_nothing_behind_this_sees_such_a_header(peer: str) -> None:
    names = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP", "Forwarded")
    seen = seen_by(peer, {**dict.fromkeys(names, FORGED), "X-Forwarded-Prefix": "/x"})
    assert not [name for name in seen if "FORWARDED" in name or "REAL_IP" in name]


def test_a_proxy_says_by_which_scheme_and_host_it_was_called() -> None:
    headers = {"X-Forwarded-Proto": "http, https", "X-Forwarded-Host": "evil.example, assent.example:8443"}
    seen = seen_by("10.0.0.1", headers)
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("https", "assent.example:8443")
    seen = seen_by("10.0.0.1", {"X-Forwarded-Proto": "javascript", "X-Forwarded-Host": "a b/c"})
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("http", "inner:8000")
    seen = seen_by(CLIENT, headers)
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("http", "inner:8000")
