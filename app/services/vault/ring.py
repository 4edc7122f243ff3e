"""The keys with which stored data is encrypted: one that encrypts, and older ones that still decrypt.

A key is 32 random bytes. Its id is part of its digest, so that a key and its id cannot be mixed up. Data is not
encrypted with the key itself, but with one derived from it for each purpose, so that none is used too often.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import PREFIX, Settings, SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
KEY_FILE = "encryption_keys"
"""The key file's name in the data directory."""
_NONCE_BYTES = 12
_VERSION = b"\x01"
_HEAD = len(_VERSION) + 4 + _NONCE_BYTES
OVERHEAD = _HEAD + 16
"""Bytes by which encrypted data is longer: version, key id, nonce, and the tag by which changes are noticed."""


class SealError(Exception):
    """Something cannot be decrypted, or there is no key."""


class MissingKeyError(SealError):
    """The key with which something was encrypted is not configured; `key_id` is its id."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"It was encrypted with the key {key_id}, which is not configured.")
        self.key_id = key_id


@dataclass(frozen=True)
class EncryptionKey:
    """A key.

    Attributes:
        secret: 32 bytes.
        origin: Where it is configured, for lists: a setting, a file, or the portal's secret key.
    """

    secret: bytes
    origin: str

    @property
    def id(self) -> str:
        """Eight hexadecimal digits."""
        return hashlib.sha256(b"assent key id" + self.secret).hexdigest()[:8]

    def __repr__(self) -> str:
        return f"EncryptionKey({self.id})"


def new_key() -> str:
    """Return a new key, as it is configured."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode().rstrip("=")


class KeyRing:
    """The keys that are configured, the one that encrypts first.

    Args:
        secret_key: The portal's. A key derived from it is the last, so it encrypts where no other is configured.
        keys: The configured keys, the first of which encrypts.
        file: The file that contains the keys instead, which is read again when it changes. It need not exist.
    """

    def __init__(self, secret_key: str = "", keys: Sequence[EncryptionKey] = (), file: Path | None = None) -> None:
        self.file = file
        self.secret_key = secret_key
        self._given = tuple(keys)
        self._read_at: tuple[int, ...] | None = None
        self._keys: tuple[EncryptionKey, ...] = ()
        self._load()

    @property
    def keys(self) -> tuple[EncryptionKey, ...]:
        """All keys, the one that encrypts first. Raises SettingsError if the key file cannot be used."""
        if self.file is not None and self._stamp() != self._read_at:
            self._load()
        return self._keys

    @property
    def primary(self) -> EncryptionKey:
        """The key that encrypts. Raises SealError if there is none."""
        keys = self.keys
        if not keys:
            raise SealError(f"There is no key to encrypt with: set {PREFIX}SECRET_KEY or {PREFIX}ENCRYPTION_KEYS.")
        return keys[0]

    def find(self, key_id: str) -> EncryptionKey:
        """The key with this id. Raises MissingKeyError."""
        for key in self.keys:
            if key.id == key_id:
                return key
        raise MissingKeyError(key_id)

    def seal(self, purpose: str, about: str, content: bytes) -> bytes:
        """Encrypt data.

        Args:
            purpose: Which derived key encrypts it, such as that of one file.
            about: What and where the data is. It decrypts only there.

        Raises:
            SealError: There is no key.
        """
        key, nonce = self.primary, secrets.token_bytes(_NONCE_BYTES)
        sealed = _cipher(key.secret, purpose).encrypt(nonce, content, about.encode())
        return _VERSION + bytes.fromhex(key.id) + nonce + sealed

    def open(self, purpose: str, about: str, sealed: bytes) -> bytes:
        """The inverse of `seal`. Raises SealError: the key is missing, or the data was changed or moved."""
        from cryptography.exceptions import InvalidTag

        key = self.find(key_id_of(sealed))
        try:
            nonce = sealed[_HEAD - _NONCE_BYTES : _HEAD]
            return _cipher(key.secret, purpose).decrypt(nonce, sealed[_HEAD:], about.encode())
        except InvalidTag:
            raise SealError("It was changed since it was encrypted, or is not where it was stored.") from None

    def _stamp(self) -> tuple[int, ...]:
        assert self.file is not None
        try:
            found = self.file.stat()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unreadable(self.file, error.strerror) from None
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _load(self) -> None:
        given = self._given
        if self.file is not None:
            stamp = self._stamp()
            given = read_keys(self.file) if stamp else ()
            self._read_at = stamp
        derived = (derived_key(self.secret_key),) if self.secret_key else ()
        self._keys = (*given, *derived)


def key_id_of(sealed: bytes) -> str:
    """The id of the key with which data was encrypted. Raises SealError if it is not encrypted data."""
    if len(sealed) < OVERHEAD or sealed[:1] != _VERSION:
        raise SealError("It is not encrypted in a format that this version knows.")
    return sealed[1:5].hex()


def derived_key(secret_key: str) -> EncryptionKey:
    """The key that encrypts where no other is configured."""
    made = hmac.new(secret_key.encode(), b"assent: encryption at rest", hashlib.sha256).digest()
    return EncryptionKey(made, f"{PREFIX}SECRET_KEY")


def parse_keys(text: str, origin: str) -> tuple[EncryptionKey, ...]:
    """The keys in a text, separated by commas or lines; `#` begins a comment. Raises SettingsError."""
    found: list[EncryptionKey] = []
    for line in text.splitlines():
        for word in line.partition("#")[0].replace(",", " ").split():
            try:
                secret = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
            except ValueError:
                secret = b""
            if len(secret) != KEY_BYTES or not any(secret):
                raise SettingsError(f"{origin}: a key is 32 bytes in base64url, as `assent keys new` makes them")
            found.append(EncryptionKey(secret, origin))
    if len({key.id for key in found}) != len(found):
        raise SettingsError(f"{origin}: a key is listed twice")
    return tuple(found)


def read_keys(file: Path) -> tuple[EncryptionKey, ...]:
    """The keys in a key file. Raises SettingsError."""
    try:
        found = parse_keys(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(file, error) from None
    if not found:
        raise SettingsError(f"{PREFIX}ENCRYPTION_KEYS_FILE: {file} contains no key")
    return found


def _unreadable(file: Path, why: object) -> SettingsError:
    return SettingsError(f"{PREFIX}ENCRYPTION_KEYS_FILE: {file} cannot be read ({why})")


def key_ring(settings: Settings) -> KeyRing:
    """The operator's keys. Raises SettingsError: they cannot be read."""
    if settings.encryption_keys:
        given = parse_keys(settings.encryption_keys, f"{PREFIX}ENCRYPTION_KEYS")
        return KeyRing(settings.secret_key, given)
    if settings.encryption_keys_file:
        file = Path(settings.encryption_keys_file)
        read_keys(file)
        return KeyRing(settings.secret_key, file=file)
    return KeyRing(settings.secret_key, file=settings.data_dir / KEY_FILE)


@lru_cache(maxsize=512)
def _cipher(secret: bytes, purpose: str) -> AESGCM:
    # Imported here because it takes 6 MiB, and a portal without files and destinations encrypts nothing.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return AESGCM(HKDF(SHA256(), KEY_BYTES, None, f"assent {purpose}".encode()).derive(secret))
