"""The steps up to the gate: backup, statistics, the proposal, and its revisions."""

from __future__ import annotations

from assent import (
    Changed,
    OptimizationItem,
    Optimizations,
    Outcome,
    ReceiptStatus,
    RiskLevel,
    TableFacts,
    Verdict,
    report_receipt,
    request_approval,
)
from assent.contracts import resting_on
from assent.toolbox.basis import summary_of
from workflows.database_maintenance import basis, operations, tools
from workflows.database_maintenance.analysis import queries_of
from workflows.database_maintenance.changes import candidates_of, read_basis
from workflows.database_maintenance.comments import left_out
from workflows.database_maintenance.counted import counted
from workflows.database_maintenance.measure import factor, gain_in_words, milliseconds, moment, overall, size, times
from workflows.database_maintenance.model import Backup, Candidate, Effect, StaleTable, TargetError, dump
from workflows.database_maintenance.state import Json, State, run_id, settings_of
from workflows.database_maintenance.targets.opening import dialect_of

_NAMED = 10
"""How many queries of a kind the proposal names."""


def backup(state: State) -> State:
    """Make and verify a backup; if the input requires one and it fails, nothing is proposed."""
    settings = settings_of(state)
    try:
        with counted(tools.backup_database_full, settings):
            made = operations.back_up(settings, run_id())
    except TargetError as error:
        if settings.backup_required:
            return {"backup": None, "refusal": f"A verified backup is required, and there is none: {error}"}
        return {"backup": None, "notes": [*state["notes"], f"There is no backup: {error}"]}
    return {"backup": made.model_dump(mode="json")}


def refresh_statistics(state: State) -> State:
    """Refresh stale statistics. No approval is required, because this changes no data and blocks nobody."""
    settings = settings_of(state)
    stale = [StaleTable.model_validate(table) for table in state["stale"]]
    with counted(tools.optimize_table_statistics, settings, tables=[table.table for table in stale]):
        done = operations.refresh_statistics(settings, stale)
    rests_on = state.get("basis", {})
    if rests_on and not state["refusal"]:
        rests_on = rests_on | {"sizes": basis.sizes(settings, candidates_of(state))}
    return {"analyzed": done.analyzed, "notes": [*state["notes"], *done.notes], "basis": rests_on}


def propose(state: State) -> State:
    """Suspend until people have decided on the indexes. Do nothing else, because the step runs again on resume."""
    outcome = request_approval(build_proposal(state))
    return {"outcome": outcome.model_dump(mode="json")}


def revise(state: State) -> State:
    """Apply the comment with which changes were requested, measure again, and propose again."""
    outcome = Outcome.model_validate(state["outcome"])
    revision = state["revision"] + 1
    comment = outcome.comment
    settings = settings_of(state)
    with counted(tools.identify_missing_indexes, settings):
        found = operations.find_missing_indexes(
            settings, queries_of(state), lambda candidate: left_out(comment, candidate)
        )
    done = f"Changes were requested; measured again for revision {revision}."
    report_receipt(outcome, ReceiptStatus.NOT_APPLIED, done)
    return {
        "revision": revision,
        "comment": comment,
        "candidates": dump(found.candidates),
        "rejected": dump(found.rejected),
        "together": dump(found.together),
        "unserved": dump(found.unserved),
        "tables": found.table_facts,
        "basis": read_basis(state, found),
        "outcome": None,
        "notes": [*state["notes"], f"Revision {revision} was requested: {comment or 'without a comment'}"],
    }


def build_proposal(state: State) -> Optimizations:
    """Return the proposal, from the state alone, so that it is the same on every call."""
    settings = settings_of(state)
    candidates = candidates_of(state)
    touched = {candidate.table for candidate in candidates}
    count = "1 index" if len(candidates) == 1 else f"{len(candidates)} indexes"
    proposal = Optimizations(
        title=f"Create {count} on {settings.target}",
        summary=_summary(state, candidates),
        agent="optimizer agent",
        environment=settings.environment,
        labels={"workflow": "database_maintenance", "target": settings.target, "revision": str(state["revision"])},
        # The source document rates index creation as medium: approval is required, whatever the rules find.
        risk_floor=RiskLevel.MEDIUM,
        expires_in_seconds=settings.decision_hours * 3600 or None,
        dialect=dialect_of(settings.target),
        target=settings.target,
        verb="create",
        noun="index",
        noun_plural="indexes",
        items=[_item(candidate) for candidate in candidates],
        tables={name: TableFacts(**facts) for name, facts in state["tables"].items() if name in touched},
    )
    made: Optimizations = resting_on(proposal, state.get("basis", {}).values(), state.get("changed"))
    return made


