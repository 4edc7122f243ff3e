"""The fourth phase: records of one asset become one; people decide the doubtful ones."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import polars as pl

from assent import Optimizations, Outcome, ReceiptStatus, Verdict, report_receipt
from workflows.asset_discovery.gates.merges import MOST_ITEMS, merges_gate, pair_of
from workflows.asset_discovery.inventory.doubtful import doubtful_merges
from workflows.asset_discovery.inventory.duplicates import DuplicateGroup, Duplicates, duplicates
from workflows.asset_discovery.inventory.merging import merge
from workflows.asset_discovery.state import Json, State, figures_with, settings_of
from workflows.asset_discovery.stored import load_frame, load_json, save_frame, save_json
from workflows.asset_discovery.working import Work

_CHANGES = "Changes were requested; the pairs are proposed again."


def find_duplicates(state: State) -> State:
    """Find the records that are one asset, and those that may be."""
    frame = all_records(state)
    work = Work(frame.height, {"valid records": int(frame["_valid"].sum())})
    with work.piece("Comparing records", frame.height):
        found = duplicates(frame)
        pairs = [pair_of(pair) for pair in doubtful_merges(frame, found)]
    work.count(duplicates=sum(len(group.rows) - 1 for group in found.groups), doubtful=len(pairs))
    work.finish()
    settings = settings_of(state)
    proposal = merges_gate(pairs, settings) if settings.ask_merges else None
    groups = [asdict(group) for group in found.groups]
    return {
        "duplicates": save_json("duplicates", {"groups": groups, "pairs": pairs}),
        "joined": [],
        "proposal": proposal.model_dump(mode="json") if proposal else None,
        "figures": figures_with(state, "inventory", **work.figures),
    }


def all_records(state: State) -> pl.DataFrame:
    """Return the records of all tables below each other, which is the same in every step."""
    return pl.concat([load_frame(kept["frame"]) for kept in state["cleansed"]], how="vertical_relaxed")


def take_merges(state: State) -> State:
    """Take over which pairs people have joined; those that they did not are different assets."""
    outcome, settings = Outcome.model_validate(state["outcome"]), settings_of(state)
    pairs = load_json(state["duplicates"])["pairs"]
    if outcome.verdict is Verdict.REQUEST_CHANGES:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, _CHANGES)
        again = merges_gate(pairs, settings, outcome.comment or "(no comment)")
        assert again is not None
        return {"proposal": again.model_dump(mode="json"), "outcome": None}
    asked = [pair["key"] for pair in pairs[:MOST_ITEMS]]
    joined: list[str] = []
    if outcome.approved:
        approved = outcome.proposal
        assert isinstance(approved, Optimizations)
        joined = [item.id for item in approved.items if item.id in set(asked)]
        report_receipt(outcome, ReceiptStatus.APPLIED, f"{len(joined):,} of {len(asked):,} pairs are merged.")
    else:
        report_receipt(outcome, ReceiptStatus.NOT_APPLIED, "No pair is merged.")
    figures = {**state["figures"]["inventory"], "joined": len(joined)}
    return {"proposal": None, "outcome": None, "joined": joined, "figures": figures_with(state, "inventory", **figures)}


def merge_records(state: State) -> State:
    """Merge the records of one asset into the inventory."""
    frame = all_records(state)
    work = Work(frame.height, {key.replace("_", " "): n for key, n in state["figures"]["inventory"].items()})
    with work.piece("Merging records", frame.height):
        found = _decided(state, frame)
        merged = merge(frame, found)
        references: Json = {
            "inventory": save_frame("inventory", merged.frame),
            "sources": save_frame("sources", merged.sources),
            "conflicts": save_frame("conflicts", merged.conflicts),
            "groups": save_json("groups", [asdict(group) for group in found.groups]),
        }
    work.count(assets=merged.frame.height)
    work.finish()
    return {"inventory": references, "figures": figures_with(state, "inventory", **work.figures)}


def _decided(state: State, frame: pl.DataFrame) -> Duplicates:
    """The groups of records, with what people have decided."""
    found = load_json(state["duplicates"])
    asked: list[dict[str, Any]] = found["pairs"][:MOST_ITEMS] if settings_of(state).ask_merges else []
    if not asked:
        groups = tuple(DuplicateGroup(tuple(group["rows"]), group["reason"]) for group in found["groups"])
        return Duplicates(groups, (), ())
    joined = set(state["joined"])
    same: list[tuple[int, int]] = []
    different: list[tuple[int, int]] = []
    for pair in asked:
        first, second = pair["pair"]
        (same if pair["key"] in joined else different).append((first, second))
    return duplicates(frame, same, different)
