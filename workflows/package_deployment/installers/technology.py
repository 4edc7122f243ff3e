"""What a program was built with as an installer, from markers at the places where the formats have them.

A name of a technology somewhere in a program proves nothing: programs that build or read installers contain them, too.
"""

from __future__ import annotations

from workflows.package_deployment.installers.archives import recognize_archive, recognize_iexpress
from workflows.package_deployment.installers.burn import recognize_burn
from workflows.package_deployment.installers.executable import Executable
from workflows.package_deployment.installers.inno import recognize_inno
from workflows.package_deployment.installers.installshield import recognize_installshield
from workflows.package_deployment.installers.manifest import Manifest
from workflows.package_deployment.installers.markers import Marker
from workflows.package_deployment.installers.nsis import recognize_nsis
from workflows.package_deployment.installers.squirrel import recognize_squirrel
from workflows.package_deployment.installers.version_resource import VersionResource
from workflows.package_deployment.installers.wrappers import recognize_advanced_installer, recognize_wrapper

_QT_COOKIE = bytes.fromhex("f868d6991c0a63c2")
_PYINSTALLER_COOKIE = b"MEI\x0c\x0b\x0a\x0b\x0e"
_SETUP_FACTORY = bytes.fromhex("e0e1e2e3e4e5e6e7")
_TAIL = 1 << 20


def recognize(program: Executable, version: VersionResource, manifest: Manifest) -> Marker | None:
    """Return the technology of an installer, or None if the program has no marker of one."""
    return (
        recognize_burn(program)
        or recognize_inno(program)
        or recognize_nsis(program, manifest)
        or recognize_installshield(program, version)
        or recognize_squirrel(program)
        or recognize_iexpress(program)
        or recognize_advanced_installer(program)
        or recognize_archive(program, version, manifest)  # before an MSI that may lie in it without compression
        or recognize_wrapper(program)
    )


def name_other_maker(program: Executable) -> str:
    """Return what else the program shows, in a sentence, if it has no marker of a technology that is supported."""
    tail = max(program.end - _TAIL, program.overlay)
    if program.find(_QT_COOKIE, tail, program.end) >= 0:
        return "It has the mark of Qt Installer Framework, which is not supported."
    if program.read(program.overlay, 8) == _SETUP_FACTORY:
        return "It has the mark of Setup Factory, which is not supported."
    if program.find(_PYINSTALLER_COOKIE, tail, program.end) >= 0:
        return "It is a program that PyInstaller has packed, not an installer."
    kinds = {str(found.type) for found in program.resources()}
    if kinds & {"BL", "BN", "B7"}:
        return "It has the resources of the installers of Chromium, which are not supported."
    return ""
