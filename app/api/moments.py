"""Pages of lists that are sorted by creation time and id."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from app.domain.errors import InvalidInputError
from app.store.files import StoredFile
from app.store.runs import Run

_MOST = 200
"""Rows that are read at once at most."""
_Place = tuple[datetime, str]
Row = TypeVar("Row", Run, StoredFile)


def page_before(
    cursor: str, limit: int, read: Callable[[_Place | None, int], list[Row]]
) -> tuple[list[Row], str | None]:
    """The rows after the cursor, and the next page's cursor.

    Args:
        read: Called with the place of the row before them, if there is one, and how many to read: at most `_MOST`.

    Raises:
        InvalidInputError: The cursor is not valid.
    """
    # One row more than the page shows whether there is another page; a page of the largest size assumes so.
    asked = min(limit + 1, _MOST)
    rows = read(_decode(cursor) if cursor else None, asked)
    more = len(rows) > limit or (asked == limit and len(rows) == limit)
    rows = rows[:limit]
    return rows, _encode(rows[-1].created_at, rows[-1].id) if more else None


def _encode(at: datetime, row_id: str) -> str:
    """The cursor after a row."""
    raw = json.dumps([at.isoformat(), row_id])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _decode(cursor: str) -> _Place:
    """The moment and the id of the row. Raises InvalidInputError."""
    try:
        at, row_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment, identifier = datetime.fromisoformat(at), str(UUID(row_id))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"}) from error
    if moment.tzinfo is None:
        raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
    return moment, identifier
