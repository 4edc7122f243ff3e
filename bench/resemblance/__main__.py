"""Train the second opinion on code, and measure it.

    python -m bench.resemblance train     figures, and writes app/risk/resemblance.bin
    python -m bench.resemblance           figures only

Each part of the corpus is scored by numbers that were trained on the other parts: how many of its texts are found to be
high or critical by their words alone, and how many of those found are. Nothing is trained on what is held back. What
the portal gains by the opinion is in the figures of `tests.risk.score` for cases that neither rules nor numbers have
seen. To reach for a text: 1 ms in the median, 10 ms at most.
"""

from __future__ import annotations

import argparse
import time

from app.risk import resemblance
from assent.contracts import RiskLevel
from bench.resemblance import texts, training


def main() -> None:
    """Run what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m bench.resemblance", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("action", nargs="?", choices=("train", "measure"), default="measure")
    action = parser.parse_args().action
    known = [one for one in texts.rated() if not one.held]
    print(f"{len(known)} rated texts")
    counted, levels = training.count(known), [one.level for one in known]
    for part in sorted({one.corpus for one in known} - {texts.SIBLINGS}):
        inside = [at for at, one in enumerate(known) if one.corpus == part]
        outside = [at for at, one in enumerate(known) if one.corpus != part]
        trained = training.fit(counted[outside], [levels[at] for at in outside])
        _print_part(part, trained.logits(counted[inside]), [levels[at] for at in inside])
    if action == "train":
        training.stored(training.fit(counted, levels)).write()
        print(f"wrote {resemblance.FILE.name}, {resemblance.FILE.stat().st_size / 1024:.0f} KiB")
        resemblance.numbers.cache_clear()
    _print_times([one.text for one in known])


def _print_part(part: str, logits: object, levels: list[RiskLevel]) -> None:
    words = [f"{part:8} {len(levels):4} texts"]
    for column, floor in enumerate(training.FLOORS):
        wanted = [level.rank >= floor.rank for level in levels]
        found = [bool(row[column] >= training.THRESHOLDS[column]) for row in logits]  # type: ignore[attr-defined]
        both = sum(one and other for one, other in zip(wanted, found, strict=True))
        words.append(f"{floor.value}: {both / max(1, sum(found)):4.0%} right, {both / max(1, sum(wanted)):4.0%} found")
    print("  ".join(words))


def _print_times(scored: list[str]) -> None:
    taken = []
    for text in scored:
        started = time.perf_counter()
        resemblance.opinion(text, RiskLevel.MEDIUM)
        taken.append((time.perf_counter() - started) * 1e3)
    taken.sort()
    median, late = taken[len(taken) // 2], taken[len(taken) * 95 // 100]
    print(f"ms for a text: median {median:.2f}, p95 {late:.2f}, at most {taken[-1]:.1f}")


if __name__ == "__main__":
    main()
