"""Certificates as signatures contain them, and the search for a chain to a root that the operator has named."""

from __future__ import annotations

import base64
import hashlib
import re
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from workflows.package_deployment.installers import der, keys
from workflows.package_deployment.installers.texts import clean

CODE_SIGNING = ExtendedKeyUsageOID.CODE_SIGNING
TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING
LIFETIME_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.13")
"""With this usage, a time stamp does not make a signature outlive the certificate."""

MOST_CERTIFICATES = 100
"""Certificates that are read from one signature."""
LONGEST_CHAIN = 8
_MOST_VERIFICATIONS = 100
_UNDERSTOOD = frozenset(
    kind.oid
    for kind in (
        x509.BasicConstraints,
        x509.KeyUsage,
        x509.ExtendedKeyUsage,
        x509.SubjectKeyIdentifier,
        x509.AuthorityKeyIdentifier,
        x509.SubjectAlternativeName,
        x509.IssuerAlternativeName,
        x509.CertificatePolicies,
        x509.CRLDistributionPoints,
        x509.AuthorityInformationAccess,
    )
)
"""Extensions that may be critical: understood, or without a meaning for this check."""
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([^-]{1,100000})-----END CERTIFICATE-----")


class CertificateError(ValueError):
    """A certificate cannot be read. The message is for people."""


@dataclass(frozen=True)
class Certificate:
    """A certificate, with the exact bytes of the names by which others refer to it."""

    parsed: x509.Certificate
    raw: bytes
    subject: bytes
    issuer: bytes
    serial: int
    algorithm: der.Element

    @cached_property
    def extensions(self) -> x509.Extensions:
        """Its extensions. Raises ValueError if they are malformed."""
        return self.parsed.extensions

    @property
    def shown_subject(self) -> str:
        """Its subject as a text that is safe to show."""
        return _shown(self.parsed.subject)

    @property
    def shown_issuer(self) -> str:
        """Its issuer as a text that is safe to show."""
        return _shown(self.parsed.issuer)

    @property
    def thumbprint(self) -> str:
        """SHA-1 over it, in capitals, as Windows shows it."""
        return hashlib.sha1(self.raw, usedforsecurity=False).hexdigest().upper()

    @cached_property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same."""
        return self.subject == self.issuer

    def usages(self) -> frozenset[x509.ObjectIdentifier] | None:
        """Return the usages in the extended key usage; None: it has none. Raises ValueError."""
        found = _extension(self, x509.ExtendedKeyUsage)
        return None if found is None else frozenset(found)


def read_certificate(raw: bytes) -> Certificate:
    """Read a certificate in DER.

    Raises:
        CertificateError: it is malformed, or uses what is not supported.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old habits of authorities, such as serial numbers that are too long
            parsed = x509.load_der_x509_certificate(raw)
            whole = der.fields(der.read(raw), 3)
            parts = [part for part in der.fields(whole[0], 6) if part.tag != 0xA0]
            issuer, subject = parts[2].expect(der.SEQUENCE), parts[4].expect(der.SEQUENCE)
            found = Certificate(parsed, raw, subject.raw, issuer.raw, der.integer(parts[0]), whole[1])
            _ = parsed.subject, parsed.issuer, parsed.not_valid_after_utc
    except (ValueError, TypeError, x509.InvalidVersion, IndexError) as error:
        raise CertificateError(f"a certificate is malformed ({type(error).__name__})") from error
    return found


def read_roots(texts: list[bytes]) -> list[Certificate]:
    """Return the certificates in PEM texts; those that cannot be read are left out."""
    roots: list[Certificate] = []
    for text in texts:
        for block in _PEM.findall(text):
            try:
                roots.append(read_certificate(base64.b64decode(block)))
            except ValueError:
                continue
    return roots


