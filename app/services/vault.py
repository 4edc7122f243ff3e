"""Encrypts values that must be stored but not be readable from the database alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


class SealError(Exception):
    """A value cannot be decrypted, or there is no key."""


class Vault:
    """Seals and opens short texts with a key derived from the portal's secret key.

    Args:
        secret_key: of the portal; without one, nothing can be sealed or opened.
    """

    def __init__(self, secret_key: str) -> None:
        self._fernet: Fernet | None = None
        self._secret_key = secret_key

    def seal(self, text: str) -> str:
        """The sealed text; an empty one stays empty. Raises SealError: there is no key."""
        if not text:
            return ""
        return self._key().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """The inverse of `seal`. Raises SealError."""
        if not sealed:
            return ""
        from cryptography.fernet import InvalidToken

        try:
            return self._key().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealError("It was encrypted with another secret key.") from None

    def _key(self) -> Fernet:
        if self._fernet is None:
            if not self._secret_key:
                raise SealError("There is no secret key.")
            # Imported here because it takes 6 MiB, and a portal without destinations and Slack seals nothing.
            from cryptography.fernet import Fernet

            key = hmac.new(self._secret_key.encode(), b"assent: what is sealed", hashlib.sha256).digest()
            self._fernet = Fernet(base64.urlsafe_b64encode(key))
        return self._fernet
