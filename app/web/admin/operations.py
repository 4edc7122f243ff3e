"""Figures for operators: the size of each kind of data, how long it is kept, and connections."""

from __future__ import annotations

from typing import Any

from app.domain.text import size_words
from app.http.identity import current_actor
from app.http.runtime import portal, services
from app.web.pages import render, web

_KEPT = (
    ("Events", "event_days"), ("Deliveries", "delivery_days"),
    ("Checkpoints of completed and canceled runs", "checkpoint_days"),
    ("Contents of decided requests", "request_content_days"), ("Everything that an ended run holds", "run_data_days"),
    ("Uploaded files that no run uses", "files_unused_days"),
)  # fmt: skip


@web.get("/operations")
def operations() -> Any:
    """Sizes, retention, and connections."""
    figures = services().operations.figures(current_actor())
    settings = portal().settings
    kept = [(what, f"ASSENT_{name.upper()}", getattr(settings, name)) for what, name in _KEPT]
    return render("operations.html", figures=figures, kept=kept, size_words=size_words)
