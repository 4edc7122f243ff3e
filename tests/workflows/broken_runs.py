"""Analyses of broken installers, many in one process. It runs in the sandbox."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.workflows.broken_installers import mutant
from tests.workflows.hard_installers import CRAFTED
from workflows.package_deployment.analysis import Depth
from workflows.package_deployment.installers.analyzing import analyze

_DEPTHS = (Depth.DEEP, Depth.STANDARD, Depth.DEEP, Depth.QUICK)


class TooSlowError(BaseException):
    """An analysis that took too long. It is no `Exception`, so that no reader takes it for a broken file."""


def analyze_all(numbers: list[int], names: list[str], seconds: float, **seeds: str) -> list[dict[str, Any]]:
    """Analyze mutants, by number, and crafted files, by name, and return what was found, in short."""
    contents = [Path(path).read_bytes() for _, path in sorted(seeds.items())]
    signal.signal(signal.SIGALRM, _stop)
    place = Path("/scratch/installer")
    results = []
    for name, content, depth in _cases(contents, numbers, names):
        place.write_bytes(content)
        results.append({"name": name, "depth": depth.value, **_result(place, depth, seconds)})
    return results


def _cases(seeds: list[bytes], numbers: list[int], names: list[str]) -> Iterator[tuple[str, bytes, Depth]]:
    for number in numbers:
        words, content = mutant(seeds, number)
        yield f"{number} (seed {number % len(seeds)}): {words}", content, _DEPTHS[number // len(seeds) % len(_DEPTHS)]
    for name in names:
        yield name, CRAFTED[name](), Depth.DEEP


def _result(place: Path, depth: Depth, seconds: float) -> dict[str, Any]:
    began = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        found = analyze(place, depth)
        length = len(found.model_dump_json())
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"[:300], "seconds": time.monotonic() - began}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        "seconds": time.monotonic() - began, "technology": found.technology.value, "notes": found.notes,
        "length": length,
    }  # fmt: skip


def _stop(_number: int, _frame: Any) -> None:
    raise TooSlowError("too slow")
