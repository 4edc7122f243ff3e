"""Accuracy on the requests that are held back, time for each text, and memory."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from assent.routing import classifier
from assent.routing.router import Answer, Router
from bench.routing.requests import Request, held_back, written
from bench.support import machine, percentile

TIME_TARGET, MEMORY_TARGET = 0.030, 120


@dataclass(frozen=True)
class Accuracy:
    """The figures of answers, as shares. A text is not routed if the router asks which workflow is meant."""

    right_of_routed: float
    routed: float
    right_among_three: float
    outside_routed: float

    def __str__(self) -> str:
        return (
            f"right of routed {self.right_of_routed:.1%}, routed {self.routed:.1%}, "
            f"right among three {self.right_among_three:.1%}, out of scope routed {self.outside_routed:.1%}"
        )


def accuracy(requests: Sequence[Request], answers: Sequence[Answer]) -> Accuracy:
    """Compare answers with labels."""
    pairs = list(zip(requests, answers, strict=True))
    inside = [(request, answer) for request, answer in pairs if request.workflow != classifier.NONE]
    outside = [answer for request, answer in pairs if request.workflow == classifier.NONE]
    routed = [(request, answer.workflow) for request, answer in inside if answer.workflow]

    def offered(answer: Answer) -> list[str]:
        first = [answer.workflow] if answer.workflow else []
        return (first + [other.workflow for other in answer.alternatives])[:3]

    return Accuracy(
        sum(request.is_right(name) for request, name in routed) / max(1, len(routed)),
        len(routed) / max(1, len(inside)),
        sum(any(map(request.is_right, offered(answer))) for request, answer in inside) / max(1, len(inside)),
        sum(bool(answer.workflow) for answer in outside) / max(1, len(outside)),
    )


def memory() -> float:
    """Return the memory of this process, in MiB."""
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20


def measure() -> None:
    """Print everything."""
    print(machine())
    router = Router()
    before, began = memory(), time.perf_counter()
    router.route("Why is the database slow?")
    print(f"loading {time.perf_counter() - began:.2f} s, {memory() - before:.0f} MiB (at most {MEMORY_TARGET})")
    requests = held_back()
    found = accuracy(requests, [router.route(request.text) for request in requests])
    print(f"held back ({len(requests)}): {found}")
    times = []
    for request in [*requests, *written()[::4]]:
        began = time.perf_counter()
        router.route(request.text)
        times.append(time.perf_counter() - began)
    middle, most = percentile(times, 0.50), percentile(times, 0.95)
    print(f"a text: median {middle * 1000:.1f} ms, 95th percentile {most * 1000:.1f} ms", end="")
    print(f" (at most {TIME_TARGET * 1000:.0f})")
    began = time.perf_counter()
    router.route("why is this database so slow today " * 3000)
    print(f"a text of 100 kB: {(time.perf_counter() - began) * 1000:.1f} ms; memory {memory() - before:.0f} MiB more")
    classifier.release()
    print(f"released: {memory() - before:.0f} MiB more")
