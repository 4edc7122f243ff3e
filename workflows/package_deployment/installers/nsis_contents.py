"""What an NSIS installer contains and does: its files, its entry under Uninstall, its processors, and an MSI inside."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from workflows.package_deployment.analysis import (
    Architecture,
    Confidence,
    ContainedFile,
    Depth,
    PackageAnalysis,
    Scope,
    Technology,
)
from workflows.package_deployment.installers.budget import Budget
from workflows.package_deployment.installers.contained import Unpacked, add_package, read_msi, take_over, unpack
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.nsis import find_first_header
from workflows.package_deployment.installers.nsis_data import Method, Packing
from workflows.package_deployment.installers.nsis_script import PackedFile, Script, read_script
from workflows.package_deployment.installers.problems import InstallerError

_PLUGINS = "$PLUGINSDIR\\"
_PARTS_OF_AN_MSI = (".msi", ".cab", ".mst", ".msp")
_ARCHITECTURE_OF_ARCHIVE = re.compile(r"app-(32|64|arm64)\.(?:7z|nsis\.7z|zip)$", re.IGNORECASE)
_ARGUMENTS = re.compile(r"\.exe\"?\s+([^\"$]{1,100})$", re.IGNORECASE)
_SILENT_MSI = re.compile(r"(?:^|\s)[/-](?:q[nb]?[-+!]*|quiet|passive)(?:\s|$)", re.IGNORECASE)
_LARGEST_ITEM = 1 << 31
_MACHINE, _USER = 2, 1


def describe_nsis(program: Executable, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what the header says.

    Raises:
        InstallerError: it cannot be read.
    """
    header = find_first_header(program)
    if header is None:
        return
    packing = Packing(program, header)
    kind = f"packed with {packing.method.value}{', solid' if packing.is_solid else ''}"
    analysis.evidence.append(f"Its data are {kind if packing.method is not Method.STORED else 'not compressed'}")
    script = read_script(packing.unpacked_header(), analysis.technology_version, Budget(depth))
    if script.is_cut:
        analysis.notes.append("The script is so long that only its first part was read.")
    _add_identity(script, analysis)
    _add_processors(program, script, analysis)
    if not _only_an_msi(script):
        _add_uninstallation(script, analysis)
    if depth is not Depth.QUICK or _only_an_msi(script):
        msis = _add_files(packing, script, depth, analysis)
        _add_msi(script, msis, depth, analysis)
    if script.folder and not script.folder.startswith("$TEMP"):
        folder = analysis.switch("folder")
        if folder:
            folder.reason += f" By default, it is {script.folder}."


def _literal(text: str) -> str:
    return "" if "$" in text else text.strip()


def _add_identity(script: Script, analysis: PackageAnalysis) -> None:
    analysis.version = _literal(script.uninstall.get("DisplayVersion", "")) or analysis.version
    analysis.product_name = analysis.product_name or _literal(script.uninstall.get("DisplayName", ""))
    analysis.manufacturer = analysis.manufacturer or _literal(script.uninstall.get("Publisher", ""))
    if analysis.scope is Scope.UNKNOWN and script.roots in ({_MACHINE}, {_USER}):
        analysis.scope = Scope.MACHINE if script.roots == {_MACHINE} else Scope.USER


def _add_processors(program: Executable, script: Script, analysis: PackageAnalysis) -> None:
    if program.architecture is not Architecture.X86:
        return
    archives = {found[1].lower() for file in script.files if (found := _ARCHITECTURE_OF_ARCHIVE.search(file.path))}
    if archives:
        names = {"32": Architecture.X86, "64": Architecture.X64, "arm64": Architecture.ARM64}
        for name in ("64", "arm64", "32"):
            if name in archives:
                analysis.architecture = names[name]
                break
        if len(archives) > 1:
            analysis.notes.append("It contains the program for several processors, and installs the one that fits.")
    elif "PROGRAMFILES64" in script.folder or script.uses_64_bits:
        analysis.architecture = Architecture.X64
        analysis.notes.append(
            "The script names 64-bit folders or the 64-bit registry, so it probably installs a program for x64."
        )
    elif "PROGRAMFILES" in script.folder:
        analysis.architecture = Architecture.X86
        analysis.notes.append("The script names the folder for 32-bit programs, so it probably installs one for x86.")


def _add_uninstallation(script: Script, analysis: PackageAnalysis) -> None:
    uninstall = analysis.switch("uninstall")
    if uninstall is None:
        return
    key, shown = script.uninstall.get("key", ""), script.uninstall.get("DisplayName", "")
    if not script.writes_uninstaller and not key:
        analysis.switches.remove(uninstall)
        analysis.notes.append("The script writes no uninstaller and no entry under Uninstall.")
        return
    if key:
        analysis.uninstall_entry = _literal(key)
        name = f" ({shown})" if _literal(shown) else ""
        uninstall.reason = f"For the uninstaller that the entry “{key}”{name} under Uninstall names."
    found = _ARGUMENTS.search(script.uninstall.get("QuietUninstallString", ""))
    if found:
        uninstall.arguments = found.group(1).strip()
        uninstall.reason += " The script writes these arguments into QuietUninstallString."
    else:
        uninstall.reason += " The uninstaller copies itself and returns at once; with _?=<folder> at the end, it waits."


