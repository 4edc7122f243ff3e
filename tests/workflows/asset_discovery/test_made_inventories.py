"""The whole workflow over a made inventory, without asking anybody: no record is lost, and each duplicate is found."""

from __future__ import annotations

from bench.discovery_inventories import make
from bench.discovery_speed import run


def test_every_record_of_a_made_inventory_is_an_asset_a_duplicate_or_invalid(tmp_path):
    made = make(tmp_path / "made.csv", 1_500, seed=4)
    speed = run(made.path)
    counts = speed.figures
    assert counts["validation"]["rows"] == made.rows
    assert counts["cleansing"]["invalid"] == len(made.invalid) > 5
    assert counts["inventory"]["valid_records"] == made.rows - len(made.invalid)
    assert counts["inventory"]["duplicates"] == len(made.duplicates) > 20
    assert counts["inventory"]["assets"] == made.rows - len(made.invalid) - len(made.duplicates)
    assert speed.reports > len(speed.nodes)
