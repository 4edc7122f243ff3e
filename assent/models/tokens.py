"""Tokens: counted here, because the size of a prompt has to be known before it is sent.

Each provider has a tokenizer of its own, and some do not publish it. Here, the tokenizer of `assent.meaning` counts;
where it is not installed, a token is three bytes, which is rather too many tokens than too few.
"""

from __future__ import annotations

from assent import meaning

_BYTES = 3
_LONGEST = 200_000
"""Characters that are counted exactly; what follows is counted by its bytes, so that no text takes long."""


def count_tokens(text: str) -> int:
    """Return about how many tokens a text has."""
    counted, rest = text[:_LONGEST], text[_LONGEST:]
    try:
        return meaning.count_tokens(counted) + _by_bytes(rest)
    except (meaning.MeaningUnavailableError, ImportError):
        return _by_bytes(text)


def _by_bytes(text: str) -> int:
    return -(-len(text.encode(errors="replace")) // _BYTES)
