"""The example of the start page: packages that are built when the demo is set up, and the inputs that name them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from workflows.package_deployment.sample import FILE_NAME, UPGRADE_CODE, write_sample_package

FOLDERS_VARIABLE = "ASSENT_INPUT_FOLDERS"
EXE_NAME = "ExampleViewer-1.3.0-setup.exe"
_REQUEST = "Close ExampleAgent first. Remove the desktop shortcut, and let users defer 3 times."
_BUILD_SECONDS = 60
_WXS = f"""<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="*" UpgradeCode="{UPGRADE_CODE}" Name="Example Agent" Version="2.4.1" Manufacturer="Example Software"
           Language="1033">
    <Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine" Platform="x64"/>
    <Media Id="1" Cabinet="agent.cab" EmbedCab="yes"/>
    <Property Id="SERVERNAME" Value="agent.example.com" Secure="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFiles64Folder">
      <Directory Id="INSTALLDIR" Name="Example Agent">
        <Component Id="Agent" Guid="{{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A14}}" Win64="yes">
          <File Id="agent" Name="ExampleAgent.exe" Source="ExampleAgent.exe" KeyPath="yes"/>
        </Component>
      </Directory>
    </Directory></Directory>
    <Feature Id="Complete" Title="Example Agent" Level="1"><ComponentRef Id="Agent"/></Feature>
  </Product>
</Wix>
"""
_NSI = f"""
Unicode true
Name "Example Viewer"
OutFile "{EXE_NAME}"
InstallDir "$PROGRAMFILES\\Example Viewer"
RequestExecutionLevel admin
VIProductVersion "1.3.0.0"
VIAddVersionKey "ProductName" "Example Viewer"
VIAddVersionKey "ProductVersion" "1.3.0"
VIAddVersionKey "CompanyName" "Example Software"
VIAddVersionKey "FileVersion" "1.3.0"
VIAddVersionKey "FileDescription" "Example Viewer Setup"
VIAddVersionKey "LegalCopyright" "Example Software"
Section
  SetOutPath "$INSTDIR"
  File "ExampleAgent.exe"
  WriteUninstaller "$INSTDIR\\uninstall.exe"
SectionEnd
Section "Uninstall"
  Delete "$INSTDIR\\ExampleAgent.exe"
  Delete "$INSTDIR\\uninstall.exe"
SectionEnd
"""


def make_examples(folder: Path) -> None:
    """Build the example packages in a folder, unless they are there. What cannot be built is left out.

    The MSI is built with wixl where that is installed, or else by our own writer; the EXE only where makensis is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_there = (folder / FILE_NAME).exists()
    if not is_there and not _built(folder, FILE_NAME, "wixl", "agent.wxs", _WXS, "-a", "x64", "-o"):
        write_sample_package(folder)
    if not (folder / EXE_NAME).exists():
        _built(folder, EXE_NAME, "makensis", "viewer.nsi", _NSI, "-V1")


def examples() -> tuple[dict[str, Any], ...]:
    """Return inputs that name the example packages, where they lie in a folder that inputs may name."""
    folders = [Path(folder.strip()) for folder in os.environ.get(FOLDERS_VARIABLE, "").split(",") if folder.strip()]
    known = ((FILE_NAME, _REQUEST, "standard"), (EXE_NAME, "Show no windows.", "comprehensive"))
    return tuple(
        {"package": str(folder / name), "request": request, "mode": mode, "environment": "sample"}
        for folder in folders
        for name, request, mode in known
        if (folder / name).is_file()
    )


def _built(folder: Path, name: str, program: str, source: str, text: str, *options: str) -> bool:
    """Build a package with a program, if there is one; return whether it is there."""
    found = shutil.which(program)
    if found is None:
        return False
    with tempfile.TemporaryDirectory(prefix="assent-example-") as place:
        (Path(place) / source).write_text(text, encoding="utf-8")
        (Path(place) / "ExampleAgent.exe").write_bytes(b"This stands for a program. " * 2_000)
        target = [name] if options[-1] == "-o" else []
        try:
            command = [found, *options, *target, source]
            subprocess.run(command, cwd=place, capture_output=True, timeout=_BUILD_SECONDS, check=True)  # noqa: S603
            shutil.copyfile(Path(place) / name, folder / f".{name}")
        except (OSError, subprocess.SubprocessError):
            return False
    (folder / f".{name}").replace(folder / name)
    return True
