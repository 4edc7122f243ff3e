"""Sample inventories for the demo: two exports of the same machines, as different tools would write them."""

from __future__ import annotations

from pathlib import Path

_SAMPLES = Path(__file__).parent / "samples"
_CONTENTS = {"servers.csv": "servers.txt", "monitoring.json": "monitoring.json"}
FILES = tuple(_CONTENTS)


def sample_files() -> dict[str, bytes]:
    """Return the content of each sample inventory, by its name."""
    return {name: (_SAMPLES / content).read_bytes() for name, content in _CONTENTS.items()}


def write_samples(folder: Path) -> None:
    """Write the sample inventories into a folder, unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in sample_files().items():
        if not (folder / name).exists():
            (folder / name).write_bytes(content)
