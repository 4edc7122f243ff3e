"""The analysis of an installer, put together from the readers of its kind. It runs in the sandboxed child.

A reader that fails, or is not installed, becomes a note in the analysis: what the others have found is never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflows.package_deployment.analysis import Confidence, Depth, PackageAnalysis, Technology
from workflows.package_deployment.digests import Digests, read_digests
from workflows.package_deployment.installers.estimates import add_estimates
from workflows.package_deployment.installers.file_facts import FileFacts, Kind, read_file_facts
from workflows.package_deployment.installers.problems import words_for
from workflows.package_deployment.installers.texts import clean

MOST_FILES = 5_000
"""Contained files that an analysis lists."""
MOST_NOTES = 100


def analyze_for_parent(
    path: str, name: str, depth: str, roots: list[str], extract_metadata: bool, digests: tuple[int, str, str, str]
) -> dict[str, Any]:
    """Return `analyze` as a JSON document; the function that the sandbox calls."""
    certificates = [root.encode() for root in roots]
    found = analyze(Path(path), Depth(depth), certificates, name, extract_metadata, Digests(*digests))
    return found.model_dump(mode="json")


def analyze(
    path: Path, depth: Depth = Depth.STANDARD, roots: list[bytes] | None = None, name: str = "",
    extract_metadata: bool = True, digests: Digests | None = None,
) -> PackageAnalysis:  # fmt: skip
    """Analyze an installer.

    Args:
        path: where it is.
        depth: how thoroughly.
        roots: certificates (PEM) that the operator trusts as roots of signatures.
        name: what it is called; empty: as its path says.
        extract_metadata: whether more is read than the size, the digests, and the technology.
        digests: of the file; None: they are computed.

    Raises:
        OSError: the file cannot be read at all.
    """
    facts = read_file_facts(path)
    size, sha256, sha1, md5 = digests or read_digests(path)
    analysis = PackageAnalysis(
        file_name=clean(name or path.name, 255), size_bytes=size, sha256=sha256, sha1=sha1, md5=md5, depth=depth,
        technology=Technology.UNKNOWN, confidence=Confidence.GUESS,
    )  # fmt: skip
    _describe(path, facts, analysis)
    if extract_metadata:
        if depth is not Depth.QUICK and facts.kind is not Kind.OTHER:
            _part(analysis, "The signature", lambda: _read_signature(path, roots or [], analysis))
        _part(analysis, "The estimate", lambda: add_estimates(analysis))
    else:
        analysis = _without_metadata(analysis)
    return _bounded(analysis)


def _describe(path: Path, facts: FileFacts, analysis: PackageAnalysis) -> None:
    if facts.kind is Kind.COMPOUND:
        _part(analysis, "The MSI", lambda: _describe_msi(path, analysis))
    elif facts.kind is Kind.PROGRAM:
        _part(analysis, "The program", lambda: _describe_exe(path, analysis))
    else:
        analysis.can_be_run = False
        looks = f" It looks like {facts.likeness}." if facts.likeness else ""
        analysis.notes.append(f"This is neither an MSI nor a Windows program.{looks}")


def _part(analysis: PackageAnalysis, what: str, read: Callable[[], None]) -> None:
    try:
        read()
    except Exception as error:
        # Whatever a damaged file makes a reader do: the analysis says so, and goes on with the other parts.
        analysis.notes.append(f"{what} could not be read. {words_for(error)}")


# Each reader is loaded only if it is needed: the libraries of the others take a part of the memory and of the time.


def _describe_msi(path: Path, analysis: PackageAnalysis) -> None:
    from workflows.package_deployment.installers.msi import describe_msi

    describe_msi(path, analysis.depth, analysis)


def _describe_exe(path: Path, analysis: PackageAnalysis) -> None:
    from workflows.package_deployment.installers.exe import describe_exe

    describe_exe(path, analysis.depth, analysis)


def _read_signature(path: Path, roots: list[bytes], analysis: PackageAnalysis) -> None:
    from workflows.package_deployment.installers.signatures import read_signature

    analysis.signature = read_signature(path, roots)


def _without_metadata(analysis: PackageAnalysis) -> PackageAnalysis:
    kept = {"file_name", "size_bytes", "sha256", "sha1", "md5", "depth", "technology", "technology_version",
            "confidence", "evidence", "notes", "can_be_run"}  # fmt: skip
    return PackageAnalysis(**{name: getattr(analysis, name) for name in kept})


def _bounded(analysis: PackageAnalysis) -> PackageAnalysis:
    """Cut what a hostile installer may have made long, and say so."""
    if len(analysis.files) > MOST_FILES:
        analysis.files_total = max(analysis.files_total or 0, len(analysis.files))
        del analysis.files[MOST_FILES:]
    if len(analysis.notes) > MOST_NOTES:
        analysis.notes[MOST_NOTES - 1 :] = [f"There are {len(analysis.notes) - MOST_NOTES + 1} more notes."]
    return analysis
