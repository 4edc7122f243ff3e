"""What is inside an installer: files with their sizes and digests, and the MSI that a program contains."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from typing import Any, BinaryIO, NamedTuple, cast

from workflows.package_deployment.analysis import (
    Architecture,
    BundledPackage,
    BundleFacts,
    Depth,
    PackageAnalysis,
    Scope,
    Technology,
)
from workflows.package_deployment.installers.budget import Budget
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.msi import describe_msi
from workflows.package_deployment.installers.problems import words_for
from workflows.package_deployment.installers.texts import clean
from workflows.package_deployment.installers.wrappers import COMPOUND_FILE

LARGEST_KEPT = 64 << 20
"""Bytes of a contained MSI that are kept in memory to be read."""
MOST_INNER = 20
"""Contained MSIs that are read."""


class Unpacked(NamedTuple):
    """A file that was unpacked: its size, its SHA-256 if asked for, its first bytes, and its content if an MSI."""

    size: int
    sha256: str
    head: bytes
    msi: bytes


def unpack(pieces: Iterable[bytes], budget: Budget, *, with_digest: bool) -> Unpacked | None:
    """Read a file in pieces; None: there was no time for all of it."""
    digest = hashlib.sha256()
    size, head = 0, b""
    kept: bytearray | None = bytearray()
    for piece in pieces:
        if budget.is_spent:
            return None
        size += len(piece)
        if len(head) < 64:
            head = (head + piece)[:64]
        if with_digest:
            digest.update(piece)
        if kept is not None:
            kept += piece
            if not head.startswith(COMPOUND_FILE[: len(head)]) or len(kept) > LARGEST_KEPT:
                kept = None
    is_whole = kept is not None and head.startswith(COMPOUND_FILE)
    return Unpacked(size, digest.hexdigest() if with_digest else "", head, bytes(kept or b"") if is_whole else b"")


class Window(io.RawIOBase):
    """A part of a program, as a stream."""

    def __init__(self, program: Executable, offset: int, size: int) -> None:
        super().__init__()
        self._program, self._offset, self._size, self._at = program, offset, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        found = self._program.read(self._offset + self._at, min(len(view), max(self._size - self._at, 0)))
        view[: len(found)] = found
        self._at += len(found)
        return len(found)


def window(program: Executable, offset: int, size: int) -> BinaryIO:
    """Return a part of a program as a buffered stream."""
    return cast(BinaryIO, io.BufferedReader(Window(program, offset, size), 1 << 16))


def read_msi(source: BinaryIO, name: str, depth: Depth, analysis: PackageAnalysis) -> PackageAnalysis | None:
    """Read an MSI inside an installer; None, and a note, if it cannot be read."""
    inner = PackageAnalysis(file_name=name, size_bytes=0, sha256="", depth=depth, technology=Technology.UNKNOWN)
    try:
        describe_msi(source, Depth.QUICK, inner)
    except Exception as error:
        analysis.notes.append(f"The MSI {name} inside could not be read. {words_for(error)}")
        return None
    return inner


def add_package(inner: PackageAnalysis, name: str, size: int | None, analysis: PackageAnalysis) -> None:
    """List an MSI among the packages of an installer."""
    if analysis.bundle is None:
        analysis.bundle = BundleFacts()
    if len(analysis.bundle.packages) < MOST_INNER:
        analysis.bundle.packages.append(
            BundledPackage(
                id=clean(name), kind="msi", name=inner.product_name, version=inner.version,
                product_code=inner.product_code, size=size,
            )
        )  # fmt: skip


def take_over(inner: PackageAnalysis, analysis: PackageAnalysis) -> None:
    """Say of a wrapper what its only MSI says about itself: that is what will be installed."""
    analysis.product_code, analysis.upgrade_code = inner.product_code, inner.upgrade_code
    analysis.product_name = inner.product_name or analysis.product_name
    analysis.version = inner.version or analysis.version
    analysis.manufacturer = inner.manufacturer or analysis.manufacturer
    analysis.language = inner.language or analysis.language
    if inner.architecture is not Architecture.UNKNOWN:
        analysis.architecture = inner.architecture
    if inner.scope is not Scope.UNKNOWN:
        analysis.scope = inner.scope
        analysis.requires_administrator = inner.requires_administrator
