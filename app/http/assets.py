"""Static files: their URLs change with their content, and files that the build compressed are sent compressed.

Pages are not compressed: the length of a compressed page that also contains input from others would leak its secrets
(BREACH).
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path

from flask import Flask, Response, request, send_from_directory, url_for


class Assets:
    """Adds the hash of a file's content to its URL; a file that changes on disk is hashed again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, str]] = {}

    def url(self, name: str) -> str:
        """The URL of `static/<name>`. A missing file gets a URL without a hash, which answers 404."""
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
    """Serve the folder under `/static/`, and make `asset("dist/app.js")` available in templates."""

    def static(filename: str) -> Response:
        """A file, or its compressed version if the browser accepts that and it is up to date."""
        packed = f"{filename}.gz"
        if request.accept_encodings["gzip"] and _is_newer(folder / packed, folder / filename):
            answer = send_from_directory(folder, packed, mimetype=mimetypes.guess_type(filename)[0])
            answer.headers["Content-Encoding"] = "gzip"
        else:
            answer = send_from_directory(folder, filename)
        answer.vary.add("Accept-Encoding")
        return answer

    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=static)
    app.jinja_env.globals["asset"] = Assets(folder).url


def _is_newer(packed: Path, plain: Path) -> bool:
    try:
        return packed.resolve().parent == plain.resolve().parent and packed.stat().st_mtime >= plain.stat().st_mtime
    except OSError:
        return False
