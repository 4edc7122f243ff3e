"""Real files from packages of npm and PyPI, downloaded by the registries' own clients into a folder of this machine.

README.md lists them with their licenses. Nothing of them is kept in the repository.
"""

from __future__ import annotations

import os
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path

from bench.packages.recipes import MissingToolError, run, tool

_FOLDER = "ASSENT_BENCH_PACKAGES"


@cache
def npm(name: str, version: str) -> Path:
    """Return the folder of an npm package, which is downloaded at the first use. Raises MissingToolError."""
    target = folder() / "npm" / f"{name}-{version}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            printed = run(tool("npm"), "pack", "--silent", f"{name}@{version}", within=target.parent)
        except RuntimeError as error:
            raise MissingToolError(f"npm's {name} {version}") from error
        archive = target.parent / printed.split()[-1]
        with tarfile.open(archive) as opened:
            opened.extractall(target, filter="data")
        archive.unlink()
    return target / "package"


@cache
def wheel(name: str, version: str, *options: str) -> Path:
    """Return the folder with the content of a wheel, which is downloaded at the first use. Raises MissingToolError."""
    target = folder() / "pypi" / f"{name}-{version}"
    if not target.exists():
        download = target.with_name(f"{name}-{version}.download")
        download.mkdir(parents=True, exist_ok=True)
        try:
            run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *options,
                "--dest", download, f"{name}=={version}")  # fmt: skip
        except RuntimeError as error:
            raise MissingToolError(f"PyPI's {name} {version}") from error
        with zipfile.ZipFile(next(download.glob("*.whl"))) as opened:
            opened.extractall(target)
    return target


def folder() -> Path:
    """Return where downloads are kept between runs: ASSENT_BENCH_PACKAGES, or a folder of the user's cache."""
    named = os.environ.get(_FOLDER)
    return Path(named) if named else Path.home() / ".cache" / "assent-bench-packages"
