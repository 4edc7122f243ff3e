"""`bench.gate --against` runs earlier versions with today's benchmark, so names that it uses must exist in both."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bench.gate import Side, earlier
from bench.gate_counts import own

ROOT = Path(__file__).parents[2]
EARLIEST = "034c089"
"""The earliest commit that `docs/performance.md` compares with; its names of a ballot and of the catalog differ."""


@pytest.mark.soak
@pytest.mark.processes
def test_an_earlier_version_is_counted_with_todays_benchmark(empty_database_url: str) -> None:
    known = subprocess.run(["git", "-C", str(ROOT), "cat-file", "-e", EARLIEST], capture_output=True)
    if known.returncode:
        pytest.skip("this checkout does not have the history")
    with earlier(EARLIEST) as tree:
        side = Side("earlier", tree, "portal", empty_database_url, "--workers", "1", "--counted")
        counts = side.ask({"count": 2})
        side.end()
    assert {"clients", "worker"} <= {line["process"] for line in own(counts)}
    assert sum(line["commits"] for line in own(counts)) > 0
