"""Files of runs, to be downloaded by everybody who may see them."""

from __future__ import annotations

from typing import Any

from app.http.downloads import client, download
from app.http.identity import current_actor
from app.http.runtime import services
from app.web.pages import web


@web.get("/files/<file_id>/content")
def file_content(file_id: str) -> Any:
    """Download a file, piece by piece. It is never shown as a page, because anybody may have written it."""
    return download(*services().file_access.content(current_actor(), file_id, client()))
