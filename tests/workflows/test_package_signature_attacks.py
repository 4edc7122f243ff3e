"""What is done to signed installers to make them look like something else, and what can be wrong with certificates."""

from __future__ import annotations

import contextlib
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path

import olefile
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

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
    encode,
    entity,
    judge,
    old_clock,
    sign,
    signature_of,
    signed_again,
    table_of,
    with_signers,
)
from tests.thorough import examples
from workflows.package_deployment.analysis import Check, Signature
from workflows.package_deployment.installers import der
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.signatures import read_signature

MATCHES, DIFFERS, NOT_CHECKED, ABSENT = Check.MATCHES, Check.DIFFERS, Check.NOT_CHECKED, Check.ABSENT
EXTENDED = "-add-msi-dse"


class Signed:
    """Installers signed once; each test alters copies."""

    def __init__(self, folder: Path) -> None:
        self.authority = own = Authority()
        self.plain = build_program(folder)
        self.program = sign(self.plain, own.signer, [own.intermediate], *clock_options(folder, own.clock, NOW - DAY))
        plain_package = build_package(folder)
        self.package = sign(plain_package, own.signer, [own.intermediate])
        self.extended = sign(plain_package, own.signer, [own.intermediate], EXTENDED, out=folder / "extended.msi")

    def read(self, path: Path) -> Signature:
        return read_signature(path, [self.authority.root.pem])


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return Signed(tmp_path_factory.mktemp("signed"))


def checks(found: Signature) -> tuple[Check, Check, Check]:
    return found.digest, found.signature, found.chain


def said(found: Signature, words: str) -> bool:
    return any(words in note for note in found.notes)


def altered(path: Path, folder: Path, change: Callable[[bytearray], object]) -> Path:
    content = bytearray(path.read_bytes())
    change(content)
    target = folder / path.name
    target.write_bytes(content)
    return target


def flip(at: int) -> Callable[[bytearray], None]:
    def change(content: bytearray) -> None:
        content[at] ^= 1

    return change


def section(content: bytes, name: bytes) -> int:
    """Return where the content of a section starts."""
    header = content.index(name.ljust(8, b"\0"))
    return int(struct.unpack_from("<I", content, header + 20)[0])


@pytest.mark.parametrize("place", ["stub for DOS", "header", "code", "resources", "overlay"])
def test_a_changed_byte_of_a_program_is_seen_wherever_it_is(signed: Signed, tmp_path: Path, place: str):
    content = signed.program.read_bytes()
    header = struct.unpack_from("<I", content, 0x3C)[0]
    at = {
        "stub for DOS": 0x50, "header": header + 8, "code": section(content, b".text") + 10,
        "resources": section(content, b".rsrc") + 200, "overlay": table_of(content)[0] - 40,
    }[place]  # fmt: skip
    path = altered(signed.program, tmp_path, flip(at))
    found = signed.read(path)
    assert (*checks(found), found.time_stamp_check) == (DIFFERS, MATCHES, MATCHES, MATCHES)
    assert not judge(path, signed.authority.root).digest_matches


def test_the_checksum_of_a_program_is_not_signed(signed: Signed, tmp_path: Path):
    header = struct.unpack_from("<I", signed.program.read_bytes(), 0x3C)[0]
    path = altered(signed.program, tmp_path, flip(header + 24 + 64))
    assert checks(signed.read(path)) == (MATCHES, MATCHES, MATCHES)
    assert judge(path, signed.authority.root).digest_matches


@pytest.mark.parametrize("name", ["package", "extended"])
def test_a_changed_byte_in_a_stream_of_an_msi_is_seen(signed: Signed, tmp_path: Path, name: str):
    path = getattr(signed, name)
    at = path.read_bytes().index(b"MSCF") + 100
    changed = altered(path, tmp_path, flip(at))
    assert checks(signed.read(changed)) == (DIFFERS, MATCHES, MATCHES)
    assert not judge(changed, signed.authority.root).verified


