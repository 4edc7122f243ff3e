"""How often the right function of the toolkit is among the first that the retrieval finds.

    python -m bench.toolkit [--show]

Two sets of texts, written by somebody who has seen neither code nor descriptions: one for development, and one that is
held back, for which only counts are printed. A text counts if any function that serves it is among the first five.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from workflows.package_deployment.toolkit.retrieval import Retrieved, retrieve

FOLDER = Path(__file__).parent.parent / "tests" / "workflows" / "toolkit"
SETS = {"development": FOLDER / "retrieval_dev.jsonl", "held back": FOLDER / "retrieval_held_back.jsonl"}


@dataclass
class Figures:
    """What was found for a set of texts.

    Attributes:
        missed: The texts of which no function was among the first five; empty for texts that are held back.
    """

    texts: Counter[str]
    first: Counter[str]
    among_five: Counter[str]
    seconds: float
    missed: list[tuple[str, list[str], list[Retrieved]]]

    def share(self, kind: str = "") -> float:
        """Return the share of texts, of one kind or of all, with a right function among the first five."""
        if kind:
            return self.among_five[kind] / max(self.texts[kind], 1)
        return self.among_five.total() / max(self.texts.total(), 1)


def measure(name: str) -> Figures:
    """Retrieve for all texts of a set."""
    cases = [json.loads(line) for line in SETS[name].read_text(encoding="utf-8").splitlines() if line.strip()]
    retrieve("nothing")
    figures = Figures(Counter(), Counter(), Counter(), 0.0, [])
    begun = time.perf_counter()
    for case in cases:
        found = retrieve(case["text"], 5)
        names = [one.function for one in found]
        right = set(case["functions"])
        kind = case["kind"]
        figures.texts[kind] += 1
        figures.first[kind] += names[0] in right
        figures.among_five[kind] += bool(right & set(names))
        if not right & set(names) and name == "development":
            figures.missed.append((case["text"], case["functions"], found))
    figures.seconds = (time.perf_counter() - begun) / max(len(cases), 1)
    return figures


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="print what was missed of the texts for development")
    arguments = parser.parse_args()
    for name in SETS:
        figures = measure(name)
        good, total = figures.among_five.total(), figures.texts.total()
        print(f"{name}: {good} of {total} among the first five ({figures.share():.1%}), {figures.first.total()} first")
        print(f"  {figures.seconds * 1000:.1f} ms each")
        for kind, count in sorted(figures.texts.items()):
            print(f"  {kind}: {figures.among_five[kind]} of {count} ({figures.share(kind):.1%})")
        if arguments.show:
            for text, right, found in figures.missed:
                print(f"  - {text} [{', '.join(right)}]: {', '.join(f'{one.function} {one.score}' for one in found)}")


if __name__ == "__main__":
    main()
