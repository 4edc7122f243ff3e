"""Texts in form fields: as a browser holds them, and as a person typed them."""

from __future__ import annotations

import re

from werkzeug.datastructures import MultiDict

Submission = MultiDict[str, str]
"""A submitted form."""


def text_for_field(text: str) -> str:
    """The text as a browser holds it in a field: no NUL, no lone surrogates, and one kind of line ending."""
    text = re.sub(r"[\x00\ud800-\udfff]", "\ufffd", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def submitted_text(text: str) -> str:
    """The text as the person typed it: forms send every line ending as a carriage return and a line feed."""
    return text.replace("\r\n", "\n")