def test_names_and_times_of_streams_are_signed_only_in_the_extended_form(signed: Signed, tmp_path: Path):
    for path, expected in ((signed.package, MATCHES), (signed.extended, DIFFERS)):
        with olefile.OleFileIO(path) as opened:
            other = next(kid for kid in opened.root.kids if not kid.name.endswith(("Signature", "SignatureEx")))
            entry = path.read_bytes().index(other.name_raw)
        changed = altered(path, tmp_path, flip(entry + 100))  # the time of creation
        found = signed.read(changed)
        assert found.digest is expected
        assert said(found, "but not their names") is (expected is MATCHES)
        assert said(found, "are not those that were signed") is (expected is DIFFERS)


def test_a_digest_that_was_adapted_to_a_changed_file_breaks_the_signature(signed: Signed, tmp_path: Path):
    """The classic mistake is to compare the file only with what the signature states, or only to check the key."""
    changed = altered(signed.plain, tmp_path, flip(0x50))
    signature = signature_of(signed.program)
    right = signature_of(sign(changed, signed.authority.signer))
    old, new = (digest_stated(blob) for blob in (signature, right))
    assert old != new
    found = signed.read(attach(changed, signature.replace(old, new), tmp_path / "adapted.exe"))
    assert checks(found) == (MATCHES, DIFFERS, MATCHES)
    assert said(found, "The signed content is not the content that the signer signed.")


def parts_of(signature: bytes) -> list[der.Element]:
    return der.fields(der.read(der.fields(der.read(signature), 2)[1].content), 4)


def digest_stated(signature: bytes) -> bytes:
    parts = parts_of(signature)
    content = der.read(der.fields(parts[2], 2)[1].content)
    return der.fields(der.fields(content, 2)[1], 2)[1].content


def test_a_changed_signature_or_certificate_is_seen(signed: Signed, tmp_path: Path):
    signature = signature_of(signed.program)
    value = (
        der.fields(der.read(der.fields(der.read(signature), 2)[1].content), 4)[-1].children()[0].children()[5].content
    )
    broken = signature.replace(value, value[:-1] + bytes((value[-1] ^ 1,)))
    found = signed.read(attach(signed.plain, broken, tmp_path / "value.exe"))
    assert checks(found) == (MATCHES, DIFFERS, MATCHES)
    assert found.time_stamp_check is DIFFERS and said(found, "The time stamp belongs to another signature.")
    assert said(found, "The key of the signer's certificate did not make the signature.")
    key = signed.authority.signer.certificate.public_key().public_numbers().n.to_bytes(256, "big")
    other = signature.replace(key, key[:-2] + bytes((key[-2] ^ 4, key[-1])))
    assert other != signature
    assert checks(signed.read(attach(signed.plain, other, tmp_path / "key.exe"))) == (MATCHES, DIFFERS, DIFFERS)


