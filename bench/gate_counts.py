"""Figures per cycle from counted trips."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import TypedDict

from bench.wire import Trip

_CHECKPOINTS = re.compile(r"\bcheckpoint(s|_blobs|_writes)\b")
_SHOWN = 110


class Line(TypedDict):
    """Trips of one kind per cycle."""

    process: str
    purpose: str
    statement: str
    trips: float
    commits: float


Counts = list[Line]

POST, CLOCKS = "notifications", "polls, clocks and leases"
"""Trips that are not part of a cycle."""


def counts_of(trips: Sequence[Trip], cycles: int, idle: Sequence[Trip] = (), times: float = 0.0) -> Counts:
    """Trips and commits for each cycle, by kind.

    Args:
        idle: trips of a time without cycles, which are taken off `times` over: polls, heartbeats, clocks. Whatever is
            asked then too belongs to no cycle.
    """
    polled = {trip.text for trip in idle}
    found: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for some, sign in ((trips, 1.0), (idle, -times)):
        for trip in some:
            purpose = purpose_of(trip)
            if trip.text in polled and purpose != POST:
                purpose = CLOCKS
            line = found[trip.process, purpose, trip.text.removeprefix("prepare ; ")[:_SHOWN]]
            line[0] += sign / cycles
            line[1] += sign * trip.commits / cycles
    lines = [
        Line(process=process, purpose=purpose, statement=statement, trips=counted[0], commits=counted[1])
        for (process, purpose, statement), counted in found.items()
    ]
    return sorted(lines, key=lambda line: (line["process"], line["purpose"], -line["trips"]))


def purpose_of(trip: Trip) -> str:
    """Return the purpose of a trip, by its tables and its connection."""
    if trip.connection == "assent worker post" or (
        "procrastinate_fetch_job" in trip.text and b"notify" in trip.arguments
    ):
        return POST
    if _CHECKPOINTS.search(trip.text):
        return "checkpoints"
    if trip.connection.startswith(("assent worker deadlines", "assent worker timekeeper", "assent worker lease")):
        return CLOCKS
    return "portal"


def own(counts: Counts) -> Counts:
    """Return the trips for which a cycle itself waits."""
    return [line for line in counts if line["purpose"] not in (POST, CLOCKS)]


def totals(counts: Counts) -> dict[tuple[str, str], tuple[float, float]]:
    """Trips and commits by process and purpose."""
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for line in counts:
        trips, commits = found.get((line["process"], line["purpose"]), (0.0, 0.0))
        found[line["process"], line["purpose"]] = (trips + line["trips"], commits + line["commits"])
    return found
