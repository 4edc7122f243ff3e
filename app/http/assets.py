"""Addresses of static files that change with their content, so that browsers may keep them for ever."""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, url_for


class Assets:
    """Adds the hash of a file's content to its address; a file that changes on disk is hashed again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, str]] = {}

    def url(self, name: str) -> str:
        """The address of `static/<name>`. A file that is missing gets the plain address, which answers 404."""
        version = self.version(name)
        return url_for("static", filename=name, v=version) if version else url_for("static", filename=name)

    def version(self, name: str) -> str:
        """The first hex digits of the SHA-256 of the file's content; empty if there is no such file."""
        path = self._folder / name
        try:
            changed = path.stat().st_mtime_ns
            known = self._known.get(name)
            if known is None or known[0] != changed:
                known = (changed, hashlib.sha256(path.read_bytes()).hexdigest()[:16])
                self._known[name] = known
        except OSError:
            return ""
        return known[1]


def register_assets(app: Flask, folder: Path) -> None:
    """Make `asset("dist/app.js")` available in templates."""
    app.jinja_env.globals["asset"] = Assets(folder).url
