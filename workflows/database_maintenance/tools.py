"""The parts of database maintenance as tools, for other workflows and for agents.

Inputs name a target that the operator has configured (``ASSENT_TARGET_<NAME>``), never an address. The steps of a run
call the same `operations`.
"""

from __future__ import annotations

import time

from assent.toolbox import ToolContext, tool
from workflows.database_maintenance import operations
from workflows.database_maintenance.dependencies import for_backups, for_targets
from workflows.database_maintenance.measure import effect_on, improvement, overall
from workflows.database_maintenance.model import Applied, Backup, Effect, StaleTable, StatementRefused
from workflows.database_maintenance.operations import Health
from workflows.database_maintenance.sample import SAMPLE_WORKLOAD
from workflows.database_maintenance.statements import read_definition
from workflows.database_maintenance.targets.opening import dialect_of
from workflows.database_maintenance.tool_models import (
    BackupInput,
    Comparison,
    HealthInput,
    IndexInput,
    IndexSearchInput,
    MissingIndexes,
    OptimizedStatistics,
    RefreshInput,
    ResultsInput,
    SchemaInput,
    SchemaSummary,
    SlowQueries,
    SlowQueriesInput,
    StatisticsInput,
    TableStatistics,
    ValidationResults,
)

_QUERY = {
    "id": "q1", "name": "uses of a coupon", "sql": "SELECT count(*) FROM orders WHERE coupon = 'SPRING'",
    "measured": {"ms": 12.5},
}  # fmt: skip
_INDEX = "CREATE INDEX CONCURRENTLY idx_orders_coupon ON orders (coupon)"


@tool(
    effect="read", tier="api", timeout=30, capabilities=["database", "database_read", "health"],
    examples=[{"target": "shop", "workload": SAMPLE_WORKLOAD}], dependencies=for_targets,
)  # fmt: skip
def check_database_health(inputs: HealthInput) -> Health:
    """Check whether a database answers, and has what maintenance needs, in less than two seconds.

    Checks the connection, the rights that are needed, with the SQL that grants missing ones, long transactions, where
    slow queries can be found, the programs and the folder for backups, and the guard that lets nothing through but
    CREATE INDEX.
    """
    return operations.check_health(inputs.settings())


@tool(
    effect="read", timeout=900, capabilities=["database", "database_read", "performance"],
    examples=[{"target": "shop", "min_duration_ms": 100, "max_queries": 20}], dependencies=for_targets,
)  # fmt: skip
def analyze_slow_queries(inputs: SlowQueriesInput) -> SlowQueries:
    """Find the slowest queries of a database, and measure each of them.

    They come from pg_stat_statements if the database has it, or else from a workload. Only queries that change nothing
    are run, each in a read-only transaction with a time limit.
    """
    found = operations.find_slow_queries(inputs.settings())
    times = [query.measured.ms for query in found.queries if query.measured]
    return SlowQueries(
        source=found.source, slow_queries=found.queries, skipped=found.skipped, total_analyzed=len(found.queries),
        avg_duration_ms=round(sum(times) / len(times), 2) if times else 0.0,
        note=" ".join(note for note in (found.note, found.hidden) if note),
    )  # fmt: skip


@tool(
    effect="read", timeout=3_600, capabilities=["database", "database_read", "schema_analyze", "performance"],
    examples=[{"target": "shop", "slow_queries": [_QUERY], "min_improvement": 0.2}], dependencies=for_targets,
)  # fmt: skip
def identify_missing_indexes(inputs: IndexSearchInput) -> MissingIndexes:
    """Find indexes that make slow queries measurably faster, by building and measuring them on copies of the tables.

    Nothing is left of the trials, and nobody is blocked by them: an agent may call this without approval, so that
    candidates are never built on the tables themselves, even if a run of maintenance may do that.
    """
    found = operations.find_missing_indexes(inputs.settings(), inputs.slow_queries)
    return MissingIndexes(
        indexes=found.candidates, rejected=found.rejected, together=found.together, tables=found.tables,
        untouched=found.untouched, total_recommendations=len(found.candidates),
        estimated_improvement_pct=_percent(found.together),
    )  # fmt: skip


@tool(
    effect="read", tier="api", timeout=60, capabilities=["database", "database_read", "schema_analyze"],
    examples=[{"target": "shop"}, {"target": "shop", "tables": ["orders"]}], dependencies=for_targets,
)  # fmt: skip
def analyze_schema(inputs: SchemaInput) -> SchemaSummary:
    """List the tables of a database, with their estimated sizes, columns, and indexes."""
    return SchemaSummary.of(operations.read_schema(inputs.settings()), inputs.tables)


