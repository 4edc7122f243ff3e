"""Markdown from agents as HTML: no raw HTML, no images, no addresses but http, https and mailto."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.web.filters import plainly

MAX_RENDERED = 300_000
"""Longer texts are shown as they are: what is in them cannot be told at a glance anyway."""
_TABLE = '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n'
_SAFE_LINK = re.compile(r"^(https?://|mailto:|#|/(?!/))", re.IGNORECASE)


def _maker() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    made.validateLink = lambda url: bool(_SAFE_LINK.match(url.strip()))  # type: ignore[method-assign]
    made.add_render_rule("link_open", _open_link)
    made.add_render_rule("table_open", lambda *_: _TABLE)
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return made


def _open_link(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return str(self.renderToken(tokens, index, options, env))


_MARKDOWN = _maker()


def markdown(text: str, top: int = 2) -> Markup:
    """The text as HTML whose highest heading is `<h{top}>`; hidden characters are shown."""
    if len(text) > MAX_RENDERED:
        return Markup('<pre class="block">{}</pre>').format(plainly(text))
    tokens = _MARKDOWN.parse(plainly(text.replace("\r\n", "\n")))
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    shift = top - min(levels, default=top)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
        if token.type in ("th_open", "td_open"):
            # The alignment would be an inline style, which the page's policy forbids.
            token.attrs.pop("style", None)
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - raw HTML is off