def test_a_certificate_with_the_names_of_the_signers_is_not_the_signers(signed: Signed, tmp_path: Path):
    """Another certificate of the same issuer with the same serial number, put in its place."""
    own = signed.authority
    fake_issuer = entity("Example Code Signing CA", authority=True)
    builder = x509.CertificateBuilder(
        fake_issuer.certificate.subject, own.signer.certificate.subject, fake_issuer.key.public_key(),
        own.signer.certificate.serial_number, NOW - DAY, NOW + DAY,
    )  # fmt: skip
    fake = builder.sign(fake_issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    real = own.signer.certificate.public_bytes(serialization.Encoding.DER)
    outer = der.fields(der.read(signature_of(signed.program)), 2)
    parts = der.fields(der.read(outer[1].content), 4)
    swapped = [fake if part.raw == real else part.raw for part in parts[3].children()]
    data = [part.raw for part in parts]
    data[3] = encode(0xA0, *swapped)
    signature = encode(der.SEQUENCE, outer[0].raw, encode(0xA0, encode(der.SEQUENCE, *data)))
    assert checks(signed.read(attach(signed.plain, signature, tmp_path / "fake.exe"))) == (MATCHES, DIFFERS, DIFFERS)


def test_two_signers_or_none_are_no_authenticode(signed: Signed, tmp_path: Path):
    signature = signature_of(signed.program)
    signers = {
        "two": with_signers(signature, lambda parts: [encode(0x30, *(part.raw for part in parts))] * 2),
        "none": with_signers(signature, lambda _: []),
    }
    for name, changed in signers.items():
        found = signed.read(attach(signed.plain, changed, tmp_path / f"{name}.exe"))
        assert (found.is_signed, *checks(found)) == (True, NOT_CHECKED, NOT_CHECKED, NOT_CHECKED)
        assert said(found, "signers instead of one")


def test_a_signature_without_signed_attributes_says_nothing(signed: Signed, tmp_path: Path):
    bare = with_signers(
        signature_of(signed.program), lambda parts: [encode(0x30, *(part.raw for part in parts if part.tag != 0xA0))]
    )
    found = signed.read(attach(signed.plain, bare, tmp_path / "bare.exe"))
    assert found.signature is DIFFERS and said(found, "The signed attributes do not name the content that was signed.")


def test_a_signature_of_something_else_that_reads_the_same_is_none(signed: Signed, tmp_path: Path):
    """The signer signed the same bytes as a message, not as the statement about a program."""
    own, signature = signed.authority, signature_of(signed.program)
    content = der.read(der.fields(parts_of(signature)[2], 2)[1].content).content
    message = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(own.signer.certificate, own.signer.key, hashes.SHA256())  # type: ignore[arg-type]
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities])
    )
    signer = parts_of(message)[-1].children()[0].raw
    found = signed.read(attach(signed.plain, with_signers(signature, lambda _: [signer]), tmp_path / "message.exe"))
    assert checks(found) == (MATCHES, DIFFERS, MATCHES)
    assert said(found, "The signed attributes name another kind of content.")


def test_a_time_stamp_names_the_certificate_of_its_signer(signed: Signed, tmp_path: Path):
    """Another certificate for the same key, with the same issuer and serial number, is not the one that was used."""
    clock, root = signed.authority.clock.certificate, signed.authority.root
    builder = x509.CertificateBuilder(
        clock.issuer, clock.subject, clock.public_key(), clock.serial_number, clock.not_valid_before_utc - 900 * DAY,
        clock.not_valid_after_utc, list(clock.extensions),
    )  # fmt: skip
    twin, signature = builder.sign(root.key, hashes.SHA256()), signature_of(signed.program)
    real, fake = (one.public_bytes(serialization.Encoding.DER) for one in (clock, twin))
    assert len(real) == len(fake) and real in signature
    found = signed.read(attach(signed.plain, signature.replace(real, fake), tmp_path / "twin.exe"))
    assert (found.time_stamp_check, found.time_stamp_chain) == (DIFFERS, MATCHES)
    assert said(found, "names another certificate than that of its signer")


def test_a_time_stamp_of_another_signature_is_seen(signed: Signed, tmp_path: Path):
    own = signed.authority
    expired = entity("Example Software", own.intermediate, usages=[CODE], end=NOW - 10 * DAY)
    old = sign(signed.plain, own.signer, [], *clock_options(tmp_path, own.clock, NOW - 20 * DAY), out=tmp_path / "old")
    stamp = parts_of(signature_of(old))[-1].children()[0]
    moved = stamp.children()[-1].raw
    fresh = signature_of(sign(signed.plain, expired, [own.intermediate], out=tmp_path / "fresh"))
    forged = with_signers(fresh, lambda parts: [encode(0x30, *(part.raw for part in parts), moved)])
    found = signed.read(attach(signed.plain, forged, tmp_path / "forged.exe"))
    assert (*checks(found), found.time_stamp_check) == (MATCHES, MATCHES, DIFFERS, DIFFERS)
    assert said(found, "The time stamp belongs to another signature.")


