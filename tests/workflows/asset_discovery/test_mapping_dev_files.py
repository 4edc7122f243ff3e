"""The columns of the nine inventories are mapped as their truth says, and what is mapped alone is right."""

from __future__ import annotations

from functools import cache

import pytest

from tests.workflows.asset_discovery.dev_files import TRUTHS, file_of, truth_of
from workflows.asset_discovery.fields import Field
from workflows.asset_discovery.mapped import THRESHOLD, ColumnMapping, Mapping
from workflows.asset_discovery.mapping import map_table
from workflows.asset_discovery.reading import inventory_of, read


@cache
def _mapping(name: str) -> Mapping:
    table = inventory_of(read(file_of(name)))
    assert table is not None
    return map_table(table)


def _judged(name: str) -> list[tuple[ColumnMapping, str, bool]]:
    """Each column with its true field, and whether it was mapped to that one or to another that is no mistake."""
    truth = truth_of(name)
    return [
        (found, wanted, found.field.value in (wanted, *truth["accept"].get(found.column, [])))
        for found in _mapping(name).columns
        if (wanted := truth["mapping"].get(found.column))
    ]


def test_nearly_all_columns_of_assets_are_right():
    judged = [right for name in TRUTHS for _, wanted, right in _judged(name) if wanted != "ignore"]
    assert sum(judged) >= 0.95 * len(judged)


def test_what_is_decided_alone_is_right_and_is_most():
    judged = [item for name in TRUTHS for item in _judged(name)]
    alone = [right for found, _, right in judged if found.confidence >= THRESHOLD]
    assert sum(alone) >= 0.97 * len(alone)
    assets = [found.confidence >= THRESHOLD for found, wanted, _ in judged if wanted != "ignore"]
    assert sum(assets) >= 0.85 * len(assets)


@pytest.mark.parametrize("name", TRUTHS)
def test_few_ignorable_columns_become_fields(name: str):
    assert sum(not right for _, wanted, right in _judged(name) if wanted == "ignore") <= 3


@pytest.mark.parametrize("name", TRUTHS)
def test_units_of_bare_numbers_are_found(name: str):
    same = {"MiB": "MB", "GiB": "GB", "TiB": "TB", "KB": "KiB"}
    units = {column: unit.split(" ")[0] for column, unit in truth_of(name)["units"].items()}
    for found, wanted, right in _judged(name):
        if wanted != "ignore" and right and found.column in units:
            unit = "" if units[found.column] == "in" else units[found.column]
            assert same.get(found.unit, found.unit) == same.get(unit, unit), found.column


@pytest.mark.parametrize("name", TRUTHS)
def test_each_column_has_a_reason_samples_and_a_confidence(name: str):
    for found in _mapping(name).columns:
        assert found.reason.endswith((".", "?"))
        assert 0 < found.confidence <= 1
        assert len(found.samples) <= 5
        assert all(0 < share <= found.confidence for _, share in found.others)


def test_lists_of_fields_start_with_the_surest():
    addresses = _mapping("aws_describe_instances").of(Field.IP_ADDRESS)
    assert len(addresses) > 1
    assert [item.confidence for item in addresses] == sorted((item.confidence for item in addresses), reverse=True)
