"""Slack messages without a Slack app: they are stored and shown on the outbox page."""

from __future__ import annotations

from html import escape

from app.domain.notices import Kept, Notice, Result, Sent
from app.notify.slack.blocks import message_of, readable, title_of

_TAGS = {
    "header": ("<h2>", "</h2>"),
    "text": ("<p>", "</p>"),
    "code": ("<pre>", "</pre>"),
    "note": ('<p class="note">', "</p>"),
    "button": ('<span class="button">', "</span>"),
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:16px;max-width:640px;color:#1d1c1d;background:#fff;"
    "overflow-wrap:anywhere}h2{font-size:17px;margin:0 0 8px}p{margin:6px 0;white-space:pre-line}"
    "pre{background:#f4f4f4;border:1px solid #ccc;border-radius:4px;padding:8px;white-space:pre-wrap}"
    ".note{color:#555;font-size:13px}"
    ".button{display:inline-block;border:1px solid #888;border-radius:4px;padding:4px 12px;margin:8px 8px 0 0}"
)


class SlackOutbox:
    """Stores the message that would have been sent."""

    def send(self, notice: Notice) -> Result:
        """Return the message to be stored."""
        _text, blocks = message_of(notice)
        lines = readable(blocks)
        text = "\n\n".join(f"[ {words} ]" if kind == "button" else words for kind, words in lines)
        parts = [f"{_TAGS[kind][0]}{escape(words)}{_TAGS[kind][1]}" for kind, words in lines]
        title = escape(title_of(notice))
        html = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
        )
        return Sent(title_of(notice), "", Kept(text, html))