def _item(candidate: Candidate) -> OptimizationItem:
    return OptimizationItem(
        id=candidate.id,
        title=f"Index {candidate.table} on {', '.join(candidate.keys)}"[:200],
        statement=candidate.statement,
        rationale=rationale(candidate),
        benefit=times(candidate.factor) if candidate.scale <= 1 else f"about {times(candidate.factor)} (estimated)",
        benefit_factor=round(candidate.factor, 2),
        cost=size(candidate.bytes),
        rollback=candidate.rollback,
    )


def rationale(candidate: Candidate) -> str:
    """Return the reason in plain words, with the measurements."""
    parts = [f"{finding}." for finding in candidate.findings[:2]]
    for effect in candidate.effects[:4]:
        buffers = ""
        if effect.before_buffers is not None and effect.after_buffers is not None:
            buffers = f" (pages read: {effect.before_buffers:,} → {effect.after_buffers:,})"
        spent = f"{milliseconds(effect.before_ms)} → {milliseconds(effect.after_ms)}"
        whole = f", on the whole table {gain_in_words(effect)}" if effect.scale > 1 else ""
        parts.append(f"“{effect.query}” with this index: {spent}{buffers}{whole}.")
    method = candidate.method[:1].upper() + candidate.method[1:]
    parts.append(f"{method}. It takes {size(candidate.bytes)}, and a little time for each write.")
    return " ".join(parts)


def _summary(state: State, candidates: list[Candidate]) -> str:
    effects = [Effect.model_validate(effect) for effect in state["together"]]
    before, after = overall(effects)
    lines = []
    if state.get("changed"):
        lines += [f"Proposed again. {summary_of(Changed.model_validate(state['changed']))}", ""]
    elif state["revision"]:
        quoted = (state.get("comment") or "no comment").replace("\n", "\n> ")
        lines += [f"Revision {state['revision']}, measured again after changes were requested:", "", f"> {quoted}", ""]
    lines += [
        f"{len(effects)} slow queries together: **{milliseconds(before)} → {milliseconds(after)}**, "
        f"{times(factor(before, after))} in the trial, weighted by how often they run.{_how_sure(effects)}",
        "",
        "| query | now | without, in the trial | with all indexes | |",
        "|---|---:|---:|---:|---:|",
    ]
    for effect in effects[:30]:
        spent = [milliseconds(effect.before_ms), milliseconds(effect.after_ms), gain_in_words(effect)]
        now = "" if effect.now_ms is None else milliseconds(effect.now_ms)
        lines.append("| " + " | ".join([effect.query.replace("|", "\\|"), now, *spent]) + " |")
    lines += _named("No index is proposed for:", state.get("unserved", []))
    lines += _named("Not measured:", state.get("skipped", []))
    lines += ["", _safety(state, candidates)]
    return "\n".join(lines)[:20_000]


def _named(title: str, queries: list[Json]) -> list[str]:
    lines = [f"- “{query['name']}”: {query['reason']}" for query in queries[:_NAMED]]
    if len(queries) > _NAMED:
        lines.append(f"- and {len(queries) - _NAMED} more, named in the report")
    return ["", title, *lines] if queries else []


def _how_sure(effects: list[Effect]) -> str:
    """Return what is measured and what is estimated."""
    estimated = sum(effect.scale > 1 for effect in effects)
    now = " “Now” is measured on the real tables."
    if not estimated:
        return f"{now} The trial was measured on whole tables."
    return (
        f"{now} {estimated} of {len(effects)} queries were tried on samples of large tables: their gain on the whole "
        "tables is estimated, from the time now and the time with the indexes on the sample."
    )


def _safety(state: State, candidates: list[Candidate]) -> str:
    concurrent = "CONCURRENTLY" in candidates[0].statement
    how = (
        "Each index is built concurrently, so reads and writes continue."
        if concurrent
        else "Each index is built in one transaction, which blocks other writers meanwhile."
    )
    made = Backup.model_validate(state["backup"]) if state.get("backup") else None
    saved = (
        f" A backup of {made.tables} tables and {made.rows:,} rows was made at {moment(made.made_at)} "
        "and verified by restoring it."
        if made
        else " There is no backup of this run."
    )
    return f"{how}{saved} Then the same queries are measured again, and indexes that do not help are dropped."


def route_after_proposal(state: State) -> str:
    """Return the next step: continue, revise, or report."""
    outcome = Outcome.model_validate(state["outcome"])
    if outcome.approved:
        return "prepare"
    if outcome.verdict is Verdict.REQUEST_CHANGES and state["revision"] < settings_of(state).max_revisions:
        return "revise"
    return "report"
