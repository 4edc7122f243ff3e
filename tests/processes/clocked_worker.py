"""The worker process on a clock that a test may move: `python -m tests.processes.clocked_worker <file>`.

The file holds by how many seconds the clock is ahead of the machine's, or behind it.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.logs import configure_logs
from app.settings import load_settings
from app.worker.main import run


class MovableClock:
    """The time, shifted by what stands in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(self._path.read_text() or 0))

    def set(self, ahead: timedelta) -> None:
        """Move the clock; readers meanwhile see the old time or the new one."""
        scratch = self._path.with_suffix(".new")
        scratch.write_text(str(ahead.total_seconds()))
        scratch.replace(self._path)


def main() -> None:
    """Work, on the clock that is named on the command line."""
    settings = load_settings()
    configure_logs(settings, "worker")
    run(settings, MovableClock(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
