"""Full gate cycles (start, suspend, decide, resume, finish), compared with bare LangGraph on the same database.

    python -m bench.gate [--cycles N] [--workers N] [--widths 1,8,32] [--minutes N] [--against COMMIT] [--statements]

Bare LangGraph is the same graph with `AsyncPostgresSaver` in one asyncio process: no queue, no requests, no audit log.
Assent's side is real worker processes and a web process; the clients are threads that call the use cases behind the
pages and the API. Notifications are on.

**Counts** are free of noise: one cycle after the other, with one worker, through a proxy that reads PostgreSQL's
protocol (`bench/wire.py`). A trip is one wait for an answer, a commit one transaction that has written. What bare
LangGraph needs for the same graph is the reference; the portal's own is what a cycle takes beside that. Notifications
stand apart, since they are planned and sent after the cycle. Polls and heartbeats, which go on without any cycle, are
taken off, and what the benchmark itself reads is not counted.

**Times**: the sides are measured in turn, round after round, until the spread of each ratio (twice its standard error)
is below 5 % of it. If that is not reached within the minutes given, or if other processes used more than a tenth of the
machine, the verdict is that the machine is too noisy. Processor time is that of each part for each cycle. After each
round's cycles the notifications are waited for, and what they cost then is printed by itself.

**--against COMMIT** measures an earlier version in the same rounds: its files in a temporary work tree, but with this
version's `bench/`, and with the libraries that are installed now.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.gate_counts import Counts, own, totals
from bench.support import gate_server, machine

HERE = Path(__file__).resolve().parent.parent
SPREAD = 0.05
FEWEST_ROUNDS = 3
NOISE = 0.1
COUNTED = 40


class Side:
    """A process of `bench.gate_sides`."""

    def __init__(self, name: str, tree: Path, *arguments: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "bench.gate_sides", *arguments]
        # The work tree comes first, whatever else is installed.
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        self._process = subprocess.Popen(
            command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._next()

    def ask(self, given: Any) -> Any:
        """Have something done, and wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        return self._next()

    def end(self) -> None:
        """Let it end."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def _next(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"gate: {self.name} has ended with code {self._process.wait(10)}")
        return json.loads(line)


@contextmanager
def earlier(commit: str) -> Iterator[Path]:
    """The files of a commit, with this version's `bench/`."""
    with tempfile.TemporaryDirectory(prefix="assent-gate-") as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            shutil.rmtree(tree / "bench", ignore_errors=True)
            shutil.copytree(HERE / "bench", tree / "bench", ignore=shutil.ignore_patterns("__pycache__"))
            if (HERE / "static" / "dist").is_dir():
                shutil.copytree(HERE / "static" / "dist", tree / "static" / "dist", dirs_exist_ok=True)
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description="Gate cycles beside bare LangGraph.")
    parser.add_argument("--cycles", type=int, default=150, help="cycles for each measurement; a third with one client")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--widths", default="1,8,32", help="numbers of clients; empty: only count")
    parser.add_argument("--minutes", type=float, default=10.0, help="time limit for all widths together")
    parser.add_argument("--against", metavar="COMMIT", help="compare with an earlier commit")
    parser.add_argument("--suspended", type=int, default=1000, help="runs left suspended, for the memory figures")
    parser.add_argument("--statements", action="store_true", help="print each statement of a cycle")
    wanted = parser.parse_args()
    widths = [int(width) for width in wanted.widths.split(",") if width]
    print(f"gate: {machine()}, {wanted.workers} worker processes")
    with ExitStack() as stack:
        trees = {"assent": HERE}
        if wanted.against:
            trees[wanted.against[:10]] = stack.enter_context(earlier(wanted.against))
        address, server = stack.enter_context(gate_server())
        count(trees, address, wanted.statements)
        if widths:
            measure(trees, address, server, widths, wanted)


def count(trees: dict[str, Path], address: Any, statements: bool) -> None:
    """Print the trips and commits of a cycle."""
    bare: Counts = []
    for number, (name, tree) in enumerate(trees.items()):
        place = address(f"bench_gate_count_{number}")
        portal = Side(name, tree, "portal", place, "--workers", "1", "--counted")
        counts = portal.ask({"count": COUNTED})
        portal.end()
        if not bare:
            reference = Side("bare", tree, "bare", place)
            bare = reference.ask({"count": COUNTED})
            reference.end()
            print_counts("bare", bare, statements)
        print_counts(name, counts, statements)
        trips, commits = _sum(counts)
        of_bare = _sum(bare)
        print(f"{name:12} the portal's own beside LangGraph's: {trips - of_bare[0]:.1f} trips (to reach: 8), "
              f"{commits - of_bare[1]:.1f} commits (to reach: 5), a cycle", flush=True)  # fmt: skip


def print_counts(name: str, counts: Counts, statements: bool) -> None:
    """Print the counts by process and purpose."""
    trips, commits = _sum(counts)
    print(f"{name:12} {trips:5.1f} trips, {commits:4.1f} commits a cycle, without notifications")
    for (process, purpose), (trips, commits) in totals(counts).items():
        print(f"             {process + ', ' + purpose:32} {trips:5.1f} trips, {commits:4.1f} commits")
        if statements:
            for line in counts:
                if (line["process"], line["purpose"]) == (process, purpose) and line["trips"] > 0.04:
                    print(f"               {line['trips']:5.2f} {line['commits']:5.2f}  {line['statement']}")


