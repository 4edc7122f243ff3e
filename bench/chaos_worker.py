"""A worker on a machine whose clock may be off (`bench.chaos` sets up libfaketime)."""

from __future__ import annotations

import os
import select
import sys
import time


def _sleep(seconds: float) -> None:
    select.select((), (), (), seconds)


def main() -> None:
    """Work."""
    if "FAKETIME" in os.environ:
        # Python sleeps until a time of the monotonic clock, which libfaketime takes for one of the clock it fakes.
        time.sleep = _sleep  # type: ignore[assignment]
    from app.cli.main import main as assent

    sys.argv = ["assent", "worker"]
    assent()


if __name__ == "__main__":
    main()
