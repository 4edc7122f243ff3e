"""Writing a package: a folder, complete or not there, or a ZIP whose bytes depend on its content alone.

Files are streamed: an installer can have gigabytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from workflows.package_deployment.delivery.contents import DeliveryError
from workflows.package_deployment.scripts.literals import safe_file_name

MANIFEST = "manifest.json"
_PART = 1 << 20
_LONGEST_PATH = 240
_PARTIAL = ".partial-"
_ABANDONED_SECONDS = 86_400
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Entry:
    """A file of a package: its path with slashes, and its content or where that is."""

    path: str
    source: bytes | Path
    size: int
    sha256: str


def entry(path: str, source: bytes | Path) -> Entry:
    """Return a file of a package with its digest.

    Raises:
        DeliveryError: the path is not usable on Windows, or the file cannot be read.
    """
    parts = PurePosixPath(path).parts
    if not parts or "/".join(parts) != path or any(safe_file_name(part) != part for part in parts):
        raise DeliveryError(f"A file of the package cannot be called {path[:200]!r} on Windows.")
    if len(path) > _LONGEST_PATH:
        raise DeliveryError(f"The path {path[:60]!r}… is longer than {_LONGEST_PATH} characters.")
    if isinstance(source, bytes):
        return Entry(path, source, len(source), hashlib.sha256(source).hexdigest())
    digest, size = hashlib.sha256(), 0
    try:
        with source.open("rb") as file:
            for part in _parts_of(file):
                digest.update(part)
                size += len(part)
    except OSError as error:
        raise DeliveryError(f"The file {path} cannot be read: {error.strerror}.") from error
    return Entry(path, source, size, digest.hexdigest())


def _parts_of(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_PART):
        yield part


def with_manifest(entries: list[Entry], about: dict[str, object]) -> list[Entry]:
    """Return all files in order, with the manifest that lists the others with their sizes and digests.

    Raises:
        DeliveryError: two files have the same path on Windows.
    """
    ordered = sorted(entries, key=lambda item: item.path)
    seen: set[str] = set()
    for item in ordered:
        if item.path.casefold() in seen:
            raise DeliveryError(f"Two files of the package are called {item.path}.")
        seen.add(item.path.casefold())
    files = [{"path": item.path, "size": item.size, "sha256": item.sha256} for item in ordered]
    text = json.dumps(about | {"files": files}, indent=2, ensure_ascii=False, sort_keys=True)
    return [*ordered, entry(MANIFEST, (text + "\n").encode())]


def package_name(name: str, version: str, entries: list[Entry]) -> str:
    """Return the name of a package: the product, its version, and the beginning of the manifest's digest."""
    manifest = next(item for item in entries if item.path == MANIFEST)
    words = safe_file_name(f"{name[:80]} {version[:40]}".strip()).replace(" ", "-")
    return f"{words}_{manifest.sha256[:12]}"


def write_folder(entries: list[Entry], name: str, under: Path) -> Path:
    """Write a package as a folder, and return it. It appears whole; one that is there already stays as it is.

    Args:
        entries: All files, with the manifest.
        name: What `package_name` returns, so a folder of this name has the same content.
        under: The folder to write into.

    Raises:
        DeliveryError: it cannot be written, a file has changed meanwhile, or one in the folder that is there already.
    """
    target = under / name
    try:
        under.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(under)
        if (target / MANIFEST).is_file():
            _check_unchanged(entries, target)
            return target
        partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=under))
        try:
            for item in entries:
                path = partial / item.path
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    _copy(item, file)
                    file.flush()
                    os.fsync(file.fileno())
            partial.chmod(0o755)
            _put(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise DeliveryError(f"The package cannot be written: {error.strerror}.") from error
    return target


def _check_unchanged(entries: list[Entry], folder: Path) -> None:
    """Raise DeliveryError if a file of a package that has been written before is another now, or gone."""
    for item in entries:
        found = entry(item.path, folder / item.path)
        if found.sha256 != item.sha256:
            raise DeliveryError(
                f"The folder {folder.name} is there already, but its file {item.path} has been changed."
            )


def _put(partial: Path, target: Path) -> None:
    try:
        partial.rename(target)
    except OSError:
        if not (target / MANIFEST).is_file():  # another worker has put the same package there at the same moment
            raise


def _remove_abandoned(under: Path) -> None:
    """Remove what workers have left behind that ended while they wrote."""
    for path in under.glob(f"{_PARTIAL}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def write_zip(entries: list[Entry], path: Path) -> None:
    """Write a package as a ZIP. The same files give the same bytes: nothing is compressed, and all times are the same.

    Raises:
        DeliveryError: it cannot be written, or a file has changed meanwhile.
    """
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            for item in entries:
                info = zipfile.ZipInfo(item.path, _FIXED_TIME)
                info.create_system = 3
                info.external_attr = 0o100644 << 16
                info.file_size = item.size
                with archive.open(info, "w", force_zip64=item.size >= 1 << 31) as file:
                    _copy(item, file)
    except OSError as error:
        raise DeliveryError(f"The package cannot be written: {error.strerror}.") from error


def _copy(item: Entry, to: BinaryIO | zipfile.ZipExtFile | object) -> None:
    """Copy a file, and make sure that it still is the one in the manifest."""
    write = to.write  # type: ignore[union-attr]
    if isinstance(item.source, bytes):
        write(item.source)
        return
    digest = hashlib.sha256()
    with item.source.open("rb") as file:
        for part in _parts_of(file):
            digest.update(part)
            write(part)
    if digest.hexdigest() != item.sha256:
        raise DeliveryError(f"The file {item.path} has changed while the package was written.")
