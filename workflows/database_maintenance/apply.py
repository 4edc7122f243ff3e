"""The steps after the gate: check again, create the approved indexes, measure, and drop those that do not help."""

from __future__ import annotations

from assent import Optimizations, Outcome
from assent.toolbox.basis import changes_in_words
from workflows.database_maintenance import basis, changes, constraints, operations, tools
from workflows.database_maintenance.analysis import queries_of
from workflows.database_maintenance.backup import is_fresh, make_backup
from workflows.database_maintenance.changes import not_applied
from workflows.database_maintenance.counted import counted
from workflows.database_maintenance.inputs import MaintenanceInput
from workflows.database_maintenance.model import (
    Applied,
    Backup,
    ItemStatus,
    Measurement,
    Query,
    Schema,
    TargetError,
    dump,
)
from workflows.database_maintenance.state import Json, State, run_id, settings_of
from workflows.database_maintenance.targets.base import Target
from workflows.database_maintenance.targets.opening import dialect_of, opened


def prepare(state: State) -> State:
    """Check what may have changed while people decided, and measure the queries as they are now."""
    settings = settings_of(state)
    outcome = Outcome.model_validate(state["outcome"])
    approved = outcome.proposal
    if not isinstance(approved, Optimizations):
        return _refuse_all(state, [], "The approved payload is not a set of optimizations.")
    items = [item.model_dump(mode="json") for item in approved.items]
    refusal = constraints.outside_hours(settings, constraints.now())
    if refusal:
        return _refuse_all(state, items, refusal)
    if (changed := basis.changes(outcome, approved.dialect)) is not None:
        return not_applied(state, outcome, changed)
    with opened(settings) as target:
        try:
            backup = _fresh_backup(state, settings, target)
        except TargetError as error:
            return _refuse_all(state, items, f"The backup was too old, and a new one could not be made: {error}")
        return {
            "backup": backup.model_dump(mode="json") if backup else None,
            "existing": _index_names(target.schema()),
            "before": _measured(target, queries_of(state)),
            "pending": items,
            "applied": [],
            "changed": None,
        }


def _refuse_all(state: State, items: list[Json], reason: str) -> State:
    records = [
        Applied(id=item["id"], statement=item["statement"], status=ItemStatus.REFUSED, message=reason) for item in items
    ]
    return {
        "refusal": reason, "pending": [], "applied": dump(records), "existing": [], "before": {}, "changed": None,
    }  # fmt: skip


def _fresh_backup(state: State, settings: MaintenanceInput, target: Target) -> Backup | None:
    made = Backup.model_validate(state["backup"]) if state.get("backup") else None
    if not settings.backup_required or (made and is_fresh(made, settings, constraints.now())):
        return made
    with counted(tools.backup_database_full, settings):
        return make_backup(target, settings, run_id(), constraints.now())


def _index_names(schema: Schema) -> list[str]:
    """Return the indexes that existed before this run created any."""
    return sorted(
        f"{table.name}/{index.name}" for table in schema.tables.values() for index in table.indexes if index.valid
    )


def _measured(target: Target, queries: list[Query]) -> Json:
    return {
        query: measurement.model_dump(mode="json")
        for query, measurement in operations.measure_all(target, queries).items()
    }


def apply_next(state: State) -> State:
    """Create one approved index, so that each is stored before the next begins.

    What the proposal rests on is read again first. Safe to repeat after a crash at any moment: see
    `targets.postgres_apply`.
    """
    settings = settings_of(state)
    outcome = Outcome.model_validate(state["outcome"])
    changed = basis.changes(outcome, dialect_of(settings.target))
    if changed is not None and not state["applied"]:
        return not_applied(state, outcome, changed)
    if changed is not None:
        return _refuse_rest(state, f"Something has changed in the meantime: {changes_in_words(changed)}.")
    item, *rest = state["pending"]
    record = _apply(settings, item, set(state["existing"]), outcome.request_id)
    return {"pending": rest, "applied": [*state["applied"], record.model_dump(mode="json")]}


def _refuse_rest(state: State, reason: str) -> State:
    """Leave the other items out; those that are in place stay, and are measured."""
    records = [
        Applied(id=item["id"], statement=item["statement"], status=ItemStatus.REFUSED, message=reason)
        for item in state["pending"]
    ]
    return {"pending": [], "applied": [*state["applied"], *dump(records)]}


def _apply(settings: MaintenanceInput, item: Json, existing: set[str], request_id: str) -> Applied:
    if refusal := constraints.outside_hours(settings, constraints.now()):
        return Applied(id=item["id"], statement=item["statement"], status=ItemStatus.REFUSED, message=refusal)
    with counted(tools.create_index, settings, request_id, statement=item["statement"]):
        record = operations.create_index(settings, item["id"], item["statement"])
    if record.status is ItemStatus.ALREADY_THERE and f"{record.table}/{record.index}" not in existing:
        return record.model_copy(
            update={"status": ItemStatus.CREATED, "message": "Found complete after an interruption."}
        )
    return record


def validate(state: State) -> State:
    """Measure the same queries again, and judge each new index by its real effect."""
    applied = [Applied.model_validate(record) for record in state["applied"]]
    settings = settings_of(state)
    with counted(tools.validate_optimization_results, settings):
        found = operations.validate_results(settings, queries_of(state), typed(state["before"]), applied)
    after = {query: measurement.model_dump(mode="json") for query, measurement in found.after.items()}
    return {"after": after, "verdicts": dump(found.verdicts)}


def rollback(state: State) -> State:
    """Drop the new indexes that did not help, and measure once more."""
    settings = settings_of(state)
    dropped = {verdict["id"]: verdict["reason"] for verdict in state["verdicts"] if not verdict["keep"]}
    applied = []
    with opened(settings) as target:
        for record in (Applied.model_validate(stored) for stored in state["applied"]):
            if record.ours and record.id in dropped:
                with target.applying():
                    target.drop_index(record.rollback)
                record = record.model_copy(update={"status": ItemStatus.ROLLED_BACK, "message": dropped[record.id]})
            applied.append(record)
        after = _measured(target, queries_of(state))
    return {"applied": dump(applied), "after": after}


def typed(measured: Json) -> dict[str, Measurement]:
    """Return measurements by query ID."""
    return {query: Measurement.model_validate(measurement) for query, measurement in measured.items()}


def route_after_prepare(state: State) -> str:
    """Continue with the first item, or with the report if all were refused."""
    if state.get("changed"):
        return changes.route(state)
    return "apply" if state["pending"] else "report"


def route_after_apply(state: State) -> str:
    """Continue with the next item; after the last one, measure if anything was created."""
    if state.get("changed"):
        return changes.route(state)
    if state["pending"]:
        return "apply"
    return "validate" if any(Applied.model_validate(record).ours for record in state["applied"]) else "report"


def route_after_validation(state: State) -> str:
    """Roll back indexes that did not help, or report."""
    return "report" if all(verdict["keep"] for verdict in state["verdicts"]) else "rollback"
