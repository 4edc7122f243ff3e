"""What runs in the sandbox."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workflows.asset_discovery.reading.limits import ReadingError, ReadingLimits

POLARS_THREADS = 1


def read_for_parent(path: str, name: str, limits: dict[str, int]) -> dict[str, Any]:
    """Return the tables of a file, or why it cannot be read, as JSON."""
    os.environ["POLARS_MAX_THREADS"] = str(POLARS_THREADS)  # before polars is loaded, which makes its threads then
    from workflows.asset_discovery.reading.files import read
    from workflows.asset_discovery.reading.transfer import sent

    try:
        return {"tables": sent(read(Path(path), name, ReadingLimits(**limits)))}
    except ReadingError as error:
        return {"error": str(error)}


def arguments(name: str, limits: ReadingLimits) -> dict[str, Any]:
    """Return what `read_for_parent` is called with, besides the path."""
    return {"name": name, "limits": asdict(limits)}
