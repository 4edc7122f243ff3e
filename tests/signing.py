"""Installers signed in the test run: certificates with all that can be wrong, and real tools that sign and judge."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.missing import missing
from workflows.package_deployment.installers import der

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
CODE = ExtendedKeyUsageOID.CODE_SIGNING
TIME = ExtendedKeyUsageOID.TIME_STAMPING

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_SCRIPT = """
OutFile "{out}"
Name "Example Viewer"
InstallDir "$PROGRAMFILES\\Example"
RequestExecutionLevel admin
SetCompressor lzma
Section
  SetOutPath $INSTDIR
  File "{payload}"
SectionEnd
"""
_WXS = """<?xml version="1.0"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
 <Product Id="5A0F6A3C-9B5F-4C1B-8E6C-4B3A2F1D0E9C" Name="Example Viewer" Language="1033" Version="1.2.3"
   Manufacturer="Example Software" UpgradeCode="0C7B8E1D-2F3A-4B5C-8D6E-7F8091A2B3C4">
  <Package InstallerVersion="200" Compressed="yes"/>
  <Media Id="1" Cabinet="example.cab" EmbedCab="yes"/>
  <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="D" Name="Example">
   <Component Id="C" Guid="11111111-2222-4333-8444-555555555555">
    <File Id="F" Source="payload.bin" KeyPath="yes"/>
   </Component>
  </Directory></Directory></Directory>
  <Feature Id="Main" Level="1"><ComponentRef Id="C"/></Feature>
 </Product>
</Wix>
"""


def tool(name: str) -> str:
    """Return the path of a program that the tests need; without it they are skipped, or fail in CI."""
    if found := shutil.which(name):
        return found
    missing(f"{name} is not installed; bin/test installs it on Debian")


def build_program(folder: Path, payload: bytes = b"payload" * 900) -> Path:
    """Build an unsigned installer with makensis."""
    (folder / "payload.bin").write_bytes(payload)
    script = folder / "example.nsi"
    script.write_text(_SCRIPT.format(out=folder / "example.exe", payload=folder / "payload.bin"))
    _run(tool("makensis"), "-V1", script)
    return folder / "example.exe"


def build_package(folder: Path, payload: bytes = b"payload" * 9000) -> Path:
    """Build an unsigned MSI with wixl."""
    (folder / "payload.bin").write_bytes(payload)
    source = folder / "example.wxs"
    source.write_text(_WXS)
    _run(tool("wixl"), "-o", folder / "example.msi", source, within=folder)
    return folder / "example.msi"


@dataclass(frozen=True)
class Entity:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @cached_property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @cached_property
    def key_pem(self) -> bytes:
        """The key as PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def entity(
    name: str, issuer: Entity | None = None, *, usages: Sequence[x509.ObjectIdentifier] | None = None,
    authority: bool = False, path_length: int | None = None, start: datetime = NOW - 400 * DAY,
    end: datetime = NOW + 4000 * DAY, key: Key | None = None, digest: hashes.HashAlgorithm | None = None,
    key_usage: x509.KeyUsage | None = None, extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Entity:  # fmt: skip
    """Make a certificate; without an issuer it signs itself."""
    own = key or rsa.generate_private_key(65537, 2048)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Software"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=TIME in usages)
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical=True)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical)
    return Entity(builder.sign(issuer.key if issuer else own, digest or hashes.SHA256()), own)


class Authority:
    """A root, an intermediate, a signer, and an authority for time stamps."""

    def __init__(self) -> None:
        self.root = entity("Example Root", authority=True)
        self.intermediate = entity("Example Code Signing CA", self.root, authority=True, path_length=0)
        self.signer = entity("Example Software", self.intermediate, usages=[CODE])
        self.clock = entity("Example Time Stamps", self.root, usages=[TIME])


def sign(
    path: Path, signer: Entity, others: Sequence[Entity] = (), *options: str | Path, out: Path | None = None
) -> Path:
    """Sign a file with osslsigncode; the certificates of others come with the signature."""
    folder = path.parent
    certificates, key = folder / "signer.pem", folder / "signer.key"
    certificates.write_bytes(signer.pem + b"".join(other.pem for other in others))
    key.write_bytes(signer.key_pem)
    target = out or path.with_stem(path.stem + "-signed")
    target.unlink(missing_ok=True)  # osslsigncode overwrites nothing
    _run(
        tool("osslsigncode"), "sign", "-certs", certificates, "-key", key, *options, "-in", path, "-out", target,
    )  # fmt: skip
    return target


def clock_options(folder: Path, clock: Entity, moment: datetime) -> list[str | Path]:
    """Return the options with which osslsigncode makes a time stamp (RFC 3161) by itself."""
    certificates, key = folder / "clock.pem", folder / "clock.key"
    certificates.write_bytes(clock.pem)
    key.write_bytes(clock.key_pem)
    return ["-TSA-certs", certificates, "-TSA-key", key, "-TSA-time", str(int(moment.timestamp()))]