def _sum(counts: Counts) -> tuple[float, float]:
    return sum(line["trips"] for line in own(counts)), sum(line["commits"] for line in own(counts))


def measure(trees: dict[str, Path], address: Any, server: int, widths: list[int], wanted: argparse.Namespace) -> None:
    """Measure the sides in turn at each width, and print the results."""
    ours = [
        Side(name, tree, "portal", address(f"bench_gate_{number}"), "--workers", str(wanted.workers),
             "--server", str(server))
        for number, (name, tree) in enumerate(trees.items())
    ]  # fmt: skip
    sides = [Side("bare", HERE, "bare", address("bench_gate_0"), "--server", str(server)), *ours]
    idle = {side.name: side.ask("memory") for side in ours}
    ends = time.monotonic() + wanted.minutes * 60
    for done, width in enumerate(widths):
        until = time.monotonic() + (ends - time.monotonic()) / (len(widths) - done)
        cycles = max(10, wanted.cycles // 3) if width == 1 else wanted.cycles
        report(width, rounds(sides, width, cycles, until))
    for side in ours:
        if wanted.suspended:
            side.ask({"suspend": wanted.suspended})
        for name, used in side.ask("memory").items():
            print(f"{side.name:12} memory of {name}: {idle[side.name][name]:.0f} MiB idle, {used:.0f} MiB after the "
                  f"cycles with {wanted.suspended} runs suspended")  # fmt: skip
    for side in sides:
        side.end()


def rounds(sides: list[Side], width: int, cycles: int, until: float) -> dict[str, list[dict[str, Any]]]:
    """Measure in turn until the spread is small enough, or time is up."""
    found: dict[str, list[dict[str, Any]]] = {side.name: [] for side in sides}
    turn = 0
    while True:
        # Each goes first as often as the others.
        for side in sides[turn % len(sides) :] + sides[: turn % len(sides)]:
            found[side.name].append(side.ask({"cycles": cycles, "width": width}))
        turn += 1
        enough = turn >= FEWEST_ROUNDS and max(spread(ratio) for ratio in ratios(found).values()) < SPREAD
        if enough or time.monotonic() > until:
            return found


def ratios(found: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str, str], list[float]]:
    """Of each round: throughput and latency of each version relative to bare, and to the earlier version."""
    made: dict[tuple[str, str, str], list[float]] = {}
    bare, first, *others = found
    pairs = [(name, bare) for name in (first, *others)] + [(first, other) for other in others]
    for name, reference in pairs:
        both = list(zip(found[name], found[reference], strict=True))
        made[name, reference, "throughput"] = [one["per_second"] / other["per_second"] for one, other in both]
        made[name, reference, "latency"] = [one["latency"][0] / other["latency"][0] for one, other in both]
    return made


def spread(values: list[float]) -> float:
    """Twice the standard error of the mean, relative to the mean."""
    if len(values) < 2:
        return float("inf")
    return 2 * statistics.stdev(values) / len(values) ** 0.5 / statistics.mean(values)


def report(width: int, found: dict[str, list[dict[str, Any]]]) -> None:
    """Print the medians of all rounds, and whether they are significant."""
    head = f"clients {width:2}"
    for name, of_side in found.items():
        p50, p95 = _median(of_side, "latency", 0), _median(of_side, "latency", 1)
        print(f"{head:12} {name:10} {_median(of_side, 'per_second'):7.1f} cycles/s, "
              f"decision to next step p50 {p50:6.1f} ms, p95 {p95:6.1f} ms")  # fmt: skip
        print(f"{'':12} {'':10} spans: {_named(of_side, 'spans', 'ms')}")
        print(f"{'':12} {'':10} processor time a cycle: {_named(of_side, 'cpu', 'ms')}")
        if of_side[0]["after"]:
            print(f"{'':12} {'':10} and for notifications afterwards: {_named(of_side, 'after', 'ms')}")
        head = ""
    made = ratios(found)
    for (name, reference, what), values in made.items():
        print(f"{'':12} ratio      {name} to {reference}, {what} {statistics.median(values):.2f} "
              f"(spread {spread(values):.1%})")  # fmt: skip
    worst = max(map(spread, made.values()))
    others = statistics.median(one["others"] for of_side in found.values() for one in of_side)
    count = len(next(iter(found.values())))
    noisy = worst >= SPREAD or others > NOISE
    verdict = "THE MACHINE IS TOO NOISY: these times mean little" if noisy else "steady"
    print(f"{'':12} {verdict}; {count} rounds, spread {worst:.1%} (to reach: {SPREAD:.0%}), "
          f"other processes used {others:.0%} of the machine", flush=True)  # fmt: skip


def _median(of_side: list[dict[str, Any]], key: str, part: int | None = None) -> float:
    return statistics.median(one[key] if part is None else one[key][part] for one in of_side)


def _named(of_side: list[dict[str, Any]], key: str, unit: str) -> str:
    names = of_side[0][key]
    return ", ".join(f"{name} {statistics.median(one[key][name] for one in of_side):.1f} {unit}" for name in names)


if __name__ == "__main__":
    main()
