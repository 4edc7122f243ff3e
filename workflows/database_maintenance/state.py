"""The run's state: only JSON, and never an address or a password of the target."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.config import get_config

from workflows.database_maintenance.inputs import MaintenanceInput

Json = dict[str, Any]


class State(TypedDict, total=False):
    """What the steps have found and done so far; comments name the step that writes each key."""

    input: Json  # start
    health: Json  # health
    notes: list[str]  # several: additional lines of the report
    source: str  # slow_queries
    queries: list[Json]  # slow_queries
    skipped: list[Json]  # slow_queries
    hidden: str  # slow_queries: what could not be seen
    candidates: list[Json]  # missing_indexes, revise, reexamine
    rejected: list[Json]  # missing_indexes, revise, reexamine
    together: list[Json]  # missing_indexes, revise, reexamine
    unserved: list[Json]  # missing_indexes, revise, reexamine: queries without a proposal, and why
    tables: Json  # missing_indexes, reexamine
    basis: Json  # missing_indexes, refresh_statistics, revise, reexamine: what the proposal rests on
    changed: Json | None  # prepare, apply, what_now: why an approved proposal was not applied
    stale: list[Json]  # stale_statistics
    backup: Json | None  # backup, prepare
    analyzed: list[str]  # refresh_statistics
    refusal: str  # constraints that prevent proposing or applying
    revision: int  # revise, reexamine
    comment: str  # revise
    outcome: Json | None  # propose
    existing: list[str]  # prepare
    before: Json  # prepare
    pending: list[Json]  # prepare, apply
    applied: list[Json]  # apply, rollback
    after: Json  # validate, rollback
    verdicts: list[Json]  # validate
    factor: float | None  # report: of all slow queries
    factor_of_users: float | None  # report: of those that use a new index
    status: str  # report
    report: str  # report


def settings_of(state: State) -> MaintenanceInput:
    """Return the run's input, validated again."""
    return MaintenanceInput.model_validate(state["input"])


def run_id() -> str:
    """Return the id of the run that is executing this step."""
    return str(get_config().get("configurable", {}).get("thread_id", ""))
