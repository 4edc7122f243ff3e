"""What the steps of a run and the tools do with a target: one function each, from models to models."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field

from assent import TableFacts
from workflows.database_maintenance import constraints
from workflows.database_maintenance.backup import make_backup
from workflows.database_maintenance.health import CheckResult, checks_for, run_checks
from workflows.database_maintenance.inputs import MaintenanceInput, QuerySource
from workflows.database_maintenance.model import (
    Applied,
    Backup,
    Candidate,
    Effect,
    ItemStatus,
    Measurement,
    Query,
    Schema,
    Skipped,
    StaleTable,
    StatementRefused,
    TrialError,
)
from workflows.database_maintenance.noise import together
from workflows.database_maintenance.parameters import fill_parameters
from workflows.database_maintenance.statements import read_definition
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.trials import Trials
from workflows.database_maintenance.validation import IndexVerdict, judge
from workflows.database_maintenance.workload import WorkloadError, load_workload, unusable


class Health(BaseModel):
    """The results of all health checks."""

    healthy: bool
    seconds: float
    checks: list[CheckResult]


def check_health(settings: MaintenanceInput) -> Health:
    """Check everything that a run depends on, before anything is changed."""
    started = time.monotonic()
    results = run_checks(checks_for(settings))
    healthy = all(result.ok for result in results if result.critical)
    return Health(healthy=healthy, seconds=round(time.monotonic() - started, 3), checks=results)


class SlowQueries(BaseModel):
    """The most expensive queries of a target; `source` is ``none``, with a note, if there are none to examine.

    `hidden` says how many statements could not be seen, and what to do about that; empty: none.
    """

    source: str
    hidden: str = ""
    queries: list[Query] = Field(default_factory=list)
    skipped: list[Skipped] = Field(default_factory=list)
    note: str = ""


def find_slow_queries(settings: MaintenanceInput) -> SlowQueries:
    """Find the most expensive queries, and measure each of them."""
    with opened(settings) as target:
        schema = target.schema()
        try:
            source, found, skipped = _gather(target, schema, settings)
        except WorkloadError as error:
            return SlowQueries(source="none", note=f"There are no queries to examine: {error}")
        hidden = target.hidden_statements() if source == "pg_stat_statements" else ""
        measured = []
        for query in found:
            try:
                query.measured = target.measure(query)
            except TrialError as error:
                skipped.append(Skipped(name=query.name, reason=str(error)))
                continue
            if max(query.measured.ms, query.mean_ms or 0.0) >= settings.min_duration_ms:
                measured.append(query)
    measured.sort(key=lambda query: -query.load)
    return SlowQueries(source=source, queries=measured[: settings.max_queries], skipped=skipped, hidden=hidden)


def _gather(target: Target, schema: Schema, settings: MaintenanceInput) -> tuple[str, list[Query], list[Skipped]]:
    if settings.query_source is not QuerySource.WORKLOAD:
        statements = target.statement_statistics(settings.min_duration_ms, settings.max_queries)
        if statements is not None:
            return "pg_stat_statements", *_with_values(statements, target, schema)
        if settings.query_source is QuerySource.STATISTICS:
            raise WorkloadError("the target has no pg_stat_statements, or it may not be read.")
    return "workload", *load_workload(settings.workload, target.dialect)


def _with_values(statements: list[Query], target: Target, schema: Schema) -> tuple[list[Query], list[Skipped]]:
    queries, skipped = [], []
    for statement in statements:
        filled = fill_parameters(statement.sql, schema, target.dialect, target.typical_value)
        reason = "a parameter's meaning is unknown" if filled is None else unusable(filled, target.dialect)
        if filled is None or reason:
            skipped.append(Skipped(name=statement.name, reason=reason))
        else:
            queries.append(statement.model_copy(update={"sql": filled}))
    return queries, skipped


class MissingIndexes(BaseModel):
    """Indexes that measurably help, those that do not, and the tables as they were at that time.

    Attributes:
        existing: all tables, with their indexes.
        together: the effect of all candidates together on each query.
        unserved: the queries for which no index is proposed, and why.
        untouched: why tables that the queries read were left out.
    """

    candidates: list[Candidate]
    rejected: list[Skipped]
    together: list[Effect]
    existing: Schema
    untouched: list[str]
    unserved: list[Skipped] = Field(default_factory=list)

    @property
    def tables(self) -> dict[str, TableFacts]:
        """The sizes of the tables, by the names that statements use."""
        tables = self.existing.tables.values()
        return {table.name: TableFacts(rows=max(table.rows, 0), bytes=table.bytes) for table in tables}

    @property
    def table_facts(self) -> dict[str, Any]:
        """The same as JSON."""
        return {name: facts.model_dump(mode="json") for name, facts in self.tables.items()}


def find_missing_indexes(
    settings: MaintenanceInput, queries: Sequence[Query], leave_out: Callable[[Candidate], bool] = lambda _: False
) -> MissingIndexes:
    """Find indexes that measurably help, by building and measuring them without leaving a trace."""
    if not queries:
        return MissingIndexes(candidates=[], rejected=[], together=[], existing=Schema(), untouched=[])
    with opened(settings) as target:
        schema = target.schema()
        choice = Trials(target, schema, settings).choose(queries, leave_out)
    scans = [scan for query in queries if query.measured for scan in query.measured.scans]
    return MissingIndexes(
        candidates=choice.chosen,
        rejected=choice.rejected,
        together=choice.together,
        unserved=choice.unserved,
        existing=schema,
        untouched=[
            f"{table.name} has {table.rows:,} rows; tables over {settings.max_table_rows:,} rows are not modified."
            for table in schema.tables.values()
            if table.rows > settings.max_table_rows and any(scan.is_of(table) for scan in scans)
        ],
    )


def read_schema(settings: MaintenanceInput) -> Schema:
    """Return all tables that may be examined, with their indexes and estimated sizes."""
    with opened(settings) as target:
        return target.schema()


class Statistics(BaseModel):
    """Tables whose statistics no longer describe them, and how many were looked at."""

    stale: list[StaleTable]
    checked: int


def find_stale_statistics(settings: MaintenanceInput) -> Statistics:
    """Find tables whose statistics no longer describe them."""
    with opened(settings) as target:
        schema = target.schema()
        return Statistics(stale=target.stale_tables(schema), checked=len(schema.tables))


class Refreshed(BaseModel):
    """The tables whose statistics were refreshed, and why those of others were not."""

    analyzed: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


def refresh_statistics(settings: MaintenanceInput, stale: Sequence[StaleTable]) -> Refreshed:
    """Refresh the statistics of tables. This changes no data and blocks nobody."""
    done = Refreshed()
    with opened(settings) as target:
        for table in stale:
            kept = f"The statistics of {table.table} are stale, and were not refreshed"
            if table.rows > settings.max_table_rows:
                done.notes.append(f"{kept}: it is over the row limit.")
                continue
            try:
                target.analyze(table.table)
            except TrialError as error:
                done.notes.append(f"{kept}: {error}.")
                continue
            done.analyzed.append(table.table)
    return done


def back_up(settings: MaintenanceInput, run_id: str, *, prunes: bool = True) -> Backup:
    """Back up the target, and verify the backup by restoring it.

    Args:
        run_id: identifies the attempts of one run, so that one removes what another has left unfinished.
        prunes: delete backups that have been kept long enough.

    Raises:
        TargetError: there is no backup with the target's content.
    """
    with opened(settings) as target:
        return make_backup(target, settings, run_id, constraints.now(), prunes=prunes)


def measure_all(target: Target, queries: Sequence[Query]) -> dict[str, Measurement]:
    """Return the measurements of the queries as they run now, by id, without those that fail."""
    measured = {}
    for query in queries:
        try:
            measured[query.id] = target.measure(query)
        except TrialError:
            # The query ran when it was found; a failure since then is no reason to stop.
            continue
    return measured


class Validation(BaseModel):
    """The measurements of the queries after the changes, and a verdict for each new index."""

    after: dict[str, Measurement]
    verdicts: list[IndexVerdict]


def validate_results(
    settings: MaintenanceInput, queries: Sequence[Query], before: dict[str, Measurement], applied: Sequence[Applied]
) -> Validation:
    """Measure the same queries again, and judge each new index by its real effect.

    Before an index is found not to help, its queries are measured once more, so that a busy moment does not decide.
    """
    least = settings.min_improvement
    with opened(settings) as target:
        after = measure_all(target, queries)
        verdicts = judge(applied, queries, before, after, least)
        doubtful = {verdict.index for verdict in verdicts if not verdict.keep}
        again = [query for query in queries if query.id in after and doubtful & set(after[query.id].indexes)]
        if again:
            second = measure_all(target, again)
            after |= {query: together(after[query], measured) for query, measured in second.items()}
            verdicts = judge(applied, queries, before, after, least)
    return Validation(after=after, verdicts=verdicts)


def create_index(settings: MaintenanceInput, item_id: str, statement: str) -> Applied:
    """Make sure that an approved index exists exactly once, whatever an earlier attempt left behind.

    A statement that is no CREATE INDEX, or is for a table that may not be modified, is refused, and nothing is done.
    """
    with opened(settings) as target, target.applying():
        try:
            definition = read_definition(statement, target.dialect)
            return target.create_index(item_id, statement, definition, target.schema())
        except StatementRefused as error:
            return Applied(id=item_id, statement=statement, status=ItemStatus.REFUSED, message=str(error))
