"""Every group of inventories keeps what the importer gets right, also of those that nobody looks at (`held`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.discovery_engine import by_itself, by_truth, outcome_of
from bench.discovery_scores import Figures, Outcome, Share, Truth, pairs, scored, truths
from workflows.asset_discovery.mapped import THRESHOLD

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Floor:
    """What a group must reach at least, from 0 to 1."""

    asset: float
    alone: float
    right_alone: float
    values: float
    duplicates: tuple[float, float] = (0.98, 0.9)
    invalid: tuple[float, float] = (1.0, 0.97)


GROUPS = {
    "inventories": Floor(asset=0.97, alone=0.8, right_alone=0.98, values=0.99, invalid=(1.0, 1.0)),
    "inventories-more/dev": Floor(asset=0.95, alone=0.7, right_alone=0.98, values=0.98),
    "inventories-more/held": Floor(asset=0.93, alone=0.7, right_alone=0.975, values=0.97),
}


@pytest.fixture(scope="module", params=GROUPS)
def group(request) -> tuple[Floor, list[Truth]]:
    return GROUPS[request.param], truths(HERE / request.param)


def figures(inventories: list[Truth], mapper) -> Figures:
    return scored(inventories, lambda truth: outcome_of(truth, mapper), THRESHOLD)


def test_columns_are_mapped_as_well_as_before(group):
    floor, inventories = group
    found = figures(inventories, by_itself)
    assert found.asset.value >= floor.asset
    assert found.alone_asset.value >= floor.alone
    assert found.alone.value >= floor.right_alone


def test_rows_are_read_as_well_as_before_once_the_columns_are_right(group):
    floor, inventories = group
    found = figures(inventories, by_truth)
    assert found.duplicates.precision >= floor.duplicates[0]
    assert found.duplicates.recall >= floor.duplicates[1]
    assert found.traps == 0
    assert found.invalid.precision >= floor.invalid[0] and found.invalid.recall >= floor.invalid[1]
    assert found.lost == 0
    assert found.values.value >= floor.values
    assert found.dependencies.precision >= 0.99 and found.dependencies.recall >= 0.98
    assert found.sensitive.precision >= 0.8 and found.sensitive.recall >= 0.9


def test_the_groups_are_large_enough_to_tell_something():
    assert [len(truths(HERE / name)) for name in GROUPS] == [9, 17, 17]


def test_duplicates_count_by_pairs_and_their_reasons_do_not():
    assert pairs([[3, 1, 2, "same serial"], [7, 7]]) == {(1, 2), (1, 3), (2, 3)}


def test_a_column_that_was_left_out_counts_as_ignored(tmp_path):
    document = {"mapping": {"a": "name", "b": "ignore", "c": "os"}, "accept": {"c": ["os_version"]}, "duplicates": []}
    truth = Truth(tmp_path / "x.csv", document | {"distinct": [], "invalid": []})
    found = Figures()
    found.note(truth, Outcome({"b": ("model", 0.9), "c": ("os_version", 0.5)}), 0.8)
    assert (str(found.asset), found.false) == (str(Share(1, 2)), 1)
    assert (found.alone, found.alone_asset) == (Share(0, 1), Share(0, 2))
