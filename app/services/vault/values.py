"""Encrypts values that must be stored but not be readable from the database alone."""

from __future__ import annotations

import base64
import hashlib
import hmac

from app.services.vault.ring import KeyRing, SealError, key_id_of

PREFIX = "a1."
"""How a sealed value begins; the id of its key follows."""
_PURPOSE = "values"
CALLBACK_ADDRESS, CALLBACK_SECRET = "address of a callback", "secret of a callback"
"""They are sealed before their request has an id."""


class Vault:
    """Seals and opens short texts.

    Args:
        ring: The keys; without one, nothing can be sealed or opened.
    """

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring

    def seal(self, text: str, about: str) -> str:
        """The sealed text; an empty one stays empty.

        Args:
            about: What it is, and of which row: elsewhere, it cannot be opened.

        Raises:
            SealError: There is no key.
        """
        if not text:
            return ""
        sealed = self.ring.seal(_PURPOSE, about, text.encode())
        return f"{PREFIX}{key_id_of(sealed)}.{base64.urlsafe_b64encode(sealed).decode()}"

    def open(self, sealed: str, about: str) -> str:
        """The inverse of `seal`. Raises SealError."""
        if not sealed:
            return ""
        if not sealed.startswith(PREFIX):
            return self._open_older(sealed)
        return self.ring.open(_PURPOSE, about, base64.urlsafe_b64decode(sealed.rpartition(".")[2])).decode()

    def is_current(self, sealed: str) -> bool:
        """True if the text is empty, or sealed with the key that encrypts now."""
        return not sealed or sealed.startswith(f"{PREFIX}{self.ring.primary.id}.")

    def _open_older(self, sealed: str) -> str:
        """Values from before there were several keys."""
        if not self.ring.secret_key:
            raise SealError("There is no secret key.")
        # Imported here because it takes 6 MiB, and most portals have no such values.
        from cryptography.fernet import Fernet, InvalidToken

        key = hmac.new(self.ring.secret_key.encode(), b"assent: what is sealed", hashlib.sha256).digest()
        try:
            return Fernet(base64.urlsafe_b64encode(key)).decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealError("It was encrypted with another secret key.") from None
