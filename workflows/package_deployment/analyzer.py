"""The analysis of a package, from the side of the portal: the file goes into the sandbox, and a document comes back.

Nothing here parses the file, and without the sandbox no file is analyzed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assent.files import FileError, OpenedFile, open_file
from assent.sandbox import Limits, SandboxError, SandboxLimitError, SandboxUnavailableError, run_in_sandbox
from assent.toolbox.errors import ToolError
from workflows.package_deployment.analysis import Depth, PackageAnalysis
from workflows.package_deployment.digests import Digests, read_digests
from workflows.package_deployment.texts import clean

ROOTS_VARIABLE = "ASSENT_PACKAGE_ROOTS"
LARGEST_PACKAGE = 4 << 30
"""Bytes of a package that is analyzed."""
MOST_SECONDS = 150.0
"""Seconds that an analysis may take, however large the package is."""
USUAL = Limits()
_USUAL_PACKAGE = 128 << 20
_BYTES_A_SECOND = 20 << 20
_LARGEST_RESULT = 32 << 20
_LONGEST_TEXT = 4_000
_LARGEST_ROOTS = 4 << 20
_MOST_ROOTS = 1_000
_PEM = b"-----BEGIN CERTIFICATE-----"
_ROOT_ENDINGS = (".pem", ".crt", ".cer")


class AnalysisError(ToolError):
    """The package could not be analyzed. The message is a sentence for people that says why, and what to do."""

    final = True


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
    try:
        digests = read_digests(package.path)
        arguments = {
            "name": package.name, "depth": depth.value, "roots": read_roots(), "extract_metadata": extract_metadata,
            "digests": digests,
        }  # fmt: skip
        document = run_in_sandbox(
            "workflows.package_deployment.installers.analyzing:analyze_for_parent", arguments,
            files={"path": package.path}, code=["workflows.package_deployment"], limits=limits_for(package.size),
        )  # fmt: skip
    except SandboxUnavailableError as error:
        raise SandboxMissingError(f"Packages are analyzed in a sandbox only. {error}") from error
    except SandboxLimitError as error:
        advice = "" if depth is Depth.QUICK else " Try it with less depth."
        raise AnalysisError(f"The package could not be analyzed. {error}{advice}") from error
    except SandboxError as error:
        raise AnalysisError(f"The package could not be analyzed. {error}") from error
    except OSError as error:
        raise AnalysisError(f"The package cannot be read: {error.strerror}.") from error
    return _checked(document, digests, package.name, depth)


def limits_for(size: int) -> Limits:
    """Return what the analysis of a package may use: more for one with more bytes than usual."""
    more = max(0, size - _USUAL_PACKAGE)
    seconds = min(USUAL.wall_seconds + more / _BYTES_A_SECOND, MOST_SECONDS)
    return replace(
        USUAL, cpu_seconds=max(1, round(seconds)), wall_seconds=seconds, result_bytes=_LARGEST_RESULT
    )  # fmt: skip


def _checked(document: Any, digests: Digests, name: str, depth: Depth) -> PackageAnalysis:
    """Return the document as an analysis. The sandboxed code may be taken over: what is known here is not from it."""
    try:
        found = PackageAnalysis.model_validate(_cleaned(document))
    except (ValidationError, RecursionError) as error:
        raise AnalysisError("The analysis of the package has no valid result.") from error
    known = {
        "file_name": clean(name, 255), "size_bytes": digests.size, "sha256": digests.sha256, "sha1": digests.sha1,
        "md5": digests.md5, "depth": depth,
    }  # fmt: skip
    return found.model_copy(update=known)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value, _LONGEST_TEXT)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _cleaned(item) for key, item in value.items()}
    return value