def test_bytes_that_no_signature_covers_are_named(signed: Signed, tmp_path: Path):
    signature = signature_of(signed.program)
    padded = signed.read(attach(signed.plain, signature, tmp_path / "padded.exe", padding=b"hidden" * 50))
    assert checks(padded) == (MATCHES, MATCHES, MATCHES)
    assert said(padded, "bytes are hidden behind the signature in the certificate table")

    behind = altered(signed.program, tmp_path, lambda content: content.extend(b"behind"))
    found = signed.read(behind)
    assert found.digest is DIFFERS and said(found, "6 bytes follow the certificate table.")

    own = signed.authority
    blob = sign(signed.plain, own.signer, [own.intermediate], "-addUnauthenticatedBlob", out=tmp_path / "blob.exe")
    found = signed.read(blob)
    assert checks(found) == (MATCHES, MATCHES, MATCHES)
    assert said(found, "bytes are stored in an attribute of the signature (1.3.6.1.4.1.42921.1.2.1)")

    loose = sign(signed.plain, own.signer, [own.intermediate, entity("Loose")], out=tmp_path / "loose.exe")
    assert said(signed.read(loose), "1 of the certificates")


def test_an_archive_behind_an_msi_is_named(signed: Signed, tmp_path: Path):
    """Windows took a signed MSI with a Java archive behind it for signed (CVE-2020-1464)."""
    for path in (signed.package, signed.extended):
        found = signed.read(altered(path, tmp_path, lambda content: content.extend(b"PK\x03\x04" * 300)))
        assert checks(found) == (MATCHES, MATCHES, MATCHES)
        assert said(found, "bytes follow the end of the MSI.")
        assert not said(signed.read(path), "bytes follow")


def test_a_certificate_table_inside_the_code_covers_nothing(signed: Signed, tmp_path: Path):
    """The signer lets the last section of a program reach over the table, so that Windows loads what nobody signed."""

    def enlarge(content: bytearray) -> None:
        header = content.index(b".rsrc\0\0\0")
        start = struct.unpack_from("<I", content, header + 20)[0]
        struct.pack_into("<I", content, header + 16, len(content) - start + 20_000)

    own = signed.authority
    path = sign(altered(signed.plain, tmp_path, enlarge), own.signer, [own.intermediate])
    assert judge(path, own.root).digest_matches
    found = signed.read(path)
    assert checks(found) == (DIFFERS, MATCHES, MATCHES) and said(found, "lies inside the program's sections")


def authority_with(**options: object) -> tuple[Entity, list[Entity]]:
    """Return a root, and a chain whose intermediate has the given options."""
    root = entity("Example Root", authority=True, key=ec.generate_private_key(ec.SECP384R1()))
    middle = entity("Middle", root, **{"authority": True, **options})  # type: ignore[arg-type]
    return root, [entity("Leaf", middle, usages=[CODE]), middle]


def usage(**given: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
NAMES = x509.NameConstraints([x509.DirectoryName(x509.Name([]))], None)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"authority": False}, "is not one of an authority"),
        ({"end": NOW - DAY}, "expired on"),
        ({"start": NOW + DAY}, "is valid only from"),
        ({"usages": [TIME]}, "is not for code signing"),
        ({"key_usage": usage(crl_sign=True)}, "may not sign certificates"),
        ({"extra": [(UNKNOWN, True)]}, "has constraints that are not supported (1.2.3.4.5)"),
        ({"extra": [(NAMES, False)]}, "has constraints that are not supported"),
        ({"usages": [CODE]}, ""),
        ({"key_usage": usage(key_cert_sign=True)}, ""),
        ({"extra": [(UNKNOWN, False)]}, ""),
    ],
)
def test_an_authority_must_be_one(signed: Signed, tmp_path: Path, options: dict[str, object], reason: str):
    root, chain = authority_with(**options)
    path = sign(signed.plain, chain[0], chain[1:], out=tmp_path / "signed.exe")
    found = read_signature(path, [root.pem])
    assert checks(found) == (MATCHES, MATCHES, DIFFERS if reason else MATCHES)
    assert not reason or said(found, reason), found.notes


