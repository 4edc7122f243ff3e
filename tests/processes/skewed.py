"""A command of Assent on a machine whose clock is off: `python -m tests.processes.skewed worker`.

The clock is set off by libfaketime, which `bin/test` installs where it can.
"""

from __future__ import annotations

import os
import select
import sys
import time
from functools import cache
from pathlib import Path

_PLACES = ("usr/lib/*/faketime", "usr/lib/faketime", "usr/lib64/faketime", "usr/local/lib/faketime")


@cache
def library() -> Path:
    """libfaketime; the test is skipped where there is none, but fails where changes are judged."""
    from tests.missing import missing

    given = os.environ.get("ASSENT_TEST_FAKETIME")
    found = [Path(given)] if given else [
        path for place in _PLACES for path in Path("/").glob(f"{place}/libfaketimeMT.so.1")
    ]  # fmt: skip
    if not found:
        missing("libfaketime is missing (Debian's package faketime; ASSENT_TEST_FAKETIME may name libfaketimeMT.so.1)")
    return found[0]


def machine(seconds: float) -> dict[str, str]:
    """The environment of a process whose clock is ahead by so many seconds. Its monotonic clock is left alone."""
    return {"LD_PRELOAD": str(library()), "FAKETIME": f"{seconds:+}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def command(*arguments: str) -> list[str]:
    """A command that works on such a machine."""
    return [sys.executable, "-m", "tests.processes.skewed", *arguments]


def _sleep(seconds: float) -> None:
    select.select((), (), (), seconds)


def main() -> None:
    """Run the command."""
    # Python sleeps until a time of the monotonic clock, which libfaketime (0.9.10) takes for one of the clock it fakes.
    time.sleep = _sleep  # type: ignore[assignment]
    from app.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
