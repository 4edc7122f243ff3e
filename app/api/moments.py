"""Cursors of lists that are sorted by a moment and an id."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from uuid import UUID

from app.domain.errors import InvalidInputError


def encode_place(at: datetime, row_id: str) -> str:
    """The cursor after a row."""
    raw = json.dumps([at.isoformat(), row_id])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decode_place(cursor: str) -> tuple[datetime, str]:
    """The moment and the id of the row. Raises InvalidInputError."""
    try:
        at, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment, identifier = datetime.fromisoformat(at), str(UUID(row_id))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"}) from error
    if moment.tzinfo is None:
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
    return moment, identifier
