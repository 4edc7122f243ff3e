"""Pages of lists that are short enough to be read completely: absences, grants, and destinations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import Field

from app.domain.errors import InvalidInputError
from app.http.body import PlainText, QueryArguments

Row = TypeVar("Row")


class PageQuery(QueryArguments):
    """A page of a list; `cursor` is the previous page's `next_cursor`."""

    cursor: PlainText = Field(default="", max_length=100)
    limit: int = Field(default=100, ge=1, le=200)


def page_of(rows: Sequence[Row], id_of: Callable[[Row], str], asked: PageQuery) -> tuple[Sequence[Row], str | None]:
    """The rows after the cursor, which is the id of the row before them, and the next page's cursor.

    Raises:
        InvalidInputError: no row has this id any more.
    """
    first = 0
    if asked.cursor:
        ids = [id_of(row) for row in rows]
        if asked.cursor not in ids:
            raise InvalidInputError("This cursor is not valid.", {"cursor": "not usable"})
        first = ids.index(asked.cursor) + 1
    page = rows[first : first + asked.limit]
    return page, id_of(page[-1]) if first + asked.limit < len(rows) else None
