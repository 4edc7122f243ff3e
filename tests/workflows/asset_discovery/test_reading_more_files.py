"""More inventories, in seventeen languages, are read as their truth says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workflows.asset_discovery.reading import inventory_of, read
from workflows.asset_discovery.tables import ProblemKind

FOLDER = Path(__file__).parent / "inventories-more"
TRUTHS = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.truth.json"))


@pytest.mark.parametrize("name", TRUTHS)
def test_columns_records_lines_and_rows_that_are_no_assets(name: str):
    truth = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    table = inventory_of(read((FOLDER / name).with_name(Path(truth["file"]).name)))
    assert table is not None
    assert set(table.frame.columns) >= set(truth["mapping"])
    assert table.rows_total == truth["rows_total"]
    structure = {item.row for item in table.problems if item.kind is ProblemKind.STRUCTURE}
    assert structure == {item["row"] for item in truth["invalid"] if item["kind"] == "structure"}
    lines = dict(zip(table.rows, table.lines, strict=True)) | {item.row: item.line for item in table.problems}
    found = [lines[row] for row in range(1, table.rows_total + 1)]
    assert found == (truth["row_lines"] or [None] * truth["rows_total"])
