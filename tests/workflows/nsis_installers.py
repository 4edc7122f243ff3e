"""NSIS installers built with `makensis`, for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.signing import tool

SCRIPT = """
Unicode {unicode}
{target}
SetCompressor {solid} {compressor}
Name "Example Editor"
OutFile "setup.exe"
InstallDir "{install_folder}"
RequestExecutionLevel {level}
VIProductVersion "3.4.5.6"
VIAddVersionKey ProductName "Example Editor"
VIAddVersionKey CompanyName "Example Software"
VIAddVersionKey FileVersion "3.4.5.6"
VIAddVersionKey ProductVersion "{resource_version}"
VIAddVersionKey LegalCopyright "None"
Section
SetOutPath $INSTDIR
File readme.txt
SetOutPath "$INSTDIR\\docs"
File /oname=manual.txt manual.txt
{lines}
SectionEnd
Section Uninstall
Delete "$INSTDIR\\readme.txt"
SectionEnd
"""
UNINSTALL_KEY = "Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\ExampleEditor"
UNINSTALLER = 'WriteUninstaller "$INSTDIR\\uninstall.exe"\n'
ENTRY = UNINSTALLER + "\n".join(
    f'WriteRegStr HKLM "{UNINSTALL_KEY}" "{name}" \'{value}\''
    for name, value in {
        "DisplayName": "Example Editor 3", "DisplayVersion": "3.4.7", "Publisher": "Example Software",
        "UninstallString": '"$INSTDIR\\uninstall.exe"',
        "QuietUninstallString": '"$INSTDIR\\uninstall.exe" /allusers /S',
    }.items()
)  # fmt: skip
README, MANUAL = b"Read me.\n" * 50, b"How it works.\n" * 5_000


def build_nsis(folder: Path, script: str = SCRIPT, **choices: str) -> Path:
    """Build an installer; `choices` fill in the script."""
    chosen = {
        "unicode": "true", "solid": "", "compressor": "zlib", "level": "admin", "target": "", "lines": UNINSTALLER,
        "install_folder": "$PROGRAMFILES\\Example Editor", "resource_version": "3.4.5",
    } | choices  # fmt: skip
    (folder / "readme.txt").write_bytes(README)
    (folder / "manual.txt").write_bytes(MANUAL)
    source = folder / "setup.nsi"
    source.write_text(script.format(**chosen), encoding="utf-8")
    done = subprocess.run([tool("makensis"), "-V2", source], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    return folder / "setup.exe"
