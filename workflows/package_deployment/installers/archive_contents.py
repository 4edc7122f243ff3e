"""What self-extracting archives, Squirrel's programs, and wrappers of an MSI contain."""

from __future__ import annotations

import re
import struct

from workflows.package_deployment.analysis import (
    Architecture,
    Confidence,
    ContainedFile,
    Depth,
    PackageAnalysis,
    Technology,
)
from workflows.package_deployment.installers.archives import SEVEN_ZIP_CONFIG, SEVEN_ZIP_CONFIG_END
from workflows.package_deployment.installers.budget import Budget
from workflows.package_deployment.installers.contained import MOST_INNER, add_package, read_msi, take_over, window
from workflows.package_deployment.installers.executable import MACHINES, RESOURCE_DATA, Executable
from workflows.package_deployment.installers.markers import Marker, Variant
from workflows.package_deployment.installers.opened_archives import (
    Archive,
    ArchivedFile,
    CabinetArchive,
    RarArchive,
    SevenZipArchive,
    StoredArchive,
    StoredFile,
    ZipArchive,
    stream_of,
)
from workflows.package_deployment.installers.problems import InstallerError, words_for
from workflows.package_deployment.installers.started_programs import add_started_program
from workflows.package_deployment.installers.texts import clean
from workflows.package_deployment.installers.wrappers import find_advanced_footer, find_msis
from workflows.package_deployment.installers.xml_elements import read_elements

_MOST_NOTED = 1_000
_CONFIG_LINE = re.compile(r'^\s*(\w{1,40})\s*=\s*"((?:[^"\\]|\\.){0,1000})"', re.MULTILINE)
_RAR_LINE = re.compile(r"^(\w{1,20})=([^\r\n]{0,500})", re.MULTILINE)
_SILENT_MSI = re.compile(r"(?:^|\s)[/-](?:q[nb]?[-+!]*|quiet|passive)(?:\s|$)", re.IGNORECASE)
_NOTHING = "<none>"
_INVERTED = 0x200
_LARGEST_NAME = 0x400
_LARGEST_PACKAGE = 160 << 20
"""Bytes of a compressed package in which files are looked up; each look can unpack it from its start."""
_PACKAGE_NAME = re.compile(r"(?:^|\\)([^\\]+?)-(\d+\.[^\\]*?)(?:-full|-delta)?\.nupkg$", re.IGNORECASE)


