"""The nine inventories with their truth; `inventories/` says in `*.truth.json` what a reader has to make of each."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "inventories"
TRUTHS = sorted(path.name.removesuffix(".truth.json") for path in FOLDER.glob("*.truth.json"))


@cache
def truth_of(name: str) -> dict[str, Any]:
    """Return the truth of an inventory, by its name without the ending."""
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.truth.json").read_text(encoding="utf-8"))
    return document


def file_of(name: str) -> Path:
    """Return the path of an inventory, by its name without the ending."""
    return FOLDER / Path(str(truth_of(name)["file"])).name
