"""The Authenticode signature of a program or an MSI: each check is made, and its result is given, by itself.

Nothing here says that a signature is "valid". Whether the file is the one that was signed, whether the signer's key
made the signature, and whether the chain leads to a root that the operator has named are three statements. Revocation
is not checked, because that needs the network.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from workflows.package_deployment.analysis import Check, Signature
from workflows.package_deployment.installers import der, keys, signed_programs
from workflows.package_deployment.installers.certificates import (
    CODE_SIGNING,
    LIFETIME_SIGNING,
    Certificate,
    Chains,
    read_roots,
    stamp,
)
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.signed_data import SignedData, Signer, check_signer, read_signed_data
from workflows.package_deployment.installers.texts import clean
from workflows.package_deployment.installers.time_stamps import (
    COUNTER_SIGNATURE,
    RFC3161,
    TimeStamp,
    read_time_stamp,
)

MOST_NESTED = 8
"""Further signatures that are read."""
MOST_NOTES = 30
_INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"
_NESTED = "1.3.6.1.4.1.311.2.4.1"
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


class _Place(Protocol):
    """A file with its signatures."""

    signatures: list[bytes]
    notes: list[str]
    hides_content: bool
    """Whether something that no digest covers is loaded as code."""

    def digests(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the Authenticode digests by the names of their algorithms."""


@dataclass
class _Read:
    """A signature as it was read, before it is checked."""

    data: SignedData
    signer: Signer
    kind: str
    """What kind of file it says that it signs."""
    algorithm: str
    digest: bytes
    """The digest of the file, as the signature states it."""
    notes: list[str]


