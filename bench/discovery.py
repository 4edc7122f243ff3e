"""What asset discovery gets right, on inventories whose truth is known, and how long large ones take.

    python -m bench.discovery [--data DIR] [--mistakes] [--sizes N …] [--only figures|lessons|speed]

DIR has inventories with their truth in folders for each group, and perhaps `score.py`, which is then run as well; by
default it is the nine inventories of the tests and those beside them. Each group is scored twice: as the importer maps
its columns by itself, without lessons, and with the columns mapped as people would correct them. `--mistakes` lists
what is wrong; it is refused for groups that are held back, which nobody looks at while writing rules.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.discovery_engine import by_itself, by_truth, outcome_of
from bench.discovery_scores import Figures, Outcome, Truth, scored, truths
from bench.discovery_speed import measured
from bench.support import database
from workflows.asset_discovery.mapped import THRESHOLD

TESTS = Path(__file__).parents[1] / "tests" / "workflows" / "asset_discovery"
USUAL = (TESTS / "inventories", TESTS / "inventories-more")
HELD = {"held", "hidden"}
"""Folders whose mistakes are not listed."""


def groups(folder: Path) -> Iterator[tuple[str, list[Truth]]]:
    """The groups of inventories in a folder: the folder itself, and those inside of it."""
    for inside in (folder, *sorted(path for path in folder.iterdir() if path.is_dir())):
        if found := truths(inside):
            yield inside.name, found


def compared(inventories: list[Truth]) -> tuple[Figures, Figures, dict[str, Outcome]]:
    """The figures as the importer maps the columns, those with the truth's mapping, and the outcomes of the former."""
    outcomes = {str(truth.document["file"]): outcome_of(truth, by_itself) for truth in inventories}
    alone = scored(inventories, lambda truth: outcomes[truth.document["file"]], THRESHOLD)
    return alone, scored(inventories, lambda truth: outcome_of(truth, by_truth), THRESHOLD), outcomes


def result_of(outcome: Outcome) -> dict[str, object]:
    """An outcome in the form that the data set's `score.py` reads."""
    return {
        "mapping": {column: name for column, (name, _) in outcome.mapping.items()},
        "duplicates": outcome.duplicates,
        "dependencies": sorted(outcome.dependencies or ()),
        "invalid": sorted(outcome.invalid or ()),
        "sensitive": sorted(outcome.sensitive or ()),
    }


def check(scorer: Path, outcomes: dict[str, Outcome]) -> str:
    """What the data set's own scorer prints."""
    given = {name.split("/")[0] for name in outcomes}
    group = ["--group", given.pop()] if len(given) == 1 else []
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump({name: result_of(outcome) for name, outcome in outcomes.items()}, file)
        file.flush()
        command = [sys.executable, str(scorer), file.name, *group]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def show_figures(folder: Path, mistakes: bool) -> None:
    """Print the figures of a folder's groups."""
    everything: dict[str, Outcome] = {}
    for name, inventories in groups(folder):
        alone, corrected, outcomes = compared(inventories)
        everything |= outcomes
        print(f"\n{folder.name}/{name}: {len(inventories)} inventories, mapped without people and lessons")
        print("\n".join(f"  {line}" for line in (*alone.columns_lines(), *alone.rows_lines())))
        print("  with the columns mapped as people correct them:")
        print("\n".join(f"  {line}" for line in corrected.rows_lines()))
        if mistakes and name in HELD:
            print("  Its mistakes are not listed: it is held back.")
        elif mistakes:
            found = [*alone.mistakes, *(f"(corrected) {line}" for line in corrected.mistakes)]
            print("\n".join(f"    {line[:300]}" for line in found))
    if (scorer := folder / "score.py").is_file() and everything:
        print(check(scorer, everything))


def show_lessons(folder: Path, mistakes: bool) -> None:
    """Print what lessons are worth for a folder's groups that have next exports."""
    from bench.discovery_lessons import of_folder

    for name, _ in groups(folder):
        with database("discovery_lessons") as address:
            taught = of_folder(address, folder, name)
        if taught:
            print(f"\n{folder.name}/{name}: lessons")
            print("\n".join(f"  {line}" for line in taught.lines()))
            if mistakes and name not in HELD:
                print("\n".join(f"    {line}" for line in (*taught.mistakes, *taught.traps)))


def show_speed(sizes: list[int]) -> None:
    """Print what large inventories take, through the whole workflow and without asking anybody."""
    print("\n| records | s | processor s | MiB | MiB, sandbox | longest without a report, s | of each step, s |")
    print("|---:|---:|---:|---:|---:|---:|---|")
    for rows in sizes:
        made, speed = measured(rows)
        steps = ", ".join(f"{node} {seconds:.1f}" for node, seconds in speed.nodes.items())
        print(
            f"| {made.rows:,} | {speed.seconds:.1f} | {speed.processor:.1f} | {speed.mebibytes:.0f} "
            f"| {speed.sandbox_mebibytes:.0f} | {speed.gap:.1f} ({speed.gap_after}) | {steps} |"
        )
        print(
            f"  {len(made.duplicates):,} duplicates and {len(made.invalid):,} invalid records were made; the run counts"
        )
        print(f"  {json.dumps(speed.figures)}")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", help="a folder of inventories")
    parser.add_argument("--mistakes", action="store_true", help="list what is wrong")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--only", choices=("figures", "lessons", "speed"))
    given = parser.parse_args()
    if given.only in (None, "figures"):
        for folder in given.data or USUAL:
            show_figures(folder, given.mistakes)
    if given.only in (None, "lessons"):
        for folder in given.data or USUAL:
            show_lessons(folder, given.mistakes)
    if given.only in (None, "speed"):
        show_speed(given.sizes)


if __name__ == "__main__":
    main()
