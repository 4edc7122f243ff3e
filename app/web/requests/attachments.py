"""Texts that an agent puts beside its proposal, as the request's page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from app.domain.agent_findings import attachments_of
from app.domain.text import plural
from app.domain.weight import weigh
from app.web.code import Code, code
from app.web.prose import markdown
from assent.findings import MARKDOWN, Attachment

_RENDER_A_CHARACTER = 2.0
"""Microseconds to render a character of Markdown."""
_SHORT_LINES = 30
_SHORT = 3_000
"""Characters of a text that is not folded."""


@dataclass(frozen=True)
class AttachmentView:
    """An attachment.

    Attributes:
        size: Its length in words.
        prose: Markdown as HTML; None for code.
        code: Its lines; None for Markdown.
        open: It is short enough to be shown at once.
    """

    title: str
    media: str
    size: str
    prose: Markup | None
    code: Code | None
    open: bool


def attachment_views(payload: Any) -> list[AttachmentView]:
    """Return the attachments of a proposal, in the agent's order."""
    return [_view(number, attachment) for number, attachment in enumerate(attachments_of(payload), 1)]


def _view(number: int, attachment: Attachment) -> AttachmentView:
    text = attachment.content
    lines = text.count("\n") + (not text.endswith("\n"))
    is_prose = attachment.media == MARKDOWN
    weigh(len(text) * _RENDER_A_CHARACTER if is_prose else 0)
    plain = attachment.media.strip().lower() in ("text", "text/plain")
    return AttachmentView(
        title=attachment.title,
        media="Markdown" if is_prose else "text" if plain else attachment.media,
        size=plural(lines, "line"),
        prose=markdown(text, top=3) if is_prose else None,
        code=None if is_prose else code(text, [], f"attached-{number}", "" if plain else attachment.media),
        open=lines <= _SHORT_LINES and len(text) <= _SHORT,
    )
