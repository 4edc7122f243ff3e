"""Time stamps of signatures: by RFC 3161, and the older counter signatures of PKCS #9."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from workflows.package_deployment.analysis import Check
from workflows.package_deployment.installers import der, keys
from workflows.package_deployment.installers.certificates import TIME_STAMPING, Certificate, Chains, stamp
from workflows.package_deployment.installers.signed_data import (
    DATA,
    SIGNING_TIME,
    Signer,
    check_signer,
    read_signed_data,
    read_signer,
)

RFC3161 = "1.3.6.1.4.1.311.3.3.1"
COUNTER_SIGNATURE = "1.2.840.113549.1.9.6"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"


@dataclass
class TimeStamp:
    """When a signature was made, as an authority says, and what was checked of it."""

    moment: datetime | None = None
    check: Check = Check.ABSENT
    chain: Check = Check.ABSENT
    authority: str = ""
    used: list[Certificate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def proven(self) -> datetime | None:
        """The moment, if an authority under a named root has confirmed it."""
        return self.moment if self.check is self.chain is Check.MATCHES else None

    @property
    def text(self) -> str:
        """The moment as RFC 3339; empty: none."""
        return stamp(self.moment) if self.moment else ""


def read_time_stamp(signer: Signer, nearby: list[Certificate], roots: list[Certificate]) -> TimeStamp:
    """Read and check the time stamp of a signature.

    Args:
        signer: the signer whose signature has it.
        nearby: the certificates of the signature.
        roots: those that the operator names; none: the chain is not checked.
    """
    found = TimeStamp()
    tokens, counters = signer.unsigned_values(RFC3161), signer.unsigned_values(COUNTER_SIGNATURE)
    if len(tokens) + len(counters) > 1:
        found.notes.append(f"There are {len(tokens) + len(counters)} time stamps; one was checked.")
    try:
        if tokens:
            _read_token(tokens[0], signer, nearby, roots, found)
        elif counters:
            _read_counter(counters[0], signer, nearby, roots, found)
    except (der.DerError, keys.UnsupportedError) as error:
        found.check = found.chain = Check.NOT_CHECKED
        found.notes.append(f"The time stamp cannot be read: {error}.")
    return found


def _read_token(
    token: der.Element, signer: Signer, nearby: list[Certificate], roots: list[Certificate], found: TimeStamp
) -> None:
    data = read_signed_data(token)
    if data.content_type != _TST_INFO or len(data.signers) != 1:
        raise der.DerError("it is no time stamp with one signer")
    content = data.content.expect(der.OCTET_STRING).content
    parts = der.fields(der.read(content), 5)
    imprint = der.fields(parts[2], 2)
    found.moment = der.time(parts[4])
    algorithm = keys.digest_name(imprint[0])
    stated = imprint[1].expect(der.OCTET_STRING).content
    _note_weak(found, algorithm)
    authority = data.signers[0]
    certificate = _authority(authority, [*data.certificates, *nearby], found)
    if certificate is None:
        return
    if hashlib.new(algorithm, signer.signature, usedforsecurity=False).digest() != stated:
        found.check = Check.DIFFERS
        found.notes.append("The time stamp belongs to another signature.")
    elif not _names(authority, certificate):
        found.check = Check.DIFFERS
        found.notes.append("The time stamp names another certificate than that of its signer.")
    else:
        found.check, problem = check_signer(authority, certificate, (_TST_INFO,), content)
        _note(found, problem)
    _check_chain(certificate, [*data.certificates, *nearby], roots, found)


def _read_counter(
    counter: der.Element, signer: Signer, nearby: list[Certificate], roots: list[Certificate], found: TimeStamp
) -> None:
    authority = read_signer(counter)
    time = authority.signed_value(SIGNING_TIME)
    if time is None:
        raise der.DerError("it names no time")
    found.moment = der.time(time)
    _note_weak(found, keys.digest_name(authority.digest_algorithm))
    certificate = _authority(authority, nearby, found)
    if certificate is None:
        return
    # A counter signature has no content of its own, so its kind says nothing; some authorities name that of a token.
    kinds = (DATA, _TST_INFO)
    found.check, problem = check_signer(authority, certificate, kinds, signer.signature, may_be_bare=True)
    _note(found, problem)
    _check_chain(certificate, nearby, roots, found)


def _authority(authority: Signer, candidates: list[Certificate], found: TimeStamp) -> Certificate | None:
    certificate = authority.certificate(candidates)
    if certificate is None:
        found.check = found.chain = Check.NOT_CHECKED
        found.notes.append("The certificate of the time stamp's signer is not in the signature.")
        return None
    found.authority = certificate.shown_subject
    found.used.append(certificate)
    return certificate


def _check_chain(
    certificate: Certificate, nearby: list[Certificate], roots: list[Certificate], found: TimeStamp
) -> None:
    if not roots or found.moment is None:
        found.chain = Check.NOT_CHECKED
        return
    result = Chains(roots, nearby).find(certificate, TIME_STAMPING, found.moment)
    found.chain = Check.MATCHES if result.holds else Check.DIFFERS
    found.notes += [f"Time stamp: {words}" for words in (*result.reasons, *result.notes)]


def _names(authority: Signer, certificate: Certificate) -> bool:
    """Return whether the signed attributes name the certificate, as RFC 3161 asks; without the attribute, true."""
    for oid in (_SIGNING_CERTIFICATE_V2, _SIGNING_CERTIFICATE):
        value = authority.signed_value(oid)
        if value is None:
            continue
        first = der.fields(der.fields(der.fields(value, 1)[0], 1)[0], 1)
        algorithm = "sha1" if oid == _SIGNING_CERTIFICATE else "sha256"
        if first[0].tag == der.SEQUENCE:
            algorithm = keys.digest_name(first[0])
            first = first[1:]
        if not first:
            raise der.DerError("it names its certificate without a digest")
        digest = hashlib.new(algorithm, certificate.raw, usedforsecurity=False).digest()
        if digest != first[0].expect(der.OCTET_STRING).content:
            return False
    return True


def _note_weak(found: TimeStamp, algorithm: str) -> None:
    if algorithm in keys.WEAK:
        found.notes.append(f"The time stamp uses {algorithm.upper()}, which is weak.")


def _note(found: TimeStamp, problem: str) -> None:
    if problem:
        found.notes.append(f"Time stamp: {problem}")
