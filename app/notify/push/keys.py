"""The key pair by which browsers' push services recognize this portal (VAPID, RFC 8292)."""

from __future__ import annotations

import base64


def new_key() -> str:
    """A new private key, as `ASSENT_PUSH_KEY` takes it: 32 bytes in base64url."""
    from cryptography.hazmat.primitives.asymmetric import ec

    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _text(number.to_bytes(32, "big"))


def public_key(private_key: str) -> str:
    """The public key that browsers need to allow notifications, in base64url."""
    return _text(_public_bytes(private_key))


def pem_of(private_key: str) -> tuple[bytes, bytes]:
    """The private and the public key in PEM."""
    # Imported here because it takes 6 MiB, and few portals have such a key.
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = _loaded(private_key)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _public_bytes(private_key: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = _loaded(private_key).public_key()
    return bytes(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def _loaded(private_key: str):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.derive_private_key(int.from_bytes(decoded(private_key), "big"), ec.SECP256R1())


def decoded(text: str) -> bytes:
    """The bytes of a text in base64url, with or without padding. Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")