def read_signature(path: Path, roots: list[bytes], now: datetime | None = None) -> Signature:
    """Read and check the signature of a program or an MSI, and those nested in it.

    Args:
        path: the file.
        roots: texts with certificates (PEM) that the operator trusts; none: no chain is checked.
        now: the time that counts for a signature without a confirmed time stamp; None: the present.

    Raises:
        InstallerError: the file is neither a program nor an MSI, or damaged.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        is_package = file.read(8) == _COMPOUND
    with ExitStack() as stack:
        if is_package:
            from workflows.package_deployment.installers import signed_packages

            place: _Place = stack.enter_context(signed_packages.SignedPackage(path))
            kind = signed_packages.CONTENT
        else:
            place, kind = signed_programs.open_signed_program(path), signed_programs.CONTENT
        if not place.signatures:
            return _unsigned(place.notes)
        named = read_roots(roots)
        missing = ["None of the operator's roots could be read."] if roots and not named else []
        reads, problems = _read_all(place.signatures)
        actual, unreadable = _digests(place, {read.algorithm for read in reads})
        hidden = place.hides_content
        found = [_check(read, kind, actual, hidden, named, now or datetime.now(UTC)) for read in reads]
    if not found:
        found = [Signature(is_signed=True)]
    first, *others = found
    first.nested = others
    first.notes = _bounded([*missing, *problems, *unreadable, *place.notes, *first.notes])
    return first


def _unsigned(notes: list[str]) -> Signature:
    absent = Check.ABSENT
    return Signature(
        digest=absent, signature=absent, chain=absent, time_stamp_check=absent, time_stamp_chain=absent,
        notes=_bounded(notes),
    )  # fmt: skip


def _digests(place: _Place, algorithms: set[str]) -> tuple[dict[str, bytes], list[str]]:
    try:
        return place.digests(algorithms), []
    except InstallerError as error:
        return {}, [f"The digest of the file could not be computed. {error}"]


def _read_all(blobs: list[bytes]) -> tuple[list[_Read], list[str]]:
    """Read the signatures in order, each followed by those nested in it."""
    reads: list[_Read] = []
    problems: list[str] = []
    waiting = [(blob, 0) for blob in blobs]
    while waiting:
        blob, depth = waiting.pop(0)
        if len(reads) + len(problems) > MOST_NESTED:
            problems.append("There are more signatures than are read.")
            break
        try:
            read = _read_one(blob)
        except (der.DerError, keys.UnsupportedError) as error:
            problems.append(f"A signature cannot be read: {error}.")
            continue
        reads.append(read)
        nested = [(value.raw, depth + 1) for value in read.signer.unsigned_values(_NESTED)]
        if nested and depth >= 1:
            problems.append("A nested signature contains further ones, which were not read.")
        else:
            waiting[:0] = nested[: MOST_NESTED + 1]
    return reads, problems


def _read_one(blob: bytes) -> _Read:
    data = read_signed_data(der.read(blob))
    if data.content_type != _INDIRECT_DATA:
        raise der.DerError("it is no Authenticode signature")
    if len(data.signers) != 1:
        raise der.DerError(f"it has {len(data.signers)} signers instead of one")
    about, stated = der.fields(data.content, 2)[:2]
    digest = der.fields(stated, 2)
    signer = data.signers[0]
    algorithm = keys.digest_name(digest[0])
    return _Read(
        data, signer, der.identifier(der.fields(about, 1)[0]), algorithm,
        digest[1].expect(der.OCTET_STRING).content, [*data.problems, *_loose_bytes(signer)],
    )  # fmt: skip


def _loose_bytes(signer: Signer) -> list[str]:
    known = (RFC3161, COUNTER_SIGNATURE, _NESTED)
    return [
        f"{attribute.size:,} bytes are stored in an attribute of the signature ({attribute.oid}) that can be changed "
        "without breaking it."
        for attribute in signer.unsigned
        if attribute.oid not in known
    ]


def _check(
    read: _Read, kind: str, actual: dict[str, bytes], hidden: bool, roots: list[Certificate], now: datetime
) -> Signature:
    result = Signature(is_signed=True, digest_algorithm=read.algorithm, notes=read.notes)
    if read.algorithm in keys.WEAK:
        result.notes.append(f"The file is signed by its {read.algorithm.upper()} digest, which is weak.")
    result.digest = _compare(read, kind, actual, hidden, result.notes)
    certificate = read.signer.certificate(read.data.certificates)
    if certificate is None:
        result.notes.append("The signer's certificate is not in the signature.")
        result.chain = Check.NOT_CHECKED if not roots else Check.DIFFERS
        return result
    _describe(certificate, result)
    try:
        result.signature, problem = check_signer(read.signer, certificate, (_INDIRECT_DATA,), read.data.content.content)
    except der.DerError as error:
        result.signature, problem = Check.NOT_CHECKED, f"The signed attributes cannot be read: {error}."
    result.notes += [problem] if problem else []
    time = read_time_stamp(read.signer, read.data.certificates, roots)
    result.time_stamp, result.time_stamp_signer = time.text, time.authority
    result.time_stamp_check, result.time_stamp_chain = time.check, time.chain
    result.notes += time.notes
    _check_chain(certificate, read, time, roots, now, result)
    _note_unused(read, certificate, time, result)
    result.notes = _bounded(result.notes)
    return result


def _compare(read: _Read, kind: str, actual: dict[str, bytes], hidden: bool, notes: list[str]) -> Check:
    if read.kind != kind:
        notes.append("The signature was made for another kind of file.")
        return Check.DIFFERS
    if read.algorithm not in actual:
        return Check.NOT_CHECKED
    return Check.MATCHES if actual[read.algorithm] == read.digest and not hidden else Check.DIFFERS


def _describe(certificate: Certificate, result: Signature) -> None:
    parsed = certificate.parsed
    result.signer, result.issuer = certificate.shown_subject, certificate.shown_issuer
    result.serial_number = f"{certificate.serial:X}"
    result.thumbprint = certificate.thumbprint
    result.valid_from, result.valid_until = stamp(parsed.not_valid_before_utc), stamp(parsed.not_valid_after_utc)


def _check_chain(
    certificate: Certificate, read: _Read, time: TimeStamp, roots: list[Certificate], now: datetime, result: Signature
) -> None:
    moment = time.proven or now
    try:
        if LIFETIME_SIGNING in (certificate.usages() or ()):
            moment = now
            result.notes.append("The certificate does not let a time stamp extend its signatures beyond its own end.")
    except ValueError:
        pass  # the chain says that the extensions are malformed
    if not roots:
        result.chain = Check.NOT_CHECKED
        if certificate.parsed.not_valid_after_utc < now:
            result.notes.append(f"The signer's certificate expired on {result.valid_until}.")
        return
    if time.moment and not time.proven:
        result.notes.append("The time stamp is not confirmed, so the present time counts for the chain.")
    found = Chains(roots, read.data.certificates).find(certificate, CODE_SIGNING, moment)
    result.chain = Check.MATCHES if found.holds else Check.DIFFERS
    result.notes += [*found.reasons, *found.notes]


def _note_unused(read: _Read, certificate: Certificate, time: TimeStamp, result: Signature) -> None:
    """Note certificates that nothing in the signature refers to: their bytes can be exchanged."""
    inside = read.data.certificates
    issuers = {other.issuer for other in (*inside, *time.used) if not other.is_self_issued}
    used = {certificate.raw, *(other.raw for other in time.used)}
    loose = [other for other in inside if other.raw not in used and other.subject not in issuers]
    if loose:
        size = sum(len(other.raw) for other in loose)
        result.notes.append(
            f"{len(loose)} of the certificates ({size:,} bytes) in the signature are used by nothing in it, and can be "
            "exchanged without breaking it."
        )


def _bounded(notes: list[str]) -> list[str]:
    kept = [clean(note) for note in dict.fromkeys(notes)]
    if len(kept) > MOST_NOTES:
        kept[MOST_NOTES - 1 :] = [f"There are {len(kept) - MOST_NOTES + 1} more notes."]
    return kept
