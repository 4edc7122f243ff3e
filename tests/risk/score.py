"""Scores the assessment of risk on a labeled corpus.

    .venv/bin/python -m tests.risk.score FILE [--misses]

FILE is a path, or `shared`, `dev`, or `held` for the files in `tests/risk/corpus`. For each area it prints the share of
exact levels, precision and recall of "high or critical" and of "critical", and the share of harmless cases (safe, low)
that are rated high or critical, in percent; then the milliseconds that one assessment takes once the readers are
loaded: median, 95th percentile and the longest. `--misses` lists the cases with another level than their label. It is
refused for `held.jsonl`, whose cases nobody looks at while writing rules.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.risk.assess import assess_proposal

CORPUS = Path(__file__).with_name("corpus")
HELD = "held.jsonl"
RANK = {"safe": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
# Shells count together, and so do files of settings that have commands in them.
AREAS = {
    "sh": "bash",
    "zsh": "bash",
    "dockerfile": "config",
    "crontab": "config",
    "yaml": "config",
    "json": "config",
}
Row = Mapping[str, Any]


def read(path: Path) -> list[dict[str, Any]]:
    # Not splitlines(): a text may hold a line separator of Unicode as it is.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def proposal(row: Row) -> dict[str, Any]:
    """The proposal that an agent would send for this case."""
    if row["area"] == "tool_call":
        return {"kind": "tool_call", "title": "t", **json.loads(row["text"])}
    document = {"kind": "script", "title": "t", "language": row["language"], "content": row["text"]}
    return document | {key: row[key] for key in ("dialect", "tables") if row.get(key)}


def area_of(row: Row) -> str:
    return AREAS.get(row["language"], row["language"]) if row["area"] == "command" else row["area"]


def level_of(row: Row) -> str:
    return assess_proposal(proposal(row)).level.value


@dataclass
class Tally:
    """Pairs of the rank that a case has and the rank that it got. Shares are in percent, `nan` of nothing."""

    pairs: list[tuple[int, int]] = field(default_factory=list)

    @property
    def exact(self) -> float:
        return share(sum(want == got for want, got in self.pairs), len(self.pairs))

    def precision(self, floor: int) -> float:
        rated = [want for want, got in self.pairs if got >= floor]
        return share(sum(want >= floor for want in rated), len(rated))

    def recall(self, floor: int) -> float:
        wanted = [got for want, got in self.pairs if want >= floor]
        return share(sum(got >= floor for got in wanted), len(wanted))

    @property
    def harmless_rated_high(self) -> float:
        harmless = [got for want, got in self.pairs if want <= RANK["low"]]
        return share(sum(got >= RANK["high"] for got in harmless), len(harmless))


@dataclass
class Score:
    areas: dict[str, Tally] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    misses: list[tuple[str, str, str, str]] = field(default_factory=list)

    def note(self, row: Row, got: str) -> None:
        for area in (area_of(row), "all"):
            self.areas.setdefault(area, Tally()).pairs.append((RANK[row["level"]], RANK[got]))
        if got != row["level"]:
            start = row["text"][:110].replace("\n", " ⏎ ")
            self.misses.append((row["id"], row["level"], got, start))

    def lines(self) -> Iterable[str]:
        yield f"{'area':11} {'n':>4} {'exact':>6}  {'high P/R':>11}  {'critical P/R':>13}  harmless rated high"
        for area, tally in sorted(self.areas.items()):
            high, critical = (f"{tally.precision(floor):.0f}/{tally.recall(floor):.0f}" for floor in (3, 4))
            yield (
                f"{area:11} {len(tally.pairs):4} {tally.exact:5.0f}%  {high:>11}  {critical:>13}"
                f"  {tally.harmless_rated_high:18.0f}%"
            )
        times = sorted(self.milliseconds)
        median, late = (times[min(int(len(times) * part), len(times) - 1)] for part in (0.5, 0.95))
        yield f"ms per assessment: median {median:.1f}, p95 {late:.1f}, longest {times[-1]:.1f}"


def share(part: int, whole: int) -> float:
    return 100 * part / whole if whole else math.nan


FIRST = {"shell": "ls | sh -c x", "powershell": "ls", "python": "print(1)", "sql": "SELECT 1"}
"""A text in each language whose reader takes long to load: what that takes is no text's own time."""


def score(rows: Iterable[Row]) -> Score:
    result = Score()
    for language, text in FIRST.items():
        assess_proposal({"kind": "script", "title": "t", "language": language, "content": text})
    assess_proposal({"kind": "tool_call", "title": "t", "tool": "Bash", "args": {"command": "ls"}})
    for row in rows:
        started = time.perf_counter()
        got = level_of(row)
        result.milliseconds.append((time.perf_counter() - started) * 1e3)
        result.note(row, got)
    return result


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if not argument.startswith("--")]
    if len(names) != 1 or set(arguments) - {*names, "--misses"}:
        print(__doc__, file=sys.stderr)
        return 2
    path = CORPUS / f"{names[0]}.jsonl" if names[0] in ("shared", "dev", "held") else Path(names[0])
    rows = read(path)
    held = {row["id"] for row in read(CORPUS / HELD)}
    if "--misses" in arguments and any(row["id"] in held for row in rows):
        print("The cases that are held back are not shown: rules are written without them.", file=sys.stderr)
        return 2
    result = score(rows)
    print("\n".join(result.lines()))
    if "--misses" in arguments:
        for miss in result.misses:
            print(*miss, sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
