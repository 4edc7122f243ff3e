"""Inno Setup installers, built by several versions of its compiler, which runs under wine where that is installed."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.packages.recipes import MissingToolError, Recipe, Truth, run, tool
from bench.packages.registries import folder as downloads
from bench.packages.registries import npm
from workflows.package_deployment.analysis import Technology

_VERSIONS = ("5.5.9", "5.6.1", "6.0.2", "6.2.0", "6.3.1")
_COMPRESSIONS = ("zip", "bzip", "lzma", "lzma2/fast", "none")
_APP_ID = "{{7B0A8E3E-1111-4222-8333-444455556666}"
_APPS = ("Example Viewer", "Größenrechner", "Example (64-bit) {{beta}")


@dataclass
class Draft:
    """An Inno Setup installer as it was drawn."""

    compiler: str
    name: str
    version: str
    compression: str
    solid: bool
    rights: str
    wide: bool
    disks: bool
    dialog: bool

    @classmethod
    def drawn(cls, dice: random.Random, number: int) -> Draft:
        """Draw one; the versions of the compiler take turns."""
        return cls(
            _VERSIONS[number % len(_VERSIONS)], dice.choice(_APPS), dice.choice(("1.0", "3.4.5", "10.2.1.77")),
            dice.choice(_COMPRESSIONS), dice.random() < 0.5, dice.choice(("", "admin", "lowest")), dice.random() < 0.4,
            dice.random() < 0.15, dice.random() < 0.3,
        )  # fmt: skip

    @property
    def truth(self) -> Truth:
        """What is true of it."""
        return Truth(Technology.INNO_SETUP, version=self.version, name=self.name.replace("{{", "{"))


def build(draft: Draft, folder: Path) -> Path:
    """Compile an installer. Raises MissingToolError."""
    compiler = npm("innosetup-compiler", draft.compiler) / "bin" / "ISCC.exe"
    (folder / "payload.exe").write_bytes(random.Random(repr(draft)).randbytes(3_000_000 if draft.disks else 60_000))
    lines = [
        "[Setup]", f"AppName={draft.name}", f"AppVersion={draft.version}", f"AppId={_APP_ID}",
        "DefaultDirName={pf}\\Example", "OutputDir=.", "OutputBaseFilename=setup", "AppPublisher=Example Software",
        f"Compression={draft.compression}", f"SolidCompression={'yes' if draft.solid else 'no'}",
        f"VersionInfoVersion={draft.version}",
    ]  # fmt: skip
    new = draft.compiler >= "6"
    if draft.rights and (new or draft.rights != "lowest"):
        lines.append(f"PrivilegesRequired={draft.rights}")
    if draft.dialog and new:
        lines.append("PrivilegesRequiredOverridesAllowed=dialog commandline")
    if draft.wide:
        lines += ["ArchitecturesInstallIn64BitMode=x64", "ArchitecturesAllowed=x64"]
    if draft.disks:
        lines += ["DiskSpanning=yes", "DiskSliceSize=2500000"]
    lines += ["[Files]", 'Source: "payload.exe"; DestDir: "{app}"']
    script = folder / "setup.iss"
    script.write_text("\n".join(lines), "utf-8-sig")
    wine(compiler, "/Q", "setup.iss", within=folder)
    return folder / "setup.exe"


def wine(*command: str | Path, within: Path) -> None:
    """Run a 32-bit program for Windows.

    Raises:
        MissingToolError: there is no wine that can run one.
        RuntimeError: the program failed.
    """
    program = tool("wine")
    prefix = Path(os.environ.get("WINEPREFIX") or downloads() / "wine")
    quiet = ["env", "WINEDEBUG=-all", f"WINEPREFIX={prefix}"]
    if not (prefix / "drive_c" / "windows" / "syswow64").exists():
        prefix.parent.mkdir(parents=True, exist_ok=True)
        try:
            run(*quiet, program, "wineboot", "-i", within=within)
        except RuntimeError as error:
            raise MissingToolError("wine for 32-bit programs") from error
    try:
        run(*quiet, program, *command, within=within)
    except RuntimeError as error:
        if "could not load" in str(error) or "wine32" in str(error):
            raise MissingToolError("wine for 32-bit programs") from error
        raise


def recipes(group: str, count: int, held_back: bool) -> list[Recipe]:
    """Return recipes that are drawn by a group's name."""
    found = []
    for number in range(count):
        draft = Draft.drawn(random.Random(f"{group} {number}"), number)
        found.append(Recipe(f"inno {group} {number}", draft.truth, partial(build, draft), held_back, ("exe",)))
    return found
