"""NSIS installers built with makensis: compressors, stubs, rights, pages, and version resources, old and new."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.packages.recipes import Recipe, Truth, run, tool
from workflows.package_deployment.analysis import Architecture, Technology

_COMPRESSORS = ("zlib", "/SOLID zlib", "bzip2", "/SOLID bzip2", "lzma", "/SOLID lzma", "off")
_TARGETS = ("x86-unicode", "x86-unicode", "x86-ansi", "amd64-unicode")
_RIGHTS = ("", "RequestExecutionLevel user", "RequestExecutionLevel admin", "RequestExecutionLevel highest")
_PAGES = {
    "none": "",
    "plain": "Page license\nPage directory\nPage instfiles\nUninstPage uninstConfirm\nUninstPage instfiles",
    "modern": """!include MUI2.nsh
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
!insertmacro MUI_LANGUAGE "German"
""",
    "many users": """!define MULTIUSER_EXECUTIONLEVEL Highest
!define MULTIUSER_MUI
!define MULTIUSER_INSTALLMODE_COMMANDLINE
!include MultiUser.nsh
!include MUI2.nsh
!insertmacro MULTIUSER_PAGE_INSTALLMODE
!insertmacro MUI_PAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"
Function .onInit
!insertmacro MULTIUSER_INIT
FunctionEnd
Function un.onInit
!insertmacro MULTIUSER_UNINIT
FunctionEnd
""",
}  # fmt: skip


@dataclass
class Draft:
    """An NSIS installer as it was drawn."""

    compressor: str
    target: str
    rights: str
    pages: str
    version: str
    check: str
    quiet: bool
    uninstaller: bool
    msi: bool

    @classmethod
    def drawn(cls, dice: random.Random) -> Draft:
        """Draw one."""
        return cls(
            dice.choice(_COMPRESSORS), dice.choice(_TARGETS), dice.choice(_RIGHTS), dice.choice(list(_PAGES)),
            dice.choice(("", "1.2.3.4", "10.0.0.15")), dice.choice(("on", "off", "force")), dice.random() < 0.2,
            dice.random() < 0.7, dice.random() < 0.2,
        )  # fmt: skip

    @property
    def truth(self) -> Truth:
        """What is true of it."""
        machine = Architecture.X64 if self.target.startswith("amd64") else None
        return Truth(Technology.NSIS, version=self.version or None, architecture=machine)


def build(draft: Draft, folder: Path) -> Path:
    """Build an installer with makensis."""
    (folder / "payload.bin").write_bytes(random.Random(repr(draft)).randbytes(40_000))
    compressor = "SetCompress off" if draft.compressor == "off" else f"SetCompressor {draft.compressor}"
    resource = (
        f'VIProductVersion {draft.version}\nVIAddVersionKey ProductName "Example"\n'
        'VIAddVersionKey CompanyName "Example"\n'
        f'VIAddVersionKey FileVersion "{draft.version}"\nVIAddVersionKey ProductVersion "{draft.version}"\n'
        'VIAddVersionKey LegalCopyright ""\nVIAddVersionKey FileDescription "Example"'
    )
    script = "\n".join(
        (
            f"Target {draft.target}",
            compressor if draft.compressor != "off" else "",
            'Name "Example"',
            'OutFile "setup.exe"',
            'InstallDir "$PROGRAMFILES\\Example"',
            "" if draft.pages == "many users" else draft.rights,
            f"CRCCheck {draft.check}",
            "SilentInstall silent" if draft.quiet else "",
            "LicenseData license.txt" if draft.pages == "plain" else "",
            _PAGES[draft.pages],
            resource if draft.version else "",
            compressor if draft.compressor == "off" else "",
            "Section",
            "SetOutPath $INSTDIR",
            f"File {'/oname=example.msi ' if draft.msi else ''}payload.bin",
            "ExecWait 'msiexec /i \"$INSTDIR\\example.msi\" /qn'" if draft.msi else "",
            'WriteUninstaller "$INSTDIR\\uninstall.exe"',
            'WriteRegStr HKLM "Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\Example" UninstallString "x"',
            "SectionEnd",
            "Section Uninstall\nDelete $INSTDIR\\payload.bin\nSectionEnd",
        )
    )  # fmt: skip
    (folder / "license.txt").write_text("Use it as you like.")
    (folder / "setup.nsi").write_text(script)
    run(tool("makensis"), "-V1", folder / "setup.nsi", within=folder)
    return folder / "setup.exe"


def recipes(group: str, count: int, held_back: bool) -> list[Recipe]:
    """Return recipes that are drawn by a group's name."""
    found = []
    for number in range(count):
        draft = Draft.drawn(random.Random(f"{group} {number}"))
        found.append(Recipe(f"nsis {group} {number}", draft.truth, partial(build, draft), held_back, ("exe",)))
    return found
