"""Models that the steps pass to each other. All of them become JSON, because they are part of the run's state.

None of them contains an address or a password of the target.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field


class TargetError(Exception):
    """The target cannot be used; the message contains no address and no password."""


class TrialError(Exception):
    """A candidate cannot be built."""


class StatementRefused(Exception):
    """A statement is not a single CREATE INDEX on a table of the target that may be modified."""


class Index(BaseModel):
    """An existing index. `keys` are normalized expressions with their direction, in order."""

    name: str
    table: str
    keys: list[str]
    include: list[str] = Field(default_factory=list)
    where: str = ""
    unique: bool = False
    method: str = "btree"
    valid: bool = True
    bytes: int = 0

    @property
    def in_words(self) -> str:
        """What it covers: ``unique (customer_id, created_at desc) include (status)``."""
        parts = ["unique" if self.unique else "", "" if self.method == "btree" else self.method]
        parts.append(f"({', '.join(self.keys)})")
        parts.append(f"include ({', '.join(self.include)})" if self.include else "")
        parts.append(f"where {self.where}" if self.where else "")
        parts.append("" if self.valid else "unfinished")
        return " ".join(part for part in parts if part)


class Table(BaseModel):
    """An existing table; `name` is the name that statements use.

    `any_case` is true where names that differ only in case are the same, as in SQLite.
    """

    name: str
    schema_name: str = ""
    bare: str
    rows: int = 0
    bytes: int = 0
    columns: dict[str, str] = Field(default_factory=dict)
    indexes: list[Index] = Field(default_factory=list)
    analyzed: bool = True
    any_case: bool = False

    def column(self, name: str) -> str | None:
        """Return the column that a query means by a name, as the table spells it; None if there is none."""
        if name in self.columns or not self.any_case:
            return name if name in self.columns else None
        return next((column for column in self.columns if column.lower() == name.lower()), None)


class Schema(BaseModel):
    """All tables that may be examined, and the names of all `relations` by their schema, which no new index may have.

    `any_case` is as for `Table`; in such a database the names of relations are in lowercase.
    """

    tables: dict[str, Table] = Field(default_factory=dict)
    relations: dict[str, set[str]] = Field(default_factory=dict)
    any_case: bool = False

    def find(self, bare: str, schema_name: str = "") -> Table | None:
        """Return the table that a statement means by `bare` (and its schema); None if there is none."""
        if self.any_case:
            alike = (table for table in self.tables.values() if table.bare.lower() == bare.lower())
            return next(alike, None) if schema_name.lower() in ("", "main") else None
        if schema_name:
            matches = (
                table for table in self.tables.values() if (table.schema_name, table.bare) == (schema_name, bare)
            )
            return next(matches, None)
        visible = [table for table in self.tables.values() if table.bare == bare]
        return next((table for table in visible if "." not in table.name), visible[0] if len(visible) == 1 else None)


class Scan(BaseModel):
    """A part of a plan that reads many rows of a table, or sorts them. `kept` is empty if it is not known."""

    table: str
    schema_name: str = ""
    kind: str
    read: int = 0
    kept: int | None = 0

    def is_of(self, table: Table) -> bool:
        """Return True if it reads the given table."""
        if table.any_case:
            return self.table.lower() == table.bare.lower()
        return self.table == table.bare and self.schema_name in ("", table.schema_name)


class Measurement(BaseModel):
    """The measurement of a query.

    `ms` is the median of `runs` warm runs, which took `times`; `buffers` counts 8 kB pages, if known.
    """

    ms: float
    runs: int = 1
    times: list[float] = Field(default_factory=list)
    timed_out: bool = False
    buffers: int | None = None
    scans: list[Scan] = Field(default_factory=list)
    indexes: list[str] = Field(default_factory=list)


class Query(BaseModel):
    """A query of the workload. `weight` is how often it runs, compared with the others."""

    id: str
    name: str
    sql: str
    weight: float = 1.0
    calls: int | None = None
    mean_ms: float | None = None
    measured: Measurement | None = None

    @property
    def load(self) -> float:
        """The time spent in this query, compared with the others."""
        return self.weight * (self.measured.ms if self.measured else self.mean_ms or 0.0)


class Skipped(BaseModel):
    """Something that was left out, with the reason."""

    name: str
    reason: str


class Effect(BaseModel):
    """The effect of one change on one query.

    In a trial, `now_ms` is the time on the real tables, and `scale` how many rows one of the copy stands for: if it is
    more than 1, the effect is an estimate.
    """

    query: str
    weight: float = 1.0
    before_ms: float
    after_ms: float
    before_buffers: int | None = None
    after_buffers: int | None = None
    now_ms: float | None = None
    scale: float = 1.0


class Candidate(BaseModel):
    """An index that might help.

    `keys` are as written in the statement, `queries` the ids of the queries it is for; `method` and `scale` say how it
    was tried, as for `Effect`.
    """

    id: str
    table: str
    keys: list[str]
    statement: str
    rollback: str
    queries: list[str] = Field(default_factory=list)
    effects: list[Effect] = Field(default_factory=list)
    bytes: int = 0
    method: str = ""
    scale: float = 1.0
    findings: list[str] = Field(default_factory=list)

    @property
    def factor(self) -> float:
        """The weighted time before ÷ the time after, over the queries that it was chosen for."""
        before = sum(effect.weight * effect.before_ms for effect in self.effects)
        after = sum(effect.weight * effect.after_ms for effect in self.effects)
        return before / max(after, 0.001)


class StaleTable(BaseModel):
    """A table whose statistics are out of date."""

    table: str
    reason: str
    rows: int = 0
    age_days: int | None = None


class Backup(BaseModel):
    """A backup that was verified by restoring and comparing it."""

    path: str
    bytes: int
    made_at: str
    seconds: float
    tables: int
    rows: int
    verified: bool = True


class ItemStatus(StrEnum):
    """The state of one approved item."""

    CREATED = "created"
    REBUILT = "rebuilt"
    ALREADY_THERE = "already there"
    REFUSED = "refused"
    FAILED = "failed"
    ROLLED_BACK = "rolled back"


class Applied(BaseModel):
    """The result of one approved item."""

    id: str
    statement: str
    status: ItemStatus
    index: str = ""
    table: str = ""
    rollback: str = ""
    seconds: float = 0.0
    bytes: int = 0
    message: str = ""

    @property
    def ours(self) -> bool:
        """True if this run created the index, and it exists."""
        return self.status in (ItemStatus.CREATED, ItemStatus.REBUILT)


def dump(values: list[Any] | tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return the models as dictionaries that are ready for JSON."""
    return [value.model_dump(mode="json") for value in values]
