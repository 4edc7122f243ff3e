"""How long the analysis of an MSI takes, and how much memory its sandboxed child needs, by size."""

from __future__ import annotations

import hashlib
import random
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from bench.packages import msi
from bench.packages.finishing import sign
from bench.packages.recipes import MissingToolError
from workflows.package_deployment.analysis import Depth
from workflows.package_deployment.analyzer import analyze_package

SIZES_MB = (1, 10, 100)
_ROUNDS = 3


def report() -> None:
    """Print times and memory for MSIs with random content, which no compression makes smaller."""
    print("\nSigned MSI with random content: seconds (best of 3), times the reference, private memory of the child")
    print("  reference: reading the file once and computing SHA-256, SHA-1, and MD5")
    for size in SIZES_MB:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
            try:
                _report(_built(size, Path(folder)))
            except MissingToolError as error:
                print(f"  {error} is missing")
                return


def _report(path: Path) -> None:
    reference = min(_timed(partial(_hash, path))[0] for _ in range(_ROUNDS))
    print(f"  {path.stat().st_size / 1e6:6.1f} MB  reference {reference:6.3f} s")
    for depth in Depth:
        measured = [_timed(partial(analyze_package, str(path), depth)) for _ in range(_ROUNDS)]
        seconds, memory = min(one[0] for one in measured), max(one[1] for one in measured)
        print(f"    {depth:<9} {seconds:6.2f} s  {seconds / reference:5.1f} times  {memory:6.1f} MiB")


def _built(size_mb: int, folder: Path) -> Path:
    draft = msi.Draft.drawn(random.Random("speed"))
    draft.extras.discard("cabinet outside")
    path = msi.build(draft, folder, random.Random(size_mb).randbytes(size_mb * 1_000_000))
    sign(path)
    return path


def _hash(path: Path) -> None:
    digests = [hashlib.new(name) for name in ("sha256", "sha1", "md5")]
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            for digest in digests:
                digest.update(chunk)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how long work takes, and the most private memory (MiB) of one process that it starts, sampled."""
    peak, ended = 0.0, threading.Event()

    def sample() -> None:
        nonlocal peak
        own = psutil.Process()
        command = own.cmdline()
        while not ended.wait(0.01):
            for child in own.children(recursive=True):
                try:
                    if child.cmdline() == command:
                        continue  # a copy of this process that has not become the child yet
                    memory = child.memory_info()
                    peak = max(peak, (memory.rss - memory.shared) / 2**20)
                except psutil.Error:
                    continue

    sampler = threading.Thread(target=sample)
    sampler.start()
    begun = time.perf_counter()
    try:
        work()
    finally:
        seconds = time.perf_counter() - begun
        ended.set()
        sampler.join()
    return seconds, peak