def test_a_path_may_not_be_longer_than_an_authority_allows(signed: Signed, tmp_path: Path):
    root = entity("Example Root", authority=True)
    first = entity("First", root, authority=True, path_length=0)
    second = entity("Second", first, authority=True)
    leaf = entity("Leaf", second, usages=[CODE])
    found = read_signature(sign(signed.plain, leaf, [first, second], out=tmp_path / "s.exe"), [root.pem])
    assert found.chain is DIFFERS and said(found, "allows only 0 authorities below it")


@pytest.mark.parametrize(
    ("usages", "key_usage", "chain", "words"),
    [
        ([TIME], None, DIFFERS, "is not for code signing"),
        ([x509.oid.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE], None, DIFFERS, "is not for code signing"),
        (None, None, MATCHES, "does not say what it may be used for"),
        ([CODE], usage(key_encipherment=True), DIFFERS, "may not be used for signatures"),
        ([CODE], usage(digital_signature=True), MATCHES, ""),
    ],
)
def test_the_signers_certificate_must_be_for_code(
    signed: Signed, tmp_path: Path, usages: list[x509.ObjectIdentifier] | None, key_usage: x509.KeyUsage | None,
    chain: Check, words: str,
):  # fmt: skip
    own = signed.authority
    leaf = entity("Leaf", own.intermediate, usages=usages, key_usage=key_usage)
    found = signed.read(sign(signed.plain, leaf, [own.intermediate], out=tmp_path / "s.exe"))
    assert checks(found) == (MATCHES, MATCHES, chain)
    assert not words or said(found, words), found.notes


@pytest.mark.parametrize("usages", [[CODE], None])
def test_a_clock_must_be_for_time_stamps(signed: Signed, tmp_path: Path, usages: list[x509.ObjectIdentifier] | None):
    own = signed.authority
    with old_clock(entity("Clock", own.root, usages=usages)) as address:
        path = sign(signed.plain, own.signer, [own.intermediate], "-t", address, out=tmp_path / "s.exe")
    found = signed.read(path)
    assert (found.time_stamp_check, found.time_stamp_chain, found.chain) == (MATCHES, DIFFERS, MATCHES)
    assert said(found, "is not for time stamps")


def test_names_that_deceive_the_eye_are_made_plain(signed: Signed, tmp_path: Path):
    leaf = entity("Example \u202eerawtfoS\u202c\n\u0000", signed.authority.intermediate, usages=[CODE])
    found = signed.read(sign(signed.plain, leaf, [signed.authority.intermediate], out=tmp_path / "s.exe"))
    assert found.signer.isprintable() and "\ufffderawtfoS\ufffd" in found.signer


@pytest.mark.parametrize("name", ["program", "package"])
def test_damaged_signatures_end_in_a_word(signed: Signed, tmp_path: Path, name: str):
    """Mutated and cut files: the answer is a signature or an error for people, soon, and never a wrong confirmation."""
    source = getattr(signed, name)
    content = source.read_bytes()
    at, size = table_of(content) if name == "program" else (content.index(b"\x06\x09\x2a\x86\x48") - 20, 4000)
    dice = random.Random(18)
    path = tmp_path / "damaged"
    for number in range(examples(800)):
        damaged = bytearray(content)
        for _ in range(dice.choice((1, 1, 3, 20))):
            place = dice.choice((dice.randrange(at, at + size), dice.randrange(1024), dice.randrange(len(content))))
            damaged[min(place, len(content) - 1)] = dice.choice((0, 0x30, 0x7F, 0x80, 0x84, 0xFF, dice.randrange(256)))
        path.write_bytes(damaged[: dice.randrange(len(damaged))] if number % 4 == 0 else damaged)
        begun = time.monotonic()
        with contextlib.suppress(InstallerError):
            read_signature(path, [signed.authority.root.pem])
        assert time.monotonic() - begun < 20


def test_only_time_stamps_may_lack_the_name_of_their_digest(signed: Signed, tmp_path: Path):
    bare = signed_again(signature_of(signed.program), signed.authority.signer, bare=True)
    found = signed.read(attach(signed.plain, bare, tmp_path / "bare.exe"))
    assert checks(found) == (MATCHES, DIFFERS, MATCHES)
