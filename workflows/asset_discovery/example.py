"""The example of the start page: the inputs that name the sample inventories."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from workflows.asset_discovery.sample import FILES

FOLDERS_VARIABLE = "ASSENT_INPUT_FOLDERS"


def examples() -> tuple[dict[str, Any], ...]:
    """Return inputs that name the sample inventories, where they lie in a folder that inputs may name."""
    folders = [Path(folder.strip()) for folder in os.environ.get(FOLDERS_VARIABLE, "").split(",") if folder.strip()]
    return tuple(
        {"files": [str(folder / name) for name in FILES], "name": "Shop"}
        for folder in folders
        if all((folder / name).is_file() for name in FILES)
    )
