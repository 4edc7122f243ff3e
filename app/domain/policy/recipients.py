"""Whom a tool call would write to, as conditions of policies see it. Pure.

Tools name their recipients in many ways: a text or a list, with names around the addresses, below `to` or
`toRecipients`, at the top or inside a message. A condition needs one list of addresses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from assent.composition.cel import LONGEST_TEXT

_RECIPIENT_KEYS = frozenset((
    "to", "cc", "bcc", "recipient", "recipients", "torecipients", "ccrecipients", "bccrecipients", "toaddress",
    "ccaddress", "bccaddress", "toaddresses", "ccaddresses", "bccaddresses", "emailto", "mailto", "sendto", "toemail",
    "toemails", "recipientemail", "recipientemails", "email", "emails", "emailaddress", "emailaddresses", "attendees",
    "invitees", "guests", "sharewith",
))  # fmt: skip
_SENDER_KEYS = frozenset(("from", "sender", "fromemail", "fromaddress", "replyto", "returnpath", "author"))
_NOT_LETTERS = re.compile(r"[^a-z]")
_BETWEEN = re.compile(r"[\s,;<>()\[\]\"'|]+")
_DOMAIN = re.compile(r"[\w.-]*")


class UnknownRecipientsError(Exception):
    """A list of recipients is too long to be read as a whole."""


def recipients_of(args: Any) -> tuple[str, ...]:
    """The email addresses that a call's arguments name as recipients, in lower case, each once, in their order.

    A sender's address is none. Raises UnknownRecipientsError if an argument is longer than conditions see.
    """
    return tuple(dict.fromkeys(_named(args, inside=False)))


def _named(value: Any, *, inside: bool) -> Iterator[str]:
    """Addresses in a value.

    Args:
        inside: it belongs to an argument that names recipients.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            word = _NOT_LETTERS.sub("", str(key).lower())
            if word not in _SENDER_KEYS:
                yield from _named(inner, inside=inside or word in _RECIPIENT_KEYS)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, inside=inside)
    elif inside and isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise UnknownRecipientsError
        yield from _addresses(value)


def _addresses(text: str) -> Iterator[str]:
    # Full-width signs are the same signs to many mail servers.
    for part in _BETWEEN.split(unicodedata.normalize("NFKC", text).lower()):
        sign = part.find("@")
        while sign >= 0:
            # With several signs, each could be the one that counts: `a@inside.example@outside.example`.
            domain = _DOMAIN.match(part, sign + 1)
            yield part[: domain.end() if domain else sign + 1].removeprefix("mailto:")
            sign = part.find("@", sign + 1)