def _add_files(packing: Packing, script: Script, depth: Depth, analysis: PackageAnalysis) -> dict[int, Unpacked]:
    """List the files, with sizes as far as there is time to unpack them, and return the MSIs by their places."""
    found: dict[int, Unpacked] = {}
    try:
        for offset, unpacked in _unpacked(packing, script, Budget(depth), with_digest=depth is Depth.DEEP):
            if unpacked is None:
                analysis.notes.append("The sizes of some contained files are not known: unpacking them takes too long.")
                break
            found[offset] = unpacked
    except (InstallerError, EOFError) as error:
        analysis.notes.append(str(error) or "The data of the NSIS installer are damaged.")
    if depth is not Depth.QUICK:
        analysis.files = [
            ContainedFile(
                path=file.path, size=found[file.offset].size if file.offset in found else None,
                sha256=found[file.offset].sha256 if file.offset in found else "",
            )
            for file in script.files
        ]  # fmt: skip
        analysis.files_total = script.files_total
        installed = [file for file in script.files if not file.path.startswith(_PLUGINS)]
        if installed and script.files_total == len(script.files) and all(file.offset in found for file in installed):
            analysis.installed_bytes = sum(found[file.offset].size for file in installed)
    return {offset: unpacked for offset, unpacked in found.items() if unpacked.msi}


def _unpacked(
    packing: Packing, script: Script, budget: Budget, *, with_digest: bool
) -> Iterator[tuple[int, Unpacked | None]]:
    offsets = sorted({file.offset for file in script.files if file.offset >= 0})
    if packing.is_solid:
        reader = _Pieces(packing.solid_stream())
        for offset in offsets:
            if offset < reader.at or not reader.skip_to(offset, budget):
                yield offset, None
                return
            size = int.from_bytes(reader.exactly(4), "little")
            if size > _LARGEST_ITEM:
                raise InstallerError("The data of the NSIS installer are damaged.")
            yield offset, unpack(reader.pieces(size), budget, with_digest=with_digest)
    else:
        for offset in offsets:
            yield offset, unpack(packing.item(offset), budget, with_digest=with_digest)


class _Pieces:
    """Reads parts of a stream that comes in pieces, without holding more than one of them."""

    def __init__(self, stream: Iterator[bytes]) -> None:
        self._stream = stream
        self._piece = b""
        self.at = 0

    def skip_to(self, place: int, budget: Budget) -> bool:
        return all(not budget.is_spent for _ in self.pieces(place - self.at))

    def exactly(self, size: int) -> bytes:
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[bytes]:
        while size > 0:
            if not self._piece:
                self._piece = next(self._stream, b"")
                if not self._piece:
                    raise InstallerError("The data of the NSIS installer end too early.")
            part, self._piece = self._piece[:size], self._piece[size:]
            self.at += len(part)
            size -= len(part)
            yield part


def _only_an_msi(script: Script) -> list[PackedFile]:
    """Return the MSIs of a script that does nothing but run them; none if it does more."""
    files = [
        file for file in script.files if not (file.path.startswith(_PLUGINS) and file.path.lower().endswith(".dll"))
    ]
    msis = [file for file in files if file.path.lower().endswith(".msi")]
    others = [file for file in files if not file.path.lower().endswith(_PARTS_OF_AN_MSI)]
    runs = [command for command in script.commands if "msiexec" in command.lower() or ".msi" in command.lower()]
    if not msis or others or not runs or script.writes_uninstaller or script.uninstall:
        return []
    return msis


def _add_msi(script: Script, msis: dict[int, Unpacked], depth: Depth, analysis: PackageAnalysis) -> None:
    wrapped = _only_an_msi(script)
    inners = []
    for file in script.files:
        unpacked = msis.get(file.offset)
        if unpacked is None or not file.path.lower().endswith(".msi"):
            continue
        name = file.path.rpartition("\\")[2]
        inner = read_msi(io.BytesIO(unpacked.msi), name, depth, analysis)
        if inner is not None:
            add_package(inner, name, unpacked.size, analysis)
            inners.append(inner)
    if not wrapped:
        return
    analysis.evidence.append(f"The script only runs the MSI that it contains: {wrapped[0].path}")
    analysis.technology = Technology.MSI_WRAPPER
    if len(inners) == 1:
        take_over(inners[0], analysis)
    uninstall, install = analysis.switch("uninstall"), analysis.switch("install")
    if uninstall:
        analysis.switches.remove(uninstall)
    if install and not any(_SILENT_MSI.search(command) for command in script.commands):
        install.confidence = Confidence.GUESS
        install.reason = (
            "It hides the windows of NSIS, but the script runs its MSI with its own windows. Safer: take the MSI out, "
            "and install it with msiexec."
        )
