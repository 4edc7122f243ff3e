"""InstallShield's programs: InstallScript, Basic MSI, and their self-extracting forms."""

from __future__ import annotations

from workflows.package_deployment.analysis import Confidence, Technology
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.markers import Marker, Variant
from workflows.package_deployment.installers.version_resource import VersionResource

STREAM_HEADERS = (b"InstallShield\0", b"ISSetupStream\0")
DEBUG_LINK = b"NB10"
MAKERS = ("installshield", "macrovision", "acresso", "flexera", "revenera")


def recognize_installshield(program: Executable, version: VersionResource) -> Marker | None:
    """Find the table of files after the program, and the strings that only InstallShield's launchers have."""
    evidence = []
    confidence = Confidence.CERTAIN
    offset = find_stream(program)
    if offset is not None:
        name = program.read(offset, 13).decode("latin-1")
        evidence.append(f"{name} header with its number of files, after the program, at byte {offset:,}")
    description = version.value("ISInternalDescription")
    if description or version.value("ISInternalVersion"):
        evidence.append("The version resource has InstallShield's strings ISInternalVersion and ISInternalDescription")
    if not evidence and _is_named_launcher(version):
        evidence.append("The version resource says that it is a launcher of InstallShield")
        confidence = Confidence.LIKELY
    if not evidence:
        return None
    words = f"{description} {version.value('FileDescription')} {version.value('InternalName')}".lower()
    variant = Variant.INSTALLSCRIPT if "installscript" in words else Variant.NONE
    if description and variant is Variant.NONE:
        variant = Variant.BASIC_MSI
    return Marker(
        Technology.INSTALLSHIELD, evidence, version.value("ISInternalVersion"), confidence, variant,
        offset or program.overlay, program.end - (offset or program.overlay),
    )  # fmt: skip


def find_stream(program: Executable) -> int | None:
    """Return where the table of files starts, or None. A link to debugging data may stand before it."""
    head = program.read(program.overlay, 1_024)
    start = 0
    if head.startswith(DEBUG_LINK):
        start = head.find(b"\0", 16) + 1
    if not head.startswith(STREAM_HEADERS, start):
        return None
    count = int.from_bytes(head[start + 14 : start + 16], "little")
    return program.overlay + start if count else None


def _is_named_launcher(version: VersionResource) -> bool:
    words = version.value("FileDescription").lower()
    company = version.value("CompanyName").lower()
    internal = version.value("InternalName").lower()
    if "installshield" in words and ("launcher" in words or "setup" in words):
        return True
    return any(maker in company for maker in MAKERS) and internal in ("setup", "setup.exe", "stub32", "setup launcher")