@dataclass
class ChainResult:
    """Whether a chain was found, and if not, why the nearest one does not hold; and what is weak in it."""

    holds: bool
    reasons: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Chains:
    """The search for chains from a signer through the certificates of a signature to the operator's roots."""

    def __init__(self, roots: list[Certificate], others: list[Certificate]) -> None:
        self._roots = roots
        self._root_bytes = {root.raw for root in roots}
        self._others = [other for other in others if other.raw not in self._root_bytes]
        self._verifications = 0

    def find(self, leaf: Certificate, usage: x509.ObjectIdentifier, moment: datetime) -> ChainResult:
        """Look for a chain that holds for a usage at a moment; revocation is not considered."""
        reasons: list[str] = []
        self._verifications = 0
        problem = _problem(leaf, usage, moment, below=None)
        if problem:
            return ChainResult(False, [problem])
        notes: list[str] = []
        if leaf.usages() is None:
            notes.append("The signer's certificate does not say what it may be used for.")
        path = self._extend([leaf], usage, moment, reasons)
        if path is None:
            return ChainResult(False, list(dict.fromkeys(reasons)) or ["No named root issued the certificates."])
        weak = {keys.signature_digest(link.algorithm) for link in path[:-1]} & set(keys.WEAK)
        notes += [f"A certificate of the chain is signed with {name.upper()}, which is weak." for name in sorted(weak)]
        return ChainResult(True, [], notes)

    def _extend(
        self, path: list[Certificate], usage: x509.ObjectIdentifier, moment: datetime, reasons: list[str]
    ) -> list[Certificate] | None:
        last = path[-1]
        if last.raw in self._root_bytes:
            return path
        if len(path) == LONGEST_CHAIN:
            reasons.append(f"The chain is longer than {LONGEST_CHAIN} certificates.")
            return None
        used = {link.raw for link in path}
        for issuer in (*self._roots, *self._others):
            if issuer.subject != last.issuer or issuer.raw in used:
                continue
            problem = self._link_problem(last, issuer) or _problem(issuer, usage, moment, below=path)
            if problem:
                reasons.append(problem)
            elif found := self._extend([*path, issuer], usage, moment, reasons):
                return found
        if not reasons:
            if last.is_self_issued:
                reasons.append(f"The root “{last.shown_subject}” is not among those that the operator has named.")
            else:
                reasons.append(f"“{last.shown_issuer}” is neither among the named roots nor in the signature.")
        return None

    def _link_problem(self, subject: Certificate, issuer: Certificate) -> str:
        self._verifications += 1
        if self._verifications > _MOST_VERIFICATIONS:
            return "The signature contains too many certificates with the same names."
        try:
            if keys.signature_digest(subject.algorithm) == "md5":
                return f"The certificate “{subject.shown_subject}” is signed with MD5, which can be forged."
            key = issuer.parsed.public_key()
            parsed = subject.parsed
            if keys.verify(key, parsed.signature, parsed.tbs_certificate_bytes, subject.algorithm):
                return ""
        except keys.UnsupportedError as error:
            return f"The certificate “{subject.shown_subject}” needs {error}, which is not supported."
        except Exception as error:  # what a key raises depends on its kind
            return f"The key of “{issuer.shown_subject}” cannot be read ({type(error).__name__})."
        return f"The certificate “{subject.shown_subject}” was not signed by its issuer's key."


def _problem(link: Certificate, usage: x509.ObjectIdentifier, moment: datetime, below: list[Certificate] | None) -> str:
    """Return why a certificate may not stand in a chain, or nothing.

    `below` are the certificates that it stands above; None for the signer's own.
    """
    name = f"“{link.shown_subject}”"
    start, end = link.parsed.not_valid_before_utc, link.parsed.not_valid_after_utc
    if moment < start:
        return f"The certificate {name} is valid only from {stamp(start)}, but the time that counts is {stamp(moment)}."
    if moment > end:
        return f"The certificate {name} expired on {stamp(end)}, and the time that counts is {stamp(moment)}."
    try:
        unknown = [item.oid.dotted_string for item in link.extensions if item.critical and item.oid not in _UNDERSTOOD]
        if unknown or _extension(link, x509.NameConstraints) is not None:
            return f"The certificate {name} has constraints that are not supported ({clean(', '.join(unknown), 100)})."
        usages = link.usages()
        allowed = (usage, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE) if below else (usage,)
        if usages is not None and not usages.intersection(allowed):
            return f"The certificate {name} is not for {'code signing' if usage == CODE_SIGNING else 'time stamps'}."
        if usages is None and below is None and usage == TIME_STAMPING:
            return f"The certificate {name} is not for time stamps."
        key_usage = _extension(link, x509.KeyUsage)
        if below is None:
            if key_usage and not key_usage.digital_signature and not key_usage.content_commitment:
                return f"The certificate {name} may not be used for signatures."
            return ""
        if key_usage and not key_usage.key_cert_sign:
            return f"The certificate {name} may not sign certificates."
        return _authority_problem(link, name, below)
    except ValueError as error:
        return f"The extensions of the certificate {name} are malformed ({type(error).__name__})."


def _authority_problem(link: Certificate, name: str, below: list[Certificate]) -> str:
    constraints = _extension(link, x509.BasicConstraints)
    if constraints is None:
        if link.is_self_issued and link.parsed.version is x509.Version.v1:
            return ""  # old roots are older than the extension
        return f"The certificate {name} does not say that it is an authority."
    if not constraints.ca:
        return f"The certificate {name} is not one of an authority."
    between = sum(1 for other in below[1:] if not other.is_self_issued)
    if constraints.path_length is not None and between > constraints.path_length:
        return f"The certificate {name} allows only {constraints.path_length} authorities below it."
    return ""


def _extension(link: Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return link.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _shown(name: x509.Name) -> str:
    try:
        return clean(name.rfc4514_string())
    except ValueError:
        return "(a name that cannot be read)"


def stamp(moment: datetime) -> str:
    """Return a moment as RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
