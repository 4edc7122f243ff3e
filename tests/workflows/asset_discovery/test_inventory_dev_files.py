"""The duplicates of the nine inventories are found, and their look-alikes stay apart."""

from __future__ import annotations

from itertools import combinations

import pytest

from tests.workflows.asset_discovery.dev_files import TRUTHS, truth_of
from tests.workflows.asset_discovery.true_mappings import cleansed, table_of
from workflows.asset_discovery.inventory.duplicates import duplicates


def _pairs(groups: list[list[int]]) -> set[tuple[int, int]]:
    return {pair for group in groups for pair in combinations(sorted(group), 2)}


@pytest.mark.parametrize("name", TRUTHS)
def test_the_duplicates_are_those_of_the_truth(name: str):
    truth, rows = truth_of(name), table_of(name).rows
    found = duplicates(cleansed(name).frame)
    groups = [[rows[place] for place in group.rows] for group in found.groups]
    assert _pairs(groups) == _pairs([group[:-1] for group in truth["duplicates"]])
    assert all(group.reason for group in found.groups)
    merged = sum(len(group) - 1 for group in groups)
    assert truth["rows_valid"] - merged == truth["unique_assets"]


def test_look_alikes_are_named_with_what_they_share():
    rows = table_of("servicenow_cmdb_ci").rows
    named = {
        tuple(rows[place] for place in item.rows): item.reason
        for item in duplicates(cleansed("servicenow_cmdb_ci").frame).distinct
    }
    assert named[34, 199].startswith("same IP address")
    assert named[131, 187].startswith("same name")
