"""Self-extracting archives: 7-Zip, WinRAR, ZIP, IExpress, and cabinets after a program."""

from __future__ import annotations

from workflows.package_deployment.analysis import Confidence, Technology
from workflows.package_deployment.installers.executable import RESOURCE_DATA, Executable
from workflows.package_deployment.installers.manifest import Manifest
from workflows.package_deployment.installers.markers import Marker, Variant
from workflows.package_deployment.installers.version_resource import VersionResource

SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c"
SEVEN_ZIP_CONFIG = b";!@Install@!UTF-8!"
SEVEN_ZIP_CONFIG_END = b";!@InstallEnd@!"
RAR = b"Rar!\x1a\x07"
ZIP = b"PK\x03\x04"
CABINET = b"MSCF\0\0\0\0"
_NEAR = 64 << 10
"""How far after the program an archive may start, in bytes."""
_WINRAR_DIALOGS = {"STARTDLG", "GETPASSWORD1", "LICENSEDLG", "RENAMEDLG", "REPLACEFILEDLG", "ASKNEXTVOL"}
_DIALOG = 5
_ZIP_STUBS = ("_winzip_",)
_PROGRAMS_WITH_ARCHIVES = (b"META-INF/", b"__main__.py", b"__main__.pyc", b"AndroidManifest.xml")


def recognize_iexpress(program: Executable) -> Marker | None:
    """Find the resources of IExpress: CABINET, and RUNPROGRAM with the command that is run after unpacking."""
    cabinet = program.resource(RESOURCE_DATA, "CABINET")
    command = program.resource(RESOURCE_DATA, "RUNPROGRAM")
    if cabinet is None or command is None or program.content(cabinet, 8) != CABINET:
        return None
    return Marker(
        Technology.SELF_EXTRACTING_ARCHIVE,
        [f"Resources CABINET (at byte {cabinet.offset:,}) and RUNPROGRAM of IExpress"],
        variant=Variant.IEXPRESS, offset=cabinet.offset, size=cabinet.size,
    )  # fmt: skip


def recognize_archive(program: Executable, version: VersionResource, manifest: Manifest) -> Marker | None:
    """Find an archive right after the program."""
    start, end = program.overlay, program.end
    if start >= end:
        return _recognize_box(program)
    return (
        _recognize_seven_zip(program, start, end)
        or _recognize_rar(program, start, end)
        or _recognize_zip(program, start, end, version, manifest)
        or _recognize_cabinet(program, start, end)
        or _recognize_box(program)
    )


def _recognize_seven_zip(program: Executable, start: int, end: int) -> Marker | None:
    config = program.find(SEVEN_ZIP_CONFIG, start, min(start + _NEAR, end))
    after = start
    evidence = []
    if config >= 0:
        after = program.find(SEVEN_ZIP_CONFIG_END, config, min(config + _NEAR, end))
        if after < 0:
            return None
        evidence.append(f"Configuration ;!@Install@!UTF-8! at byte {config:,}")
    at = program.find(SEVEN_ZIP, after, min(after + 1_024, end))
    if at < 0 or (config < 0 and at - start > 512):
        return None
    evidence.append(f"7-Zip archive after the program, at byte {at:,}")
    return _archive(evidence, Variant.SEVEN_ZIP, at, end)


def _recognize_rar(program: Executable, start: int, end: int) -> Marker | None:
    at = program.find(RAR, start, min(start + 1_024, end))
    if at < 0 or program.read(at + 6, 1) not in (b"\0", b"\1"):
        return None
    return _archive([f"RAR archive after the program, at byte {at:,}"], Variant.WINRAR, at, end)


def _recognize_zip(
    program: Executable, start: int, end: int, version: VersionResource, manifest: Manifest
) -> Marker | None:
    if program.read(start, 4) != ZIP:
        return None
    names = {str(found.name) for found in program.resources() if found.type == _DIALOG}
    if len(names & _WINRAR_DIALOGS) >= 2:
        evidence = [f"Dialogs of WinRAR's module, and a ZIP archive after the program, at byte {start:,}"]
        return _archive(evidence, Variant.WINRAR, start, end)
    words = f"{version.value('FileDescription')} {version.value('ProductName')} {manifest.description}".lower()
    says_so = any(word in words for word in ("self-extract", "self extract", "selfextract", "sfx", "unzipsfx"))
    if any(program.section(name) for name in _ZIP_STUBS) or says_so:
        evidence = [f"ZIP archive after a program for unpacking, at byte {start:,}"]
        return _archive(evidence, Variant.ZIP, start, end)
    if _is_program_with_archive(program, start, end):
        return None
    marker = _archive([f"ZIP archive right after the program, at byte {start:,}"], Variant.ZIP, start, end)
    marker.confidence = Confidence.GUESS
    return marker


def _is_program_with_archive(program: Executable, start: int, end: int) -> bool:
    """Whether the archive is a part of an ordinary program, such as one in Java or Python."""
    tail = max(end - (1 << 20), start)
    return any(program.find(name, tail, end) >= 0 for name in _PROGRAMS_WITH_ARCHIVES)


def _recognize_cabinet(program: Executable, start: int, end: int) -> Marker | None:
    if program.read(start, 8) != CABINET:
        return None
    return _archive([f"Cabinet right after the program, at byte {start:,}"], Variant.CABINET, start, end)


def _recognize_box(program: Executable) -> Marker | None:
    """Find the section of the program with which Microsoft packs .NET and others."""
    box = program.section(".boxld01")
    if box is None:
        return None
    return _archive([f"Section .boxld01 at byte {box.offset:,}"], Variant.MICROSOFT_BOX, box.offset, program.end)


def _archive(evidence: list[str], variant: Variant, start: int, end: int) -> Marker:
    return Marker(Technology.SELF_EXTRACTING_ARCHIVE, evidence, variant=variant, offset=start, size=end - start)
