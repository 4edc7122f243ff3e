"""What the tools take and return."""

from __future__ import annotations

import copy
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from assent import TableFacts
from workflows.database_maintenance.inputs import MaintenanceInput, QuerySource, checked_target_name
from workflows.database_maintenance.model import Applied, Candidate, Effect, Query, Schema, Skipped, StaleTable
from workflows.database_maintenance.validation import IndexVerdict


def _field(name: str, **changed: Any) -> Any:
    """Return a field as the input of a run has it."""
    field = copy.copy(MaintenanceInput.model_fields[name])
    for attribute, value in changed.items():
        setattr(field, attribute, value)
    return field


class TargetInput(BaseModel):
    """Base of all inputs: the database to act on."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    target: str = _field("target")

    @field_validator("target", "restore_target", check_fields=False)
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        return checked_target_name(value)

    def settings(self, **changed: Any) -> MaintenanceInput:
        """Return the input of a run that acts as this one says, with that of runs for everything else."""
        own = set(MaintenanceInput.model_fields) & set(type(self).model_fields)
        return MaintenanceInput.model_validate({**self.model_dump(include=own), **changed})


class HealthInput(TargetInput):
    """A database, and what a run of maintenance on it would need."""

    query_source: QuerySource = _field("query_source")
    workload: str = _field("workload")
    backup_required: bool = _field("backup_required")
    backup_directory: str = _field("backup_directory")
    restore_target: str = _field("restore_target")


class _MeasuringInput(TargetInput):
    query_timeout_ms: int = _field("query_timeout_ms")
    runs_per_measurement: int = _field("runs_per_measurement")


class SlowQueriesInput(_MeasuringInput):
    """Where to look for slow queries, and what counts as slow."""

    query_source: QuerySource = _field("query_source")
    workload: str = _field("workload")
    min_duration_ms: float = _field("min_duration_ms")
    max_queries: int = _field("max_queries")


class SlowQueries(BaseModel):
    """The slow queries, the most expensive first."""

    source: str = Field(description="pg_stat_statements, workload, or none")
    slow_queries: list[Query]
    skipped: list[Skipped] = Field(description="Queries that were not measured, and why")
    total_analyzed: int
    avg_duration_ms: float
    note: str = Field(description="Why there are no queries; empty if there are")


class IndexSearchInput(_MeasuringInput):
    """The queries that should become faster, as `analyze_slow_queries` returned them."""

    slow_queries: list[Query] = Field(title="Slow queries", max_length=200)
    min_improvement: float = _field("min_improvement")
    max_indexes: int = _field("max_indexes")
    max_table_rows: int = _field("max_table_rows")


class MissingIndexes(BaseModel):
    """Indexes that measurably help; each has the statement that creates it, and the one that undoes it."""

    indexes: list[Candidate]
    rejected: list[Skipped]
    together: list[Effect] = Field(description="The effect of all of them together on each query")
    tables: dict[str, TableFacts]
    untouched: list[str] = Field(description="Tables that the queries read and that may not be modified")
    total_recommendations: int
    estimated_improvement_pct: float = Field(description="Share of the queries' weighted time that is saved, measured")


class SchemaInput(TargetInput):
    """Which tables to describe."""

    tables: list[str] = Field(
        default=[], title="Tables", max_length=500, description="Names as statements use them. Empty: all",
        examples=[["orders"]],
    )  # fmt: skip


class TableSummary(BaseModel):
    """A table's size and indexes."""

    rows: int = Field(description="Estimated by the database")
    bytes: int = Field(description="Without indexes")
    columns: dict[str, str] = Field(description="Types by name")
    indexes: dict[str, str] = Field(description="What each index covers, by its name; unfinished ones say so")


class SchemaSummary(BaseModel):
    """The tables that exist, by name; one that was asked for and is not here does not exist."""

    tables: dict[str, TableSummary]

    @classmethod
    def of(cls, schema: Schema, wanted: list[str]) -> SchemaSummary:
        """Return the wanted tables of a schema; none wanted: all."""
        return cls(
            tables={
                name: TableSummary(
                    rows=max(table.rows, 0), bytes=table.bytes, columns=table.columns,
                    indexes={index.name: index.in_words for index in table.indexes},
                )
                for name, table in sorted(schema.tables.items())
                if not wanted or name in wanted
            }
        )  # fmt: skip


class StatisticsInput(TargetInput):
    """When statistics count as stale."""

    stale_after_days: int = _field("stale_after_days")


class TableStatistics(BaseModel):
    """Tables whose statistics no longer describe them."""

    stale_tables: list[StaleTable]
    total_tables_checked: int
    oldest_stats_age_days: int | None = Field(description="Among the stale tables; empty if it is not known")


class RefreshInput(TargetInput):
    """The tables whose statistics are to be refreshed."""

    tables: list[str] | Literal["all"] = Field(
        default="all", title="Tables", description="Names as statements use them, or all", examples=[["orders"]]
    )
    max_table_rows: int = _field("max_table_rows")


class OptimizedStatistics(BaseModel):
    """The tables whose statistics were refreshed."""

    tables_updated: int
    tables: list[str]
    notes: list[str] = Field(description="Why those of others were not")
    total_duration_seconds: float


class BackupInput(TargetInput):
    """Where the backup is written, and where it is restored to verify it."""

    backup_directory: str = _field("backup_directory")
    restore_target: str = _field("restore_target")


class IndexInput(TargetInput):
    """The index to create."""

    statement: str = Field(
        title="Statement", min_length=1, max_length=20_000, description="One CREATE INDEX statement",
        examples=["CREATE INDEX CONCURRENTLY idx_orders_coupon ON orders (coupon)"],
    )  # fmt: skip
    max_table_rows: int = _field("max_table_rows")
    build_timeout_s: int = _field("build_timeout_s")


class ResultsInput(_MeasuringInput):
    """The queries with their times before the changes, and what was changed."""

    original_slow_queries: list[Query] = Field(title="Slow queries before", max_length=200)
    optimization_actions: list[Applied] = Field(
        default=[], title="Changes", max_length=200, description="What `create_index` returned for each new index"
    )
    min_improvement: float = _field("min_improvement")


class Comparison(BaseModel):
    """A query before and after the changes."""

    query: str
    original_duration_ms: float
    new_duration_ms: float
    improvement_pct: float


class ValidationResults(BaseModel):
    """Whether the changes helped."""

    validation_passed: bool = Field(description="The queries are not slower, and every new index is worth keeping")
    performance_improvement_pct: float = Field(description="Share of the queries' weighted time that is saved")
    query_comparisons: list[Comparison]
    queries_tested: int
    verdicts: list[IndexVerdict]
