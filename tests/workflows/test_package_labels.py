"""Installers of the labeled set (bench/packages) that Debian's tools build: their analysis is what the recipes say.

Those that are held back stay so: the bench counts them, and no test names them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.packages import carriers, finishing, msi, nsis
from bench.packages.recipes import Recipe
from bench.packages.scoring import wrong_in
from tests.signing import tool
from tests.thorough import sample
from workflows.package_deployment.installers.analyzing import analyze
from workflows.package_deployment.scripts.generating import generate

RECIPES = [
    finishing.finished(recipe)
    for recipe in (
        *msi.recipes("open", 24, False), *msi.bare_recipes("open", 3, False), *nsis.recipes("open", 14, False),
        *carriers.recipes("open", 21, False),
    )
]  # fmt: skip


@pytest.mark.parametrize("recipe", sample(RECIPES), ids=lambda recipe: recipe.name)
def test_the_analysis_is_what_the_recipe_says_and_makes_a_valid_script(recipe: Recipe, tmp_path: Path):
    for name in ("wixl", "msibuild", "makensis", "osslsigncode", "gcab", "7zz"):
        tool(name)
    path = recipe.build(tmp_path)
    analysis = analyze(path)
    assert wrong_in(analysis, recipe.truth) == {}
    assert [finding for finding in generate(analysis).validation.findings if finding.level == "error"] == []
