"""Canonical JSON and its digest: exactly what the reviewers saw.

Payloads are stored as this text, not as jsonb: PostgreSQL's jsonb rewrites numbers (1e16 becomes an integer) and
refuses \\u0000, after which a digest could no longer be checked.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
"""`json.dumps` would make one for each call, which takes longer than encoding a small value."""


def canonical(value: Any) -> str:
    """Return JSON with sorted keys, no whitespace, and only ASCII, the same for equal values.

    Raises:
        ValueError: the value is not JSON (NaN, infinities, other types, too deeply nested).
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"not a JSON value: {error}") from error


def digest_of(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of `value`, as 64 hex digits. Raises ValueError."""
    return hashlib.sha256(canonical(value).encode("ascii")).hexdigest()
