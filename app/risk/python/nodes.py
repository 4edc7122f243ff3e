"""Texts and lines of the syntax tree's nodes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tree_sitter import Node

_SOURCE: ContextVar[bytes] = ContextVar("source", default=b"")


@contextmanager
def of_source(code: bytes) -> Iterator[None]:
    """Let nodes be those of this text meanwhile. A tree that got its text in pieces asks for them again and again."""
    token = _SOURCE.set(code)
    try:
        yield
    finally:
        _SOURCE.reset(token)


def text(node: Node | None) -> str:
    """Return a node's text; empty for None. Names are normalized, as Python does."""
    if node is None:
        return ""
    written = _SOURCE.get()[node.start_byte : node.end_byte].decode(errors="replace")
    if node.type in ("identifier", "attribute", "dotted_name") and not written.isascii():
        return unicodedata.normalize("NFKC", written)
    return written


def line(node: Node) -> int:
    """Return the 1-based line on which a node begins."""
    return int(node.start_point[0]) + 1


def rest_of(parameters: Node | None) -> frozenset[str]:
    """Return the name of the parameter that takes all further arguments by place, such as ``args`` for ``*args``."""
    parts = parameters.named_children if parameters is not None else []
    return frozenset(text(part).lstrip("*") for part in parts if part.type == "list_splat_pattern")
