"""Markdown from agents as HTML: no raw HTML, no images, and only http, https, and mailto links."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from app.domain.hidden_characters import plain_text
from app.domain.text import has_right_to_left

MAX_RENDERED = 300_000
"""Characters; longer texts are shown as plain text."""
_TABLE = '<div class="table" tabindex="0" role="group" aria-label="Table"><table>\n'
_BLOCKS = frozenset({"paragraph_open", "heading_open", "list_item_open", "th_open", "td_open"})
_SAFE_LINK = re.compile(r"^(https?://|mailto:|#|/(?!/))", re.IGNORECASE)


def _maker() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")
    made.validateLink = lambda url: bool(_SAFE_LINK.match(url.strip()))  # type: ignore[method-assign]
    made.add_render_rule("link_open", _open_link)
    made.add_render_rule("table_open", lambda *_: _TABLE)
    made.add_render_rule("table_close", lambda *_: "</table></div>\n")
    for kind in ("fence", "code_block"):
        made.add_render_rule(kind, _code(made.renderer.rules[kind]))  # type: ignore[attr-defined]
    return made


def _code(plain: Callable[..., str]) -> Callable[..., str]:
    """Make code focusable, so that the keyboard can scroll code that is wider than the page."""
    return lambda _self, *given: plain(*given).replace("<pre>", '<pre tabindex="0">', 1)


def _open_link(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return str(self.renderToken(tokens, index, options, env))


_MARKDOWN = _maker()


def markdown(text: str, top: int = 2) -> Markup:
    """The text as HTML with `<h{top}>` as its highest heading and hidden characters made visible."""
    if len(text) > MAX_RENDERED:
        return Markup('<pre class="block">{}</pre>').format(plain_text(text))
    tokens = _MARKDOWN.parse(plain_text(text.replace("\r\n", "\n")))
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    shift = top - min(levels, default=top)
    _mark_empty_headings(tokens)
    mixed = has_right_to_left(text)
    for token in tokens:
        if mixed and token.type in _BLOCKS:
            token.attrSet("dir", "auto")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + shift)}"
        if token.type in ("th_open", "td_open"):
            # The alignment would be an inline style, which the content security policy forbids.
            alignment = str(token.attrs.pop("style", ""))
            if "right" in alignment:
                token.attrSet("class", "number")
    return Markup(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))  # noqa: S704 - raw HTML is off


def _mark_empty_headings(tokens: Sequence[Token]) -> None:
    """Turn empty heading cells into ordinary cells."""
    for start, words, end in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if start.type == "th_open" and not words.content.strip():
            start.tag = end.tag = "td"
