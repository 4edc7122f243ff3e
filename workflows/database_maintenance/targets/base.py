"""The operations of a target that the steps need, for every kind of database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from workflows.database_maintenance.joins import Join
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
    """A trial on the table itself is not possible or not desirable; use a copy."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table


class Lab(Protocol):
    """A place where indexes can be built and measured without leaving a trace."""

    def method_for(self, table: str) -> str:
        """Return how candidates of a table are tried, in words for reviewers."""

    def scale_for(self, tables: Sequence[str]) -> float:
        """Return how many rows one row of the lab stands for, at most, in these tables; 1: they are whole."""

    def attempt(self) -> AbstractContextManager[None]:
        """Undo at the end what is built inside the block."""

    def build(self, candidate: Candidate) -> int:
        """Build a candidate; returns its size in bytes, extrapolated if the lab contains a sample.

        Raises:
            TrialError: the target refuses it.
            NeedsCopyError: it cannot be built on the table itself.
        """

    def measure(self, query: Query) -> Measurement:
        """Measure a query with the built indexes."""


class Target(Protocol):
    """An open connection to a target database. Every method raises TargetError when the target is lost."""

    dialect: str

    def close(self) -> None:
        """Close the connection."""

    def version(self) -> str:
        """Return the product and version."""

    def schema(self) -> Schema:
        """Return all tables that may be examined, with their indexes and estimated sizes."""

    def statement_statistics(self, min_ms: float, limit: int) -> list[Query] | None:
        """Return queries with a mean of at least `min_ms`, the most expensive first; None if the target stores none."""

    def hidden_statements(self) -> str:
        """Return how many statements `statement_statistics` cannot see, and the SQL that shows them; empty: none."""

    def typical_value(self, table: str, column: str, position: float) -> str | None:
        """Return a value of a column from the statistics, at 0 the smallest, at 1 the largest; None if unknown."""

    def measure(self, query: Query) -> Measurement:
        """Measure a query as it runs now, without changing anything.

        Raises:
            TrialError: it calls something that may do more than compute, so it was not run; or the target refuses it.
        """

    def lab(self, tables: Sequence[str], copies: set[str], joins: Sequence[Join] = ()) -> AbstractContextManager[Lab]:
        """Return a lab for trials on `tables`.

        Args:
            copies: these are tried on copies, even if the input says that tables themselves are used.
            joins: samples of large tables keep these.
        """

    def stale_tables(self, schema: Schema) -> list[StaleTable]:
        """Return the tables whose statistics need a refresh."""

    def analyze(self, table: str) -> None:
        """Refresh the statistics of one table.

        Raises:
            TrialError: that would call something that may do more than compute.
        """

    def backup(self, folder: Path, stem: str, scratch: str) -> Backup:
        """Write a backup, and verify it by restoring it elsewhere and comparing all tables.

        Args:
            folder: exists and is writable.
            stem: file name without its ending.
            scratch: a name for the scratch database, the same on every attempt of one run, so that what a crash
                left behind is removed.

        Raises:
            TargetError: it could not be made, or differs from the target.
        """

    def applying(self) -> AbstractContextManager[None]:
        """Hold the right to change indexes of this target, which only one run at a time has."""

    def find_index(self, definition: Definition, schema: Schema) -> Index | None:
        """Return the index with the definition's name in its table's schema, valid or not."""

    def create_index(self, item_id: str, statement: str, definition: Definition, schema: Schema) -> Applied:
        """Make sure that an approved index exists exactly once, whatever an earlier attempt left behind."""

    def drop_index(self, rollback: str) -> None:
        """Run the statement that undoes a creation; does nothing if the index no longer exists."""
