"""MSIs built with `wixl`, for tests: sources with the parts that a test is about."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.signing import tool

UPGRADE_CODE = "{11111111-2222-3333-4444-555555555555}"
FILES = """
<Component Id="Main" Guid="{AAAAAAAA-0000-0000-0000-000000000001}">
  <File Id="app" Source="app.exe" KeyPath="yes"/>
</Component>
"""


def source(
    *, name: str = "Example", version: str = "1.2.3", language: str = "1033",
    package: str = 'InstallScope="perMachine"',
    media: str = '<Media Id="1" Cabinet="one.cab" EmbedCab="yes"/>', parts: str = "", components: str = FILES,
    feature: str = "", folder: str = "ProgramFilesFolder", product: str = "",
) -> str:  # fmt: skip
    """Return a source of wixl. The components of `components` named in `feature` (or "Main") belong to one feature."""
    references = feature or '<ComponentRef Id="Main"/>'
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="*" UpgradeCode="{UPGRADE_CODE}" Name="{name}" Version="{version}" Manufacturer="Example Software"
           Language="{language}" {product}>
    <Package InstallerVersion="200" Compressed="yes" {package}/>
    {media}
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="{folder}">
      <Directory Id="INSTALLDIR" Name="Example Program">{components}</Directory>
    </Directory></Directory>
    <Feature Id="Complete" Title="Everything" Level="1">{references}</Feature>
    {parts}
  </Product>
</Wix>"""


def build(folder: Path, text: str, *options: str, files: dict[str, bytes] | None = None, name: str = "a.msi") -> Path:
    """Build an MSI from a source; `files` are the files beside it, with app.exe among them."""
    for path, content in ({"app.exe": b"MZ example"} | (files or {})).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "a.wxs").write_text(text, encoding="utf-8")
    command = [tool("wixl"), *options, "-o", name, "a.wxs"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return folder / name


def exported(path: Path, table: str) -> list[list[str]]:
    """Return the rows of a table as `msiinfo`, an independent reader, sees them."""
    # It writes the content of streams into files of the working directory.
    command = [tool("msiinfo"), "export", path, table]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, timeout=60, check=True)
    lines = done.stdout.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return [line.split("\t") for line in lines[3:] if line]


def summary_of(path: Path) -> str:
    """Return the summary information as `msiinfo` shows it."""
    command = [tool("msiinfo"), "suminfo", path]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
