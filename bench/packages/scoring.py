"""Compare analyses with what is true by construction, and check the scripts that are made from them."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.packages.recipes import MissingToolError, Recipe, Truth
from workflows.package_deployment.analysis import PackageAnalysis, Technology
from workflows.package_deployment.analyzer import AnalysisError, analyze_package
from workflows.package_deployment.scripts.generating import generate

MSI_FIELDS = ("product_code", "version", "architecture", "scope")
_OTHER_FIELDS = ("upgrade_code", "name", "manufacturer", "bundle_id")
_IN_ANALYSIS = {"name": "product_name"}


@dataclass
class Outcome:
    """What became of one recipe."""

    recipe: Recipe
    analysis: PackageAnalysis | None
    seconds: float = 0
    wrong: dict[str, str] = field(default_factory=dict)
    """What is wrong, by its name: the truth and the analysis."""
    script_errors: list[str] = field(default_factory=list)
    problem: str = ""


def outcomes_of(recipes: Iterable[Recipe]) -> tuple[list[Outcome], Counter[str]]:
    """Build, analyze, and compare; also return how many could not be built, by what is missing."""
    outcomes: list[Outcome] = []
    missing: Counter[str] = Counter()
    for recipe in recipes:
        with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
            try:
                path = recipe.build(Path(folder))
            except MissingToolError as error:
                missing[str(error)] += 1
                continue
            outcomes.append(_outcome(recipe, path))
    return outcomes, missing


def _outcome(recipe: Recipe, path: Path) -> Outcome:
    begun = time.perf_counter()
    try:
        analysis = analyze_package(str(path))
    except AnalysisError as error:
        return Outcome(recipe, None, wrong={"technology": str(error)}, problem=str(error))
    outcome = Outcome(recipe, analysis, time.perf_counter() - begun, wrong_in(analysis, recipe.truth))
    try:
        findings = generate(analysis).validation
        outcome.script_errors = [f"{one.code}: {one.words}" for one in findings.findings if one.level == "error"]
    except Exception as error:  # a script that cannot be made is counted, whatever the reason
        outcome.script_errors = [f"{type(error).__name__}: {error}"]
    return outcome


def wrong_in(analysis: PackageAnalysis, truth: Truth) -> dict[str, str]:
    """Return what is wrong in an analysis, by its name: the truth, and what it is taken for."""
    wrong = {}
    for name in ("technology", *MSI_FIELDS, *_OTHER_FIELDS):
        expected, found = getattr(truth, name), _found(analysis, name)
        if expected is not None and expected != found:
            wrong[name] = f"{expected!s} is taken for {found!s}"
    return wrong


def _found(analysis: PackageAnalysis, name: str) -> object:
    if name == "bundle_id":
        return analysis.bundle.bundle_id if analysis.bundle else ""
    return getattr(analysis, _IN_ANALYSIS.get(name, name))


def report(outcomes: list[Outcome], *, held_back: bool, with_details: bool) -> None:
    """Print shares, and with details also the confusions."""
    chosen = [one for one in outcomes if one.recipe.held_back is held_back]
    print(f"\n{'held back' if held_back else 'open'}: {len(chosen)} installers")
    _share("technology", chosen, [one for one in chosen if "technology" not in one.wrong])
    for technology in Technology:
        of_kind = [one for one in chosen if one.recipe.truth.technology is technology]
        if of_kind:
            _share(f"  {technology}", of_kind, [one for one in of_kind if "technology" not in one.wrong])
    msis = [one for one in chosen if one.recipe.truth.technology is Technology.MSI]
    for name in MSI_FIELDS:
        _share(f"MSI: {name}", msis, [one for one in msis if name not in one.wrong])
    _share("MSI: all four", msis, [one for one in msis if not set(MSI_FIELDS) & set(one.wrong)])
    for name in _OTHER_FIELDS:
        known = [one for one in chosen if getattr(one.recipe.truth, name) is not None]
        _share(f"{name} where it is known", known, [one for one in known if name not in one.wrong])
    _share("valid script", chosen, [one for one in chosen if not one.script_errors])
    if times := sorted(one.seconds for one in chosen if one.analysis):
        print(f"  seconds for an analysis: median {times[len(times) // 2]:.2f}, longest {times[-1]:.2f}")
    if with_details:
        for one in chosen:
            for name, words in one.wrong.items():
                print(f"    {one.recipe.name}: {name}: {words}")
            for words in one.script_errors[:2]:
                print(f"    {one.recipe.name}: script: {words}")


def _share(what: str, all_of_them: list[Outcome], right: list[Outcome]) -> None:
    if all_of_them:
        share = len(right) / len(all_of_them)
        print(f"  {what:<36} {len(right):>3} of {len(all_of_them):>3}  {share:7.1%}")
