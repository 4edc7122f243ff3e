"""Deleting what runs hold: a page that shows what would go, and the act."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request, url_for

from app.domain.errors import InvalidInputError
from app.domain.text import size_words
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.erasure import Holdings
from app.web.pages import render, see_other, web

COUNT_WORDS = {
    "requests": "request", "comments": "comment", "lessons": "lesson", "artifacts": "artifact",
    "checkpoints": "checkpoint", "tool_calls": "tool call",
}  # fmt: skip


@web.get("/runs/<run_id>/erase")
def run_erase(run_id: str) -> Any:
    """What deleting the data of a run would delete."""
    found = services().erasure.preview(current_actor(), run_id)
    return _page(found, url_for("web.run_erase_now", run_id=run_id), "")


@web.post("/runs/<run_id>/erase")
def run_erase_now(run_id: str) -> Any:
    """Delete what a run holds."""
    _require_confirmation()
    services().erasure.erase(current_actor(), run_id)
    flash("What this run held is deleted.")
    return see_other("web.run", run_id=run_id)


@web.get("/files/<file_id>/erase")
def file_erase(file_id: str) -> Any:
    """What deleting a file with everything derived from it would delete."""
    found = services().erasure.preview_file(current_actor(), file_id)
    name = next((file.name for file in [*found.deleted, *found.kept] if file.id == file_id), "")
    return _page(found, url_for("web.file_erase_now", file_id=file_id), name)


@web.post("/files/<file_id>/erase")
def file_erase_now(file_id: str) -> Any:
    """Delete a file with everything derived from it."""
    _require_confirmation()
    gone = services().erasure.erase_file(current_actor(), file_id)
    flash(f"The file and what {len(gone.runs)} runs held are deleted.")
    return see_other("web.runs")


def _require_confirmation() -> None:
    if request.form.get("confirm") != "yes":
        words = "Confirm that this cannot be undone."
        raise InvalidInputError(words, {"confirm": words})


def _page(found: Holdings, action: str, file_name: str) -> Response:
    counts = [(found.counts[name], word) for name, word in COUNT_WORDS.items() if found.counts[name]]
    return render(
        "erasure.html",
        found=found,
        action=action,
        file_name=file_name,
        counts=counts,
        size_words=size_words,
        error=None,
    )