@dataclass(frozen=True)
class Verdict:
    """What osslsigncode says about a file."""

    digest_matches: bool
    verified: bool
    text: str


def judge(path: Path, *roots: Entity) -> Verdict:
    """Let osslsigncode judge a file, with roots for signers and time stamps."""
    trusted = path.parent / "trusted.pem"
    trusted.write_bytes(b"".join(root.pem for root in roots))
    done = subprocess.run(
        [tool("osslsigncode"), "verify", "-CAfile", trusted, "-TSA-CAfile", trusted, "-in", path],
        capture_output=True, text=True, errors="replace", timeout=60,
    )  # fmt: skip
    what = r"(?:message digest|DigitalSignature|MsiDigitalSignatureEx)\s*: (\w+)"
    current = re.findall(f"Current {what}", done.stdout)
    computed = re.findall(f"Calculated {what}", done.stdout)[: len(current)]
    return Verdict(bool(current) and current == computed, done.returncode == 0, done.stdout + done.stderr)


def table_of(content: bytes) -> tuple[int, int]:
    """Return where the certificate table of a 32-bit program is, and its size in bytes."""
    at, size = struct.unpack_from("<II", content, _directory_at(content))
    return at, size


def signature_of(path: Path) -> bytes:
    """Return the signature (PKCS #7) of a 32-bit program."""
    content = path.read_bytes()
    at, _ = table_of(content)
    return der.read(content[at + 8 :]).raw


def attach(path: Path, signature: bytes, out: Path, padding: bytes = b"") -> Path:
    """Write a copy of a 32-bit program with another signature, whatever it signs."""
    content = bytearray(path.read_bytes())
    at, size = table_of(content)
    if size:
        del content[at:]
    content += bytes(-len(content) % 8)
    length = 8 + len(signature) + len(padding)
    table = struct.pack("<IHH", length + -length % 8, 0x200, 2) + signature + padding + bytes(-length % 8)
    struct.pack_into("<II", content, _directory_at(content), len(content), len(table))
    out.write_bytes(content + table)
    return out


def _directory_at(content: bytes | bytearray) -> int:
    return int(struct.unpack_from("<I", content, 0x3C)[0]) + 24 + 96 + 32


def encode(tag: int, *parts: bytes) -> bytes:
    """Return a DER element."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + content


def with_signers(signature: bytes, change: Callable[[list[der.Element]], list[bytes]]) -> bytes:
    """Return a signature whose SignerInfos were replaced by what a function makes of the parts of the first one."""
    outer = der.fields(der.read(signature), 2)
    parts = der.fields(der.read(outer[1].content), 4)
    signers = change(parts[-1].children()[0].children())
    data = encode(der.SEQUENCE, *(part.raw for part in parts[:-1]), encode(der.SET, *signers))
    return encode(der.SEQUENCE, outer[0].raw, encode(0xA0, data))


def signed_again(signature: bytes, signer: Entity, content_type: bytes = b"", *, bare: bool = False) -> bytes:
    """Return signed data that names another kind of content, signed again; `bare`: by nothing but the digest."""

    def change(parts: list[der.Element]) -> list[bytes]:
        attributes = []
        for attribute in parts[3].children():
            oid, values = attribute.children()
            is_kind = content_type and oid.content == bytes.fromhex("2a864886f70d010903")
            changed = encode(der.SET, encode(der.OBJECT_IDENTIFIER, content_type)) if is_kind else values.raw
            attributes.append(encode(der.SEQUENCE, oid.raw, changed))
        digest = hashlib.sha256(encode(der.SET, *attributes)).digest()
        kind = NoDigestInfo() if bare else Prehashed(hashes.SHA256())
        assert isinstance(signer.key, rsa.RSAPrivateKey)
        value = encode(der.OCTET_STRING, signer.key.sign(digest, padding.PKCS1v15(), kind))
        return [encode(der.SEQUENCE, *(part.raw for part in parts[:3]), encode(0xA0, *attributes), parts[4].raw, value)]

    return with_signers(signature, change)


@contextmanager
def old_clock(clock: Entity, change: Callable[[bytes], bytes] = lambda answer: answer) -> Iterator[str]:
    """Yield the address of a server that makes time stamps in the form before RFC 3161 (PKCS #9).

    `change` is made to each answer, which is signed data.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = der.read(base64.b64decode(self.rfile.read(int(self.headers["Content-Length"]))))
            blob = der.fields(request, 2)[1]
            signature = der.read(der.fields(blob, 2)[1].content).content
            answer = (
                pkcs7.PKCS7SignatureBuilder()
                .set_data(signature)
                .add_signer(clock.certificate, clock.key, hashes.SHA256())  # type: ignore[arg-type]
                .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities])
            )
            body = base64.b64encode(change(answer))
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def _run(*command: str | Path, within: Path | None = None) -> None:
    done = subprocess.run(command, cwd=within, capture_output=True, text=True, errors="replace", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
