"""Uploaded files, to be downloaded by whoever may see them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Response

from app.http.identity import current_actor
from app.http.runtime import services
from app.web.pages import web


@web.get("/files/<file_id>/content")
def file_content(file_id: str) -> Any:
    """Download a file, piece by piece. It is never shown as a page, because anybody may have written it."""
    file, content = services().files.content(current_actor(), file_id)
    response = Response(content, content_type="application/octet-stream")
    response.content_length = file.size
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    return response
