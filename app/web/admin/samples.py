"""Samples of what policies decided, which people review afterwards. The review itself is on the request's page."""

from __future__ import annotations

from typing import Any

from flask import request

from app.http.identity import current_actor
from app.http.runtime import services
from app.web.pages import download, export_format, render, web

SHOWN = 50
"""Samples on one page."""


@web.get("/samples")
def samples() -> Any:
    """Samples that wait for a review, or reviewed ones."""
    reviewed, cursor = _reviewed(), request.args.get("cursor", "")
    page = services().samples.page(current_actor(), reviewed=reviewed, cursor=cursor, limit=SHOWN)
    return render("samples.html", page=page, reviewed=reviewed)


@web.get("/samples/export")
def samples_export() -> Any:
    """The samples of the list as a file, streamed."""
    return download(services().samples.export(current_actor(), _reviewed(), export_format()), "samples")


def _reviewed() -> bool:
    return request.args.get("reviewed", "") == "1"
