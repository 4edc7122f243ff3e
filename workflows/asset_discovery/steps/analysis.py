"""The last phase: support, single points of failure, capacity, licenses, and a view of a migration."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import polars as pl

from assent import Outcome, ReceiptStatus, Verdict, report_receipt
from workflows.asset_discovery.analysis.analyze import Analysis, analyze
from workflows.asset_discovery.gates.migration import changed_ways, migration_gate
from workflows.asset_discovery.state import Json, State, figures_with, settings_of
from workflows.asset_discovery.steps.dependencies import dependencies_of
from workflows.asset_discovery.stored import load_frame, save_frame
from workflows.asset_discovery.working import Work

PARTS = [field.name for field in fields(Analysis) if field.name != "as_of"]
_CHANGES = "Changes were requested; the view is proposed again."
_DECIDED = "decided by people"


def analyze_inventory(state: State) -> State:
    """Analyze the inventory, and prepare what people decide on a migration."""
    assets = load_frame(state["inventory"]["inventory"])
    work = Work(assets.height, {"assets": assets.height})
    with work.piece("Analyzing the inventory", assets.height):
        found = analyze(assets, dependencies_of(state, assets), date.fromisoformat(state["as_of"]))
        saved = _saved(found, "analysis")
    ended = found.support.filter(pl.col("state") == "ended").height
    work.count(without_support=ended, single_points=found.single_points.height)
    work.finish()
    settings = settings_of(state)
    rows = found.applications.to_dicts()
    proposal = migration_gate(rows, settings) if settings.ask_migration else None
    return {
        "analysis": saved,
        "proposal": proposal.model_dump(mode="json") if proposal else None,
        "figures": figures_with(state, "analysis", **work.figures),
    }


def _saved(found: Analysis, name: str) -> Json:
    return {part: save_frame(f"{name}-{part}", getattr(found, part)) for part in PARTS}


def analysis_of(state: State) -> Analysis:
    """Return the analysis as it was saved."""
    parts: dict[str, Any] = {part: load_frame(state["analysis"][part]) for part in PARTS}
    return Analysis(as_of=date.fromisoformat(state["as_of"]), **parts)


def take_migration(state: State) -> State:
    """Take over the ways that people have changed; they count for all assets of their applications."""
    outcome, found = Outcome.model_validate(state["outcome"]), analysis_of(state)
    rows = found.applications.to_dicts()
    if outcome.verdict is Verdict.REQUEST_CHANGES:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, _CHANGES)
        again = migration_gate(rows, settings_of(state), outcome.comment or "(no comment)")
        assert again is not None
        return {"proposal": again.model_dump(mode="json"), "outcome": None}
    if not outcome.approved:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, "The view stays as it was proposed.")
        return {"proposal": None, "outcome": None}
    changed = changed_ways(outcome.proposal.model_dump(mode="json")["data"], rows)
    report_receipt(outcome, ReceiptStatus.APPLIED, f"{len(changed):,} of {len(rows):,} applications changed.")
    decided = replace(
        found, migration=_with_ways(found.migration, changed), applications=_with_ways(found.applications, changed)
    )
    return {"proposal": None, "outcome": None, "analysis": _saved(decided, "decided")}


def _with_ways(frame: pl.DataFrame, changed: dict[str, str]) -> pl.DataFrame:
    is_changed = pl.col("application").is_in(list(changed))
    if not changed:
        return frame
    way = pl.col("application").replace_strict(changed, default=None, return_dtype=pl.String)
    return frame.with_columns(
        pl.when(is_changed).then(way).otherwise(pl.col("way")).alias("way"),
        pl.when(is_changed).then(pl.lit(_DECIDED)).otherwise(pl.col("reason")).alias("reason"),
    )
