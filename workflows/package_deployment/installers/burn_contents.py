"""What a WiX bundle installs: its manifest, its packages, and the MSIs in its containers."""

from __future__ import annotations

import io
import time

from workflows.package_deployment.analysis import (
    Architecture,
    BundledPackage,
    BundleFacts,
    ContainedFile,
    Depth,
    PackageAnalysis,
    Scope,
)
from workflows.package_deployment.installers.burn import BurnSection, read_section
from workflows.package_deployment.installers.burn_manifest import Manifest, Payload
from workflows.package_deployment.installers.cabinets import Cabinet
from workflows.package_deployment.installers.contained import read_msi, window
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.problems import InstallerError
from workflows.package_deployment.installers.xml_elements import Element

MANIFEST = "0"
LARGEST_MANIFEST = 16 << 20
_LARGEST_MSI = 64 << 20
_LARGEST_LZX_MSI = 8 << 20
_MOST_MSIS = 5
_SECONDS = 3.0
_SECONDS_DEEP = 6.0


def describe_burn(program: Executable, depth: Depth, analysis: PackageAnalysis) -> None:
    """Fill the analysis with what the manifest says.

    Raises:
        InstallerError: it cannot be read.
    """
    section = read_section(program)
    if section is None:
        return
    analysis.bundle = BundleFacts(bundle_id=section.bundle_id)
    if not section.container_sizes:
        return
    manifest = _read_manifest(program, section)
    analysis.technology_version = manifest.engine
    _add_identity(manifest, analysis)
    analysis.bundle.upgrade_codes = manifest.upgrade_codes()
    analysis.upgrade_code = next(iter(analysis.bundle.upgrade_codes), "")
    packages = list(manifest.packages())
    analysis.bundle.packages = [package for package, _ in packages]
    _add_uninstallation(section, analysis)
    if downloads := manifest.downloads():
        analysis.notes.append(f"{downloads} of its files are downloaded while it is installed.")
    contents = _Contents(program, section, manifest, _SECONDS_DEEP if depth is Depth.DEEP else _SECONDS)
    _add_only_msi(packages, analysis)
    _add_processors(program, manifest, packages, contents, depth, analysis)
    if contents.is_cut:
        analysis.notes.append("The file is cut off: a container of the bundle is not in it.")
    if depth is not Depth.QUICK:
        _add_files(manifest, contents, depth, analysis)


def _read_manifest(program: Executable, section: BurnSection) -> Manifest:
    cabinet = Cabinet(window(program, section.stub_size, section.container_sizes[0]))
    file = next((file for file in cabinet.files if file.name == MANIFEST), None)
    if file is None:
        raise InstallerError("The container of the bundle's own files has no manifest.")
    return Manifest(cabinet.content(file, LARGEST_MANIFEST, time.monotonic() + _SECONDS))


def _add_identity(manifest: Manifest, analysis: PackageAnalysis) -> None:
    registration, program = manifest.registration, manifest.program
    analysis.product_name = program.get("DisplayName").strip() or analysis.product_name
    analysis.version = program.get("DisplayVersion") or registration.get("Version") or analysis.version
    analysis.manufacturer = program.get("Publisher").strip() or analysis.manufacturer
    analysis.scope = manifest.scope
    if manifest.scope is not Scope.UNKNOWN:
        analysis.requires_administrator = {Scope.MACHINE: True, Scope.USER: False}.get(manifest.scope)
    if program.get("Register") == "no":
        analysis.notes.append("The bundle writes no entry under Uninstall, because its author said so.")


def _add_uninstallation(section: BurnSection, analysis: PackageAnalysis) -> None:
    uninstall = analysis.switch("uninstall")
    if uninstall:
        uninstall.reason = (
            f"For the bundle itself, or its copy in the package cache, which the entry {section.bundle_id} under "
            "Uninstall names in QuietUninstallString."
        )


def _add_only_msi(packages: list[tuple[BundledPackage, Element]], analysis: PackageAnalysis) -> None:
    """Take over the code of the product's MSI if the bundle has only one that is not a prerequisite.

    The upgrade code stays that of the bundle, which is what Windows lists.
    """
    own = [(package, element) for package, element in packages if not package.is_permanent]
    if len(own) == 1 and own[0][0].kind == "msi":
        analysis.product_code = own[0][0].product_code
        analysis.upgrade_code = analysis.upgrade_code or own[0][1].get("UpgradeCode").upper()


