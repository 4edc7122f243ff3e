"""Values that are sent in HTTP headers, checked before anything is sent.

An HTTP library refuses a value that no header can carry only when it sends the request, and in the same way as a broken
connection: a client that retries would then report that the portal cannot be reached.
"""

from __future__ import annotations

LONGEST_KEY = 255
"""How many characters an idempotency key may have."""


def header_problem(value: object) -> str:
    """Return in words why an HTTP header cannot carry a value; empty: it can. The value is not repeated: it may be
    secret."""
    if not isinstance(value, str):
        return f"is of the type {type(value).__name__}, not text"
    if "\n" in value or "\r" in value:
        return "contains a line break; if you read it from a file, remove that with .strip()"
    if value != value.strip():
        return "starts or ends with a space; remove it with .strip()"
    if not value.isascii() or not value.isprintable():
        return "contains characters other than printable ASCII"
    return ""


def token_problem(token: object) -> str:
    """Return in words why this cannot be a token; empty: it can."""
    return header_problem(token) or ("contains a space" if " " in str(token) else "" if token else "is empty")


def checked_token_text(token: str) -> str:
    """Return a token as it is sent. Raises ValueError: no header can carry it."""
    if problem := token_problem(token):
        raise ValueError(f"The token {problem}.")
    return token


def checked_address(url: str) -> str:
    """Return the address of a server. Raises ValueError: it contains a line break, or another invisible character."""
    if problem := "" if url.isprintable() and " " not in url else header_problem(url) or "contains a space":
        raise ValueError(f"The address {url!r} {problem}.")
    return url


def checked_key(key: str) -> str:
    """Return an idempotency key as it is sent, or an empty one. Raises ValueError: the portal cannot take it."""
    problem = header_problem(key)
    if not problem and len(key) > LONGEST_KEY:
        problem = f"has {len(key):,} characters; the maximum is {LONGEST_KEY}"
    if problem:
        raise ValueError(f"The idempotency key {problem}.")
    return key
