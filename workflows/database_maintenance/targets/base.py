"""What the steps need from a target, whichever database it is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from workflows.database_maintenance.model import (
    Applied,
    Backup,
    Candidate,
    Index,
    Measurement,
    Query,
    Schema,
    StaleTable,
)
from workflows.database_maintenance.statements import Definition


class NeedsCopyError(Exception):
    """A trial on this table itself is not possible or not wanted; try on a copy."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


class Lab(Protocol):
    """A place where indexes can be built and measured, and which leaves no trace."""

    def method_for(self, table: str) -> str:
        """How candidates of a table are tried, in words for reviewers."""

    def attempt(self) -> AbstractContextManager[None]:
        """What is built inside is undone at the end."""

    def build(self, candidate: Candidate) -> int:
        """Build a candidate; its size in bytes, scaled up where the lab holds a sample.

        Raises:
            TrialError: the target refuses it.
            NeedsCopyError: it cannot be built on the table itself.
        """

    def measure(self, query: Query) -> Measurement:
        """Measure a query with what is built."""


class Target(Protocol):
    """An open connection to a target database. Every method raises TargetError when the target is lost."""

    dialect: str

    def close(self) -> None:
        """Close the connection."""

    def version(self) -> str:
        """Product and version in words."""

    def schema(self) -> Schema:
        """All tables that may be looked at, with their indexes, and sizes estimated."""

    def statement_statistics(self, min_ms: float, limit: int) -> list[Query] | None:
        """Queries with a mean of at least `min_ms`, the most costly first; None where the target keeps none."""

    def typical_value(self, table: str, column: str, position: float) -> str | None:
        """A value of a column from the target's statistics, 0 the smallest, 1 the largest; None if not known."""

    def measure(self, query: Query) -> Measurement:
        """Measure a query as it runs now, without changing anything.

        Raises:
            TrialError: it calls something that is not known only to compute, and was not run; or the target refuses it.
        """

    def lab(self, tables: Sequence[str], copies: set[str]) -> AbstractContextManager[Lab]:
        """A lab for trials on `tables`; those in `copies`, and large ones, are tried on sampled copies."""

    def stale_tables(self, schema: Schema) -> list[StaleTable]:
        """Tables whose statistics need a refresh."""

    def analyze(self, table: str) -> None:
        """Refresh the statistics of one table.

        Raises:
            TrialError: that would call something that is not known only to compute.
        """

    def backup(self, folder: Path, stem: str, scratch: str) -> Backup:
        """Write a backup and prove it by restoring it elsewhere and comparing all tables.

        Args:
            folder: exists and is writable.
            stem: file name without its ending.
            scratch: a name for the scratch database, the same on every attempt of one run, so that what a crash
                left behind is removed.

        Raises:
            TargetError: it could not be made or does not hold what the target holds.
        """

    def applying(self) -> AbstractContextManager[None]:
        """The right, held by one run at a time, to change indexes of this target."""

    def find_index(self, definition: Definition, schema: Schema) -> Index | None:
        """The index of the definition's name on its table's schema, valid or not."""

    def create_index(self, item_id: str, statement: str, definition: Definition, schema: Schema) -> Applied:
        """Make an approved index be there exactly once, whatever an earlier attempt left behind."""

    def drop_index(self, rollback: str) -> None:
        """Run the statement that undoes a creation; nothing happens if the index is gone already."""
