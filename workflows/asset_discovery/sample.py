"""Sample inventories for the demo: two exports of the same machines, as different tools would write them."""

from __future__ import annotations

import shutil
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"
FILES = ("servers.csv", "monitoring.json")


def write_samples(folder: Path) -> None:
    """Copy the sample inventories into a folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        if not (folder / name).exists():
            shutil.copyfile(SAMPLES / name, folder / name)