@tool(
    effect="read", tier="api", timeout=60, capabilities=["database", "database_read"],
    examples=[{"target": "shop", "stale_after_days": 7}], dependencies=for_targets,
)  # fmt: skip
def check_table_statistics(inputs: StatisticsInput) -> TableStatistics:
    """Find tables whose statistics no longer describe them, so that the database plans badly."""
    found = operations.find_stale_statistics(inputs.settings())
    ages = [table.age_days for table in found.stale if table.age_days is not None]
    return TableStatistics(
        stale_tables=found.stale, total_tables_checked=found.checked, oldest_stats_age_days=max(ages, default=None)
    )


@tool(
    effect="write", risk="low", idempotent=True, timeout=3_600, capabilities=["database", "database_write"],
    examples=[{"target": "shop", "tables": ["orders"]}, {"target": "shop", "tables": "all"}], dependencies=for_targets,
)  # fmt: skip
def optimize_table_statistics(inputs: RefreshInput) -> OptimizedStatistics:
    """Refresh the statistics of tables. This changes no data and blocks nobody."""
    started = time.monotonic()
    settings = inputs.settings()
    schema = operations.read_schema(settings)
    wanted = list(schema.tables) if inputs.tables == "all" else list(dict.fromkeys(inputs.tables))
    known = [schema.tables[name] for name in wanted if name in schema.tables]
    done = operations.refresh_statistics(
        settings, [StaleTable(table=table.name, reason="requested", rows=table.rows) for table in known]
    )
    unknown = [f"There is no table {name} that may be examined." for name in wanted if name not in schema.tables]
    return OptimizedStatistics(
        tables_updated=len(done.analyzed), tables=done.analyzed, notes=[*unknown, *done.notes],
        total_duration_seconds=round(time.monotonic() - started, 2),
    )  # fmt: skip


@tool(
    # A repeated call adds another verified file, and removes what the attempt before it has left unfinished.
    effect="write", risk="low", idempotent=True, timeout=6 * 3_600 + 600,
    capabilities=["database", "database_read", "backup"],
    examples=[{"target": "shop"}], dependencies=for_backups,
)  # fmt: skip
def backup_database_full(inputs: BackupInput, context: ToolContext) -> Backup:
    """Back up a database to the operator's folder, and verify the backup by restoring it elsewhere.

    Older backups are kept.
    """
    return operations.back_up(inputs.settings(), context.run_id or context.call_id, prunes=False)


def _about_index(inputs: IndexInput) -> list[str]:
    try:
        definition = read_definition(inputs.statement, dialect := dialect_of(inputs.target))
    except (StatementRefused, LookupError):
        return []
    if dialect == "postgres" and not definition.concurrently:
        return ["Without CONCURRENTLY, nobody can write to the table while the index is built."]
    return []


@tool(
    effect="write", risk="medium", idempotent=True, timeout=86_400,
    capabilities=["database", "database_write", "performance"],
    examples=[{"target": "shop", "statement": _INDEX}], dependencies=for_targets, warnings=_about_index,
)  # fmt: skip
def create_index(inputs: IndexInput) -> Applied:
    """Create an index, exactly once, whatever an interrupted attempt has left behind.

    Anything but one CREATE INDEX on a table that may be modified is refused; the result says why.
    """
    settings = inputs.settings()
    try:
        name = read_definition(inputs.statement, dialect_of(inputs.target)).name
    except StatementRefused:
        name = "index"
    return operations.create_index(settings, name, inputs.statement)


@tool(
    effect="read", timeout=900, capabilities=["database", "database_read", "performance"],
    examples=[{"target": "shop", "original_slow_queries": [_QUERY]}], dependencies=for_targets,
)  # fmt: skip
def validate_optimization_results(inputs: ResultsInput) -> ValidationResults:
    """Measure slow queries again, and compare them with their times before the changes."""
    queries = [query for query in inputs.original_slow_queries if query.measured]
    before = {query.id: query.measured for query in queries if query.measured}
    found = operations.validate_results(inputs.settings(), queries, before, inputs.optimization_actions)
    after = found.after
    effects = [effect_on(query, before[query.id], after[query.id]) for query in queries if query.id in after]
    saved = _percent(effects)
    return ValidationResults(
        validation_passed=saved >= 0 and all(verdict.keep for verdict in found.verdicts),
        performance_improvement_pct=saved, queries_tested=len(effects), verdicts=found.verdicts,
        query_comparisons=[
            Comparison(
                query=effect.query, original_duration_ms=effect.before_ms, new_duration_ms=effect.after_ms,
                improvement_pct=round(100 * improvement(effect.before_ms, effect.after_ms), 1),
            )
            for effect in effects
        ],
    )  # fmt: skip


def _percent(effects: list[Effect]) -> float:
    """Return the share of the weighted time that is saved, in percent."""
    return round(100 * improvement(*overall(effects)), 1)
