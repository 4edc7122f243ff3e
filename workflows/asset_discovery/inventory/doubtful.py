"""Doubtful pairs side by side, for people to decide."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from workflows.asset_discovery.fields import FACTS, Field
from workflows.asset_discovery.inventory.duplicates import Duplicates, Pair


@dataclass(frozen=True)
class Record:
    """Where a record stands: its file and sheet, its number (from 1), and its line or row of the sheet, if any."""

    file: str
    sheet: str
    row: int
    line: int | None

    @property
    def place(self) -> str:
        """For people: `servers.csv, line 12`."""
        sheet = f", {self.sheet}" if self.sheet else ""
        return f"{self.file}{sheet}, {f'line {self.line}' if self.line else f'record {self.row}'}"


@dataclass(frozen=True)
class Side:
    """A field of both records, as text; None where a record has nothing."""

    field: Field
    title: str
    left: str | None
    right: str | None
    agrees: bool


@dataclass(frozen=True)
class DoubtfulMerge:
    """Two records that may be one asset.

    Attributes:
        key: The same for the same pair of records in a later run on the same files.
        pair: Their positions in the frame, as `duplicates` takes them back once people have decided.
        left, right: Where they stand.
        title: What they are called.
        reason: What agrees and what differs.
        likelihood: How much speaks for one asset, from 0 to 1.
        sides: The fields that at least one of them has, side by side.
    """

    key: str
    pair: Pair
    left: Record
    right: Record
    title: str
    reason: str
    likelihood: float
    sides: tuple[Side, ...]

    @property
    def text(self) -> str:
        """Both records side by side, a line for each field."""
        lines = [f"{side.title}: {side.left or '–'} | {side.right or '–'}" for side in self.sides]
        return "\n".join([f"{self.left.place} | {self.right.place}", *lines])


def doubtful_merges(frame: pl.DataFrame, found: Duplicates, limit: int | None = None) -> list[DoubtfulMerge]:
    """The doubtful pairs with both records side by side, those that are most likely one asset first.

    Args:
        frame: The records that were searched (see `duplicates`).
        limit: How many at most.
    """
    pairs = found.doubtful[:limit]
    positions = sorted({row for pair in pairs for row in (pair.a, pair.b)})
    records = dict(zip(positions, frame[positions].iter_rows(named=True), strict=True))
    return [_side_by_side((pair.a, pair.b), records, pair.reason, pair.likelihood) for pair in pairs]


def _side_by_side(pair: Pair, records: dict[int, dict[str, Any]], reason: str, likelihood: float) -> DoubtfulMerge:
    left, right = (records[row] for row in pair)
    places = [Record(record["_file"], record["_sheet"], record["_row"], record["_line"]) for record in (left, right)]
    sides = tuple(
        Side(field, FACTS[field].title, one, other, _folded(one) == _folded(other))
        for field in Field
        if field is not Field.IGNORE
        for one, other in [(_text(left[field.value]), _text(right[field.value]))]
        if one is not None or other is not None
    )
    called = list(dict.fromkeys(filter(None, (_called(left), _called(right)))))
    where = "\n".join(f"{place.file}\t{place.sheet}\t{place.row}" for place in places)
    key = hashlib.sha256(where.encode()).hexdigest()[:16]
    return DoubtfulMerge(key, pair, places[0], places[1], " and ".join(called), reason, likelihood, sides)


def _called(record: dict[str, Any]) -> str:
    for field in (Field.NAME, Field.FQDN, Field.IP_ADDRESS, Field.SERIAL_NUMBER, Field.MAC_ADDRESS):
        if record[field.value]:
            return str(_text(record[field.value]))
    return ""


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(value) or None
    if isinstance(value, float):
        return f"{value:,.10g}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _folded(text: str | None) -> str | None:
    return text.casefold() if text else None
