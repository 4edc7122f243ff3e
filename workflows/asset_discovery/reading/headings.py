"""Where the headings of a grid are: they look unlike the values below them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from workflows.asset_discovery.reading.grids import Grid
from workflows.asset_discovery.reading.shapes import RULE, folded, mask, shape

_ROWS_SEARCHED = 30
_ROWS_COMPARED = 300
_COMMON = re.compile(
    r"(?i)^(?:.*[ _.-])?(?:host|name|hostname|fqdn|dns|ip|mac|serial|s/?n|type|typ|model\w*|vendor|manufacturer|os|"
    r"version|cpus?|cores?|ram|memory|disk|storage|env\w*|location|site|owner|status|state|id|no|nr|address|date)\.?$"
)

_UNIT = re.compile(
    r"(?i)[\[(]?(?:[kmgtp]i?[bo]|[kmg]?hz|bytes?|w|kw|va|kva|v|a|mm|cm|kg|he|u|st(?:ck|k)?\.?|pcs|%|€|eur|usd|chf|\$|£|"
    r"tage|days|jahre|years|mo\.?|date|text)[\])]?"
)
Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Headings:
    """The rows of a grid that are headings.

    Attributes:
        first: The first row of the headings, from 0; None without headings.
        last: The row after which the data begins; -1 without titles and headings.
        texts: The headings as they stand in the file, with those of an upper row before them; one for each column.
        keys: What the columns are called by: the lower row of two where its headings differ.
    """

    first: int | None
    last: int
    texts: tuple[str, ...]
    keys: tuple[str, ...]


def find_headings(grid: Grid) -> Headings:
    """Return the headings of a grid, or none if its first row is a record already."""
    rows: list[Row] = grid.frame.head(_ROWS_COMPARED).rows()
    nothing = ("",) * grid.frame.width
    usual = _usual_fill(rows)
    for least in (0.7, 0.5):  # titles and lists of facts above the headings have fewer cells
        for place, row in enumerate(rows[:_ROWS_SEARCHED]):
            if _is_pair(grid, rows, place, usual):
                return _two_lines(grid, place, row, rows[place + 1])
            if _filled(row) < max(1, min(usual, 2), least * usual):
                continue
            if _is_heading(row, rows[place + 1 :]):
                if not _is_proved(row, rows[place + 1 :]):
                    line = grid.lines[place]
                    grid.notes.append(
                        f"Line {line:,} was taken for the headings, though its cells look like the others."
                    )
                return _headings_at(grid, rows, place)
            if _filled(row) >= min(usual, 0.9 * grid.frame.width):
                return Headings(None, _titles_before(rows[:place]) - 1, nothing, nothing)
    return Headings(None, -1, nothing, nothing)


def _titles_before(rows: list[Row]) -> int:
    """Return how many rows before a full one are titles: one cell of several words, or comments; not records."""
    for place, row in enumerate(rows):
        first = next((cell.strip() for cell in row if cell is not None), "")
        title = _filled(row) <= 1 and shape(first) in ("", "words") and (not first or " " in first)
        if not title and not first.startswith(("#", "//")):
            return place
    return len(rows)


def _headings_at(grid: Grid, rows: list[Row], place: int) -> Headings:
    """Return the headings of a row; a rule or units below it belong to it."""
    row, below = rows[place], rows[place + 1] if place + 1 < len(rows) else None
    texts = tuple(cell or "" for cell in row)
    if below is not None and _is_rule(below):
        return Headings(place, place + 1, texts, texts)
    if below is not None and _are_units(below, row):
        both = tuple(" ".join(part for part in pair if part) for pair in zip(row, below, strict=True))
        return Headings(place, place + 1, both, texts)
    return Headings(place, place, texts, texts)


def _is_rule(row: Row) -> bool:
    return any(row) and all(RULE.fullmatch(cell.strip()) for cell in row if cell is not None)


def _are_units(row: Row, headings: Row) -> bool:
    cells = [cell for cell in row if cell is not None]
    return bool(cells) and len(cells) < _filled(headings) and all(_UNIT.fullmatch(cell.strip()) for cell in cells)


def _filled(row: Row) -> int:
    return sum(cell is not None for cell in row)


def _usual_fill(rows: list[Row]) -> float:
    """Return how many cells a full row has: the upper quartile, as titles and sections have few."""
    counts = sorted(filled for filled in map(_filled, rows) if filled)
    return counts[(len(counts) - 1) * 3 // 4] if counts else 0


def _is_heading(row: Row, below: list[Row]) -> bool:
    cells = [(place, cell) for place, cell in enumerate(row) if cell is not None]
    shapes = [shape(cell) for _, cell in cells]
    specific = sum(found != "words" for found in shapes)
    if specific > 0.34 * len(cells):
        return False
    if not below:
        return specific == 0
    names = [folded(cell).casefold() for _, cell in cells]
    data = heading = 0.0
    for (place, cell), found, name in zip(cells, shapes, names, strict=True):
        values = [value for other in below if (value := other[place]) is not None]
        data_here, heading_here = _evidence(cell, found, name, values)
        data += data_here
        heading += heading_here
    repeated = len(names) - len(set(names)) if len(names) < 8 else 0.3 * (len(names) - len(set(names)))
    return heading + 0.05 * len(cells) >= data + 0.5 * repeated


def _is_proved(row: Row, below: list[Row]) -> bool:
    """Tell whether a heading differs from the values below it in some column, or is called as many headings are."""
    cells = [(place, cell) for place, cell in enumerate(row) if cell is not None]
    for place, cell in cells:
        values = [value for other in below if (value := other[place]) is not None]
        if _evidence(cell, shape(cell), folded(cell).casefold(), values)[1] >= 0.7:
            return True
    return not below


def _evidence(cell: str, found: str, name: str, values: list[str]) -> tuple[float, float]:
    """Return what speaks for a value and for a heading in one cell above values."""
    if _COMMON.fullmatch(name):
        return 0.0, 1.0
    if not values:
        return (0.5, 0.0) if found != "words" else (0.0, 0.0)
    shapes = Counter(shape(value) for value in values)
    usual, count = shapes.most_common(1)[0]
    if found != "words":
        return (1.0, 0.0) if shapes[found] else (0.3, 0.0)
    if usual != "words" and count > 0.5 * len(values):
        return 0.0, 1.0
    again = sum(value.strip().casefold() == cell.strip().casefold() for value in values)
    if again:  # a heading that is repeated in the data is repeated as a whole row, thus seldom
        return (0.8, 0.0) if again > 0.03 * len(values) + 1 else (0.2, 0.0)
    masks = Counter(mask(value) for value in values)
    own = mask(cell)
    if "9" in own and masks[own] > 0.3 * len(values):
        return 0.8, 0.0
    if any("9" in other for other, times in masks.items() if times > 0.3 * len(values)) and "9" not in own:
        return 0.0, 0.7
    return (0.0, 0.3) if masks[own] < 0.1 * len(values) else (0.0, 0.1)


def _is_pair(grid: Grid, rows: list[Row], place: int, usual: float) -> bool:
    """Tell whether two rows are headings together: groups of columns above the columns' own names."""
    if place + 2 >= len(rows):
        return False
    upper, lower, below = rows[place], rows[place + 1], rows[place + 2 :]
    cells = [cell for cell in (*upper, *lower) if cell is not None]
    if (
        any(shape(cell) != "words" for cell in cells)
        or _filled(lower) < 2
        or _is_rule(lower)
        or _are_units(lower, upper)
    ):
        return False
    if not _names_groups(upper, lower, grid, place):
        return False
    both = sum(one is not None or other is not None for one, other in zip(upper, lower, strict=True))
    values = {value.strip().casefold() for row in below for value in row if value is not None}
    again = any(folded(cell).casefold() in values for cell in lower if cell is not None)
    return both >= 0.7 * usual and not again and _is_heading(lower, below)


