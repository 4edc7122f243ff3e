"""Cursors of lists in pages: the time and the id of the last row of a page."""

from __future__ import annotations

import base64
import json
from datetime import datetime

from app.domain.errors import InvalidInputError
from app.domain.text import is_storable


def encoded_cursor(at: datetime | None, row_id: str) -> str:
    """The cursor of the page after this row."""
    raw = json.dumps([at.isoformat() if at else "", row_id])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def decoded_cursor(cursor: str) -> tuple[datetime, str]:
    """The time and the id of a row. Raises InvalidInputError."""
    try:
        at, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError) as error:
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"}) from error
    if moment.tzinfo is None or not isinstance(row_id, str) or not is_storable(row_id):
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
    return moment, row_id
