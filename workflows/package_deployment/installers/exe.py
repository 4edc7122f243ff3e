"""The analysis of an EXE: what it was built with, what it installs, and how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workflows.package_deployment.analysis import Architecture, Confidence, Depth, PackageAnalysis, Scope, Technology
from workflows.package_deployment.installers.archive_contents import (
    describe_archive,
    describe_squirrel,
    describe_wrapper,
)
from workflows.package_deployment.installers.burn_contents import describe_burn
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.inno import describe_inno
from workflows.package_deployment.installers.installshield_contents import describe_installshield
from workflows.package_deployment.installers.manifest import ExecutionLevel, Manifest
from workflows.package_deployment.installers.markers import Marker
from workflows.package_deployment.installers.nsis_contents import describe_nsis
from workflows.package_deployment.installers.problems import words_for
from workflows.package_deployment.installers.switches import switches_for
from workflows.package_deployment.installers.technology import name_other_maker, recognize
from workflows.package_deployment.installers.version_resource import VersionResource, read_version_resource

_Reader = Callable[[Executable, Marker, Depth, PackageAnalysis], None]
_READERS: dict[Technology, _Reader] = {
    Technology.INNO_SETUP: lambda program, _, depth, analysis: describe_inno(program, depth, analysis),
    Technology.WIX_BURN: lambda program, _, depth, analysis: describe_burn(program, depth, analysis),
    Technology.NSIS: lambda program, _, depth, analysis: describe_nsis(program, depth, analysis),
    Technology.INSTALLSHIELD: describe_installshield,
    Technology.SQUIRREL: describe_squirrel,
    Technology.MSI_WRAPPER: describe_wrapper,
    Technology.SELF_EXTRACTING_ARCHIVE: describe_archive,
}
_SMALL_STUB = "The installer itself is a 32-bit program (x86), which says nothing about what it installs."
_SETUP_WORDS = (" setup", " installer", " installation")
_NAMES_OF_TOOLS = ("setup", "installer", "setup/uninstall", "setup launcher", "self-extracting archive", "7-zip")
"""Names that a version resource takes from the tool that built the installer; they name no product."""


def describe_exe(path: Path, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what an EXE says.

    Raises:
        InstallerError: it is not a Windows program, or its headers are damaged.
    """
    with Executable(path) as program:
        describe_program(program, depth, analysis)


def describe_program(program: Executable, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what a program says that is open."""
    version = read_version_resource(program)
    manifest = Manifest(program)
    marker = recognize(program, version, manifest)
    _add_identity(program, version, analysis)
    _add_technology(program, marker, analysis)
    _add_rights(marker, manifest, analysis)
    _add_architecture(program, marker, analysis)
    if marker is not None:
        _add_details(program, marker, depth, analysis)


def _add_details(program: Executable, marker: Marker, depth: Depth, analysis: PackageAnalysis) -> None:
    """Add what the data of the installer say. Data that cannot be read become a note: the rest stands."""
    try:
        _READERS[marker.technology](program, marker, depth, analysis)
        if analysis.architecture is not Architecture.UNKNOWN and _SMALL_STUB in analysis.notes:
            analysis.notes.remove(_SMALL_STUB)
    except Exception as error:
        analysis.notes.append(f"What the installer contains could not be read. {words_for(error)}")


def _add_identity(program: Executable, version: VersionResource, analysis: PackageAnalysis) -> None:
    analysis.version_resource = version.strings
    analysis.product_name = _product_name(version)
    analysis.version = next(filter(_is_version, _versions(version)), "")
    analysis.manufacturer = version.value("CompanyName")
    analysis.language = version.language
    if not version.strings:
        analysis.notes.append("The program has no version resource, so name and version are not known from it.")
    analysis.can_be_run = not (program.is_dll or program.is_driver)
    if program.is_dll:
        analysis.notes.append("The file is a library (DLL), which cannot be started as an installer.")
    elif program.is_driver:
        analysis.notes.append("The file is a driver or a part of the system, which cannot be started as an installer.")


def _versions(version: VersionResource) -> list[str]:
    texts = [version.value("ProductVersion"), version.value("FileVersion")]
    return [*texts, version.fixed_product_version, version.fixed_file_version]


def _is_version(text: str) -> bool:
    """Whether a text says more than the zeros of a version that nobody has filled in."""
    return bool(text.strip("0.,"))


def _product_name(version: VersionResource) -> str:
    name = version.value("ProductName")
    if name and name.lower() not in _NAMES_OF_TOOLS:
        return name
    description = version.value("FileDescription")
    for word in _SETUP_WORDS:
        if description.lower().endswith(word):
            description = description[: -len(word)].strip()
    return "" if description.lower() in _NAMES_OF_TOOLS else description


def _add_technology(program: Executable, marker: Marker | None, analysis: PackageAnalysis) -> None:
    if marker is None:
        analysis.technology = Technology.UNKNOWN
        analysis.confidence = Confidence.GUESS
        other = name_other_maker(program)
        analysis.notes.append(f"No marker of an installer was found: it may be an ordinary program. {other}".strip())
        return
    analysis.technology = marker.technology
    analysis.technology_version = marker.version
    analysis.confidence = marker.confidence
    analysis.evidence = list(marker.evidence)
    if marker.variant:
        analysis.evidence.append(f"Kind: {marker.variant.value}")
    analysis.notes += marker.notes
    analysis.switches = switches_for(marker)


def _add_rights(marker: Marker | None, manifest: Manifest, analysis: PackageAnalysis) -> None:
    level = manifest.level
    if level is ExecutionLevel.ADMINISTRATOR:
        analysis.requires_administrator = True
    elif level is ExecutionLevel.AS_INVOKER and marker is not None and marker.technology is Technology.SQUIRREL:
        analysis.requires_administrator = False
    if marker is None:
        return
    if marker.technology is Technology.SQUIRREL:
        analysis.scope = Scope.USER
    elif level is ExecutionLevel.ADMINISTRATOR:
        analysis.scope = Scope.MACHINE
    elif marker.technology is Technology.NSIS:
        # The header of NSIS runs with the rights of the manifest, so it installs for whom it has the rights.
        analysis.scope = {
            ExecutionLevel.AS_INVOKER: Scope.USER, ExecutionLevel.HIGHEST: Scope.EITHER,
        }.get(level, Scope.UNKNOWN)  # fmt: skip
        analysis.requires_administrator = False if level is ExecutionLevel.AS_INVOKER else None


def _add_architecture(program: Executable, marker: Marker | None, analysis: PackageAnalysis) -> None:
    """Say what is known of the processors that the package is for.

    Most installers are 32-bit programs, whatever they install. One for another processor runs on that only.
    """
    own = program.architecture
    if marker is None or own is not Architecture.X86:
        analysis.architecture = own
        return
    analysis.architecture = Architecture.UNKNOWN
    analysis.notes.append(_SMALL_STUB)
