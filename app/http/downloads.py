"""Files as responses: always downloads, never pages, because anybody may have written them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from flask import Response, request

from app.store.files import StoredFile


def client() -> str:
    """What the program that sent the request says it is, for the audit log."""
    return request.user_agent.string


def download(file: StoredFile, content: Iterator[bytes]) -> Response:
    """Return the file as a download, sent piece by piece."""
    response = Response(content, content_type="application/octet-stream")
    response.content_length = file.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
