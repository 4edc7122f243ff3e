"""The page about the checks says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from workflows.package_deployment.toolkit.quality import WEIGHTS

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "package-script-checks.md").read_text(encoding="utf-8")
_CODE = re.compile(
    r'"((?:argument|code|command|function|module|package|parameter|pipeline|script|splat|structure|switch|syntax'
    r'|value|variable)\.[a-z_0-9]+)"'
)
_ROW = re.compile(r"^\| `([a-z_.0-9]+)` \| ([^|]+) \|", re.MULTILINE)


def rows(title: str) -> dict[str, str]:
    """Return the second column of a table by the first."""
    return dict(_ROW.findall(PAGE.partition(f"## {title}")[2].partition("\n## ")[0]))


def test_the_page_names_every_code_of_a_finding() -> None:
    folder = ROOT / "workflows" / "package_deployment" / "toolkit"
    used = {code for path in folder.glob("*.py") for code in _CODE.findall(path.read_text(encoding="utf-8"))}
    used |= {"structure.open"}
    assert set(rows("Findings")) == used
    levels = {level.strip() for row in rows("Findings").values() for level in row.split(",")}
    assert levels == {"error", "warning", "info"}


def test_the_page_names_every_check_of_quality_with_its_weight() -> None:
    assert {name: int(weight) for name, weight in rows("Quality").items()} == WEIGHTS
