"""Squirrel's programs, and those of its successors, Clowd.Squirrel and Velopack."""

from __future__ import annotations

from workflows.package_deployment.analysis import Technology
from workflows.package_deployment.installers.executable import Executable, Resource
from workflows.package_deployment.installers.markers import Marker, Variant

BUNDLE_SIGNATURE = bytes.fromhex("94f0b17b6893e02937eb34ef53aae7d42b54f5707ef5d6f57854983e5e94ed7d")
"""SHA-256 of "squirrel bundle". The offset and the length of the package stand before it."""
_ZIP = b"PK\x03\x04"
_LONGEST_DIRECTORY = 1 << 16
"""Bytes at the end of the archive in which its list of files is."""


def recognize_squirrel(program: Executable) -> Marker | None:
    """Find the archive in the resource DATA 131, or the place that the successors write into the program."""
    archive = program.resource("DATA", 131)
    if archive is not None and program.content(archive, 4) == _ZIP and (more := _confirmation(program, archive)):
        return Marker(
            Technology.SQUIRREL, [f"ZIP archive in the resource DATA 131 (at byte {archive.offset:,}), and {more}"],
            offset=archive.offset, size=archive.size,
        )  # fmt: skip
    return _find_bundle(program)


def _confirmation(program: Executable, archive: Resource) -> str:
    """Return what besides the archive is Squirrel's; nothing if there is nothing. Old versions have no FLAGS."""
    if program.resource("FLAGS", 132):
        return "FLAGS 132"
    end = archive.offset + archive.size
    listed = program.find(b"RELEASES", max(archive.offset, end - _LONGEST_DIRECTORY), end) >= 0
    return "a list of releases in it" if listed else ""


def _find_bundle(program: Executable) -> Marker | None:
    at = program.find(BUNDLE_SIGNATURE, 16, program.overlay)
    if at < 0:
        return None
    offset = int.from_bytes(program.read(at - 16, 8), "little")
    size = int.from_bytes(program.read(at - 8, 8), "little")
    if not size or offset + size > program.size or program.read(offset, 4) != _ZIP:
        return None
    return Marker(
        Technology.SQUIRREL,
        [f"Signature of a bundle of Clowd.Squirrel or Velopack at byte {at:,}; its package is at byte {offset:,}"],
        variant=Variant.CLOWD_SQUIRREL, offset=offset, size=size,
    )  # fmt: skip
