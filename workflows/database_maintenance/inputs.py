"""The input of a maintenance run. The portal draws the start form from this model's JSON Schema."""

from __future__ import annotations

import re
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.config import JsonDict

ALL_HOURS = list(range(24))
# Parts of the start form; all of them have usable defaults.
_QUERIES: JsonDict = {"x-group": "Which queries are examined", "x-advanced": True}
_PROPOSAL: JsonDict = {"x-group": "What may be proposed", "x-advanced": True}
_HOURS: JsonDict = {"x-group": "When indexes may be created", "x-advanced": True}
_BACKUP: JsonDict = {"x-group": "Backup", "x-advanced": True}
_TARGET = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


def checked_target_name(value: str) -> str:
    """Return the name of a target, which may be empty. Raises ValueError: it is something else, such as an address."""
    if value and not _TARGET.fullmatch(value):
        raise ValueError("a target is a name of letters, digits, - and _, not an address")
    return value


class QuerySource(StrEnum):
    """Where the slow queries come from."""

    AUTO = "auto"
    STATISTICS = "pg_stat_statements"
    WORKLOAD = "workload"


class TrialPlace(StrEnum):
    """Where candidates are built and measured before anybody has approved them."""

    COPIES = "copies"
    TABLES = "tables"


class MaintenanceInput(BaseModel):
    """Input of a database maintenance run. Durations and sizes carry their unit in the name."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="Database maintenance")

    target: str = Field(
        title="Target",
        description="Name of a configured target database; its address stays with the operator",
        min_length=1,
        max_length=63,
        examples=["shop"],
    )
    environment: str = Field(
        default="production",
        title="Environment",
        description="Environment of the target, shown to reviewers",
        max_length=100,
        examples=["production", "staging"],
    )
    query_source: QuerySource = Field(
        default=QuerySource.AUTO,
        title="Source of queries",
        description="auto: pg_stat_statements if the target has it, or else the workload",
        examples=["auto"],
    )
    workload: str = Field(
        default="",
        title="Workload",
        description="Name of a .json or .sql file with queries and weights in the worker's maintenance directory, "
        "or the text itself; required if the target has no pg_stat_statements",
        max_length=200_000,
        examples=["shop-workload.json", "SELECT * FROM orders WHERE customer_id = 42;"],
    )
    min_duration_ms: float = Field(
        default=100.0,
        title="Slow from (ms)",
        description="Queries that take at least this long are examined",
        ge=0,
        le=3_600_000,
        examples=[100],
        json_schema_extra=_QUERIES,
    )
    max_queries: int = Field(
        default=20,
        title="Most queries",
        description="At most this many slow queries are examined, the most expensive first",
        ge=1,
        le=200,
        examples=[20],
        json_schema_extra=_QUERIES,
    )
    query_timeout_ms: int = Field(
        default=30_000,
        title="Query timeout (ms)",
        description="A measured query is stopped after this time",
        ge=100,
        le=600_000,
        examples=[30_000],
        json_schema_extra=_QUERIES,
    )
    runs_per_measurement: int = Field(
        default=5,
        title="Runs per measurement",
        description="Each query runs this often after a warm-up; the median counts",
        ge=1,
        le=50,
        examples=[5],
        json_schema_extra=_QUERIES,
    )
    min_improvement: float = Field(
        default=0.15,
        title="Minimum improvement",
        description="An index must save at least this share of the time of the queries that use it (0.15 is 15 %)",
        ge=0.01,
        le=0.99,
        examples=[0.15],
        json_schema_extra=_PROPOSAL,
    )
    max_indexes: int = Field(
        default=10,
        title="Most indexes",
        description="At most this many indexes are proposed",
        ge=1,
        le=50,
        examples=[10],
        json_schema_extra=_PROPOSAL,
    )
    max_table_rows: int = Field(
        default=5_000_000,
        title="Largest table (rows)",
        description="Tables with more rows are not modified",
        ge=1,
        examples=[5_000_000],
        json_schema_extra=_PROPOSAL,
    )
    trial_rows: int = Field(
        default=500_000,
        title="Whole copies up to (rows)",
        description="Candidates are built on copies, which block nobody. Tables up to this size are copied whole, so "
        "that times are measured; above it, a sample is copied, and times are estimated",
        ge=0,
        le=50_000_000,
        examples=[500_000],
        json_schema_extra=_PROPOSAL,
    )
    trials_on: TrialPlace = Field(
        default=TrialPlace.COPIES,
        title="Trials on",
        description="copies: nobody is blocked. tables: tables of that size are tried themselves and rolled back, "
        "which blocks writes to them meanwhile, for as long as the next field allows",
        examples=["copies"],
        json_schema_extra=_PROPOSAL,
    )
    trial_lock_ms: int = Field(
        default=1_000,
        title="Lock budget (ms)",
        description="Trials on tables block writes to a table for at most this long; then a copy is used",
        ge=1,
        le=60_000,
        examples=[1_000],
        json_schema_extra=_PROPOSAL,
    )
    stale_after_days: int = Field(
        default=7,
        title="Statistics are stale after (days)",
        description="Changed tables whose statistics are older than this are analyzed again",
        ge=0,
        le=3650,
        examples=[7],
        json_schema_extra=_PROPOSAL,
    )
    allowed_hours: list[int] = Field(
        default=ALL_HOURS,
        title="Allowed hours",
        description="Hours of the day, 0 to 23, in which indexes may be created",
        max_length=24,
        examples=[[0, 1, 2, 3, 4, 5]],
        json_schema_extra=_HOURS,
    )
    time_zone: str = Field(
        default="UTC",
        title="Time zone",
        description="IANA name of the time zone of the allowed hours",
        max_length=64,
        examples=["UTC", "Europe/Berlin"],
        json_schema_extra=_HOURS,
    )
    backup_required: bool = Field(
        default=True,
        title="Backup required",
        description="Nothing is proposed or created without a backup that was verified by restoring it",
        examples=[True],
        json_schema_extra=_BACKUP,
    )
    backup_directory: str = Field(
        default="",
        title="Backup directory",
        description="Folder in the worker's maintenance directory. Empty: backups",
        max_length=1000,
        examples=["backups"],
        json_schema_extra=_BACKUP,
    )
    backup_max_age_hours: int = Field(
        default=24,
        title="Backup is fresh for (hours)",
        description="If the decision takes longer, a new backup is made before anything is created",
        ge=1,
        le=8760,
        examples=[24],
        json_schema_extra=_BACKUP,
    )
    backup_retention_days: int = Field(
        default=30,
        title="Keep backups (days)",
        description="Older backups of the same target in the same folder are deleted after a new one is verified",
        ge=1,
        le=3650,
        examples=[30],
        json_schema_extra=_BACKUP,
    )
    restore_target: str = Field(
        default="",
        title="Restore check on",
        description="Name of a configured target whose server is used for the test restore. Empty: the target's own",
        max_length=63,
        examples=["staging"],
        json_schema_extra=_BACKUP,
    )
    build_timeout_s: int = Field(
        default=3_600,
        title="Build timeout (s)",
        description="The creation of an index is stopped after this time",
        ge=1,
        le=86_400,
        examples=[3_600],
        json_schema_extra=_HOURS,
    )
    decision_hours: int = Field(
        default=0,
        title="Time to decide (hours)",
        description="Deadline of the approval request. 0: the policy's deadline",
        ge=0,
        le=8_760,
        examples=[24],
        json_schema_extra=_PROPOSAL,
    )
    max_revisions: int = Field(
        default=5,
        title="Most revisions",
        description="How often changes to the proposal may be requested before the run gives up",
        ge=0,
        le=50,
        examples=[5],
        json_schema_extra=_PROPOSAL,
    )

    @field_validator("target", "restore_target")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        return checked_target_name(value)

    @field_validator("allowed_hours")
    @classmethod
    def _are_hours(cls, value: list[int]) -> list[int]:
        if any(not 0 <= hour <= 23 for hour in value):
            raise ValueError("hours go from 0 to 23")
        return sorted(set(value))

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        if value != "UTC":
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError) as error:
                raise ValueError(f"there is no time zone {value!r}") from error
        return value
