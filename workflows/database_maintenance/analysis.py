"""The steps that change nothing: health, slow queries, missing indexes, and stale statistics."""

from __future__ import annotations

import time

from assent import TableFacts
from workflows.database_maintenance.health import checks_for, run_checks
from workflows.database_maintenance.inputs import MaintenanceInput, QuerySource
from workflows.database_maintenance.model import Query, Schema, Skipped, TrialError, dump
from workflows.database_maintenance.parameters import fill_parameters
from workflows.database_maintenance.state import Json, State, settings_of
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.opening import opened
from workflows.database_maintenance.trials import Trials
from workflows.database_maintenance.workload import WorkloadError, load_workload, unusable


def health(state: State) -> State:
    """Check everything that the run depends on, before anything is changed."""
    started = time.monotonic()
    results = run_checks(checks_for(settings_of(state)))
    healthy = all(result.ok for result in results if result.critical)
    seconds = round(time.monotonic() - started, 3)
    return {"health": {"healthy": healthy, "seconds": seconds, "checks": dump(results)}, "notes": [], "revision": 0}


def slow_queries(state: State) -> State:
    """Find the most expensive queries, and measure each of them."""
    settings = settings_of(state)
    notes = list(state.get("notes", []))
    with opened(settings) as target:
        schema = target.schema()
        try:
            source, found, skipped = _gather(target, schema, settings)
        except WorkloadError as error:
            notes.append(f"There are no queries to examine: {error}")
            return {"source": "none", "queries": [], "skipped": [], "notes": notes}
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
    return {
        "source": source,
        "queries": dump(measured[: settings.max_queries]),
        "skipped": dump(skipped),
        "notes": notes,
    }


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


def missing_indexes(state: State) -> State:
    """Find indexes that measurably help, by building and measuring them without leaving a trace."""
    settings = settings_of(state)
    queries = queries_of(state)
    if not queries:
        return {"candidates": [], "rejected": [], "together": [], "tables": {}}
    with opened(settings) as target:
        schema = target.schema()
        choice = Trials(target, schema, settings).choose(queries)
    notes = list(state["notes"])
    large = [table for table in schema.tables.values() if table.rows > settings.max_table_rows]
    scanned = {scan.table for query in queries if query.measured for scan in query.measured.scans}
    notes += [
        f"{table.name} has {table.rows:,} rows; tables over {settings.max_table_rows:,} rows are not modified."
        for table in large
        if table.bare in scanned
    ]
    return {
        "candidates": dump(choice.chosen),
        "rejected": dump(choice.rejected),
        "together": dump(choice.together),
        "tables": _facts(schema),
        "notes": notes,
    }


def _facts(schema: Schema) -> Json:
    """Return the sizes of the tables, by the names that statements use."""
    return {
        table.name: TableFacts(rows=max(table.rows, 0), bytes=table.bytes).model_dump(mode="json")
        for table in schema.tables.values()
    }


def stale_statistics(state: State) -> State:
    """Find tables whose statistics no longer describe them."""
    with opened(settings_of(state)) as target:
        return {"stale": dump(target.stale_tables(target.schema()))}


def queries_of(state: State) -> list[Query]:
    """Return the slow queries as models."""
    return [Query.model_validate(query) for query in state.get("queries", [])]