def _add_processors(
    program: Executable, manifest: Manifest, packages: list[tuple[BundledPackage, Element]], contents: _Contents,
    depth: Depth, analysis: PackageAnalysis,
) -> None:  # fmt: skip
    if program.architecture is not Architecture.X86:
        return
    found: set[Architecture] = set()
    msis = [(package, element) for package, element in packages if package.kind == "msi" and not package.is_permanent]
    for package, element in msis[:_MOST_MSIS]:
        inner = contents.msi(manifest.payload_ids(element)[:1], depth, analysis)
        if inner is not None:
            found.add(inner.architecture)
        elif "versionnt64" in package.condition.lower() and "not versionnt64" not in package.condition.lower():
            found.add(Architecture.X64)
    found.discard(Architecture.UNKNOWN)
    for architecture in (Architecture.X64, Architecture.ARM64, Architecture.X86):
        if architecture in found:
            analysis.architecture = architecture
            break
    if len(found) > 1:
        names = ", ".join(sorted(architecture.value for architecture in found))
        analysis.notes.append(f"Its packages are for several processors ({names}).")


def _add_files(manifest: Manifest, contents: _Contents, depth: Depth, analysis: PackageAnalysis) -> None:
    payloads = manifest.payloads()
    sizes = contents.sizes()
    digests = contents.digests(analysis) if depth is Depth.DEEP else {}
    analysis.files_total = len(payloads)
    analysis.files = [
        ContainedFile(
            path=payload.path, size=payload.size if payload.size is not None else sizes.get(payload.place),
            sha256=digests.get(payload.place, ""),
        )
        for payload in payloads[:5_000]
    ]  # fmt: skip
    installed = [package.size for package in analysis.bundle.packages if package.size] if analysis.bundle else []
    analysis.installed_bytes = sum(installed) or None


class _Contents:
    """The containers of a bundle, opened when they are needed. The name of that with its own files is empty."""

    def __init__(self, program: Executable, section: BurnSection, manifest: Manifest, seconds: float) -> None:
        self._program = program
        self._section = section
        self._manifest = manifest
        self._until = time.monotonic() + seconds
        self._payloads = {payload.id: payload for payload in manifest.payloads()}
        self._cabinets: dict[str, Cabinet | None] = {}

    @property
    def is_cut(self) -> bool:
        """Whether a container should be in the file, and is not."""
        count = len(self._section.container_sizes)
        return any(self._place(index) is None for index in range(1, count))

    def msi(self, ids: list[str], depth: Depth, analysis: PackageAnalysis) -> PackageAnalysis | None:
        """Read the MSI that is this payload, if it is in the file and not too large."""
        payload = self._payloads.get(ids[0]) if ids else None
        cabinet = self._cabinet(payload) if payload and payload.is_attached else None
        if payload is None or cabinet is None:
            return None
        file = next((file for file in cabinet.files if file.name == payload.name), None)
        if file is None:
            return None
        most = _LARGEST_LZX_MSI if "LZX" in cabinet.methods else _LARGEST_MSI
        try:
            content = cabinet.content(file, most, self._until)
        except InstallerError:
            return None
        return read_msi(io.BytesIO(content), payload.path, depth, analysis)

    def sizes(self) -> dict[tuple[str, str], int]:
        """Return the sizes of files by their containers and names."""
        found: dict[tuple[str, str], int] = {}
        for name, cabinet in self._all():
            found |= {(name, file.name): file.size for file in cabinet.files}
        return found

    def digests(self, analysis: PackageAnalysis) -> dict[tuple[str, str], str]:
        """Return the digests of files by their containers and names, as far as there is time."""
        found: dict[tuple[str, str], str] = {}
        for name, cabinet in self._all():
            try:
                for unpacked in cabinet.unpacked(self._until):
                    found[name, unpacked.name] = unpacked.sha256
            except InstallerError as error:
                analysis.notes.append(f"A container of the bundle: {error}")
        return found

    def _all(self) -> list[tuple[str, Cabinet]]:
        for payload in self._payloads.values():
            if payload.is_attached:
                self._cabinet(payload)
        return [(name, cabinet) for name, cabinet in self._cabinets.items() if cabinet is not None]

    def _cabinet(self, payload: Payload) -> Cabinet | None:
        name = payload.container
        if name not in self._cabinets:
            place = self._place(self._manifest.container_index(name) if name else 0)
            try:
                self._cabinets[name] = Cabinet(window(self._program, *place)) if place else None
            except InstallerError:
                self._cabinets[name] = None
        return self._cabinets[name]

    def _place(self, index: int | None) -> tuple[int, int] | None:
        sizes = self._section.container_sizes
        if index is None or not 0 <= index < len(sizes):
            return None
        if index == 0:
            return self._section.stub_size, sizes[0]
        signature, size = self._program.certificates
        if self._section.signature_offset:
            start = self._section.signature_offset + self._section.signature_size
        elif signature:
            start = signature + size
        else:
            start = self._section.stub_size + sizes[0]
        start += sum(sizes[1:index])
        return (start, sizes[index]) if start + sizes[index] <= self._program.size else None
