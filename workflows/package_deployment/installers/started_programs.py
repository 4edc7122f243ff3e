"""The program that a self-extracting archive starts: an installer inside an installer."""

from __future__ import annotations

import re

from workflows.package_deployment.analysis import (
    Architecture,
    BundledPackage,
    BundleFacts,
    Depth,
    PackageAnalysis,
    Scope,
    Technology,
)
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.opened_archives import Archive, ArchivedFile
from workflows.package_deployment.installers.problems import InstallerError, words_for

DEEPEST = 3
"""How many installers inside each other are read."""
_FIRST_WORD = re.compile(r'^(?:\w+:)*\s*(?:"([^"]+)"|(\S+))')
_PLACES = re.compile(r"^(?:%%?\w%?\\|\.\\|\$\w+\\)+", re.IGNORECASE)
_NAMES = {
    Technology.NSIS: "NSIS", Technology.INNO_SETUP: "Inno Setup", Technology.WIX_BURN: "WiX Burn",
    Technology.INSTALLSHIELD: "InstallShield", Technology.SQUIRREL: "Squirrel",
    Technology.MSI_WRAPPER: "a wrapper of an MSI", Technology.SELF_EXTRACTING_ARCHIVE: "a self-extracting archive",
}  # fmt: skip


def add_started_program(
    program: Executable, archive: Archive, commands: list[str], depth: Depth, analysis: PackageAnalysis
) -> None:
    """Read the program that an archive starts, with depth deep, and in programs that are inside others."""
    if depth is not Depth.DEEP and not program.level:
        return
    file = next(filter(None, (_started(archive, command) for command in commands)), None)
    if file is None:
        return
    if program.level + 1 >= DEEPEST:
        analysis.notes.append(f"{file.path} was not read: it is nested too deeply.")
        return
    inner = PackageAnalysis(
        file_name=file.path[:255], size_bytes=0, sha256="", depth=depth, technology=Technology.UNKNOWN
    )  # fmt: skip
    try:
        _read(archive.content(file), program.level + 1, inner)
    except InstallerError as error:
        analysis.notes.append(f"{file.path} could not be read. {words_for(error)}")
        return
    _add(inner, file, analysis)


def _read(content: bytes, level: int, inner: PackageAnalysis) -> None:
    # Imported here, because the reader of programs reads archives, too.
    from workflows.package_deployment.installers.exe import describe_program

    with Executable(content, level) as opened:
        describe_program(opened, Depth.QUICK, inner)


def _started(archive: Archive, command: str) -> ArchivedFile | None:
    """Return the program in the archive that a command starts, or None."""
    found = _FIRST_WORD.match(command.strip())
    if found is None:
        return None
    name = _PLACES.sub("", (found.group(1) or found.group(2)).replace("/", "\\")).lower()
    names = {name, f"{name}.exe"} if "." not in name.rpartition("\\")[2] else {name}
    programs = [file for file in archive.files if file.path.lower().removeprefix(".\\") in names]
    return next((file for file in programs if file.path.lower().endswith(".exe")), None)


def _add(inner: PackageAnalysis, file: ArchivedFile, analysis: PackageAnalysis) -> None:
    install, uninstall = inner.switch("install"), inner.switch("uninstall")
    arguments = install.arguments if install else ""
    if analysis.bundle is None:
        analysis.bundle = BundleFacts()
    analysis.bundle.packages.append(
        BundledPackage(
            id=file.path, kind="exe", name=inner.product_name, version=inner.version, product_code=inner.product_code,
            install_arguments=arguments, uninstall_arguments=uninstall.arguments if uninstall else "", size=file.size,
        )
    )  # fmt: skip
    if inner.bundle is not None:
        analysis.bundle.packages += inner.bundle.packages
    built = _NAMES.get(inner.technology)
    analysis.notes.append(f"{file.path} {f'was built with {built}' if built else 'has no marker of an installer'}.")
    analysis.notes += [note for note in inner.notes if "nested too deeply" in note]
    own = analysis.switch("install")
    if own and arguments:
        own.reason += f" {file.path} takes {arguments}."
    analysis.product_name = analysis.product_name or inner.product_name
    analysis.version = analysis.version or inner.version
    analysis.manufacturer = analysis.manufacturer or inner.manufacturer
    if analysis.architecture is Architecture.UNKNOWN:
        analysis.architecture = inner.architecture
    if analysis.scope is Scope.UNKNOWN:
        analysis.scope = inner.scope
    if analysis.requires_administrator is None:
        analysis.requires_administrator = inner.requires_administrator
