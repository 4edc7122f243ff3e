"""Values as PowerShell literals: the only way in which a text gets into a script.

Texts come from requests and installers, so from strangers. They are cleaned where a block takes them in, and written as
single-quoted literals, in which PowerShell expands nothing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

LONGEST = 1_000
"""Characters of a text in a script."""

QUOTES = "'\u2018\u2019\u201a\u201b"
"""What PowerShell takes for a single quote. In a literal, each of them is doubled."""

_QUOTE = re.compile(f"([{QUOTES}])")
_GUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?")
_BAD_NAME = re.compile(r'[\\/:*?"<>|]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def is_plain(character: str) -> bool:
    """Return whether a character can be shown in a line: no control, no direction mark, no lone surrogate, no break."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def cleaned(text: str) -> str:
    """Return a text in one line: other characters become spaces, and it has at most `LONGEST` characters."""
    return "".join(character if is_plain(character) else " " for character in text[: LONGEST * 4])[:LONGEST].strip()


def quoted(text: str) -> str:
    """Return a text as a literal that PowerShell reads as exactly this text.

    Raises:
        ValueError: it has a control character or the like, so it was not cleaned.
    """
    if not all(map(is_plain, text)):
        raise ValueError(f"{text[:100]!a} has characters that do not belong in a script.")
    return "'" + _QUOTE.sub(r"\1\1", text) + "'"


def _clean(value: object) -> object:
    return cleaned(value) if isinstance(value, str) else value


def _guid(text: str) -> str:
    if not (found := _GUID.fullmatch(text)):
        raise ValueError("This is not a GUID.")
    return f"{{{found[1].upper()}}}"


def _file_name(text: str) -> str:
    if not text.strip(". ") or text != text.rstrip(". ") or _BAD_NAME.search(text) or _RESERVED.fullmatch(text):
        raise ValueError("This cannot be the name of a file on Windows.")
    return text


def safe_file_name(text: str) -> str:
    """Return a name that a file can have on Windows, as close to the text as possible."""
    name = _BAD_NAME.sub("_", cleaned(text))[:200].rstrip(". ").lstrip()
    if not name.strip("._ "):
        return "file"
    return f"_{name}" if _RESERVED.fullmatch(name) else name


Plain = Annotated[str, BeforeValidator(_clean), Field(max_length=LONGEST)]
"""A text in one line."""
Word = Annotated[str, BeforeValidator(_clean), Field(min_length=1, max_length=LONGEST)]
"""A text in one line that is not empty."""
Guid = Annotated[str, BeforeValidator(_clean), AfterValidator(_guid)]
"""A GUID, in braces and capitals."""
FileName = Annotated[str, BeforeValidator(_clean), Field(max_length=200), AfterValidator(_file_name)]
"""The name of a file, without a folder."""
