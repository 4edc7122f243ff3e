"""Half a minute of `bench.chaos`: everything around the portal fails, and what it promises is kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes.harness import ROOT


@pytest.mark.soak
@pytest.mark.processes
@pytest.mark.timeout(600)
def test_what_is_promised_is_kept_while_everything_around_it_fails() -> None:
    command = [sys.executable, "-m", "bench.chaos", "--minutes", "0.5", "--seed", "11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "BROKEN" not in done.stdout and "faults" in done.stdout
