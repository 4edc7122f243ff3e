"""Authenticode of programs and MSIs that real tools build and sign in the test run; osslsigncode judges as well."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import olefile
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.signing import (
    CODE,
    DAY,
    NOW,
    TIME,
    Authority,
    Entity,
    attach,
    build_package,
    build_program,
    clock_options,
    entity,
    judge,
    old_clock,
    sign,
    signature_of,
    signed_again,
    tool,
)
from workflows.package_deployment.analysis import Check, Signature
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.signatures import read_signature

MATCHES, DIFFERS, NOT_CHECKED, ABSENT = Check.MATCHES, Check.DIFFERS, Check.NOT_CHECKED, Check.ABSENT


TOKEN = bytes.fromhex("2a864886f70d0109100104")
"""The object identifier of the content of a time stamp by RFC 3161, without tag and length."""
PROGRAM = bytes.fromhex("2b060104018237020104")
"""That of the content of an Authenticode signature."""


class Made(NamedTuple):
    authority: Authority
    installers: dict[str, Path]

    def read(self, path: Path, *roots: Entity) -> Signature:
        return read_signature(path, [root.pem for root in roots or (self.authority.root,)])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("built")
    return Made(Authority(), {"program": build_program(folder), "package": build_package(folder)})


@pytest.fixture
def made(built: Made, tmp_path: Path) -> Made:
    copies = {kind: Path(shutil.copy(path, tmp_path)) for kind, path in built.installers.items()}
    return Made(built.authority, copies)


@pytest.fixture(params=["program", "package"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def checks(found: Signature) -> tuple[Check, Check, Check]:
    return found.digest, found.signature, found.chain


def said(found: Signature, words: str) -> bool:
    return any(words in note for note in found.notes)


def test_a_signed_installer_is_described_and_each_check_is_said_by_itself(made: Made, kind: str):
    own = made.authority
    path = sign(made.installers[kind], own.signer, [own.intermediate])
    found = made.read(path)
    assert checks(found) == (MATCHES, MATCHES, MATCHES)
    assert (found.is_signed, found.digest_algorithm, found.revocation) == (True, "sha256", NOT_CHECKED)
    certificate = own.signer.certificate
    assert found.signer == "CN=Example Software,O=Example Software,C=US"
    assert found.issuer == "CN=Example Code Signing CA,O=Example Software,C=US"
    assert found.serial_number == f"{certificate.serial_number:X}"
    assert found.thumbprint == certificate.fingerprint(hashes.SHA1()).hex().upper()
    assert found.valid_from == (NOW - 400 * DAY).isoformat().replace("+00:00", "Z")
    assert (found.time_stamp, found.time_stamp_check, found.time_stamp_chain) == ("", ABSENT, ABSENT)
    verdict = judge(path, own.root)
    assert verdict.digest_matches and verdict.verified, verdict.text


def test_an_unsigned_or_stripped_installer_has_no_signature(made: Made, kind: str, tmp_path: Path):
    own = made.authority
    plain = made.read(made.installers[kind])
    assert (plain.is_signed, *checks(plain), plain.time_stamp_check) == (False, ABSENT, ABSENT, ABSENT, ABSENT)
    stripped = tmp_path / "stripped"
    path = sign(made.installers[kind], own.signer, [own.intermediate])
    subprocess.run([tool("osslsigncode"), "remove-signature", "-in", path, "-out", stripped], check=True, timeout=60)
    assert not made.read(stripped).is_signed


def test_without_roots_of_the_operator_no_chain_is_checked(made: Made, kind: str, tmp_path: Path):
    own = made.authority
    path = sign(made.installers[kind], own.signer, [own.intermediate], *clock_options(tmp_path, own.clock, NOW - DAY))
    found = read_signature(path, [])
    assert checks(found) == (MATCHES, MATCHES, NOT_CHECKED)
    assert (found.time_stamp_check, found.time_stamp_chain) == (MATCHES, NOT_CHECKED)
    unreadable = read_signature(path, [b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    assert unreadable.chain is NOT_CHECKED and said(unreadable, "None of the operator's roots could be read.")


def test_a_root_of_another_name_or_with_another_key_is_not_the_root(made: Made, kind: str):
    own = made.authority
    path = sign(made.installers[kind], own.signer, [own.intermediate])
    stranger, twin = entity("Stranger", authority=True), entity("Example Root", authority=True)
    found = made.read(path, stranger)
    assert checks(found) == (MATCHES, MATCHES, DIFFERS)
    assert said(
        found, "“CN=Example Root,O=Example Software,C=US” is neither among the named roots nor in the signature."
    )
    found = made.read(path, twin)
    assert checks(found) == (MATCHES, MATCHES, DIFFERS)
    assert said(found, "was not signed by its issuer's key")
    assert not judge(path, twin).verified
    assert made.read(path, twin, stranger, own.root).chain is MATCHES


def test_the_root_inside_the_signature_does_not_vouch_for_itself(made: Made):
    own, stranger = made.authority, entity("Stranger", authority=True)
    path = sign(made.installers["program"], own.signer, [own.intermediate, own.root])
    found = made.read(path, stranger)
    assert found.chain is DIFFERS and said(found, "is not among those that the operator has named")
    assert made.read(path).chain is MATCHES


def test_an_intermediate_that_is_missing_may_be_named_by_the_operator(made: Made, kind: str):
    own = made.authority
    path = sign(made.installers[kind], own.signer)
    assert made.read(path).chain is DIFFERS
    assert made.read(path, own.root, own.intermediate).chain is MATCHES
    assert made.read(path, own.intermediate).chain is MATCHES


def test_a_certificate_that_signs_itself_is_its_own_root_if_it_is_named(made: Made):
    alone = entity("Example Packaging", usages=[CODE], key=ec.generate_private_key(ec.SECP256R1()))
    path = sign(made.installers["program"], alone)
    assert checks(made.read(path)) == (MATCHES, MATCHES, DIFFERS)
    assert checks(made.read(path, alone)) == (MATCHES, MATCHES, MATCHES)


def test_a_time_stamp_keeps_the_signature_of_an_expired_certificate(made: Made, kind: str, tmp_path: Path):
    own = made.authority
    expired = entity("Example Software", own.intermediate, usages=[CODE], end=NOW - 10 * DAY)
    plain = made.read(sign(made.installers[kind], expired, [own.intermediate]))
    assert checks(plain) == (MATCHES, MATCHES, DIFFERS) and said(plain, "expired on")
    stamped = sign(
        made.installers[kind], expired, [own.intermediate], *clock_options(tmp_path, own.clock, NOW - 20 * DAY)
    )
    found = made.read(stamped)
    assert checks(found) == (MATCHES, MATCHES, MATCHES)
    assert (found.time_stamp_check, found.time_stamp_chain) == (MATCHES, MATCHES)
    assert found.time_stamp == (NOW - 20 * DAY).isoformat().replace("+00:00", "Z")
    assert found.time_stamp_signer == "CN=Example Time Stamps,O=Example Software,C=US"
    assert judge(stamped, own.root).verified
    late = clock_options(tmp_path, own.clock, NOW - DAY)
    found = made.read(sign(made.installers[kind], expired, [own.intermediate], *late))
    assert (found.time_stamp_check, found.chain) == (MATCHES, DIFFERS)


def test_a_time_stamp_of_a_stranger_does_not_count(made: Made, tmp_path: Path):
    own = made.authority
    expired = entity("Example Software", own.intermediate, usages=[CODE], end=NOW - 10 * DAY)
    stranger = entity("Stranger", authority=True)
    expired_clock = entity("Clock", own.root, usages=[TIME], end=NOW - 30 * DAY)
    for clock in (entity("Clock", stranger, usages=[TIME]), expired_clock):
        options = clock_options(tmp_path, clock, NOW - 20 * DAY)
        found = made.read(sign(made.installers["program"], expired, [own.intermediate], *options))
        assert (found.time_stamp_check, found.time_stamp_chain, found.chain) == (MATCHES, DIFFERS, DIFFERS)
        assert said(found, "The time stamp is not confirmed, so the present time counts for the chain.")


def test_a_certificate_that_ends_all_its_signatures_is_not_kept_by_a_time_stamp(made: Made, tmp_path: Path):
    own = made.authority
    lifetime = x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.13")
    expired = entity("Example Software", own.intermediate, usages=[CODE, lifetime], end=NOW - 10 * DAY)
    options = clock_options(tmp_path, own.clock, NOW - 20 * DAY)
    found = made.read(sign(made.installers["program"], expired, [own.intermediate], *options))
    assert (found.time_stamp_chain, found.chain) == (MATCHES, DIFFERS)
    assert said(found, "does not let a time stamp extend its signatures")


def test_the_old_form_of_time_stamps_is_read_too(made: Made, kind: str):
    own = made.authority
    with old_clock(own.clock) as address:
        path = sign(made.installers[kind], own.signer, [own.intermediate], "-t", address)
    found = made.read(path)
    assert checks(found) == (MATCHES, MATCHES, MATCHES)
    assert (found.time_stamp_check, found.time_stamp_chain) == (MATCHES, MATCHES)
    assert abs(datetime.fromisoformat(found.time_stamp) - NOW) < timedelta(hours=1)
    assert judge(path, own.root).verified
    stranger = made.read(path, own.intermediate)
    assert (stranger.time_stamp_check, stranger.time_stamp_chain, stranger.chain) == (MATCHES, DIFFERS, MATCHES)


@pytest.mark.parametrize(
    ("kind_of_content", "bare", "check"),
    [(b"", False, MATCHES), (b"", True, MATCHES), (TOKEN, False, MATCHES), (PROGRAM, False, DIFFERS)],
)
def test_what_authorities_of_the_first_years_did_is_read(made: Made, kind_of_content: bytes, bare: bool, check: Check):
    """Some signed the bare digest, and some named the content of a token (RFC 3161) in a counter signature."""
    own = made.authority
    with old_clock(own.clock, lambda answer: signed_again(answer, own.clock, kind_of_content, bare=bare)) as address:
        path = sign(made.installers["program"], own.signer, [own.intermediate], "-t", address)
    found = made.read(path)
    assert (*checks(found), found.time_stamp_check) == (MATCHES, MATCHES, MATCHES, check)


def test_nested_signatures_are_checked_each_by_itself(made: Made, kind: str, tmp_path: Path):
    own, other = made.authority, entity("Other Root", authority=True)
    second = entity("Other Software", other, usages=[CODE])
    first = sign(made.installers[kind], own.signer, [own.intermediate], "-h", "sha1")
    path = sign(first, second, [], "-h", "sha256", "-nest", out=tmp_path / "nested")
    found = made.read(path)
    assert (*checks(found), found.digest_algorithm) == (MATCHES, MATCHES, MATCHES, "sha1")
    assert said(found, "The file is signed by its SHA1 digest, which is weak.")
    [nested] = found.nested
    assert (*checks(nested), nested.digest_algorithm) == (MATCHES, MATCHES, DIFFERS, "sha256")
    assert nested.signer == "CN=Other Software,O=Example Software,C=US"
    assert made.read(path, other).nested[0].chain is MATCHES


@pytest.mark.parametrize(
    ("digest", "weak"), [("md5", True), ("sha1", True), ("sha256", False), ("sha384", False), ("sha512", False)]
)
def test_all_digests_are_computed_and_weak_ones_are_named(made: Made, kind: str, digest: str, weak: bool):
    own = made.authority
    path = sign(made.installers[kind], own.signer, [own.intermediate], "-h", digest)
    found = made.read(path)
    assert (*checks(found), found.digest_algorithm) == (MATCHES, MATCHES, MATCHES, digest)
    assert said(found, "which is weak") is weak
    assert judge(path, own.root).digest_matches


def test_page_hashes_do_not_disturb(made: Made):
    own = made.authority
    assert checks(made.read(sign(made.installers["program"], own.signer, [own.intermediate], "-ph"))) == (MATCHES,) * 3


def test_a_signature_for_another_kind_of_file_signs_nothing_here(made: Made, tmp_path: Path):
    own = made.authority
    package = sign(made.installers["package"], own.signer, [own.intermediate])
    with olefile.OleFileIO(package) as opened:
        foreign = opened.openstream("\x05DigitalSignature").read()
    found = made.read(attach(made.installers["program"], foreign, tmp_path / "foreign.exe"))
    assert checks(found) == (DIFFERS, MATCHES, MATCHES)
    assert said(found, "The signature was made for another kind of file.")


def test_a_signature_of_another_program_does_not_match(made: Made, tmp_path: Path):
    own = made.authority
    signature = signature_of(sign(made.installers["program"], own.signer, [own.intermediate]))
    (tmp_path / "other").mkdir()
    other = build_program(tmp_path / "other", b"other" * 1000)
    assert checks(made.read(attach(other, signature, tmp_path / "moved.exe"))) == (DIFFERS, MATCHES, MATCHES)


def test_what_is_no_installer_is_refused(tmp_path: Path):
    path = tmp_path / "setup.exe"
    for content in (b"", b"MZ" + bytes(200), b"text" * 100, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000)):
        path.write_bytes(content)
        with pytest.raises(InstallerError):
            read_signature(path, [])


def test_the_analysis_contains_the_signature(made: Made, kind: str):
    own = made.authority
    path = sign(made.installers[kind], own.signer, [own.intermediate])
    found = analyze(path, roots=[own.root.pem])
    assert checks(found.signature) == (MATCHES, MATCHES, MATCHES)
    assert not any(note.startswith("The signature") for note in found.notes)
