"""Any other place that Apprise reaches (https://appriseit.com): notices as short texts, nothing to decide with."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from app.domain.destinations import Network
from app.domain.hidden import plainly
from app.domain.notices import Heart, Later, Notice, Refused, Result, Sent
from app.domain.text import storable
from app.notify.reach import ForbiddenAddressError, guarded

_LOCAL = frozenset({"syslog", "dbus", "qt", "kde", "glib", "gnome", "macosx", "windows", "toast"})
"""What shows something on this machine, which is nobody's place to be told."""
# Some plugins send what a file of the worker's machine says.
_FILES = re.compile(r"(?i)[?&](template|keyfile|attach)=")


class AppriseSender:
    """Sends texts. Apprise does not say what went wrong, so all that fails is tried again.

    Args:
        allowed: private networks that may be reached.
    """

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed

    def send(self, notice: Notice) -> Result:
        """Send it once."""
        place = place_at(notice.to.address)
        if place is None:
            return Refused("Apprise does not know this address any more.")
        try:
            with guarded(self._allowed):
                taken = place.notify(body=text_of(notice), title=title_of(notice), notify_type=type_of(notice))
        except ForbiddenAddressError as error:
            return Later(f"It may not be reached: {error}.")
        except Exception as error:  # plugins raise what they like
            return Later(f"{place.service_name} could not be told: {type(error).__name__}.")
        return Sent(title_of(notice), "") if taken else Later(f"{place.service_name} did not take it.")


def place_at(address: str) -> Any | None:
    """What Apprise makes of an address; None: nothing, or a thing of this machine."""
    if address.partition(":")[0].lower() in _LOCAL or _FILES.search(address):
        return None
    # Loaded where it is needed, as it takes 40 MiB and a third of a second.
    import apprise

    # It may log addresses, which hold secrets; what came of a try is in the account of deliveries.
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    return apprise.Apprise.instantiate(address, suppress_exceptions=True)


def shown_of(place: Any) -> str:
    """Its address without secrets."""
    return str(place.url(privacy=True)).partition("?")[0]


def host_of(place: Any) -> str:
    """The host that an address names; empty where the service knows its own, and what stands there is a token."""
    host = str(getattr(place, "host", "") or "").strip("[]")
    hosted = any("{host}" in each for each in getattr(place, "templates", ()))
    return host if hosted else ""


def title_of(notice: Notice) -> str:
    """One line."""
    if notice.heart is None:
        return notice.headline
    return f"{notice.headline}: {' '.join(plainly(notice.heart.title).split())}"[:200]


def text_of(notice: Notice) -> str:
    """A few lines, with the page's address at the end."""
    lines = [plainly(notice.said)] if notice.said else []
    if notice.heart is not None:
        lines += _heart(notice.heart, notice.kind.asks)
    return storable("\n".join([*lines, notice.page_url]).strip())


def _heart(heart: Heart, asks: bool) -> list[str]:
    facts = {"Risk": f"{heart.risk} ({heart.score:.1f} of 10)", "From": heart.source, "Environment": heart.environment}
    lines = [f"{name}: {plainly(value)}" for name, value in facts.items() if value]
    if heart.summary:
        lines.insert(0, plainly(heart.summary))
    if asks and heart.consequence:
        lines.append(f"If nobody decides, this {heart.consequence} on {heart.expires_at:%d %b %Y, %H:%M UTC}.")
    return lines


def type_of(notice: Notice) -> str:
    """How loud it is, in Apprise's words."""
    loud = notice.heart is not None and notice.kind.asks and notice.heart.risk in ("high", "critical")
    return "warning" if loud else "info"
