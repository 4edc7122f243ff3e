"""What the columns of a table were mapped to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workflows.asset_discovery.fields import Field

THRESHOLD = 0.8
"""From this confidence on, a column is mapped without asking people."""


@dataclass(frozen=True)
class ColumnMapping:
    """A column, and the field to which it is mapped.

    Attributes:
        column: The key of the column.
        field: The field; `Field.IGNORE` for a column that is none.
        confidence: How sure that is, from 0 to 1.
        reason: Why, in words, for people.
        unit: Unit of bare numbers, such as `GB`, `MB`, or `MHz`; empty where there is none, or each cell names its own.
        samples: Up to five values of the column, as they stand in the file.
        others: The next best fields with their confidence, the best first.
        lesson: Id of the lesson that was applied; else empty.
    """

    column: str
    field: Field
    confidence: float
    reason: str
    unit: str = ""
    samples: tuple[str, ...] = ()
    others: tuple[tuple[Field, float], ...] = ()
    lesson: str = ""

    def corrected(self, field: Field, reason: str) -> ColumnMapping:
        """As a person has decided."""
        return replace(self, field=field, confidence=1.0, reason=reason)


@dataclass(frozen=True)
class Mapping:
    """The columns of one table, in the order of the file.

    Several columns may be mapped to one field: the first that has a value counts, and lists take all of them.
    """

    file: str
    sheet: str
    columns: tuple[ColumnMapping, ...]

    def of(self, field: Field) -> tuple[ColumnMapping, ...]:
        """The columns that are mapped to a field, the surest first."""
        return tuple(sorted((item for item in self.columns if item.field is field), key=lambda item: -item.confidence))

    def doubtful(self, threshold: float = THRESHOLD) -> tuple[ColumnMapping, ...]:
        """The columns that a person has to decide."""
        return tuple(item for item in self.columns if item.confidence < threshold)
