"""PKCS #7 signed data, the form of Authenticode signatures and of time stamps: who signed what, with which key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from workflows.package_deployment.analysis import Check
from workflows.package_deployment.installers import certificates, der, keys
from workflows.package_deployment.installers.certificates import Certificate

SIGNED_DATA = "1.2.840.113549.1.7.2"
DATA = "1.2.840.113549.1.7.1"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
_CERTIFICATES = 0xA0
_SIGNED_ATTRIBUTES = 0xA0
_UNSIGNED_ATTRIBUTES = 0xA1
_SUBJECT_KEY = 0x80


@dataclass(frozen=True)
class Attribute:
    """An attribute of a signer, signed or not: its kind, its values, and how many bytes it takes."""

    oid: str
    values: list[der.Element]
    size: int


@dataclass(frozen=True)
class Signer:
    """One signer of signed data."""

    issuer: bytes
    serial: int
    subject_key: bytes
    digest_algorithm: der.Element
    signature_algorithm: der.Element
    signature: bytes
    signed: list[Attribute]
    signed_bytes: bytes
    """What the signature is made over; empty without signed attributes."""
    unsigned: list[Attribute]

    def signed_value(self, oid: str) -> der.Element | None:
        """Return the value of a signed attribute that is there exactly once, with one value, or None."""
        found = [attribute for attribute in self.signed if attribute.oid == oid]
        return found[0].values[0] if len(found) == 1 and len(found[0].values) == 1 else None

    def unsigned_values(self, oid: str) -> list[der.Element]:
        """Return all values of an unsigned attribute."""
        return [value for attribute in self.unsigned if attribute.oid == oid for value in attribute.values]

    def certificate(self, candidates: list[Certificate]) -> Certificate | None:
        """Return the certificate that the signer names, or None."""
        for candidate in candidates:
            if self.issuer and (candidate.issuer, candidate.serial) == (self.issuer, self.serial):
                return candidate
        return None


@dataclass(frozen=True)
class SignedData:
    """Signed data: its content, the certificates that come with it, and its signers."""

    content_type: str
    content: der.Element
    certificates: list[Certificate]
    signers: list[Signer]
    size: int
    problems: list[str] = field(default_factory=list)


def read_signed_data(element: der.Element) -> SignedData:
    """Read a ContentInfo with signed data.

    Raises:
        der.DerError: it is malformed, or something else.
    """
    outer = der.fields(element, 2)
    if der.identifier(outer[0]) != SIGNED_DATA:
        raise der.DerError("it is not signed data")
    parts = der.fields(der.read(outer[1].content), 4)
    encapsulated = der.fields(parts[2], 2)
    found, problems = _certificates(next((part for part in parts[3:] if part.tag == _CERTIFICATES), None))
    signers = [read_signer(signer) for signer in parts[-1].expect(der.SET).children()]
    content = der.read(encapsulated[1].content)
    return SignedData(der.identifier(encapsulated[0]), content, found, signers, len(element.raw), problems)


def _certificates(element: der.Element | None) -> tuple[list[Certificate], list[str]]:
    found: list[Certificate] = []
    problems: list[str] = []
    parts = element.children() if element else []
    for part in parts[: certificates.MOST_CERTIFICATES]:
        try:
            found.append(certificates.read_certificate(part.raw))
        except certificates.CertificateError as error:
            problems.append(f"In the signature, {error}.")
    if len(parts) > certificates.MOST_CERTIFICATES:
        problems.append(f"The signature contains {len(parts):,} certificates, and not all were read.")
    return found, problems


def read_signer(element: der.Element) -> Signer:
    """Read a SignerInfo. Raises der.DerError."""
    parts = der.fields(element, 5)
    issuer, serial, subject_key = b"", 0, b""
    if parts[1].tag == _SUBJECT_KEY:
        subject_key = parts[1].content
    else:
        named = der.fields(parts[1], 2)
        issuer, serial = named[0].expect(der.SEQUENCE).raw, der.integer(named[1])
    rest = parts[3:]
    signed_bytes, signed = b"", []
    if rest[0].tag == _SIGNED_ATTRIBUTES:
        signed_bytes = bytes((der.SET,)) + rest[0].raw[1:]
        signed = _attributes(rest[0])
        rest = rest[1:]
    if len(rest) < 2:
        raise der.DerError("a signer lacks its signature")
    unsigned = _attributes(rest[2]) if len(rest) > 2 and rest[2].tag == _UNSIGNED_ATTRIBUTES else []
    return Signer(
        issuer, serial, subject_key, parts[2].expect(der.SEQUENCE), rest[0].expect(der.SEQUENCE),
        rest[1].expect(der.OCTET_STRING).content, signed, signed_bytes, unsigned,
    )  # fmt: skip


def _attributes(element: der.Element) -> list[Attribute]:
    attributes = []
    for child in element.children():
        parts = der.fields(child, 2)
        attributes.append(Attribute(der.identifier(parts[0]), parts[1].expect(der.SET).children(), len(child.raw)))
    return attributes


def check_signer(
    signer: Signer, certificate: Certificate, kinds: tuple[str, ...], content: bytes, *, may_be_bare: bool = False
) -> tuple[Check, str]:
    """Return whether the key of a certificate signed content, and if not, why.

    The signed attributes have to name one of the kinds of content, and its digest, and the signature is over them.
    With `may_be_bare`, the digest that is signed may lack the name of its algorithm.
    """
    named = signer.signed_value(CONTENT_TYPE)
    digest = signer.signed_value(MESSAGE_DIGEST)
    if named is None or digest is None:
        return Check.DIFFERS, "The signed attributes do not name the content that was signed."
    if der.identifier(named) not in kinds:
        return Check.DIFFERS, "The signed attributes name another kind of content."
    try:
        algorithm = keys.digest_name(signer.digest_algorithm)
        if hashlib.new(algorithm, content, usedforsecurity=False).digest() != digest.content:
            return Check.DIFFERS, "The signed content is not the content that the signer signed."
        key = certificate.parsed.public_key()
        if keys.verify(key, signer.signature, signer.signed_bytes, signer.signature_algorithm, algorithm):
            return Check.MATCHES, ""
        if may_be_bare and keys.verify_bare(key, signer.signature, signer.signed_bytes, algorithm):
            return Check.MATCHES, ""
    except keys.UnsupportedError as error:
        return Check.NOT_CHECKED, f"The signature needs {error}, which is not supported."
    except der.DerError:
        raise
    except Exception as error:  # what a key raises depends on its kind
        return Check.NOT_CHECKED, f"The key of the signer cannot be read ({type(error).__name__})."
    return Check.DIFFERS, "The key of the signer's certificate did not make the signature."