def describe_archive(program: Executable, marker: Marker, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what a self-extracting archive contains and starts.

    Raises:
        InstallerError: the archive cannot be read.
    """
    if marker.variant is Variant.MICROSOFT_BOX:
        analysis.notes.append("The files in Microsoft's box are not listed.")
        return
    archive = _open(program, marker)
    commands = _commands(program, marker, archive, analysis)
    _add_files(archive, depth, analysis)
    _add_msis(archive, commands, depth, analysis)
    add_started_program(program, archive, commands, depth, analysis)


def _open(program: Executable, marker: Marker) -> Archive:
    if marker.variant is Variant.WINRAR and program.read(marker.offset, 2) != b"PK":
        return RarArchive(program, marker.offset, marker.offset + marker.size)
    stream = window(program, marker.offset, marker.size)
    if marker.variant is Variant.SEVEN_ZIP:
        return SevenZipArchive(stream)
    if marker.variant in (Variant.IEXPRESS, Variant.CABINET):
        return CabinetArchive(stream)
    return ZipArchive(stream)


def _commands(program: Executable, marker: Marker, archive: Archive, analysis: PackageAnalysis) -> list[str]:
    """Return the commands that it starts after unpacking, and note them."""
    if marker.variant is Variant.IEXPRESS:
        found = {
            name: _text_resource(program, name)
            for name in ("RUNPROGRAM", "POSTRUNPROGRAM", "ADMQCMD", "USRQCMD", "TITLE")
        }
        quiet = found["ADMQCMD"]
        install = analysis.switch("install")
        if quiet and install:
            install.reason = f"Documented for IExpress. Without windows, it starts: {quiet}"
        commands = [found["RUNPROGRAM"], found["POSTRUNPROGRAM"]]
        analysis.product_name = analysis.product_name or found["TITLE"]
    elif isinstance(archive, RarArchive):
        settings = dict(_RAR_LINE.findall(archive.comment))
        commands = [clean(value) for name, value in _RAR_LINE.findall(archive.comment) if name in ("Setup", "Presetup")]
        analysis.product_name = analysis.product_name or clean(settings.get("Title", ""))
    else:
        config = _seven_zip_config(program, marker) if marker.variant is Variant.SEVEN_ZIP else {}
        commands = [
            f"{config.get('ExecuteFile', '')} {config.get('ExecuteParameters', '')}".strip(),
            config.get("RunProgram", ""),
        ]  # fmt: skip
        analysis.product_name = analysis.product_name or config.get("Title", "")
    commands = [command for command in commands if command]
    for command in commands:
        analysis.notes.append(clean(f"After unpacking, it starts: {command}", _MOST_NOTED))
    return commands


def _text_resource(program: Executable, name: str) -> str:
    resource = program.resource(RESOURCE_DATA, name)
    text = program.content(resource, _MOST_NOTED).split(b"\0")[0].decode("cp1252", "replace") if resource else ""
    return "" if text.lower() == _NOTHING else clean(text)


def _seven_zip_config(program: Executable, marker: Marker) -> dict[str, str]:
    start = program.find(SEVEN_ZIP_CONFIG, program.overlay, marker.offset)
    end = program.find(SEVEN_ZIP_CONFIG_END, start, marker.offset) if start >= 0 else -1
    if end < 0:
        return {}
    text = program.read(start, min(end - start, 1 << 16)).decode("utf-8", "replace")
    return {name: clean(re.sub(r"\\(.)", r"\1", value)) for name, value in _CONFIG_LINE.findall(text)}


def _add_files(archive: Archive, depth: Depth, analysis: PackageAnalysis, prefix: str = "") -> None:
    if depth is Depth.QUICK:
        return
    digests: dict[int, str] = {}
    if depth is Depth.DEEP:
        try:
            for number, unpacked in archive.unpacked(Budget(depth)):
                digests[number] = unpacked.sha256
        except InstallerError as error:
            analysis.notes.append(f"What the installer contains could not be read. {words_for(error)}")
        if len(digests) < len(archive.files):
            analysis.notes.append("Some contained files have no digests, because they were not unpacked.")
    analysis.files += [
        ContainedFile(path=f"{prefix}{file.path}", size=file.size, sha256=digests.get(file.number, ""))
        for file in archive.files
    ]
    analysis.files_total = (analysis.files_total or 0) + len(archive.files)


def _add_msis(archive: Archive, commands: list[str], depth: Depth, analysis: PackageAnalysis) -> None:
    """Read the MSIs in an archive; one that is the only thing it starts makes the program a wrapper."""
    found = []
    for file in [file for file in archive.files if file.path.lower().endswith(".msi")][:MOST_INNER]:
        name = file.path.rpartition("\\")[2]
        try:
            content = archive.content(file)
        except InstallerError as error:
            analysis.notes.append(f"The MSI {name} inside could not be read. {words_for(error)}")
            continue
        inner = read_msi(stream_of(content), name, depth, analysis)
        if inner is not None:
            add_package(inner, name, file.size, analysis)
            found.append(inner)
    others = [file for file in archive.files if file.path.lower().endswith((".exe", ".bat", ".cmd", ".ps1", ".vbs"))]
    runs = [command for command in commands if ".msi" in command.lower()]
    if len(found) != 1 or others or not runs:
        return
    analysis.evidence.append("It only starts the MSI that it contains")
    analysis.technology = Technology.MSI_WRAPPER
    take_over(found[0], analysis)
    install = analysis.switch("install")
    if install and any(_SILENT_MSI.search(command) for command in runs):
        install.confidence = Confidence.LIKELY


def describe_wrapper(program: Executable, marker: Marker, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with the MSI that a wrapper contains."""
    if marker.variant is Variant.ADVANCED_INSTALLER:
        _describe_advanced_installer(program, depth, analysis)
        return
    found = []
    for number, embedded in enumerate(find_msis(program)):
        if number >= MOST_INNER:
            break
        inner = read_msi(window(program, embedded.offset, embedded.size), embedded.place, depth, analysis)
        if inner is not None:
            add_package(inner, embedded.place, None, analysis)
            found.append(inner)
    if len(found) == 1:
        take_over(found[0], analysis)


def _describe_advanced_installer(program: Executable, depth: Depth, analysis: PackageAnalysis) -> None:
    footer = find_advanced_footer(program)
    if footer is None:
        return
    entries, at = list[StoredFile](), footer.table
    for _ in range(min(footer.files, 10_000)):
        head = program.read(at, 24)
        if len(head) < 24 or at >= footer.offset:
            raise InstallerError("The table of files of Advanced Installer is damaged.")
        kind, size, offset, length = struct.unpack("<8xIIII", head)
        if length > _LARGEST_NAME or offset + size > program.size:
            raise InstallerError("The table of files of Advanced Installer is damaged.")
        name = program.read(at + 24, length * 2).decode("utf-16-le", "replace").rstrip("\0")
        entries.append(StoredFile(name, offset, size, _INVERTED if kind == 2 else 0))
        at += 24 + length * 2
    archive = StoredArchive(window(program, 0, program.size), entries)
    _add_files(archive, depth, analysis)
    packed = next((file for file in archive.files if file.path.lower().endswith(".7z")), None)
    names = [file.path.lower() for file in archive.files]
    if packed is not None and not any(name.endswith(".msi") for name in names):
        inner = SevenZipArchive(stream_of(archive.content(packed)))
        _add_files(inner, Depth.STANDARD if depth is Depth.DEEP else depth, analysis, f"{packed.path}\\")
        _take_over_only(inner, depth, analysis)
    else:
        _take_over_only(archive, depth, analysis)


def _take_over_only(archive: Archive, depth: Depth, analysis: PackageAnalysis) -> None:
    before = len(analysis.bundle.packages) if analysis.bundle else 0
    _add_msis(archive, [], depth, analysis)
    msis = [file for file in archive.files if file.path.lower().endswith(".msi")]
    after = len(analysis.bundle.packages) if analysis.bundle else 0
    if len(msis) == 1 and after == before + 1:
        inner = read_msi(stream_of(archive.content(msis[0])), "", depth, analysis)
        if inner is not None:
            take_over(inner, analysis)


def describe_squirrel(program: Executable, marker: Marker, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what the package of a Squirrel program, or of its successors, says.

    Raises:
        InstallerError: the package cannot be read.
    """
    outer = ZipArchive(window(program, marker.offset, marker.size))
    if marker.variant is Variant.CLOWD_SQUIRREL:
        _add_files(outer, depth, analysis)
        _describe_package(outer, analysis)
        return
    _add_files(outer, depth, analysis)
    packages = [file for file in outer.files if file.path.lower().endswith(".nupkg")]
    if not packages:
        analysis.notes.append("There is no package in it: it is the program from which installers are made.")
        return
    package = packages[0]
    named = _PACKAGE_NAME.search(package.path)
    if named:
        analysis.product_name, analysis.version = named.group(1), named.group(2)
    if (package.size or 0) > _LARGEST_PACKAGE and not outer.is_stored(package):
        analysis.notes.append(f"The files in {package.path} are not listed, because it is larger than is unpacked.")
        return
    with outer.open(package) as stream:
        inner = ZipArchive(stream)
        _add_files(inner, Depth.STANDARD if depth is Depth.DEEP else depth, analysis, f"{package.path}\\")
        _describe_package(inner, analysis)
        analysis.installed_bytes = sum(file.size or 0 for file in inner.files)


def _describe_package(package: ZipArchive, analysis: PackageAnalysis) -> None:
    """Read the description (nuspec) and the programs of a package."""
    described = next((file for file in package.files if file.path.lower().endswith(".nuspec")), None)
    facts: dict[str, str] = {}
    if described is not None:
        content = package.content(described)
        facts = _texts_of(content)
    identity = clean(facts.get("id", ""))
    analysis.product_name = clean(facts.get("title", "")) or identity or analysis.product_name
    analysis.version = clean(facts.get("version", "")) or analysis.version
    analysis.manufacturer = clean(facts.get("authors", "")) or analysis.manufacturer
    uninstall = analysis.switch("uninstall")
    if identity and uninstall:
        uninstall.reason = f"For %LocalAppData%\\{identity}\\Update.exe, which QuietUninstallString names."
    found = _machine_of_program(package)
    if found is not Architecture.UNKNOWN:
        analysis.architecture = found


def _texts_of(document: bytes) -> dict[str, str]:
    """Return the texts of the elements of a description that are needed; its elements hold no others."""
    read_elements(document)  # refuses what defines entities or is damaged
    text = document.decode("utf-8", "replace")
    found = {}
    for name in ("id", "title", "version", "authors", "machineArchitecture"):
        place = re.search(rf"<{name}>([^<]{{0,1000}})</{name}>", text)
        if place:
            found[name] = _unescaped(place.group(1).strip())
    return found


def _unescaped(text: str) -> str:
    for name, char in (("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&")):
        text = text.replace(f"&{name};", char)
    return text


def _machine_of_program(package: ZipArchive) -> Architecture:
    """Return the processor of the largest program in the package."""
    programs = [file for file in package.files if file.path.lower().startswith("lib\\") and _is_program(file)]
    for file in sorted(programs, key=lambda file: file.size or 0, reverse=True)[:3]:
        try:
            head = package.head(file, 4_096)
        except InstallerError:
            continue
        at = int.from_bytes(head[60:64], "little")
        if head[:2] == b"MZ" and head[at : at + 4] == b"PE\0\0":
            return MACHINES.get(int.from_bytes(head[at + 4 : at + 6], "little"), Architecture.UNKNOWN)
    return Architecture.UNKNOWN


def _is_program(file: ArchivedFile) -> bool:
    name = file.path.lower().rpartition("\\")[2]
    return name.endswith(".exe") and name not in ("squirrel.exe", "update.exe", "createdump.exe") and "stub" not in name
