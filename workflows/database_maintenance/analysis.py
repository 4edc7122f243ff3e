"""The steps that change nothing: health, slow queries, missing indexes, and stale statistics."""

from __future__ import annotations

from workflows.database_maintenance import basis, operations, tools
from workflows.database_maintenance.counted import counted
from workflows.database_maintenance.model import Query, dump
from workflows.database_maintenance.state import State, settings_of


def health(state: State) -> State:
    """Check everything that the run depends on, before anything is changed."""
    settings = settings_of(state)
    with counted(tools.check_database_health, settings):
        found = operations.check_health(settings)
    return {"health": found.model_dump(mode="json"), "notes": [], "revision": 0}


def slow_queries(state: State) -> State:
    """Find the most expensive queries, and measure each of them."""
    settings = settings_of(state)
    with counted(tools.analyze_slow_queries, settings):
        found = operations.find_slow_queries(settings)
    return {
        "source": found.source,
        "queries": dump(found.queries),
        "skipped": dump(found.skipped),
        "hidden": found.hidden,
        "notes": [*state.get("notes", []), *(note for note in (found.note, found.hidden) if note)],
    }


def missing_indexes(state: State) -> State:
    """Find indexes that measurably help, by building and measuring them without leaving a trace."""
    settings = settings_of(state)
    with counted(tools.identify_missing_indexes, settings):
        found = operations.find_missing_indexes(settings, queries_of(state))
    rests_on = {"indexes": basis.indexes(settings, found.existing, found.candidates)} if found.candidates else {}
    return {
        "candidates": dump(found.candidates),
        "rejected": dump(found.rejected),
        "together": dump(found.together),
        "unserved": dump(found.unserved),
        "tables": found.table_facts,
        "basis": rests_on,
        "notes": [*state["notes"], *found.untouched],
    }


def stale_statistics(state: State) -> State:
    """Find tables whose statistics no longer describe them."""
    settings = settings_of(state)
    with counted(tools.check_table_statistics, settings):
        found = operations.find_stale_statistics(settings)
    return {"stale": dump(found.stale)}


def queries_of(state: State) -> list[Query]:
    """Return the slow queries as models."""
    return [Query.model_validate(query) for query in state.get("queries", [])]
