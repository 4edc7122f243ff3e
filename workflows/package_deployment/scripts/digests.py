"""The bytes of scripts as files, and their digests."""

from __future__ import annotations

import hashlib


def script_bytes(script: str) -> bytes:
    """Return a script as it is written to a file: UTF-8 with a byte order mark.

    Without the mark, Windows PowerShell 5.1 reads UTF-8 as the computer's old code page. Bytes of other characters then
    become quotes, which ends literals.
    """
    return script.encode("utf-8-sig")


def script_digest(script: str) -> str:
    """Return the SHA-256 of a script's file, in lower case."""
    return hashlib.sha256(script_bytes(script)).hexdigest()
