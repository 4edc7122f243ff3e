"""Your own files: what you have uploaded, which runs use it, and deleting it."""

from __future__ import annotations

from typing import Any

from flask import flash

from app.domain.people import Action
from app.domain.text import size_words
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.reading.own_files import own_files, own_files_export
from app.web.pages import download, export_format, render, see_other, web


@web.get("/profile/files")
def own_files_page() -> Any:
    """The files that you and your agents have uploaded."""
    actor, portal = current_actor(), services()
    return render(
        "files.html", 200,
        own=own_files(portal.sessions, portal.files, actor), may_delete=actor.may(Action.START_RUN),
        size_words=size_words, error=None,
    )  # fmt: skip


@web.get("/profile/files/export")
def own_files_exported() -> Any:
    """The list of your files as a file, streamed."""
    portal = services()
    pieces = own_files_export(portal.sessions, portal.clock, current_actor(), export_format())
    return download(pieces, "your-files")


@web.post("/profile/files/<file_id>/delete")
def own_file_delete(file_id: str) -> Any:
    """Delete a file of your own that no live run uses."""
    file = services().files.delete(current_actor(), file_id)
    flash(f"“{file.name}” is deleted.")
    return see_other("web.own_files_page")


@web.get("/profile/files/<file_id>/delete")
def own_file_delete_shown(file_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.own_files_page")
