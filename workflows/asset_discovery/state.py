"""The run's state: references, counts, and short summaries. Tables lie in working files of the run (`stored`)."""

from __future__ import annotations

from typing import Any, TypedDict

from workflows.asset_discovery.inputs import DiscoveryInput

Json = dict[str, Any]


class State(TypedDict, total=False):
    """What the steps have found and done so far; comments name the step that writes each key."""

    input: Json  # start
    as_of: str  # read: the day for which support is judged
    tables: list[Json]  # read: `stored.TableFacts` of each table
    problem: str  # several: why there is no inventory, in a sentence
    mapping: str  # map, take_mapping: reference to the mappings of all tables
    proposal: Json | None  # map, cleanse, …: what the next gate proposes; none: there is nothing to decide
    outcome: Json | None  # decide_…
    cleansed: list[Json]  # cleanse, recleanse: `stored.CleansedFacts` of each table
    left_out: list[Json]  # take_cleansing: rules that people did not approve: table, column, and rule
    duplicates: str  # find_duplicates: reference to the groups and the doubtful pairs
    joined: list[str]  # take_merges: keys of the doubtful pairs that are one asset
    inventory: Json  # merge: references to the inventory, its sources, conflicts, and groups
    figures: Json  # several: counts for the report, by phase
    dependencies: Json  # relate: references to edges, names that lead nowhere, circles, and orphans
    analysis: Json  # analyze, take_migration: references to the parts of the analysis
    status: str  # finish
    report: str  # finish


def settings_of(state: State) -> DiscoveryInput:
    """Return the run's input, validated again."""
    return DiscoveryInput.model_validate(state["input"])


def figures_with(state: State, phase: str, **counts: int) -> Json:
    """Return the run's figures with those of one phase replaced."""
    return {**state.get("figures", {}), phase: counts}
