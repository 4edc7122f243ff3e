"""The analysis of a package, from the side of the portal: the file goes into the sandbox, and a document comes back.

Nothing here parses the file, and without the sandbox no file is analyzed.
"""

from __future__ import annotations

import os
from pathlib import Path

from assent.files import FileError, OpenedFile, open_file
from assent.toolbox import Dependency
from workflows.package_deployment.analysis import Depth, PackageAnalysis

ROOTS_VARIABLE = "ASSENT_PACKAGE_ROOTS"
LARGEST_PACKAGE = 4 << 30
"""Bytes of a package that is analyzed."""
_LARGEST_ROOTS = 4 << 20
_MOST_ROOTS = 1_000
_PEM = b"-----BEGIN CERTIFICATE-----"
_ROOT_ENDINGS = (".pem", ".crt", ".cer")


class AnalysisError(Exception):
    """The package could not be analyzed. The message is a sentence for people that says why, and what to do."""


class SandboxMissingError(AnalysisError):
    """There is no sandbox on this machine, so nothing that strangers made is read."""


def analyze_package(reference: str, depth: Depth = Depth.STANDARD, extract_metadata: bool = True) -> PackageAnalysis:
    """Analyze the package that an input names (`assent.files.UploadedFile`).

    Raises:
        AnalysisError: there is no such file, it is too large, there is no sandbox, or the analysis failed as a whole.
    """
    try:
        with open_file(reference) as package:
            return _analyze(package, depth, extract_metadata)
    except FileError as error:
        raise AnalysisError(f"The package cannot be opened: {error}") from error


def sandbox_dependency() -> list[Dependency]:
    """Return whether the sandbox in which installers are read is there."""
    return [Dependency("a sandbox", False, "It is not a part of this version yet.")]


def read_roots() -> list[str]:
    """Return the certificates (PEM) that the operator names as roots: a file, or the files of a folder.

    Raises:
        AnalysisError: they cannot be read.
    """
    named = os.environ.get(ROOTS_VARIABLE, "")
    if not named:
        return []
    try:
        return _roots_at(Path(named))
    except OSError as error:
        raise AnalysisError(f"The roots in {ROOTS_VARIABLE} cannot be read: {error.strerror}.") from error


def _roots_at(place: Path) -> list[str]:
    paths = [place]
    if place.is_dir():
        paths = sorted(path for path in place.iterdir() if path.suffix.lower() in _ROOT_ENDINGS)
    texts = []
    for path in paths[:_MOST_ROOTS]:
        with path.open("rb") as file:
            content = file.read(_LARGEST_ROOTS)
        if _PEM in content:
            texts.append(content.decode("ascii", "replace"))
    if not texts:
        raise AnalysisError(f"{ROOTS_VARIABLE} names no certificate in PEM format.")
    return texts


def _analyze(package: OpenedFile, depth: Depth, extract_metadata: bool) -> PackageAnalysis:
    if package.size > LARGEST_PACKAGE:
        raise AnalysisError(f"The package is larger than {LARGEST_PACKAGE >> 30} GiB, the most that is analyzed.")
    raise SandboxMissingError("Packages are analyzed in a sandbox only, and this version has none yet.")
