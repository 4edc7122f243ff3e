"""Links with which one person decides on one proposal without signing in.

A link names a delivery and carries a signature over everything that it is bound to. The delivery's row holds the same
facts, and a link whose signature does not match them is forged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

_FORM = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})")
BEARER_LINK = r"(/|%2[Ff])(decide|sign-in)(/|%2[Ff])[A-Za-z0-9._~%-]{20,}"
"""The part of a URL that is a credential; the pattern means the same in Python and PostgreSQL."""
LEFT_OUT = r"\1\2\3link-left-out"
"""What replaces it; too short to match again."""
_BEARER_LINK = re.compile(BEARER_LINK)


@dataclass(frozen=True)
class Bound:
    """The facts to which a link is bound."""

    delivery_id: str
    person_id: str
    request_id: str
    digest: str
    expires_at: datetime


def sign(secret_key: str, bound: Bound) -> str:
    """The last part of the link's URL; the same whenever it is made."""
    return f"{bound.delivery_id}.{_signature(secret_key, bound)}"


def delivery_of(token: str) -> str:
    """The delivery that a token names, whether or not it is genuine; empty if it is not a token."""
    found = _FORM.fullmatch(token)
    return found[1] if found else ""


def genuine(secret_key: str, token: str, bound: Bound) -> bool:
    """True if the token was signed with our key for exactly these facts."""
    return hmac.compare_digest(token.encode(), sign(secret_key, bound).encode())


def sign_in_token(secret_key: str, delivery_id: str) -> str:
    """The last part of the URL of a sign-in link in an email; the same whenever it is made.

    Only its hash is stored, with the person and the time until which it works.
    """
    made = hmac.new(secret_key.encode(), f"sign-in link {delivery_id}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def hashed(token: str) -> str:
    """A token in the form in which it is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def blanked(text: str) -> str:
    """The text without the secret parts of links with which people decide or sign in."""
    return _BEARER_LINK.sub(LEFT_OUT, text)


def _signature(secret_key: str, bound: Bound) -> str:
    expires = bound.expires_at.astimezone(UTC).isoformat(timespec="seconds")
    facts = ["approval link", bound.delivery_id, bound.person_id, bound.request_id, bound.digest, expires]
    made = hmac.new(secret_key.encode(), json.dumps(facts).encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()
