"""Lists as files: CSV and JSON Lines, in pieces.

PostgreSQL writes the lines, so that a process of the portal only passes them on: a long list stops nobody else there.
Each piece is read by itself after the last line of the one before, so that memory does not grow with the list, and a
slow reader holds neither a connection nor a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

from sqlalchemy import ARRAY, JSON, ColumnElement, DateTime, Select, Text, case, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.domain.people import Actor
from app.services.clock import Clock
from app.services.record.audit import record
from app.services.record.time_limit import time_limited
from app.store.base import CanonicalJSON
from app.store.engine import Sessions

LINES_AT_ONCE = 500
SEARCH_LIMIT_MS = 20_000
"""For each piece of an export that is searched row by row."""
_MOMENT = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'


class ExportFormat(StrEnum):
    """The format of an export."""

    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True)
class ListExport:
    """A list to export.

    Attributes:
        name: of the list, in words, for the audit log: ``decided requests``.
        query: selects the columns, each with its name, of all rows that match.
        place: the columns by which the list is ordered; together they are different for each row.
        newest_first: the order is descending.
        limit_ms: how long finding one piece can take; None: there is no limit.
    """

    name: str
    query: Select[*tuple[Any, ...]]
    place: tuple[Any, ...]
    newest_first: bool = True
    limit_ms: int | None = None


def exported(
    sessions: Sessions, clock: Clock, viewer: Actor, wanted: ListExport, form: ExportFormat,
    filters: Mapping[str, Any], **facts: Any,
) -> Iterator[str]:  # fmt: skip
    """The list in pieces of a file. The export itself gets an audit entry before the first piece.

    Args:
        filters: what narrows the list, for the audit log; empty values are left out.
        facts: further facts for the audit log.

    Raises:
        TookTooLongError: with a limit, the first piece took too long. Later pieces raise it as they are read.
    """
    asked = {name: str(value) for name, value in filters.items() if value}
    with sessions.begin() as session:
        record(session, viewer, "record.exported", clock(), list=wanted.name, format=form.value, filter=asked, **facts)
    pieces = _pieces(sessions, wanted, form)
    # A search that takes too long is refused, instead of being answered with the beginning of a file.
    return pieces if wanted.limit_ms is None else chain([next(pieces, "")], pieces)


def _pieces(sessions: Sessions, wanted: ListExport, form: ExportFormat) -> Iterator[str]:
    columns = list(wanted.query.selected_columns)
    head = ",".join(column.name for column in columns) + "\r\n" if form is ExportFormat.CSV else ""
    line = _csv_line(columns) if form is ExportFormat.CSV else _json_line(columns)
    order = [column.desc() if wanted.newest_first else column.asc() for column in wanted.place]
    names = [f"place{number}" for number in range(len(order))]
    marked = [column.label(name) for column, name in zip(wanted.place, names, strict=True)]
    after: Sequence[Any] | None = None
    while True:
        query = wanted.query.with_only_columns(line.label("line"), *marked).order_by(*order).limit(LINES_AT_ONCE)
        if after is not None:
            here, there = tuple_(*wanted.place), tuple_(*after)
            query = query.where(here < there if wanted.newest_first else here > there)
        part = query.subquery()
        places = [part.c[name] for name in names]
        along = [place.desc() if wanted.newest_first else place.asc() for place in places]
        last = [place.asc() if wanted.newest_first else place.desc() for place in places]
        text = func.string_agg(part.c.line, aggregate_order_by(literal(""), *along))
        lasts = [func.array_agg(aggregate_order_by(place, *last))[1] for place in places]
        with sessions.reads() if wanted.limit_ms is None else time_limited(sessions, wanted.limit_ms) as session:
            row = session.execute(select(text, func.count(), *lasts).select_from(part)).one()
        if piece := head + (row[0] or ""):
            yield piece
        head = ""
        if row[1] < LINES_AT_ONCE:
            return
        after = row[2:]


def _csv_line(columns: Sequence[Any]) -> ColumnElement[str]:
    return func.concat(func.concat_ws(",", *map(_cell, columns)), "\r\n")


def _cell(column: Any) -> ColumnElement[str]:
    """A cell that no spreadsheet interprets as a formula; JSON Lines keep every character."""
    text = func.coalesce(_text(column), "")
    safe = case((text.regexp_match(r"^[=+\-@\t\r\n]"), literal("'") + text), else_=text)
    in_quotes = literal('"') + func.replace(safe, '"', '""') + literal('"')
    return case((safe.regexp_match(r'[",\r\n]'), in_quotes), else_=safe)


def _json_line(columns: Sequence[Any]) -> ColumnElement[str]:
    pairs = [part for column in sorted(columns, key=lambda column: column.name) for part in _pair(column)]
    return func.concat(cast(func.json_build_object(*pairs), Text), "\n")


def _pair(column: Any) -> tuple[Any, Any]:
    name = literal(column.name)
    if isinstance(column.type, CanonicalJSON):
        return name, cast(cast(_bare(column), Text), JSON)
    return name, _text(column) if isinstance(column.type, DateTime) else _bare(column)


def _text(column: Any) -> ColumnElement[str]:
    if isinstance(column.type, DateTime):
        return func.to_char(func.timezone("UTC", _bare(column)), _MOMENT)
    if isinstance(column.type, ARRAY):
        return func.array_to_string(_bare(column), ", ")
    return cast(_bare(column), Text)


def _bare(column: Any) -> Any:
    return getattr(column, "element", column)
