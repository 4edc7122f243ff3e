"""Asset discovery whose worker dies in each step once: while it works, or when it has saved what it made.

The name of the inventory is the folder in which a test lists, as files, where the worker dies.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

from workflows.asset_discovery import graph, working
from workflows.asset_discovery.workflow import WORKFLOW

WITHIN, AFTER = "within", "after"
_here: list[Path] = []


def _die_once(place: Path) -> None:
    if place.exists():
        place.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


def _dying(module: str, function: str, name: str) -> Any:
    run = _original(module, function, name)

    def step(state: Any) -> Any:
        folder = Path(state["input"]["name"])
        _here[:] = [folder / f"{WITHIN}-{name}"]
        found = run(state)
        _die_once(folder / f"{AFTER}-{name}")
        return found

    step.__name__ = name
    return step


def _counting(work: working.Work, **figures: int) -> None:
    _count(work, **figures)
    for place in _here:
        _die_once(place)


_original, _count = graph._step, working.Work.count
graph._step = _dying
working.Work.count = _counting  # type: ignore[method-assign]
DYING = replace(WORKFLOW)
ALL = "tests.processes.discovery_flows:DYING"
STEPS = [name for name, (module, *_) in graph._STEPS.items() if module]
