"""After people have corrected the columns of one export, the next one of the same house is mapped as they want it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.discovery_lessons import of_folder

MORE = Path(__file__).with_name("inventories-more")


@pytest.mark.parametrize(("group", "floor"), [("dev", 0.97), ("held", 0.95)])
def test_the_next_exports_are_mapped_right_and_nothing_is_carried_over_by_the_heading_alone(database_url, group, floor):
    taught = of_folder(database_url, MORE, group)
    assert taught is not None
    assert taught.with_lessons.value >= floor
    assert taught.with_lessons.part > taught.without.part
    assert taught.carried > 3
    assert (taught.wrong, taught.traps) == (0, [])
