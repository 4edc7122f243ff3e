"""Texts on their way into the fields of a page and back."""

from __future__ import annotations

import re

from werkzeug.datastructures import MultiDict

Submission = MultiDict[str, str]
"""What the browser sent of a form."""


def text_for_field(text: str) -> str:
    """The text as a browser will hold it in a field: no NUL, no half of a pair, one kind of line end."""
    text = re.sub(r"[\x00\ud800-\udfff]", "\ufffd", text)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def submitted_text(text: str) -> str:
    """The text as the person typed it: forms send every line end as a carriage return and a line feed."""
    return text.replace("\r\n", "\n")
