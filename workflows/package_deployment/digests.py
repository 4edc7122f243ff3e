"""The size and the digests of a file, which are computed without looking at what it is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

_CHUNK = 1 << 20


class Digests(NamedTuple):
    """The size of a file in bytes, and its digests in hexadecimal."""

    size: int
    sha256: str
    sha1: str
    md5: str


def read_digests(path: Path) -> Digests:
    """Read the whole file once. Raises OSError: it cannot be read."""
    digests = hashlib.sha256(), hashlib.sha1(usedforsecurity=False), hashlib.md5(usedforsecurity=False)
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            for digest in digests:
                digest.update(chunk)
    sha256, sha1, md5 = (digest.hexdigest() for digest in digests)
    return Digests(size, sha256, sha1, md5)
