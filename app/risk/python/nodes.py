"""Texts and lines of the syntax tree's nodes."""

from __future__ import annotations

import unicodedata

from tree_sitter import Node


def text(node: Node | None) -> str:
    """Return a node's text; empty for None. Names are normalized, as Python does."""
    if node is None:
        return ""
    written = (node.text or b"").decode(errors="replace")
    if node.type in ("identifier", "attribute", "dotted_name") and not written.isascii():
        return unicodedata.normalize("NFKC", written)
    return written


def line(node: Node) -> int:
    """Return the 1-based line on which a node begins."""
    return int(node.start_point[0]) + 1
