"""Real programs of registry packages, and installers that their tools make. What they are, their authors say."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.packages.inno import wine
from bench.packages.recipes import Recipe, Truth
from bench.packages.registries import npm, wheel
from workflows.package_deployment.analysis import Technology

_WINDOWS = ("--platform", "win_amd64")
_OF_WINSTALLER = ("rcedit.exe", "nuget.exe", "signtool.exe", "7z-x64.exe", "WriteZipToSetup.exe", "StubExecutable.exe",
                  "7z-x64.dll", "wix.dll", "winterop.dll")  # fmt: skip
_OF_INNO = ("Compil32.exe", "ISCC.exe", "islzma64.exe")
_NUSPEC = "<package><metadata><id>example</id><version>1.2.3</version></metadata></package>"


def _npm(package: str, version: str, path: str, folder: Path) -> Path:
    return Path(shutil.copy(npm(package, version) / path, folder))


def _wheel(package: str, version: str, path: str, folder: Path) -> Path:
    return Path(shutil.copy(wheel(package, version, *_WINDOWS) / path, folder))


def _squirrel(version: str) -> Callable[[Path], Path]:
    """Return what puts a release into the real Setup.exe of Squirrel, by its own tool."""

    def build(folder: Path) -> Path:
        vendor = npm("electron-winstaller", version) / "vendor"
        package = folder / "example-1.2.3-full.nupkg"
        with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as opened:
            opened.writestr(
                "example.nuspec", "<package><metadata><id>example</id><version>1.2.3</version></metadata></package>"
            )
            opened.writestr("lib/net45/example.exe", b"MZ" + bytes(4000))
        with zipfile.ZipFile(folder / "releases.zip", "w", zipfile.ZIP_DEFLATED) as opened:
            opened.write(package, package.name)
            opened.writestr("RELEASES", f"{'0' * 40} {package.name} {package.stat().st_size}")
            opened.writestr("Update.exe", b"MZ" + bytes(3000))
        setup = Path(shutil.copy(vendor / "Setup.exe", folder))
        wine(vendor / "WriteZipToSetup.exe", "Setup.exe", "releases.zip", within=folder)
        return setup

    return build


def recipes() -> list[Recipe]:
    """Return all recipes; every third is held back, but none of Squirrel, which has too few."""
    winstaller, inno = partial(_npm, "electron-winstaller", "5.4.4"), partial(_npm, "innosetup-compiler", "6.3.1")
    installer = "PyInstaller/bootloader/Windows-64bit-intel/run.exe"
    found: list[tuple[str, Technology, Callable[[Path], Path]]] = [
        (f"Setup.exe of electron-winstaller {version} with a release", Technology.SQUIRREL, _squirrel(version))
        for version in ("5.4.4", "3.0.4", "2.2.0")
    ]
    programs: dict[str, Callable[[Path], Path]] = {
        **{f"electron-winstaller {name}": partial(winstaller, f"vendor/{name}") for name in _OF_WINSTALLER},
        **{f"innosetup-compiler {name}": partial(inno, f"bin/{name}") for name in _OF_INNO},
        **{f"7zip {name}": partial(_npm, "7zip", "0.0.6", f"7zip-lite/{name}") for name in ("7z.exe", "7z.dll")},
        "setuptools cli-32.exe": partial(_wheel, "setuptools", "50.3.2", "setuptools/cli-32.exe"),
        "setuptools gui-64.exe": partial(_wheel, "setuptools", "50.3.2", "setuptools/gui-64.exe"),
        "distlib t64.exe": partial(_wheel, "distlib", "0.4.4", "distlib/t64.exe"),
        "distlib w32.exe": partial(_wheel, "distlib", "0.4.4", "distlib/w32.exe"),
        "pyinstaller run.exe": partial(_wheel, "pyinstaller", "6.22.3", installer),
    }
    found += [(name, Technology.UNKNOWN, build) for name, build in programs.items()]
    return [
        Recipe(
            name,
            Truth(technology, source="the package's documents"),
            build,
            index % 3 == 1 and index > 2,
            ("exe", "real"),
        )
        for index, (name, technology, build) in enumerate(found)
    ]