def _names_groups(upper: Row, lower: Row, grid: Grid, place: int) -> bool:
    """Tell whether the cells of a row are followed by columns without a cell of their own, as names of groups are."""
    merged = [area for area in grid.merged if area[0] <= place <= area[2]]
    if grid.merged:
        return any(top == bottom and 0 < right - left < 0.8 * len(upper) for top, left, bottom, right in merged)
    places = [column for column, cell in enumerate(upper) if cell is not None]
    alone = [column for column in places if column + 1 < len(upper) and upper[column + 1] is None and lower[column + 1]]
    return (
        len(places) > 1
        and bool(alone)
        and len(places)
        <= 0.8 * _filled(lower) + sum(upper[column] is not None and cell is None for column, cell in enumerate(lower))
    )


def _two_lines(grid: Grid, place: int, upper: Row, lower: Row) -> Headings:
    groups = list(upper)
    for top, left, bottom, right in grid.merged:
        if top == bottom == place:
            groups[left : right + 1] = [upper[left]] * (min(right + 1, len(groups)) - left)
    if not grid.merged:
        for column in range(1, len(groups)):
            if groups[column] is None and lower[column] is not None:
                groups[column] = groups[column - 1]
    both = tuple(" ".join(part for part in pair if part) for pair in zip(groups, lower, strict=True))
    own = [folded(cell).casefold() for cell in lower if cell is not None]
    times = Counter(own)
    keys = tuple(
        text if cell is None or times[folded(cell).casefold()] > 1 else cell
        for cell, text in zip(lower, both, strict=True)
    )
    return Headings(place, place + 1, both, keys)
