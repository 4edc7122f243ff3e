"""How often the analysis of installers is right, whether their scripts are valid, and what time and memory it takes.

    python -m bench.packages                  all figures
    python -m bench.packages --no-speed       only what is right
    python -m bench.packages --fresh NAME     other installers, drawn by a name that was never used before
    python -m bench.packages --show-held-back also the confusions of what is held back, not for authors of the analyzer

The installers are built by recipes (README.md); what is missing on this machine is said and counted. To reach on what
is held back: technology right for 95 % (unknown counts only where there is no marker), product code, version,
architecture, and scope right for all MSIs, and a valid script for each; an MSI of 100 MB within 10 s and 400 MiB.
"""

from __future__ import annotations

import argparse

from bench.packages import carriers, finishing, inno, msi, nsis, real, scoring, speed
from bench.packages.recipes import Recipe
from bench.support import machine


def all_recipes() -> list[Recipe]:
    """Return all recipes: the open ones, and those held back, which have other names and so other draws."""
    found: list[Recipe] = []
    for recipes, open_count, held_count in (
        (msi.recipes, 24, 14), (nsis.recipes, 14, 8), (inno.recipes, 10, 5), (carriers.recipes, 21, 14),
    ):  # fmt: skip
        found += recipes("open", open_count, False) + recipes("held back", held_count, True)
    for count, held_back in ((3, False), (2, True)):
        found += msi.bare_recipes("held back" if held_back else "open", count, held_back)
    return [finishing.finished(recipe) for recipe in found + real.recipes()]


def fresh_recipes(name: str) -> list[Recipe]:
    """Return as many recipes again, all held back, drawn by a name that nobody has used before."""
    found: list[Recipe] = []
    for recipes, count in (
        (msi.recipes, 30), (msi.bare_recipes, 4), (nsis.recipes, 20), (inno.recipes, 10), (carriers.recipes, 28),
    ):  # fmt: skip
        found += recipes(name, count, True)
    return [finishing.finished(recipe) for recipe in found]


def main() -> None:
    """Print the figures that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m bench.packages", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--no-speed", action="store_true", help="leave out times and memory")
    parser.add_argument("--no-accuracy", action="store_true", help="leave out what is right")
    parser.add_argument("--fresh", metavar="NAME", help="draw other installers by this name, all of them held back")
    parser.add_argument("--show-held-back", action="store_true", help="show the confusions of what is held back")
    chosen = parser.parse_args()
    print(f"packages: {machine()}")
    if not chosen.no_accuracy:
        recipes = fresh_recipes(chosen.fresh) if chosen.fresh else all_recipes()
        outcomes, missing = scoring.outcomes_of(recipes)
        for held_back in (True,) if chosen.fresh else (False, True):
            scoring.report(outcomes, held_back=held_back, with_details=not held_back or chosen.show_held_back)
        if missing:
            reasons = ", ".join(f"{count} without {what}" for what, count in missing.items())
            print(f"\nNot built here: {sum(missing.values())} ({reasons})")
    if not chosen.no_speed:
        speed.report()


if __name__ == "__main__":
    main()
