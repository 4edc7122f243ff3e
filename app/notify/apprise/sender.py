"""Other services that Apprise supports (https://appriseit.com): notifications as short texts, without decisions."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any

from app.domain.hidden_characters import plain_text
from app.domain.networks import Network
from app.domain.notices import Heart, Later, Notice, Refused, Result, Sent
from app.domain.text import beginning, storable
from app.notify.reach import ForbiddenActError, ForbiddenAddressError, guarded, is_guarded

_LOCAL = frozenset({
    "syslog", "dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "toast", "blink1", "blink1s",
})  # fmt: skip
"""Schemas that display something on this machine, where nobody would be notified."""
_FILES = frozenset({
    "template", "keyfile", "subfile", "attach", "attachment", "pgppub", "pgpkey", "pgpprv", "pgpprivkey", "cert", "ca",
    "certfile", "cafile",
})  # fmt: skip
"""Parameters with which plugins send the contents of a file on the worker's machine, or sign with it."""
_PREFIXES = " +-:"
"""Prefixes of a parameter's name that have a meaning in Apprise, and that plugins may strip."""
_NOT_LOADED = ("requests", "websocket", "rich")
"""Modules that the web process keeps from being loaded (`wsgi.py`), but Apprise needs."""


class AppriseSender:
    """Sends texts. Apprise does not report what went wrong, so every failure is retried.

    Args:
        allowed: private networks that may be reached.
    """

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed

    def send(self, notice: Notice) -> Result:
        """Send it once."""
        place = place_at(notice.to.address)
        if place is None:
            return Refused("Apprise no longer knows this address.", gone=True)
        try:
            # Plugins resolve names, follow redirects, and start threads; each connection is looked at.
            with guarded(self._allowed):
                taken = place.notify(body=text_of(notice), title=title_of(notice), notify_type=type_of(notice))
        except ForbiddenAddressError as error:
            return Later(f"The address is not allowed: {error}.")
        except ForbiddenActError as error:
            return Later(f"The address is not allowed: {error}.")
        except Exception as error:  # plugins raise what they like
            return Later(f"{place.service_name} could not be notified: {type(error).__name__}.")
        return Sent(title_of(notice), "") if taken else Later(f"{place.service_name} did not accept it.")


def place_at(address: str) -> Any | None:
    """Apprise's object for an address; None: it is not valid, or refers to this machine or a file on it."""
    apprise = _apprise()
    schema, names = _read(address)
    if schema in _LOCAL or names & _FILES:
        return None
    with guarded(()):  # parsing an address must not open files or connections; plugins that do are not used
        place = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    return None if place is None or _LOCAL.intersection(_schemas(place)) else place


def _read(address: str) -> tuple[str, set[str]]:
    """The schema and the names of all parameters, decoded and in the case in which Apprise itself reads them."""
    from apprise.utils.parse import parse_url

    found = parse_url(address, verify_host=False) or {}
    names = {name for group in ("qsd", "qsd+", "qsd-", "qsd:") for name in found.get(group, {})}
    return str(found.get("schema") or "").lower(), {name.strip().lstrip(_PREFIXES).lower() for name in names}


def _schemas(place: Any) -> set[str]:
    named = (getattr(place, "protocol", None), getattr(place, "secure_protocol", None))
    return {one for some in named if some for one in ((some,) if isinstance(some, str) else some)}


def _apprise() -> Any:
    """The library. It is loaded only when needed, because it takes 40 MiB and a third of a second."""
    for name in _NOT_LOADED:
        if name in sys.modules and sys.modules[name] is None:
            del sys.modules[name]
    import apprise
    import requests

    # Its log may contain addresses, which include secrets; the result of each attempt is stored with the delivery.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    _direct((requests.utils, requests.sessions))
    return apprise


def _direct(modules: Sequence[Any]) -> None:
    """Make guarded threads ignore the proxies in the environment.

    A proxy would resolve names and connect for us, where the guard does not see it. Workflows in the same process keep
    their proxies.
    """
    for module in modules:
        original = module.get_environ_proxies
        if getattr(original, "ignored_when_guarded", False):
            continue

        def get_environ_proxies(url: str, no_proxy: str | None = None, original: Any = original) -> Any:
            return {} if is_guarded() else original(url, no_proxy=no_proxy)

        get_environ_proxies.ignored_when_guarded = True  # type: ignore[attr-defined]
        module.get_environ_proxies = get_environ_proxies


def shown_of(place: Any) -> str:
    """The address without secrets."""
    return str(place.url(privacy=True)).partition("?")[0]


def host_of(place: Any) -> str:
    """The host in an address; empty if the service has a fixed host, and the address contains a token instead."""
    host = str(getattr(place, "host", "") or "").strip("[]")
    hosted = any("{host}" in template for template in getattr(place, "templates", ()))
    return host if hosted else ""


def title_of(notice: Notice) -> str:
    """The title, in one line."""
    if notice.heart is None:
        return notice.headline
    return beginning(f"{notice.headline}: {' '.join(plain_text(notice.heart.title).split())}", 200)


def text_of(notice: Notice) -> str:
    """The text, in a few lines, with the page's URL at the end."""
    lines = [plain_text(notice.said)] if notice.said else []
    if notice.heart is not None:
        lines += _heart(notice.heart, notice.kind.asks)
    return storable("\n".join([*lines, notice.page_url]).strip())


def _heart(heart: Heart, asks: bool) -> list[str]:
    facts = {"Risk": f"{heart.risk} ({heart.score:.1f} of 10)", "From": heart.source, "Environment": heart.environment}
    lines = [f"{name}: {plain_text(value)}" for name, value in facts.items() if value]
    if heart.summary:
        lines.insert(0, plain_text(heart.summary))
    if asks and heart.consequence:
        lines.append(f"If nobody decides, this {heart.consequence} on {heart.expires_at:%d %b %Y, %H:%M UTC}.")
    return lines


def type_of(notice: Notice) -> str:
    """Apprise's notification type for a notice."""
    loud = notice.heart is not None and notice.kind.asks and notice.heart.risk in ("high", "critical")
    return "warning" if loud else "info"
