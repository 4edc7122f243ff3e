"""Runs the whole workflow over a large inventory without asking anybody: seconds, memory, and how often it reports.

    python -m bench.discovery_speed FILE

It prints JSON, and is a process of its own, because the peak of memory is that of a process.
"""

from __future__ import annotations

import json
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from assent.progress import Progress, progress_to
from bench.discovery_inventories import Made, make

UNASKED = {"ask_mapping": "never", "ask_cleansing": False, "ask_merges": False, "ask_migration": False}


@dataclass
class Speed:
    """What a run took.

    Attributes:
        seconds: Of the whole run, with loading of the libraries.
        processor: Seconds of processor time, with that of the sandbox.
        mebibytes, sandbox_mebibytes: Peak of memory, of the process and of the sandbox in which files are read.
        first: Seconds until the first report.
        gap, gap_after: The longest time between two reports, in seconds, and the words of the first of them.
        reports: How many reports there were.
        nodes: Seconds of each node of the graph.
        figures: The run's own counts.
    """

    seconds: float = 0.0
    processor: float = 0.0
    mebibytes: float = 0.0
    sandbox_mebibytes: float = 0.0
    first: float = 0.0
    gap: float = 0.0
    gap_after: str = ""
    reports: int = 0
    nodes: dict[str, float] = field(default_factory=dict)
    figures: dict[str, dict[str, int]] = field(default_factory=dict)


def run(path: Path) -> Speed:
    """Run the workflow over a file in this process."""
    began = time.monotonic()
    heard: list[tuple[float, str]] = []
    from workflows.asset_discovery.workflow import WORKFLOW

    def listen(report: Progress, _: bool) -> None:
        heard.append((time.monotonic(), report.words))

    speed = Speed()
    graph = WORKFLOW.build().compile(checkpointer=InMemorySaver())
    state = WORKFLOW.state_for({"files": [str(path)], **UNASKED})
    last = began
    with progress_to(listen):
        config = {"configurable": {"thread_id": secrets.token_hex(8)}}
        for update in graph.stream(state, config, stream_mode="updates"):
            now = time.monotonic()
            for node, values in update.items():
                speed.nodes[node] = round(now - last, 2)
                speed.figures |= (values or {}).get("figures", {})
                heard.append((now, f"after {node}"))
            last = now
    if graph.get_state(config).interrupts:
        raise RuntimeError("the run waits for people")
    speed.seconds = round(time.monotonic() - began, 1)
    speed.first = round(heard[0][0] - began, 2)
    longest, speed.gap_after = max((late - early, words) for (early, words), (late, _) in pairwise(heard))
    speed.gap, speed.reports = round(longest, 2), len(heard)
    _note_resources(speed)
    return speed


def _note_resources(speed: Speed) -> None:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    speed.processor = round(own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, 1)
    speed.mebibytes, speed.sandbox_mebibytes = round(own.ru_maxrss / 1024), round(children.ru_maxrss / 1024)


def measured(rows: int) -> tuple[Made, Speed]:
    """Make an inventory of so many records, and run the workflow over it in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        made = make(Path(folder) / f"inventory-{rows}.csv", rows)
        command = [sys.executable, "-m", "bench.discovery_speed", str(made.path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return made, Speed(**json.loads(printed.splitlines()[-1]))


if __name__ == "__main__":
    print(json.dumps(asdict(run(Path(sys.argv[1])))))
