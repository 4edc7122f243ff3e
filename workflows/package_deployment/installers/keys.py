"""Public keys that check signatures, and the algorithms that Authenticode allows."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from workflows.package_deployment.installers import der

DIGESTS = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
"""Names of digest algorithms, as in hashlib."""
WEAK = ("md5", "sha1")

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "md5": hashes.MD5, "sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512,
}  # fmt: skip
_RSA = "1.2.840.113549.1.1.1"
_RSA_PSS = "1.2.840.113549.1.1.10"
_RSA_WITH = {
    "1.2.840.113549.1.1.4": "md5",
    "1.2.840.113549.1.1.5": "sha1",
    "1.3.14.3.2.29": "sha1",
    "1.2.840.113549.1.1.11": "sha256",
    "1.2.840.113549.1.1.12": "sha384",
    "1.2.840.113549.1.1.13": "sha512",
}
_EC = "1.2.840.10045.2.1"
_EC_WITH = {
    "1.2.840.10045.4.1": "sha1",
    "1.2.840.10045.4.3.2": "sha256",
    "1.2.840.10045.4.3.3": "sha384",
    "1.2.840.10045.4.3.4": "sha512",
}
_MGF1 = "1.2.840.113549.1.1.8"


class UnsupportedError(Exception):
    """An algorithm that is not supported, so a check cannot be made. The message names it."""


def digest_name(algorithm: der.Element) -> str:
    """Return the name of a digest algorithm, from its AlgorithmIdentifier.

    Raises:
        UnsupportedError: it is none of those in DIGESTS.
    """
    oid = der.identifier(der.fields(algorithm, 1)[0])
    if oid not in DIGESTS:
        raise UnsupportedError(f"the digest algorithm {oid}")
    return DIGESTS[oid]


def signature_digest(algorithm: der.Element) -> str:
    """Return which digest a signature algorithm names; empty if it names none.

    Raises:
        UnsupportedError: the algorithm is unknown.
    """
    parts = der.fields(algorithm, 1)
    oid = der.identifier(parts[0])
    if oid in (_RSA, _EC):
        return ""
    if oid == _RSA_PSS:
        return _pss(parts)[0]
    if name := _RSA_WITH.get(oid) or _EC_WITH.get(oid):
        return name
    raise UnsupportedError(f"the signature algorithm {oid}")


def verify(
    key: CertificatePublicKeyTypes, signature: bytes, data: bytes, algorithm: der.Element, digest: str = ""
) -> bool:
    """Return whether a key made a signature over data.

    Args:
        key: the public key.
        signature: the signature.
        data: what was signed.
        algorithm: the AlgorithmIdentifier of the signature.
        digest: the digest that goes with it where the algorithm names none, as in a PKCS #7 signature.

    Raises:
        UnsupportedError: the check cannot be made.
    """
    named = signature_digest(algorithm)
    if named and digest and named != digest:
        return False
    name = named or digest
    if not name:
        raise UnsupportedError("a signature algorithm without a digest")
    chosen = _HASHES[name]()
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, _padding(algorithm), chosen)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(chosen))
        else:
            raise UnsupportedError(f"a key of the kind {type(key).__name__}")
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnsupportedError(f"a key or an algorithm ({type(error).__name__})") from error
    return True


def verify_bare(key: CertificatePublicKeyTypes, signature: bytes, data: bytes, digest: str) -> bool:
    """Return whether an RSA key signed a digest that is padded, but without the name of its algorithm.

    Time stamps of the first years of Authenticode are made this way.
    """
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    hashed = hashlib.new(digest, data, usedforsecurity=False).digest()
    try:
        return key.recover_data_from_signature(signature, padding.PKCS1v15(), None) == hashed
    except InvalidSignature:
        return False
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnsupportedError(f"a key or an algorithm ({type(error).__name__})") from error


def _padding(algorithm: der.Element) -> padding.AsymmetricPadding:
    parts = der.fields(algorithm, 1)
    if der.identifier(parts[0]) != _RSA_PSS:
        return padding.PKCS1v15()
    _, mask, salt = _pss(parts)
    return padding.PSS(padding.MGF1(_HASHES[mask]()), salt)


def _pss(parts: list[der.Element]) -> tuple[str, str, int]:
    """Return the digest, the digest of the mask, and the length of the salt, from the parameters of RSASSA-PSS."""
    digest, mask, salt = "sha1", "sha1", 20
    for field in der.fields(parts[1], 0) if len(parts) > 1 else []:
        inner = der.read(field.content)
        if field.tag == 0xA0:
            digest = digest_name(inner)
        elif field.tag == 0xA1:
            mask_parts = der.fields(inner, 2)
            if der.identifier(mask_parts[0]) != _MGF1:
                raise UnsupportedError("a mask of RSASSA-PSS other than MGF1")
            mask = digest_name(mask_parts[1])
        elif field.tag == 0xA2:
            salt = der.integer(inner)
    if not 0 <= salt <= 512:
        raise UnsupportedError("a salt of RSASSA-PSS of that length")
    return digest, mask, salt
